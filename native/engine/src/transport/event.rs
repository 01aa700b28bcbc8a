//! Events of a transport's connections.

use bytes::Bytes;
use warren_protocols::Lists;
use warren_wireguard::PeerId;

use super::handles::{MessageHandle, StreamHandle};
use crate::event::{Closed, DialRefused, Outcome};
use crate::ids::Priority;
use crate::stream_name::StreamName;

/// The other end's word on itself, with a dial or with the answer to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Differs between two lives of a node.
    pub incarnation: u64,
    /// Its lists of protocols.
    pub lists: Lists,
}

/// Something that happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// A peer dials: answered with [`super::Transport::accept`] or [`super::Transport::refuse`].
    Incoming {
        /// The dialler's.
        hello: Hello,
        /// The protocol that both would speak.
        protocol: Box<str>,
    },
    /// The handshake is complete.
    Connected {
        /// The other end's.
        hello: Hello,
        /// The protocol that both speak.
        protocol: Box<str>,
    },
    /// Nothing that was sent of [`super::Transport::connect_early`] was read: messages and streams that were begun are
    /// gone, without further events. The dial goes on, or ends as a duplicate.
    EarlyRejected {
        /// But a process of the peer's before this one may have read some.
        by_successor: bool,
    },
    /// A dial of a peer's was refused for the lists of both ends. Its handle names nothing.
    Refused {
        /// The peer.
        peer: PeerId,
        /// The reason, and the facts.
        refused: DialRefused,
    },
    /// The other end has the connection that this end dialled. Told once, after [`Event::Connected`].
    Confirmed,
    /// The other end's lists are these from now on; never older ones than were told.
    Announced(Box<Lists>),
    /// The other end sends no more, and this end holds all that it sent. Told once.
    Finished,
    /// The connection ended.
    Closed(Closed),
    /// An unreliable datagram.
    Datagram(Bytes),
    /// A whole message. It counts as held until [`super::Transport::release_messages`].
    Message {
        /// Its lane.
        priority: Priority,
        /// The content, in an allocation of exactly its size.
        bytes: Box<[u8]>,
    },
    /// The end of a message that this end sent.
    MessageSettled {
        /// The message.
        message: MessageHandle,
        /// Its end.
        outcome: Outcome,
    },
    /// Stream credit or flow control opened: what found none may be tried again.
    Writable,
    /// The other end opened a byte stream.
    StreamOpened {
        /// The stream.
        stream: StreamHandle,
        /// Whether this end can write as well.
        bidirectional: bool,
        /// Its priority at the other end.
        priority: Priority,
        /// The other end's name for it.
        name: StreamName,
    },
    /// A byte stream that was [`Read::Blocked`] has something to read.
    Readable(StreamHandle),
    /// The other end gave up this byte stream, which this end opened, before its end. What was not read of it is gone.
    StreamReset {
        /// The stream.
        stream: StreamHandle,
        /// The other application's code.
        code: u64,
    },
    /// The other end reads no more of this byte stream.
    StreamStopped {
        /// The stream.
        stream: StreamHandle,
        /// The other application's code.
        code: u64,
        /// The other end has acknowledged everything that was written.
        whole: bool,
    },
    /// The other end has all bytes of this finished byte stream.
    StreamFinished(StreamHandle),
}

/// Bytes of a stream, or their absence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The next bytes.
    Data(Bytes),
    /// Nothing now; [`Event::Readable`] follows.
    Blocked,
    /// Everything was read.
    End,
    /// The other end gave up, with its application's code; no [`Event::StreamReset`] follows.
    Reset(u64),
}

/// The other end stopped the stream, with its application's code; or the stream is gone, with none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped(pub Option<u64>);

/// Reason for which an incoming connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pair already has a connection with this protocol.
    Duplicate,
    /// This end has too many connections.
    TooMany,
}
