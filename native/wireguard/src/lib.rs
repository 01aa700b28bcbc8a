//! A WireGuard device without I/O: peers, sessions, timers, allowed IPs.
//!
//! [`Device`] says how it is driven. A fault of a datagram is a counter in [`Stats`], never an error; news for the
//! owner is an [`Event`].

mod allowed_ips;
mod backlog;
mod config;
mod constants;
mod cookie;
mod cookie_replies;
mod core;
mod device;
mod endpoints;
mod event;
mod fast_initiations;
mod handshake_queue;
mod index_table;
mod initiation;
mod keys;
mod path;
mod peer;
mod prefix;
mod queues;
mod random;
mod rate_limiter;
mod receive;
mod send;
mod stats;
mod strangers;
mod targets;
mod timers;
mod tunnel;
mod turned_away;

pub use config::{AddPeerError, Config, JUMBO_MTU, Limits, PeerChanges, PeerConfig, PeerId, UpdatePeerError};
pub use constants::MAX_DATAGRAM;
pub use device::Device;
pub use event::{DownReason, Event};
pub use keys::{KEY_LENGTH, KeyError, PresharedKey, PrivateKey, PublicKey};
pub use path::{Path, is_loopback};
pub use prefix::{Prefix, PrefixError};
pub use queues::Message;
pub use receive::{Claimed, Opened};
pub use send::{Flushed, SendDrop, Sent};
pub use stats::{PeerStats, ReceiveDrops, SendDrops, Stats};
