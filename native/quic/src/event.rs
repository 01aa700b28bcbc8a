//! Events that the connections tell their owner.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::{Closed, Lists, MessageHandle, PeerTag, StreamHandle, StreamName};

/// Something that happened on a connection.
#[derive(Debug)]
pub enum Event {
    /// A peer dials: answer with [`crate::Quic::accept`] or [`crate::Quic::refuse`].
    Incoming {
        /// The dialler's hello.
        hello: Hello,
        /// The protocol that both would speak.
        protocol: Box<str>,
    },
    /// A dial of a peer's was refused for the lists of both ends. Its handle names nothing.
    Refused {
        /// The peer.
        peer: PeerTag,
        /// The reason.
        refusal: Refusal,
    },
    /// The handshake is complete.
    Connected {
        /// The other end's hello.
        hello: Hello,
        /// The protocol that both speak.
        protocol: Box<str>,
    },
    /// Nothing that was sent of [`crate::Quic::connect_early`] was read, and nothing of before is there any more: begun
    /// messages and streams have no other end than this. The dial goes on, or was refused as a duplicate.
    EarlyRejected {
        /// But a process of the acceptor before this one may have read some.
        by_successor: bool,
    },
    /// The other end has the connection that this end dialled: its handshake is complete there too (RFC 9001 section
    /// 4.1.2). Told once, after [`Event::Connected`].
    Confirmed,
    /// The other end's lists are these from now on. Never those of a generation that it was known to have left behind.
    Announced(Box<Lists>),
    /// The other end sends no more, and this end holds all that it sent. Told once.
    Finished,
    /// The connection ended; unsettled messages were reported [`Outcome::Lost`] before. Nothing follows.
    Closed(Closed),
    /// An unreliable datagram.
    Datagram(Bytes),
    /// A whole message. It counts as held until [`crate::Quic::release_messages`].
    Message {
        /// Its lane.
        priority: u8,
        /// Its content, in an allocation of exactly its size.
        bytes: Box<[u8]>,
    },
    /// Outcome of a message that this end sent.
    MessageSettled {
        /// The message.
        message: MessageHandle,
        /// Its outcome.
        outcome: Outcome,
    },
    /// Stream credit or flow control opened: a call that returned `None` or 0 may be tried again.
    Writable,
    /// The other end opened a byte stream.
    StreamOpened {
        /// The stream.
        stream: StreamHandle,
        /// Whether this end can write as well.
        bidirectional: bool,
        /// Its priority at the other end.
        priority: u8,
        /// The name that the other end gave it.
        name: StreamName,
    },
    /// A byte stream that was [`Read::Blocked`] has something to read.
    Readable(StreamHandle),
    /// The other end gave up this byte stream, which this end opened, before its end. Bytes that were not read are
    /// gone.
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

/// An end's account of itself in its first flight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Differs between two lives of a node.
    pub incarnation: u64,
    /// Its lists. Of a dialler of a build without generations, the offer is what it offers on this connection; of an
    /// acceptor of such a build, what it accepts.
    pub lists: Lists,
    /// Protocols that a dial asks for, best first, where it does not ask for anything in the lists.
    pub asked: Option<Vec<Box<str>>>,
    /// The endpoint at which it sees the reader of the hello.
    pub observed: Option<SocketAddr>,
}

impl Hello {
    /// Protocols that a dialler offers on this connection.
    pub fn offered(&self) -> &[Box<str>] {
        self.asked.as_ref().unwrap_or(&self.lists.offer)
    }
}

/// Reason for which the lists of both ends refuse a dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No protocol is common.
    NoProtocol {
        /// Protocols that the dialler offered.
        offered: Vec<Box<str>>,
    },
    /// No protocol is common, and the dialler offered one that a floor of this end excludes.
    BelowFloor {
        /// Protocols that the dialler offered.
        offered: Vec<Box<str>>,
    },
    /// The pair speaks a protocol that this end alone offers: a dial of this end's leads there.
    PeerDials {
        /// Protocols that the dialler offered.
        offered: Vec<Box<str>>,
        /// The protocol.
        chosen: Box<str>,
    },
}

/// Outcome of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The other end holds the whole message.
    Delivered,
    /// It was given up, for this reason, before the other end had all of it.
    GivenUp(GiveUp),
    /// It is longer than the other end takes.
    Refused,
    /// The connection ended first; nobody knows.
    Lost,
}

/// Reason why a sender gives a message up; the other end is told, so that both count alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveUp {
    /// Its owner wants it no more.
    Cancelled,
    /// A newer message stands for it.
    Replaced,
    /// Its time is over.
    Expired,
}

/// Result of a read of a byte stream.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stopped(pub Option<u64>);
