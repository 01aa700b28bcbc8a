//! The seam between the engine and what carries its connections inside the tunnel.
//!
//! A [`Transport`] holds the connections of one node with all of its peers. It takes and gives plain UDP payloads, each
//! with the peer that it is from or for; which of its bytes leave, and when, is the engine's choice. The tunnel has
//! authenticated the peer of a payload: one that names a connection of another peer's is dropped.
//!
//! # How the engine drives it
//!
//! `handle_*` takes what came in, plain verbs are commands, `poll_*` gives what goes out. After some of the first two
//! the engine drains, in this order:
//!
//! 1. [`Transport::poll_response`] until `None`,
//! 2. [`Transport::poll_ready`] and [`Transport::poll_event`] until both are `None`,
//! 3. [`Transport::poll_transmit`] for each handle that was ready, as its scheduler lets it,
//! 4. [`Transport::poll_timeout`], and it calls [`Transport::handle_timeout`] at that instant.
//!
//! # What it relies on
//!
//! * **Handles** are never used again within the life of a transport.
//! * **No standstill**: where [`Transport::room`] was 0, [`Transport::poll_ready`] names the connection once it may be
//!   more, and until then something flies for which [`Transport::poll_timeout`] has a deadline. Where a call found no
//!   credit ([`Transport::begin_message`], [`Transport::open_stream`], a write that took less than all, a datagram that
//!   was not taken), [`Event::Writable`] follows.
//! * **Just in time**: what was written leaves with the next calls of [`Transport::poll_transmit`], in the order in
//!   which it was written. [`Transport::room`] is how much would.
//! * **One end**: [`Event::Closed`] is the last event of a connection, and comes once, unless the engine gave the
//!   connection up ([`Transport::abandon`], [`Transport::forget_peer`]) or refused it. Each message that was begun
//!   settles before.
//! * **Payloads** begin with a byte of which one of the two highest bits is set: the others are words between engines
//!   (`word.rs`).

mod event;
mod handles;
mod packets;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_wireguard::PeerId;

use crate::event::GiveUp;
use crate::ids::Priority;
use crate::stream_name::StreamName;
use warren_protocols::{Lists, Protocols};

pub use event::{Event, Hello, Read, Refusal, Stopped};
pub use handles::{ConnectionHandle, MessageHandle, StreamHandle};
pub use packets::{Packets, PathSample, Received, Response, STAMP_MICROS, Transmit};

/// The connections of one node with all of its peers. The module's documentation says how the engine drives it.
pub trait Transport {
    /// Counters over all connections.
    type Totals: Clone + Default + Send;
    /// Figures of one connection.
    type Figures: Default;

    /// The least UDP payload that a path must carry, in bytes.
    const MIN_PAYLOAD: u16;
    /// Bytes of a full UDP payload that are not the application's, about.
    const OVERHEAD: usize;

    /// Takes one UDP payload from a peer.
    fn handle_datagram(&mut self, datagram: Received, now: Instant);

    /// Does what was due at `now`.
    fn handle_timeout(&mut self, now: Instant);

    /// Replaces this end's protocols for one peer, or for all that have none of their own; `protocols` absent: the peer
    /// has none of its own any more. Hellos of either end count by those of the moment, handshakes under way by those
    /// of their hellos.
    fn set_protocols(&mut self, peer: Option<PeerId>, protocols: Option<Protocols>);

    /// Tells the other end of a connection which lists are this end's from now on, if it is of a build that reads them.
    fn announce(&mut self, connection: ConnectionHandle, lists: Lists);

    /// Tells the other end that it holds all that this end will ever send on a connection, if it is of a build that
    /// reads it.
    fn finish(&mut self, connection: ConnectionHandle);

