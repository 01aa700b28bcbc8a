//! Packets on their way across the seam, and the figures that come of them.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use warren_wireguard::PeerId;

use crate::ecn::Ecn;

/// One UDP payload, and what its packet tells beside it.
#[derive(Clone, Debug)]
pub struct Received {
    /// Its sender.
    pub peer: PeerId,
    /// The payload, in an allocation of its own: a kept piece of it keeps all of it.
    pub payload: BytesMut,
    /// The mark that it came with.
    pub ecn: Ecn,
    /// Its departure by the sender's clock: ticks of [`STAMP_MICROS`], the lowest 20 bits. Its acknowledgements then
    /// tell the delay there apart from the delay back.
    pub departed: u32,
    /// The endpoint at which the peer is seen, which the answer to a dial tells it.
    pub observed: SocketAddr,
}

/// Packets that a call of [`super::Transport::poll_transmit`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packets {
    /// All that may leave.
    All,
    /// Packets that ask for no acknowledgement (RFC 9000 section 2: not ack-eliciting), and what a close or a ping
    /// needs.
    NonEliciting,
}

/// Payloads that [`super::Transport::poll_transmit`] appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Size of each UDP payload but the last, which may be shorter.
    pub segment: usize,
    /// The mark that the packets shall carry.
    pub ecn: Ecn,
    /// Whether the packets ask for an acknowledgement: then their bottleneck is charged.
    pub asks: bool,
}

/// A datagram that belongs to no connection.
#[derive(Clone, Debug)]
pub struct Response {
    /// Its receiver.
    pub peer: PeerId,
    /// The UDP payload.
    pub payload: Vec<u8>,
    /// It says that this end does not know a connection.
    pub is_reset: bool,
}

/// Facts that acknowledgements brought of the path since the engine last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathSample {
    /// Packets acknowledged.
    pub packets: u64,
    /// Bytes of packets acknowledged.
    pub bytes: u64,
    /// Bytes declared lost.
    pub lost: u64,
    /// Times that marks (ECN) came back.
    pub marks: u64,
    /// The least delay to the other end, by its clock, less a constant that is unknown, in microseconds. Without its
    /// clock: the least round trip.
    pub delay: i64,
    /// Arrival of the newest packet, by the same clock, in microseconds.
    pub arrival: i64,
    /// The round trip of the newest packet.
    pub round_trip: Duration,
    /// Bytes in flight now.
    pub in_flight: u64,
    /// Bytes that may be.
    pub window: u64,
}

/// Microseconds of a tick of the clock that stamps datagrams with their departure.
pub const STAMP_MICROS: u64 = 16;
