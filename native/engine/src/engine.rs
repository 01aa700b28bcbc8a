use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_quic::Ecn;
use warren_wireguard::{AddPeerError, Path, PeerChanges, PeerConfig, PeerId, PublicKey, UpdatePeerError};

use crate::batch::TransmitBatch;
use crate::config::Config;
use crate::error::{ConfigError, ConnectError, Dialled};
use crate::event::Event;
use crate::ids::{ConnectionId, MessageId, Priority, StreamId};
use crate::stats::{ConnectionStats, DeviceStats, PeerStats};

/// One warren node; see the crate's documentation for how to drive it.
#[derive(Debug)]
pub struct Engine {}

#[expect(
    clippy::unimplemented,
    unused_variables,
    reason = "the surface first, for the rooms above to compile"
)]
impl Engine {
    /// A node without peers.
    pub fn new(config: Config, now: Instant) -> Result<Engine, ConfigError> {
        unimplemented!()
    }

    /// One UDP payload, or several of `segment` bytes each from one source (GRO); the last may be shorter.
    pub fn handle_datagrams(&mut self, path: Path, ecn: Ecn, segment: usize, bytes: &mut [u8], now: Instant) {
        unimplemented!()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        unimplemented!()
    }

    /// Adds a peer.
    pub fn add_peer(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        unimplemented!()
    }

    /// Changes a living peer.
    pub fn update_peer(
        &mut self,
        peer: PeerId,
        changes: PeerChanges,
        now: Instant,
    ) -> Result<(), UpdatePeerError> {
        unimplemented!()
    }

    /// Ends the peer's connections with this code and reason; then keys and session are gone.
    pub fn remove_peer(&mut self, peer: PeerId, code: u64, reason: &str, now: Instant) {
        unimplemented!()
    }

    /// Answers `Event::Stranger`: makes the peer, and answers its newest initiation.
    pub fn authorize(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        unimplemented!()
    }

    /// Answers `Event::Stranger`: forgets it.
    pub fn refuse(&mut self, public_key: &PublicKey, now: Instant) {
        unimplemented!()
    }

    /// Queues one IP packet to the peer; `false`: the queue is full, it is dropped and counted.
    pub fn send_packet(&mut self, peer: PeerId, packet: Bytes, now: Instant) -> bool {
        unimplemented!()
    }

    /// Dials, offering `protocols`, best first; `None`: those of the configuration.
    ///
    /// Ends in `Event::Connected` or `Event::Closed` of the id that it returns. Where a live connection with one of the
    /// protocols exists, it returns that one, and no event follows.
    pub fn connect(
        &mut self,
        peer: PeerId,
        protocols: Option<Vec<Box<str>>>,
        timeout: Duration,
        now: Instant,
    ) -> Result<Dialled, ConnectError> {
        unimplemented!()
    }

    /// The caller took an accepted connection: it no longer counts as pending.
    pub fn claim(&mut self, connection: ConnectionId) {
        unimplemented!()
    }

    /// Takes no more; what was admitted is delivered, for at most `grace`, then the close goes out. Zero: at once.
    pub fn close(
        &mut self,
        connection: ConnectionId,
        code: u64,
        reason: &str,
        grace: Duration,
        now: Instant,
    ) {
        unimplemented!()
    }

    /// Queues a message; on an unknown or closing connection it settles as lost.
    pub fn send_message(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        priority: Priority,
        bytes: Bytes,
        now: Instant,
    ) {
        unimplemented!()
    }

    /// Gives a message up; `Event::MessageSettled` tells whether that was in time.
    pub fn cancel_message(&mut self, connection: ConnectionId, message: MessageId, now: Instant) {
        unimplemented!()
    }

    /// The caller took messages of this lane with `bytes` in all.
    pub fn release_messages(
        &mut self,
        connection: ConnectionId,
        priority: Priority,
        bytes: usize,
        now: Instant,
    ) {
        unimplemented!()
    }

    /// Sends an unreliable datagram; `false`: too large, or the queue is full.
    pub fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes, now: Instant) -> bool {
        unimplemented!()
    }

    /// The largest unreliable datagram that leaves now, in bytes.
    pub fn max_datagram_size(&self, connection: ConnectionId) -> usize {
        unimplemented!()
    }

    /// Opens a stream under an even id of the caller's choice.
    pub fn open_stream(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        bidirectional: bool,
        priority: Priority,
        now: Instant,
    ) {
        unimplemented!()
    }

    /// Queues bytes on a stream.
    pub fn write_stream(&mut self, stream: StreamId, bytes: Bytes, now: Instant) {
        unimplemented!()
    }

    /// No more bytes follow.
    pub fn finish_stream(&mut self, stream: StreamId, now: Instant) {
        unimplemented!()
    }

    /// Gives up sending on a stream.
    pub fn reset_stream(&mut self, stream: StreamId, code: u64, now: Instant) {
        unimplemented!()
    }

    /// Gives up receiving on a stream.
    pub fn stop_stream(&mut self, stream: StreamId, code: u64, now: Instant) {
        unimplemented!()
    }

    /// Changes the priority of what is sent on a stream.
    pub fn set_stream_priority(&mut self, stream: StreamId, priority: Priority, now: Instant) {
        unimplemented!()
    }

    /// Allows this many further bytes of `Event::StreamData`. A stream starts with none.
    pub fn grant_stream(&mut self, stream: StreamId, bytes: u64, now: Instant) {
        unimplemented!()
    }

    /// Says goodbye on every connection at once; afterwards drain `poll_transmit`, and drop the engine.
    pub fn shutdown(&mut self, code: u64, reason: &str, now: Instant) {
        unimplemented!()
    }

    /// The next deadline, and its reason.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        unimplemented!()
    }

    /// Appends the most urgent datagrams to the batch, up to its capacity; send it, clear it, and call again until it
    /// stays empty.
    pub fn poll_transmit(&mut self, batch: &mut TransmitBatch, now: Instant) {
        unimplemented!()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        unimplemented!()
    }

    /// Counters of the device.
    pub fn stats(&self, now: Instant) -> DeviceStats {
        unimplemented!()
    }

    /// Counters of a peer.
    pub fn peer_stats(&self, peer: PeerId, now: Instant) -> Option<PeerStats> {
        unimplemented!()
    }

    /// Counters of a connection.
    pub fn connection_stats(&self, connection: ConnectionId, now: Instant) -> Option<ConnectionStats> {
        unimplemented!()
    }
}