    /// Dials a peer, asking for these protocols, best first, or for anything in the lists of both ends. Ends in
    /// [`Event::Connected`] or [`Event::Closed`]; there is no time limit.
    ///
    /// `observed` is the endpoint at which the peer is seen, which the peer is told; `round_trip` that of the path, if
    /// it is known.
    fn connect(
        &mut self,
        peer: PeerId,
        asked: Option<&[Box<str>]>,
        observed: Option<SocketAddr>,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> ConnectionHandle;

    /// As [`Transport::connect`], of a dial that can lead to this protocol alone: the connection takes messages,
    /// streams and datagrams at once, and a first flight of them leaves with the hello. An acceptor that takes the dial
    /// reads them, in the order in which it would read others, or [`Event::EarlyRejected`] comes before
    /// [`Event::Connected`]. `session` names the tunnel's session for the acceptor. `None`: this transport sends
    /// nothing so early.
    fn connect_early(
        &mut self,
        _peer: PeerId,
        _asked: Option<&[Box<str>]>,
        _early: (u32, &str),
        _path: (Option<SocketAddr>, Option<Duration>),
        _now: Instant,
    ) -> Option<ConnectionHandle> {
        None
    }

    /// Name of the tunnel's session under which the dialler sent the first flight of an [`Event::Incoming`]; `None`: it
    /// sent none.
    fn early_session(&self, _connection: ConnectionHandle) -> Option<u32> {
        None
    }

    /// Reads nothing of the first flight of an [`Event::Incoming`]: a process before this one may have.
    fn decline_early(&mut self, _connection: ConnectionHandle) {}

    /// Goes on with an [`Event::Incoming`]; `round_trip` is that of the path, if it is known.
    fn accept(&mut self, connection: ConnectionHandle, round_trip: Option<Duration>, now: Instant);

    /// Refuses an [`Event::Incoming`]; the dialler learns why. No event follows.
    fn refuse(&mut self, connection: ConnectionHandle, refusal: Refusal, now: Instant);

    /// Closes at once, and tells the other end; what was not delivered is lost. [`Event::Closed`] follows.
    fn close(&mut self, connection: ConnectionHandle, code: u64, reason: &[u8], now: Instant);

    /// Drops a connection without a word and without events.
    fn abandon(&mut self, connection: ConnectionHandle);

    /// Drops everything of a peer without a word and without events.
    fn forget_peer(&mut self, peer: PeerId);

    /// Asks the other end for a sign of life, whatever flies.
    fn ping(&mut self, connection: ConnectionHandle);

    /// Bytes that may be written now to leave at once. How fast they leave is the engine's to bound.
    fn room(&self, connection: ConnectionHandle) -> usize;

    /// Bytes of urgent data that may be written now, though others fill the window: a few packets beyond it.
    fn urge(&mut self, connection: ConnectionHandle) -> usize;

    /// Bytes that were written, or are lost and to be sent again, and have not left, about.
    fn unsent(&self, connection: ConnectionHandle) -> usize;

    /// UDP payload of a full packet of a connection, as far as the path is known to carry it.
    fn payload(&self, connection: ConnectionHandle) -> usize;

    /// Begins a message of `length` bytes. `None`: no credit for its lane now.
    fn begin_message(
        &mut self,
        connection: ConnectionHandle,
        priority: Priority,
        length: usize,
    ) -> Option<MessageHandle>;

    /// Writes more of a message, advances `bytes` past what was taken, and says how much that was. The last byte ends
    /// the message. What is written to a message that is over vanishes.
    fn write_message(
        &mut self,
        connection: ConnectionHandle,
        message: MessageHandle,
        bytes: &mut Bytes,
    ) -> usize;

    /// Stops sending a message. The receiver decides the race: [`Event::MessageSettled`] says how it ended. The first
    /// reason counts.
    fn cancel_message(&mut self, connection: ConnectionHandle, message: MessageHandle, reason: GiveUp);

    /// Releases received messages of this lane, of `bytes` in all, that were taken in the order of their events: the
    /// sender gets the credit.
    fn release_messages(
        &mut self,
        connection: ConnectionHandle,
        priority: Priority,
        bytes: usize,
        now: Instant,
    );

    /// Queues an unreliable datagram. `false`: too large, or the queue is full.
    fn send_datagram(&mut self, connection: ConnectionHandle, bytes: Bytes) -> bool;

    /// The largest datagram that [`Transport::send_datagram`] takes now; 0 without a connection, and where there are
    /// none.
    fn max_datagram_size(&self, connection: ConnectionHandle) -> usize;

    /// Opens a byte stream. `None`: no credit now.
    fn open_stream(
        &mut self,
        connection: ConnectionHandle,
        bidirectional: bool,
        priority: Priority,
        name: &StreamName,
    ) -> Option<StreamHandle>;

    /// Writes to a byte stream, advances `bytes` past what was taken, and says how much that was.
    fn write_stream(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        bytes: &mut Bytes,
    ) -> Result<usize, Stopped>;

    /// Finishes a stream: no more bytes follow. [`Event::StreamFinished`] does, when the other end has them all.
    fn finish_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle);

