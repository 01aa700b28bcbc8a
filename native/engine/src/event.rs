//! What the engine tells whoever owns it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use warren_wireguard::{PeerId, PublicKey};

use crate::ids::{ConnectionId, MessageId, Priority, StreamId};

/// Something happened; taken with [`Engine::poll_event`](crate::Engine::poll_event) until `None`.
#[derive(Debug)]
pub enum Event {
    /// A tunnel has a confirmed session where there was none; `handshake` is first initiation to confirmation.
    PeerUp { peer: PeerId, handshake: Duration },
    /// A live tunnel replaced its session.
    PeerRekeyed { peer: PeerId },
    /// Authenticated data came from elsewhere than before.
    PeerMoved { peer: PeerId, from: Option<SocketAddr>, to: SocketAddr },
    /// An initiation went unanswered; resolve the name again, or try the next endpoint. `attempt` starts at 1.
    PeerUnanswered { peer: PeerId, attempt: u32 },
    /// The session expired, or 90 s of handshakes went unanswered.
    PeerDown { peer: PeerId, reason: PeerDownReason },
    /// A key that proved its possession asks to become a peer; answer with `Engine::authorize` or `Engine::refuse`.
    Stranger { public_key: PublicKey, endpoint: SocketAddr },
    /// The question lapsed (time limit, or the engine refused it); any later answer is ignored.
    StrangerGone { public_key: PublicKey },
    /// A decrypted IP packet that is not warren's own traffic.
    Packet { peer: PeerId, packet: Bytes },

    /// A connection is usable; the same for the end that dialled and the end that accepted.
    Connected { connection: ConnectionId, peer: PeerId, initiator: Initiator, protocol: Box<str> },
    /// The last event of a connection, whether it was ever `Connected` or not.
    Closed { connection: ConnectionId, close: Closed },
    /// An unreliable datagram arrived.
    Datagram { connection: ConnectionId, bytes: Bytes },

    /// A whole message arrived. It counts against the receive limit until `Engine::release_messages`.
    Message { connection: ConnectionId, priority: Priority, bytes: Box<[u8]> },
    /// Bytes of a lane were handed to the transport (or given up): room for further admissions.
    LaneDrained { connection: ConnectionId, priority: Priority, bytes: u64 },
    /// The end of a message that was sent; exactly once each.
    MessageSettled { connection: ConnectionId, message: MessageId, outcome: Outcome },

    /// The peer opened a stream.
    StreamOpened { connection: ConnectionId, stream: StreamId, bidirectional: bool, priority: Priority },
    /// In order, never more than the credit granted with `Engine::grant_stream`.
    StreamData { stream: StreamId, bytes: Bytes },
    /// The peer finished its side.
    StreamEnd { stream: StreamId },
    /// The peer reset its side.
    StreamReset { stream: StreamId, code: u64 },
    /// The peer wants no more of what we write.
    StreamStopped { stream: StreamId, code: u64 },
    /// Bytes of `Engine::write_stream` were handed to the transport.
    StreamDrained { stream: StreamId, bytes: u64 },
    /// Everything written, and the end, was acknowledged.
    StreamFinished { stream: StreamId },
}

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    Local,
    Remote,
}

/// How a message that was sent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The peer's device holds the whole message.
    Delivered,
    /// The caller gave it up, and the receiver confirmed that it has not got it.
    Cancelled,
    /// The receiver refused it (larger than it takes), or a full lane dropped it.
    Dropped,
    /// The connection ended first, and nobody knows.
    Lost,
}

/// Why a tunnel is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerDownReason {
    /// No valid session is left and none was asked for.
    Expired,
    /// Handshakes went unanswered for 90 s (whitepaper section 6.1).
    HandshakeTimeout,
}

/// How and why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    pub by: ClosedBy,
    /// The application's code, 0 unless an application closed.
    pub code: u64,
    /// The application's reason, or a sentence of ours.
    pub reason: String,
    pub cause: CloseCause,
}

/// Who ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    Local,
    Remote,
    Network,
}

/// The kind of ending; the binding maps each to one `ERR_WARREN_…` code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCause {
    /// An application's `close`, on either end.
    Application,
    /// Unanswered data for `dead_after`.
    PeerDead,
    /// The peer's process is a new one.
    PeerRestarted,
    /// The peer was removed here.
    PeerRemoved,
    /// Not connected within the time limit: no WireGuard handshake response at all.
    NoHandshake,
    /// The tunnel is up, but nobody in it speaks warren's QUIC.
    NoTransport,
    /// Dialling needs an endpoint, and the peer has none.
    NoEndpoint,
    /// No common application protocol.
    NoProtocol,
    /// The other end's limit on connections is reached.
    Refused,
    /// The other of two simultaneous dials survives; wait for its `Connected`, or use the live one.
    Duplicate,
    /// The peer broke the protocol (its fault), or said that we did.
    Protocol,
}
