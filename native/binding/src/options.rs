//! Options that a device is opened with.

use std::net::IpAddr;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use warren_engine::{Config, Full, GiveUp, LanePolicy, Limits, Lists, PrivateKey, Protocols};
use warren_io::Listen;
use zeroize::Zeroizing;

use crate::errors::{Result, invalid};

/// Options of an engine, parsed and checked; durations in milliseconds, rates in bits per second, sizes in bytes.
#[napi(object, object_to_js = false)]
pub struct EngineOptions {
    /// 32 bytes, which the driver wipes once the engine has read them.
    pub private_key: Uint8Array,
    /// Protocols for peers that have none of their own.
    pub protocols: DriverProtocols,
    /// Bytes of the largest packet inside the tunnel.
    pub mtu: u16,
    /// Bytes of the largest that is taken, and that connections may find their path to carry.
    pub max_mtu: u16,
    /// Whether strangers are told of; else they are refused in silence.
    pub authorize: bool,
    /// Time for which a stranger's question stays open.
    pub authorize_timeout: f64,
    /// Time without an answer after which a connection is down.
    pub dead_after: f64,
    /// Time of silence after which a connection asks; undefined: never.
    pub heartbeat: Option<f64>,
    /// Rate of the link; undefined: not bounded.
    pub uplink: Option<i64>,
    /// Lanes with a policy of their own; all others wait when they are full, and have no rate.
    pub lanes: Vec<DriverLane>,
    /// Limits that the engine enforces.
    pub limits: EngineLimits,
}

/// Protocols for a peer, each list best first: at most 64 names of 1 to 255 bytes, none twice.
#[napi(object, object_to_js = false)]
pub struct DriverProtocols {
    /// Number of changes for one peer, over all connections of the pair and as long as this process lives.
    pub generation: i64,
    /// Protocols that this end dials with.
    pub offer: Vec<String>,
    /// Protocols that this end accepts from diallers.
    pub accept: Vec<String>,
    /// Protocols that are known here, and left out of the others for a floor. A peer that offers one is told so.
    pub below: Vec<String>,
    /// Transports that this end speaks: 'quic/1'.
    pub transports: Vec<String>,
}

/// Policy of one priority, on every connection.
#[napi(object, object_to_js = false)]
pub struct DriverLane {
    /// The priority that the lane is for.
    pub priority: u8,
    /// Policy where more than `maxQueuedBytes` would wait. 'wait' limits nothing here, for admission does.
    #[napi(ts_type = "'wait' | 'drop-oldest' | 'drop-newest' | 'close'")]
    pub full: String,
    /// Message bytes of one connection that have not begun to leave.
    pub max_queued_bytes: i64,
    /// Bound of all connections of the device together, in bits per second.
    pub rate: Option<i64>,
}

/// Writes what crosses of the table of limits.
macro_rules! limits {
    (engine { $($(#[$doc:meta])* $field:ident: $type:ty [$values:expr] = $default:expr;)+ } lib { $($rest:tt)* }) => {
        /// The limits that the engine enforces.
        #[napi(object, object_to_js = false)]
        pub struct EngineLimits {
            $($(#[$doc])* pub $field: i64,)+
        }

        impl From<EngineLimits> for Limits {
            fn from(limits: EngineLimits) -> Self {
                Self { $($field: <$type>::try_from(limits.$field).unwrap_or(0),)+ }
            }
        }
    };
}

warren_engine::limits!(limits);

/// Address and port to listen on.
#[napi(object, object_to_js = false)]
pub struct ListenOptions {
    /// Address of this machine; undefined: all of them.
    pub host: Option<String>,
    /// UDP port; 0: a free one.
    pub port: u16,
}

impl TryFrom<EngineOptions> for Config {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(options: EngineOptions) -> Result<Self> {
        let mut seed = Zeroizing::new([0; 32]);
        let mut incarnation = [0; 8];
        getrandom::fill(&mut *seed).map_err(|error| invalid("randomness", error))?;
        getrandom::fill(&mut incarnation).map_err(|error| invalid("randomness", error))?;
        Ok(Self {
            private_key: private_key(&options.private_key)?,
            protocols: options.protocols.try_into()?,
            mtu: options.mtu,
            max_mtu: options.max_mtu,
            first_hop: None,
            authorize: options.authorize,
            authorize_timeout: milliseconds(options.authorize_timeout),
            dead_after: milliseconds(options.dead_after),
            heartbeat: options.heartbeat.map(milliseconds),
            uplink: options.uplink.map(|rate| rate.max(0) as u64),
            lanes: options.lanes.into_iter().map(LanePolicy::try_from).collect::<Result<_>>()?,
            limits: options.limits.into(),
            incarnation: u64::from_le_bytes(incarnation),
            seed: *seed,
        })
    }
}

impl TryFrom<DriverProtocols> for Protocols {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(protocols: DriverProtocols) -> Result<Self> {
        let names = |list: Vec<String>| list.into_iter().map(String::into_boxed_str).collect();
        let lists = Lists {
            generation: Some(protocols.generation.max(0) as u64),
            offer: names(protocols.offer),
            accept: names(protocols.accept),
            transports: names(protocols.transports),
        };
        let protocols = Self { lists, below: names(protocols.below) };
        let are_sound = protocols.are_sound();
        are_sound.then_some(protocols).ok_or_else(|| invalid("protocols", "a name or a list is too long"))
    }
}

impl TryFrom<DriverLane> for LanePolicy {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(lane: DriverLane) -> Result<Self> {
        let full = match lane.full.as_str() {
            "wait" => Full::Wait,
            "drop-oldest" => Full::DropOldest,
            "drop-newest" => Full::DropNewest,
            "close" => Full::Close,
            other => return Err(invalid("full", other)),
        };
        let max_queued_bytes = lane.max_queued_bytes.max(0) as u64;
        let rate = lane.rate.map(|rate| rate.max(0) as u64);
        Ok(Self { priority: lane.priority, full, max_queued_bytes, rate })
    }
}

impl TryFrom<ListenOptions> for Listen {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(listen: ListenOptions) -> Result<Self> {
        let host = listen.host.map(|host| host.parse::<IpAddr>().map_err(|error| invalid(&host, error)));
        Ok(Self { host: host.transpose()?, port: listen.port })
    }
}

/// JavaScript's milliseconds as a duration; a number that is none gives zero.
pub(crate) fn milliseconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value / 1e3).unwrap_or(Duration::ZERO)
}

/// The reason why a message is given up; the engine alone knows when one expires.
pub(crate) fn give_up(reason: &str) -> Result<GiveUp> {
    match reason {
        "cancelled" => Ok(GiveUp::Cancelled),
        "replaced" => Ok(GiveUp::Replaced),
        other => Err(invalid("reason", other)),
    }
}

fn private_key(bytes: &[u8]) -> Result<PrivateKey> {
    let bytes: Zeroizing<[u8; 32]> =
        Zeroizing::new(bytes.try_into().map_err(|_| invalid("privateKey", "not 32 bytes"))?);
    Ok(PrivateKey::from_bytes(*bytes))
}