    /// Gives up sending on a stream.
    fn reset_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64);

    /// Finishes a stream of which the other end has acknowledged everything, else gives up sending on it. Whether it
    /// ends whole; then [`Event::StreamFinished`] follows.
    fn leave_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) -> bool;

    /// Asks the other end to send no more on a stream; what is unread is discarded.
    fn stop_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64);

    /// Changes the priority of what this end sends on a stream.
    fn set_stream_priority(&mut self, connection: ConnectionHandle, stream: StreamHandle, priority: Priority);

    /// Whether the other end has acknowledged everything that was written to a stream.
    fn has_acknowledged(&self, connection: ConnectionHandle, stream: StreamHandle) -> bool;

    /// Reads at most `max` bytes of a byte stream. With 0 there is something to read where the data is empty, and
    /// [`Event::Readable`] follows what comes next.
    fn read_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, max: usize) -> Read;

    /// Whether the engine finds the rate and the window of its connections. Then it asks for samples of the path, and
    /// sets windows.
    fn is_paced(&self) -> bool;

    /// Facts that acknowledgements brought of the path since the last call; `None`: none.
    fn take_path_sample(&mut self, connection: ConnectionHandle) -> Option<PathSample>;

    /// Sets the bytes that may be in flight from now on; `None`: the transport's own window.
    fn set_window(&mut self, connection: ConnectionHandle, window: Option<u64>);

    /// Gives the connection the transport's own window again, from this much on, growing until there is loss.
    fn compete(&mut self, connection: ConnectionHandle, in_flight: u64);

    /// The next datagram that belongs to no connection, with its receiver.
    fn poll_response(&mut self) -> Option<Response>;

    /// Connections that want [`Transport::poll_transmit`], or whose [`Transport::room`] may have grown; each once.
    fn poll_ready(&mut self, now: Instant) -> Option<ConnectionHandle>;

    /// The next event.
    fn poll_event(&mut self, now: Instant) -> Option<(ConnectionHandle, Event)>;

    /// Appends up to `max` UDP payloads of one connection to `out`, which the caller has cleared.
    fn poll_transmit(
        &mut self,
        connection: ConnectionHandle,
        packets: Packets,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit>;

    /// The instant at which [`Transport::handle_timeout`] wants to be called, and the reason. Sometimes too early,
    /// never too late.
    fn poll_timeout(&self) -> Option<(Instant, &'static str)>;

    /// The peer of a connection, while it exists.
    fn peer_of(&self, connection: ConnectionHandle) -> Option<PeerId>;

    /// Instant since which this end waits for an answer: that of the oldest packet that asks for one, sent after
    /// anything was received.
    fn unanswered_since(&self, connection: ConnectionHandle) -> Option<Instant>;

    /// Instant since which this end waits for an acknowledgement of what flies, whatever else was received meanwhile.
    fn unacknowledged_since(&self, connection: ConnectionHandle) -> Option<Instant>;

    /// Instant at which the last datagram of a connection came; before any, at which it was made.
    fn last_heard(&self, connection: ConnectionHandle) -> Option<Instant>;

    /// Time that an answer takes at most when nothing is lost.
    fn probe_timeout(&self, connection: ConnectionHandle) -> Option<Duration>;

    /// Whether something is in flight, and [`Transport::poll_timeout`] knows of it. For the engine's own checks.
    fn flies(&mut self, connection: ConnectionHandle) -> bool;

    /// Whether [`Event::Writable`] follows once there is credit. For the engine's own checks.
    fn tells_writable(&self, connection: ConnectionHandle) -> bool;

    /// Figures of a connection; `None`: it is no more.
    fn figures(&self, connection: ConnectionHandle) -> Option<Self::Figures>;

    /// Counters over all connections.
    fn totals(&self) -> Self::Totals;
}
