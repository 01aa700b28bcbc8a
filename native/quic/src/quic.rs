//! The connections of one node with all of its peers.
#![allow(clippy::todo, unused_variables)]

use crate::{Config, ConnectionStats, Event, QuicStats, Read, RefuseCode, Stopped};
use bytes::{Bytes, BytesMut};
use std::{net::SocketAddr, time::Instant};

/// Names a peer; chosen by the owner, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerTag(pub u32);

/// Names a connection; never reused within one [`Quic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionHandle(pub u32);

/// Names a message that this end sends, within its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageHandle(pub u64);

/// Names a byte stream, within its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamHandle(pub u64);

/// The two ECN bits of an IP packet (RFC 3168).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ecn {
    /// Not ECN-capable.
    #[default]
    NotEct,
    /// ECN-capable, ECT(1).
    Ect1,
    /// ECN-capable, ECT(0).
    Ect0,
    /// Congestion experienced.
    Ce,
}

/// What [`Quic::poll_transmit`] appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// Size of each UDP payload but the last, which may be shorter.
    pub segment: usize,
    /// The mark that the packets shall carry.
    pub ecn: Ecn,
}

/// The connections of one node with all of its peers.
pub struct Quic {}

impl Quic {
    /// A node without connections.
    pub fn new(config: Config) -> Self {
        todo!()
    }

    /// Replaces the accepted protocols, for connections to come.
    pub fn set_protocols(&mut self, protocols: Vec<Box<str>>) {
        todo!()
    }

    /// Dials a peer, offering `offered`, best first. `observed` is the endpoint at which the peer is seen, for the hello.
    pub fn connect(
        &mut self,
        peer: PeerTag,
        offered: &[Box<str>],
        observed: Option<SocketAddr>,
        now: Instant,
    ) -> ConnectionHandle {
        todo!()
    }

    /// One UDP payload from a peer, in an allocation of its own.
    pub fn handle_datagram(
        &mut self,
        peer: PeerTag,
        ecn: Ecn,
        payload: BytesMut,
        observed: Option<SocketAddr>,
        now: Instant,
    ) {
        todo!()
    }

    /// Goes on with an [`Event::Incoming`].
    pub fn accept(&mut self, connection: ConnectionHandle, now: Instant) {
        todo!()
    }

    /// Refuses an [`Event::Incoming`]; the dialler learns why. No event follows here.
    pub fn refuse(&mut self, connection: ConnectionHandle, code: RefuseCode, now: Instant) {
        todo!()
    }

    /// Drops everything of a peer without a word and without events.
    pub fn forget_peer(&mut self, peer: PeerTag) {
        todo!()
    }

    /// Drops a connection without a word and without events.
    pub fn abandon(&mut self, connection: ConnectionHandle) {
        todo!()
    }

    /// Closes at once; what was not delivered is lost. [`Event::Closed`] follows.
    pub fn close(&mut self, connection: ConnectionHandle, code: u64, reason: &[u8], now: Instant) {
        todo!()
    }

    /// Asks the other end for a sign of life.
    pub fn ping(&mut self, connection: ConnectionHandle) {
        todo!()
    }

    /// Does what was due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        todo!()
    }

    /// When [`Quic::handle_timeout`] wants to be called, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        todo!()
    }

    /// Appends up to `max` UDP payloads of one connection to `out`, which the caller has cleared.
    pub fn poll_transmit(
        &mut self,
        connection: ConnectionHandle,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        todo!()
    }

    /// Connections that want [`Quic::poll_transmit`], or whose [`Quic::room`] may have grown; each once.
    pub fn poll_ready(&mut self) -> Option<ConnectionHandle> {
        todo!()
    }

    /// Appends one UDP payload that belongs to no connection (a refusal, a stateless reset, a version negotiation) to
    /// `out`, which the caller has cleared, and says whom it is for.
    pub fn poll_response(&mut self, out: &mut Vec<u8>) -> Option<PeerTag> {
        todo!()
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<(ConnectionHandle, Event)> {
        todo!()
    }

    /// The peer of a connection, while it exists.
    pub fn peer_of(&self, connection: ConnectionHandle) -> Option<PeerTag> {
        todo!()
    }

    /// Bytes that may be written now to leave at once. 0: wait for [`Quic::poll_ready`].
    pub fn room(&self, connection: ConnectionHandle, now: Instant) -> usize {
        todo!()
    }

    /// Begins a message of `length` bytes. `None`: no credit for this lane now; [`Event::Writable`] follows.
    pub fn begin_message(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        length: usize,
    ) -> Option<MessageHandle> {
        todo!()
    }

    /// Writes more of a message, advances `bytes` past what was taken, and says how much that was. The last byte
    /// finishes it. 0 of a non-empty `bytes`: flow control; [`Event::Writable`] follows.
    pub fn write_message(
        &mut self,
        connection: ConnectionHandle,
        message: MessageHandle,
        bytes: &mut Bytes,
    ) -> usize {
        todo!()
    }

    /// Stops sending a message. The receiver decides the race: [`Event::MessageSettled`] says how it ended.
    pub fn cancel_message(&mut self, connection: ConnectionHandle, message: MessageHandle) {
        todo!()
    }

    /// The owner took messages of this lane, of `bytes` in all, in the order of their events.
    pub fn release_messages(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        bytes: usize,
        now: Instant,
    ) {
        todo!()
    }

    /// Opens a byte stream. `None`: no credit now; [`Event::Writable`] follows.
    pub fn open_stream(
        &mut self,
        connection: ConnectionHandle,
        bidirectional: bool,
        priority: u8,
    ) -> Option<StreamHandle> {
        todo!()
    }

    /// Writes to a byte stream, advances `bytes` past what was taken, and says how much that was. 0 of a non-empty
    /// `bytes`: flow control; [`Event::Writable`] follows.
    pub fn write_stream(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        bytes: &mut Bytes,
    ) -> Result<usize, Stopped> {
        todo!()
    }

    /// No more bytes follow on this stream; [`Event::StreamFinished`] follows when the other end has them all.
    pub fn finish_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle) {
        todo!()
    }

    /// Gives up sending on a stream.
    pub fn reset_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        todo!()
    }

    /// Asks the other end to send no more on a stream; what is unread is discarded.
    pub fn stop_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        todo!()
    }

    /// Changes the priority of what this end sends on a stream.
    pub fn set_stream_priority(&mut self, connection: ConnectionHandle, stream: StreamHandle, priority: u8) {
        todo!()
    }

    /// Reads at most `max` bytes of a byte stream.
    pub fn read_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, max: usize) -> Read {
        todo!()
    }

    /// Queues an unreliable datagram. `false`: too large, the queue is full, or no connection.
    pub fn send_datagram(&mut self, connection: ConnectionHandle, bytes: Bytes) -> bool {
        todo!()
    }

    /// The largest datagram that [`Quic::send_datagram`] takes now, 0 without a connection.
    pub fn max_datagram_size(&self, connection: ConnectionHandle) -> usize {
        todo!()
    }

    /// Since when this end waits for an answer: the oldest packet that asks for one, sent after anything was received.
    pub fn unanswered_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        todo!()
    }

    /// Figures of one connection.
    pub fn stats(&self, connection: ConnectionHandle) -> Option<ConnectionStats> {
        todo!()
    }

    /// Counters over all connections.
    pub fn totals(&self) -> QuicStats {
        todo!()
    }
}
