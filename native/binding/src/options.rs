//! Options that a device is opened with.

use std::net::IpAddr;
use std::time::Duration;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use warren_engine::{Config, Full, GiveUp, LanePolicy, Limits, Lists, PrivateKey, Protocols};
use warren_io::Listen;
use zeroize::Zeroizing;

use crate::errors::{Result, invalid};

/// Checked by TypeScript; durations in milliseconds, sizes in bytes, rates in bits per second.
#[napi(object, object_to_js = false)]
pub struct DeviceOptions {
    pub private_key: Uint8Array,
    pub protocols: ProtocolLists,
    pub mtu: u16,
    pub max_mtu: u16,
    pub authorize: bool,
    pub authorize_timeout: f64,
    pub dead_after: f64,
    pub heartbeat: Option<f64>,
    pub uplink: Option<i64>,
    pub lanes: Vec<LaneOptions>,
    pub limits: DeviceLimits,
}

/// Protocols for a peer, each list best first: `lib/driver.ts` says what each is.
#[napi(object, object_to_js = false)]
pub struct ProtocolLists {
    pub generation: i64,
    pub offer: Vec<String>,
    pub accept: Vec<String>,
    pub below: Vec<String>,
    pub transports: Vec<String>,
}

/// Policy of one lane, on every connection.
#[napi(object, object_to_js = false)]
pub struct LaneOptions {
    pub priority: u8,
    #[napi(ts_type = "'wait' | 'drop-oldest' | 'drop-newest' | 'close'")]
    pub full: String,
    pub max_queued_bytes: i64,
    pub rate: Option<i64>,
}

/// The limits that the engine enforces.
#[napi(object, object_to_js = false)]
pub struct DeviceLimits {
    pub peers: i64,
    pub pending_authorizations: i64,
    pub handshakes_per_second: u32,
    pub message_bytes: i64,
    pub receive_bytes_per_connection: i64,
    pub streams_per_connection: u32,
    pub pending_connections: i64,
    pub packet_bytes_per_peer: i64,
}

/// Address and port to listen on: no host is every address.
#[napi(object, object_to_js = false)]
pub struct ListenOptions {
    pub host: Option<String>,
    pub port: u16,
}

impl TryFrom<DeviceOptions> for Config {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(options: DeviceOptions) -> Result<Self> {
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

impl TryFrom<ProtocolLists> for Protocols {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(protocols: ProtocolLists) -> Result<Self> {
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

impl TryFrom<LaneOptions> for LanePolicy {
    type Error = napi::Error<crate::errors::Code>;

    fn try_from(lane: LaneOptions) -> Result<Self> {
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

impl From<DeviceLimits> for Limits {
    fn from(limits: DeviceLimits) -> Self {
        Self {
            peers: size(limits.peers),
            pending_authorizations: size(limits.pending_authorizations),
            handshakes_per_second: limits.handshakes_per_second,
            message_bytes: size(limits.message_bytes),
            receive_bytes_per_connection: size(limits.receive_bytes_per_connection),
            streams_per_connection: limits.streams_per_connection,
            pending_connections: size(limits.pending_connections),
            packet_bytes_per_peer: size(limits.packet_bytes_per_peer),
        }
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

fn size(value: i64) -> usize {
    usize::try_from(value).unwrap_or(0)
}
