//! Events that the engine tells its owner.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use warren_protocols::Lists;
use warren_wireguard::{PeerId, PublicKey};

use crate::ids::{ConnectionId, MessageId, Priority, StreamId};
use crate::stream_name::StreamName;

/// Something happened; taken with [`Engine::poll_event`](crate::Engine::poll_event) until `None`.
#[derive(Debug)]
pub enum Event {
    /// A tunnel has a confirmed session where there was none; `handshake` is first initiation to confirmation.
    PeerUp {
        /// The peer.
        peer: PeerId,
        /// From the first initiation to confirmation.
        handshake: Duration,
        /// Where it is.
        endpoint: Option<SocketAddr>,
    },
    /// A live tunnel replaced its session.
    PeerRekeyed {
        /// The peer.
        peer: PeerId,
    },
    /// Authenticated data came from elsewhere than before.
    PeerMoved {
        /// The peer.
        peer: PeerId,
        /// The former endpoint, if it was known.
        from: Option<SocketAddr>,
        /// The new endpoint.
        to: SocketAddr,
    },
    /// An initiation went unanswered; names may have to be resolved again. `attempt` starts at 1.
    PeerUnanswered {
        /// The peer.
        peer: PeerId,
        /// Number of the initiation in this handshake.
        attempt: u32,
        /// Its destination.
        to: SocketAddr,
    },
    /// The system refused to send an initiation there.
    PeerUnreachable {
        /// The peer.
        peer: PeerId,
        /// The endpoint that could not be sent to.
        to: SocketAddr,
        /// The system's error number.
        error: i32,
    },
    /// The peer sent a packet that is longer than our MTU, which was dropped; told once a peer.
    PeerOversized {
        /// The peer.
        peer: PeerId,
        /// The packet's length.
        len: usize,
    },
    /// The session expired, or 90 s of handshakes went unanswered.
    PeerDown {
        /// The peer.
        peer: PeerId,
        /// The reason.
        reason: PeerDownReason,
    },
    /// A key that proved its possession asks to become a peer; answer with `Engine::authorize` or `Engine::refuse`.
    Stranger {
        /// The key.
        public_key: PublicKey,
        /// Source of its initiation.
        endpoint: SocketAddr,
    },
    /// The question lapsed (time limit, or the engine refused it); any later answer is ignored.
    StrangerGone {
        /// The key.
        public_key: PublicKey,
    },
    /// A decrypted IP packet that is not warren's own traffic.
    Packet {
        /// The peer.
        peer: PeerId,
        /// The whole packet.
        packet: Bytes,
    },

    /// A dial of [`Engine::connect_early`](crate::Engine::connect_early) takes messages, streams and datagrams from now
    /// on: the peer has a session, and no other protocol can come of it. `Connected` or `Closed` of the same connection
    /// follows.
    Early {
        /// The connection.
        connection: ConnectionId,
        /// The peer.
        peer: PeerId,
        /// The one protocol that the dial can lead to.
        protocol: Box<str>,
    },
    /// A connection is usable; the same for the end that dialled and the end that accepted.
    Connected {
        /// The connection.
        connection: ConnectionId,
        /// The peer.
        peer: PeerId,
        /// The end that dialled.
        initiator: Initiator,
        /// The protocol that both speak.
        protocol: Box<str>,
        /// The peer's lists, as its hello said them.
        theirs: Box<Lists>,
    },
    /// The peer has the connection that this end dialled: its handshake is complete there too. Told once; what the peer
    /// sends may come before.
    Confirmed {
        /// The connection.
        connection: ConnectionId,
    },
    /// The peer's lists are these from now on. What came faster than ten times a second is left out but for the newest.
    Announced {
        /// On which connection it said so.
        connection: ConnectionId,
        /// The lists.
        theirs: Box<Lists>,
    },
    /// The peer sends no more on this connection, and this end holds all that it sent. Told once.
    Finished {
        /// The connection.
        connection: ConnectionId,
    },
    /// This end refused a dial of the peer's; told of four a second at most.
    DialRefused {
        /// The peer.
        peer: PeerId,
        /// The reason, and the lists.
        refusal: Box<DialRefused>,
    },
    /// The last event of a connection, whether it was ever `Connected` or not.
    Closed {
        /// The connection.
        connection: ConnectionId,
        /// Its end.
        close: Closed,
    },
    /// An unreliable datagram arrived.
    Datagram {
        /// The connection.
        connection: ConnectionId,
        /// The content.
        bytes: Bytes,
    },

    /// A whole message arrived. It counts against the receive limit until `Engine::release_messages`.
    Message {
        /// The connection.
        connection: ConnectionId,
        /// Its lane.
        priority: Priority,
        /// The content, in an allocation of exactly its size.
        bytes: Box<[u8]>,
    },
    /// Bytes of a lane were handed to the transport (or given up): room for further admissions. Told when half of what
    /// is left, 64 KiB, or all has drained, and after 10 ms at the latest.
    LaneDrained {
        /// The connection.
        connection: ConnectionId,
        /// Its lane.
        priority: Priority,
        /// Number of bytes.
        bytes: u64,
    },
    /// The end of a message that was sent; exactly once each.
    MessageSettled {
        /// The connection.
        connection: ConnectionId,
        /// The message.
        message: MessageId,
        /// Its outcome.
        outcome: Outcome,
    },

