//! Configuration of an engine.

use std::net::SocketAddr;
use std::time::Duration;

use blake2::{Blake2s256, Digest};
use warren_protocols::Protocols;
use warren_wireguard::PrivateKey;

use crate::error::ConfigError;
use crate::limits::Limits;
use crate::policy::LanePolicy;

/// Fixed for the life of an engine.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node's identity.
    pub private_key: PrivateKey,
    /// Application protocols for peers that have none of their own: see
    /// [`Engine::set_protocols`](crate::Engine::set_protocols).
    pub protocols: Protocols,
    /// Inner MTU in bytes. Default 1420, as wg-quick(8); below 1248 QUIC is refused (RFC 9000 section 14.1 plus 48).
    pub mtu: u16,
    /// The longest packet that is taken, and that connections find out to be carried (RFC 8899). Default `mtu`; less is
    /// `mtu` too.
    pub max_mtu: u16,
    /// The longest UDP payload that the first hop towards an address carries, if that can be found out. Absent, or with
    /// an uplink, whose urgent data would wait for long packets: connections stay at 1,420 bytes.
    pub first_hop: Option<fn(SocketAddr) -> Option<u16>>,
    /// Report strangers (`Event::Stranger`) instead of refusing them in silence.
    pub authorize: bool,
    /// Time for which a stranger's question stays open. Default 4 s: below WireGuard's 5 s retry.
    pub authorize_timeout: Duration,
    /// A connection with data unanswered for this long is down. Default 15 s.
    pub dead_after: Duration,
    /// Ask a connection that was silent for this long. Default 9 s: below WireGuard's own keepalive of 10 s, which then
    /// never comes on top. `None`: idle costs nothing, and a dead peer goes unnoticed.
    pub heartbeat: Option<Duration>,
    /// Bits per second at the scheduler; `None`: found out.
    pub uplink: Option<u64>,
    /// Lanes that differ: all others take what comes, and have no rate. Each at most once.
    pub lanes: Vec<LanePolicy>,
    /// Bounds on what peers and strangers can make us hold.
    pub limits: Limits,
    /// Random per process; a new one ends the peer's old connection.
    pub incarnation: u64,
    /// Seeds every random choice but boringtun's own keys.
    pub seed: [u8; 32],
}

impl Config {
    /// All defaults: no protocol is accepted, strangers are refused, nothing is held but what the limits allow.
    pub fn new(private_key: PrivateKey, incarnation: u64, seed: [u8; 32]) -> Self {
        Self {
            private_key,
            protocols: Vec::new().into(),
            mtu: BASE_MTU,
            max_mtu: BASE_MTU,
            first_hop: None,
            authorize: false,
            authorize_timeout: Duration::from_secs(4),
            dead_after: Duration::from_secs(15),
            heartbeat: Some(Duration::from_secs(9)),
            uplink: None,
            lanes: Vec::new(),
            limits: Limits::default(),
            incarnation,
            seed,
        }
    }

    /// Whether an engine can be made with it.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if !(MIN_MTU..=MAX_MTU).contains(&self.mtu) {
            return Err(ConfigError::Mtu(self.mtu));
        }
        if !self.protocols.are_sound() {
            return Err(ConfigError::Protocols);
        }
        if self.uplink == Some(0) {
            return Err(ConfigError::Uplink);
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            let again = self.lanes[..index].iter().any(|other| other.priority == lane.priority);
            if again || lane.rate == Some(0) {
                return Err(ConfigError::Lane(lane.priority));
            }
        }
        Ok(())
    }

    /// The MTU that connections begin with, since about any path carries it. The scheduler counts in datagrams of it.
    pub(crate) fn base_mtu(&self) -> u16 {
        self.mtu.min(BASE_MTU)
    }

    /// The configuration of the tunnel.
    pub(crate) fn wireguard(&self) -> warren_wireguard::Config {
        warren_wireguard::Config {
            private_key: self.private_key.clone(),
            mtu: self.mtu,
            max_mtu: self.max_mtu,
            report_strangers: self.authorize,
            authorize_timeout: self.authorize_timeout,
            limits: warren_wireguard::Limits {
                peers: self.limits.peers,
                pending_authorizations: self.limits.pending_authorizations,
                handshakes_per_second: self.limits.handshakes_per_second,
                staged_bytes_per_peer: self.limits.packet_bytes_per_peer,
            },
            seed: derived(&self.seed, b"wireguard"),
        }
    }
}

/// Whether it can be the name of an application protocol.
pub(crate) fn is_protocol(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

/// A further secret of a secret, one for each label.
pub(crate) fn derived(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    Blake2s256::new().chain_update(label).chain_update(secret).finalize().into()
}

/// As wg-quick(8): what a path of 1,500 bytes carries over IPv6 (RFC 8200) and WireGuard.
const BASE_MTU: u16 = 1420;
/// Size that every IPv4 host takes (RFC 791).
const MIN_MTU: u16 = 576;
/// 65,507 bytes of UDP payload less WireGuard's 32, in its units of 16.
const MAX_MTU: u16 = 65_472;
