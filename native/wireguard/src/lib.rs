//! A WireGuard device without I/O: peers, sessions, timers, allowed IPs.

mod allowed_ips;
mod config;
mod constants;
mod device;
mod event;
mod keys;
mod stats;

pub use allowed_ips::{Prefix, PrefixError};
pub use config::{AddPeerError, Config, Limits, Path, PeerChanges, PeerConfig, PeerId, UpdatePeerError};
pub use constants::MAX_DATAGRAM;
pub use device::{Device, Opened, SendDrop, Sent};
pub use event::{DownReason, Event};
pub use keys::{KEY_LENGTH, KeyError, PresharedKey, PrivateKey, PublicKey};
pub use stats::{PeerStats, ReceiveDrops, SendDrops, Stats};