    /// The peer opened a stream.
    StreamOpened {
        /// The connection.
        connection: ConnectionId,
        /// The stream.
        stream: StreamId,
        /// Whether this end can write as well.
        bidirectional: bool,
        /// Its lane.
        priority: Priority,
        /// The name that the peer gave it.
        name: StreamName,
    },
    /// In order, never more than the credit granted with `Engine::grant_stream`.
    StreamData {
        /// The stream.
        stream: StreamId,
        /// The content.
        bytes: Bytes,
    },
    /// The peer finished its side.
    StreamEnd {
        /// The stream.
        stream: StreamId,
    },
    /// The peer reset its side.
    StreamReset {
        /// The stream.
        stream: StreamId,
        /// The peer's application's code.
        code: u64,
    },
    /// The peer wants no more of what we write.
    StreamStopped {
        /// The stream.
        stream: StreamId,
        /// The peer's application's code.
        code: u64,
        /// The peer has acknowledged everything that was written.
        whole: bool,
    },
    /// Bytes of `Engine::write_stream` were handed to the transport; told as `LaneDrained` is.
    StreamDrained {
        /// The stream.
        stream: StreamId,
        /// Number of bytes.
        bytes: u64,
    },
    /// Everything written, and the end, was acknowledged.
    StreamFinished {
        /// The stream.
        stream: StreamId,
    },
}

/// The end that dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// This end.
    Local,
    /// The peer.
    Remote,
}

/// Outcome of a message that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The peer's device holds the whole message.
    Delivered,
    /// Its lifetime ended first; if it had begun, the receiver confirmed that it has not got it, here and below.
    Expired,
    /// The caller gave it up.
    Cancelled,
    /// The caller gave it up for a newer one.
    Replaced,
    /// The receiver refused it (larger than it takes), or a full lane dropped it.
    Dropped,
    /// The connection ended first, and nobody knows.
    Lost,
}

/// Reason for which a sender gives a message up; the other end is told, so that both count alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiveUp {
    /// Its owner wants it no more.
    Cancelled,
    /// A newer message stands for it.
    Replaced,
    /// Its time is over.
    Expired,
}

impl From<GiveUp> for Outcome {
    fn from(reason: GiveUp) -> Self {
        match reason {
            GiveUp::Cancelled => Self::Cancelled,
            GiveUp::Replaced => Self::Replaced,
            GiveUp::Expired => Self::Expired,
        }
    }
}

/// Reason why a tunnel is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerDownReason {
    /// No valid session is left and none was asked for.
    Expired,
    /// Handshakes went unanswered for 90 s (whitepaper section 6.1).
    HandshakeTimeout,
    /// The peer's device was closed, and said so.
    Left,
}

/// End of a connection: its author, code, reason and kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The end that ended it.
    pub by: ClosedBy,
    /// The application's code, 0 unless an application closed.
    pub code: u64,
    /// The application's reason, or a sentence of ours.
    pub reason: String,
    /// The kind of ending.
    pub cause: CloseCause,
    /// Protocols that the peer would accept, where it refused a dial for the lists.
    pub accepts: Vec<Box<str>>,
}

impl Closed {
    /// An ending that is no application's.
    pub(crate) fn new(by: ClosedBy, cause: CloseCause, reason: impl Into<String>) -> Self {
        Self { by, code: 0, reason: reason.into(), cause, accepts: Vec::new() }
    }
}

/// A dial of a peer's that was refused here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialRefused {
    /// The reason.
    pub why: DialRefusal,
    /// Protocols that the peer offered; empty where what it said was altered on its way.
    pub offered: Vec<Box<str>>,
    /// The protocol that this end has to dial, where that is why.
    pub chosen: Option<Box<str>>,
}

/// Reason for which a dial of a peer's was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialRefusal {
    /// No protocol is common.
    NoProtocol,
    /// No protocol is common, and the peer offered one that a floor excludes.
    BelowFloor,
    /// The pair speaks a protocol that this end alone offers.
    PeerDials,
    /// The ends saw different lists.
    ListsDiffer,
}

/// The end that ended a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// This end.
    Local,
    /// The other end.
    Remote,
    /// Neither: the path or a process failed.
    Network,
}

/// The kind of ending; the binding maps each to one `ERR_WARREN_…` code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCause {
    /// An application's `close`, on either end.
    Application,
    /// Unanswered data for `dead_after`, or the peer gave the connection up: it lives, or lived, and does not know it.
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
    /// No common application protocol, and what this end offered is below a floor of the peer's.
    BelowFloor,
    /// The pair speaks a protocol that the peer alone offers, and was asked to dial.
    PeerDials,
    /// The ends saw different lists: somebody altered a hello on its way.
    ListsDiffer,
    /// The other end's limit on connections is reached.
    Refused,
    /// The other of two simultaneous dials survives; wait for its `Connected`, or use the live one.
    Duplicate,
    /// The peer broke the protocol (its fault), or said that we did.
    Protocol,
    /// A lane that closes its connection when it is full was full here.
    LaneFull,
}
