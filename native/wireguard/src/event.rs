//! Events that a device tells its owner.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::PeerId;
use crate::keys::PublicKey;

/// Something happened; taken with [`Device::poll_event`](crate::Device::poll_event) until `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A confirmed session exists where there was none; `handshake` runs from the first initiation to confirmation.
    Up {
        /// The peer.
        peer: PeerId,
        /// First initiation to confirmation.
        handshake: Duration,
    },
    /// A newer session replaced a live one; told once a second at most.
    Rekeyed {
        /// The peer.
        peer: PeerId,
    },
    /// Something authenticated came from elsewhere than before; told once a second at most, with where it is then.
    Moved {
        /// The peer.
        peer: PeerId,
        /// The former endpoint, if it was known.
        from: Option<SocketAddr>,
        /// The new endpoint.
        to: SocketAddr,
    },
    /// An initiation went unanswered until the next was due; `attempt` starts at 1.
    Unanswered {
        /// The peer.
        peer: PeerId,
        /// Number of the initiation in this handshake, from 1 on.
        attempt: u32,
        /// Its destination.
        to: SocketAddr,
    },
    /// The system refused to send an initiation there; the next address is tried at once.
    Unreachable {
        /// The peer.
        peer: PeerId,
        /// The endpoint that could not be sent to.
        to: SocketAddr,
        /// The system's error number.
        error: i32,
    },
    /// The peer sent a packet that is longer than our MTU, which was dropped; told once a peer.
    Oversized {
        /// The peer.
        peer: PeerId,
        /// The packet's length.
        len: usize,
    },
    /// No session is left, or the peer could not be reached.
    Down {
        /// The peer.
        peer: PeerId,
        /// The reason.
        reason: DownReason,
    },
    /// An unknown key proved its possession; answer with [`Device::authorize`](crate::Device::authorize) or
    /// [`Device::refuse`](crate::Device::refuse).
    Stranger {
        /// The key.
        public_key: PublicKey,
        /// Source of its initiation.
        endpoint: SocketAddr,
    },
    /// The question lapsed: nobody answered it in time.
    StrangerGone {
        /// The key.
        public_key: PublicKey,
    },
}

/// Reason why a tunnel is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The session expired, and no new one was asked for.
    Expired,
    /// Handshakes went unanswered for 90 s (whitepaper section 6.1).
    HandshakeTimeout,
    /// The peer's device was closed, and said so.
    Left,
}
