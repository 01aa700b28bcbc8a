//! Configuration of a device and of its peers.

use std::net::SocketAddr;
use std::time::Duration;

use crate::keys::{PresharedKey, PrivateKey, PublicKey};
use crate::prefix::Prefix;

/// Fixed for the life of a device.
#[derive(Clone, Debug)]
pub struct Config {
    /// This node's identity.
    pub private_key: PrivateKey,
    /// Inner MTU in bytes; 1420 in wg-quick(8). Packets up to it are never padded beyond it.
    pub mtu: u16,
    /// The longest packet that is sealed or opened, at least `mtu`: a path may carry more than the MTU of every path.
    /// Beyond `mtu` and [`JUMBO_MTU`] it is opened only where it came over the loopback.
    pub max_mtu: u16,
    /// Report unknown keys as [`Event::Stranger`](crate::Event::Stranger) instead of refusing them in silence.
    pub report_strangers: bool,
    /// Time for which a stranger's question stays open.
    pub authorize_timeout: Duration,
    /// Bounds on what peers and strangers can make us hold.
    pub limits: Limits,
    /// Seeds every random choice but boringtun's own keys; from the operating system, since cookies rest on it.
    pub seed: [u8; 32],
}

/// Bounds on what peers and strangers can make us hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Peers configured at once.
    pub peers: usize,
    /// Strangers waiting for an answer at once.
    pub pending_authorizations: usize,
    /// Initiations of unknown keys opened per second, all strangers together.
    pub handshakes_per_second: u32,
    /// Packets waiting for a session, per peer, in bytes; the oldest are dropped first.
    pub staged_bytes_per_peer: usize,
}

/// A peer's name within its device; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u32);

/// A peer as it is added.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    /// Its identity.
    pub public_key: PublicKey,
    /// Mixed into the handshake; both ends need the same.
    pub preshared_key: Option<PresharedKey>,
    /// Endpoints, best first: initiations try one after the other. A peer without any has to come to us.
    pub endpoints: Vec<SocketAddr>,
    /// Inner addresses it may use besides its derived one, which it always has.
    pub allowed_ips: Vec<Prefix>,
    /// Send something at least every so many seconds, as in wg(8); `None` or 0: never.
    pub persistent_keepalive: Option<u16>,
}

impl PeerConfig {
    /// A peer with its derived address alone.
    pub fn new(public_key: PublicKey, endpoints: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self {
            public_key,
            preshared_key: None,
            endpoints: endpoints.into_iter().collect(),
            allowed_ips: Vec::new(),
            persistent_keepalive: None,
        }
    }
}

/// Changes to a living peer; a field that is `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PeerChanges {
    /// The whole new list of where it may be, best first.
    pub endpoints: Option<Vec<SocketAddr>>,
    /// A new pre-shared key, or `Some(None)` for none; the live session stays until the next handshake.
    pub preshared_key: Option<Option<PresharedKey>>,
    /// The whole new list, besides the derived address.
    pub allowed_ips: Option<Vec<Prefix>>,
    /// Take prefixes away from other peers instead of failing; derived addresses are never taken.
    pub replace: bool,
    /// A new interval in seconds, or `Some(None)` for none.
    pub persistent_keepalive: Option<Option<u16>>,
}

/// Reason why a peer was not added; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddPeerError {
    /// A peer with this key exists: update it, or remove it first.
    #[error("a peer with this public key exists already")]
    AlreadyExists,
    /// The key is this device's own.
    #[error("the public key is this device's own")]
    OwnKey,
    /// The key is a point of small order, so that anyone could compute its sessions (RFC 7748 section 6.1).
    #[error("the public key is a low-order point, which no private key has")]
    LowOrderKey,
    /// Another peer owns an identical prefix; leave it out, or move it with `PeerChanges::replace`.
    #[error("{prefix} belongs to the peer {owner}")]
    AllowedIpConflict {
        /// The prefix in both.
        prefix: Prefix,
        /// The key of the peer that has it.
        owner: PublicKey,
    },
    /// [`Limits::peers`] is reached.
    #[error("the limit on peers is reached")]
    TooManyPeers,
    /// Nothing of this key waits for an answer (only [`Device::authorize`](crate::Device::authorize)): the question
    /// lapsed, and the stranger will ask again.
    #[error("the stranger's question lapsed")]
    StrangerGone,
}

/// Reason why a peer was not changed; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdatePeerError {
    /// No peer has this id: it was removed.
    #[error("there is no such peer")]
    NoSuchPeer,
    /// Another peer owns an identical prefix; set `PeerChanges::replace` to move it, unless it is a derived address.
    #[error("{prefix} belongs to the peer {owner}")]
    AllowedIpConflict {
        /// The prefix in both.
        prefix: Prefix,
        /// The key of the peer that has it.
        owner: PublicKey,
    },
}

/// Longest packet that jumbo frames of 9,000 bytes carry. What is longer comes over the loopback, or in dozens of
/// fragments, all of which are lost with one.
pub const JUMBO_MTU: u16 = 8_920;
