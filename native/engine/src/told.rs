//! Events that the caller did not take yet, in queues by peer, so that nobody's wait behind another's.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use rustc_hash::FxHashMap;
use warren_wireguard::PeerId;

use crate::arrivals::Turns;
use crate::event::Event;
use crate::ids::{ConnectionId, StreamId};

/// Queues that take turns by the time that the caller is expected to take for their events.
///
/// Events that their bytes do not explain have a tenth of the time that passes, while there are others: a thread that
/// works off the events of one peer whenever it has nothing else to do takes the processor from those that others wait
/// for.
///
/// The events of one peer stay in order. `None` stands for the device itself.
#[derive(Debug)]
pub(crate) struct Told {
    queues: BTreeMap<Option<PeerId>, Queue>,
    turns: Turns<Option<PeerId>>,
    /// The peers of all connections that are not over.
    owners: FxHashMap<ConnectionId, PeerId>,
    length: usize,
    now: Option<Instant>,
    hurries: bool,
}

/// Events of one peer.
#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Event>,
    /// Number of events that were taken out.
    taken: u64,
    /// The newest piece of each stream that can grow.
    growing: FxHashMap<StreamId, Growing>,
}

/// A piece of a stream that can grow.
#[derive(Debug)]
struct Growing {
    /// Its event, counted as `taken` is.
    at: u64,
    /// All of it, once it has grown: its event has nothing then.
    grown: BytesMut,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
            turns: Turns::new(),
            owners: FxHashMap::default(),
            length: 0,
            now: None,
            hurries: false,
        }
    }

    /// Sets the time, for figures that fade.
    pub(crate) fn at(&mut self, now: Instant) {
        self.now = Some(now);
    }

    /// Notes the peer of a connection, whose events are its own.
    pub(crate) fn begin(&mut self, connection: ConnectionId, peer: PeerId) {
        self.owners.insert(connection, peer);
    }

    /// Forgets a connection, which has told its last event.
    pub(crate) fn end(&mut self, connection: ConnectionId) {
        self.owners.remove(&connection);
    }

    /// Appends an event of a peer, or of a connection that was begun.
    pub(crate) fn push_back(&mut self, event: Event) {
        let whose = match &event {
            Event::PeerUp { peer, .. }
            | Event::PeerRekeyed { peer }
            | Event::PeerMoved { peer, .. }
            | Event::PeerUnanswered { peer, .. }
            | Event::PeerUnreachable { peer, .. }
            | Event::PeerOversized { peer, .. }
            | Event::PeerDown { peer, .. }
            | Event::Packet { peer, .. }
            | Event::DialRefused { peer, .. }
            | Event::Early { peer, .. }
            | Event::Connected { peer, .. } => Some(*peer),
            Event::Closed { connection, .. }
            | Event::Announced { connection, .. }
            | Event::Confirmed { connection }
            | Event::Finished { connection }
            | Event::Datagram { connection, .. }
            | Event::Message { connection, .. }
            | Event::LaneDrained { connection, .. }
            | Event::MessageSettled { connection, .. }
            | Event::StreamOpened { connection, .. } => self.owners.get(connection).copied(),
            Event::Stranger { .. }
            | Event::StrangerGone { .. }
            | Event::StreamData { .. }
            | Event::StreamEnd { .. }
            | Event::StreamReset { .. }
            | Event::StreamFinished { .. }
            | Event::StreamStopped { .. }
            | Event::StreamDrained { .. } => None,
        };
        self.push(whose, event);
    }

    /// Appends an event of a stream of this connection; `None`: the stream is not there any more.
    pub(crate) fn push_of(&mut self, connection: Option<ConnectionId>, event: Event) {
        let whose = connection.and_then(|connection| self.owners.get(&connection).copied());
        self.push(whose, event);
    }

    /// Appends bytes of a stream of this connection. Small ones join those of the stream that wait, ahead of events of
    /// others between them: an event takes 160 bytes, and a peer that sends a byte a packet made one of each. `true`:
    /// they are an event of their own.
    pub(crate) fn push_data(&mut self, connection: ConnectionId, stream: StreamId, bytes: Bytes) -> bool {
        let whose = self.owners.get(&connection).copied();
        let queue = self.queues.entry(whose).or_default();
        if bytes.len() <= SMALL && queue.grow(stream, &bytes) {
            return false;
        }
        // What comes later goes behind this one, not into the one before.
        queue.settle(stream);
        if bytes.len() < GROWN {
            let at = queue.taken + queue.events.len() as u64;
            queue.growing.insert(stream, Growing { at, grown: BytesMut::new() });
        }
        self.push(whose, Event::StreamData { stream, bytes });
        true
    }

    /// Takes the next event, of the peer whose turn it is; `None` while all that wait have had their share of the time
    /// that passes.
    pub(crate) fn pop_front(&mut self) -> Option<Event> {
        let whose = match self.now {
            Some(now) if !self.hurries => self.turns.next(now)?,
            _ => self.turns.first()?,
        };
        let queue = self.queues.get_mut(&whose)?;
        let event = queue.pop_front()?;
        let is_empty = queue.events.is_empty();
        self.length -= 1;
        if let Some(now) = self.now {
            let (takes, load) = estimate(&event);
            self.turns.charge(whose, takes, load, now);
        }
        if is_empty {
            self.queues.remove(&whose);
            self.turns.rest(whose);
        }
        Some(event)
    }

    /// Lets all events be taken at once, for nothing comes later.
    pub(crate) fn hurry(&mut self) {
        self.hurries = true;
    }

    /// The time at which those that wait have a share again, if it is to come.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.turns.deadline().filter(|&at| self.now.is_some_and(|now| now < at))
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    fn push(&mut self, whose: Option<PeerId>, event: Event) {
        self.queues.entry(whose).or_default().events.push_back(event);
        self.turns.wait(whose);
        self.length += 1;
    }
}

impl Queue {
    fn pop_front(&mut self) -> Option<Event> {
        if let Some(&Event::StreamData { stream, .. }) = self.events.front()
            && self.growing.get(&stream).is_some_and(|growing| growing.at == self.taken)
        {
            self.settle(stream);
        }
        let event = self.events.pop_front()?;
        self.taken += 1;
        Some(event)
    }

    /// Lets the newest piece of a stream grow no more.
    fn settle(&mut self, stream: StreamId) {
        if let Some(Growing { at, grown }) = self.growing.remove(&stream)
            && !grown.is_empty()
            && let Some(Event::StreamData { bytes, .. }) = self.events.get_mut((at - self.taken) as usize)
        {
            *bytes = grown.freeze();
        }
    }

    /// Appends bytes to the newest piece of their stream. `false`: none waits, or it is large enough.
    fn grow(&mut self, stream: StreamId, more: &[u8]) -> bool {
        let Some(Growing { at, grown }) = self.growing.get_mut(&stream) else { return false };
        let Some(Event::StreamData { bytes, .. }) = self.events.get_mut((*at - self.taken) as usize) else {
            return false;
        };
        let length = grown.len() + bytes.len() + more.len();
        if length > GROWN {
            return false;
        }
        if grown.is_empty() {
            grown.reserve((ROOM * length).min(GROWN));
            grown.extend_from_slice(&mem::take(bytes));
        }
        grown.extend_from_slice(more);
        true
    }
}

impl Event {
    /// The time that JavaScript is expected to take for it.
    pub fn expected_time(&self) -> Duration {
        estimate(self).0
    }
}

/// The time that JavaScript takes for an event, measured on one core of an AMD EPYC, and the load that explains it.
fn estimate(event: &Event) -> (Duration, u64) {
    let (nanoseconds, bytes) = match event {
        Event::Message { bytes, .. } => (MESSAGE, bytes.len()),
        Event::Datagram { bytes, .. } => (MESSAGE, bytes.len()),
        Event::Packet { packet, .. } => (PACKET, packet.len()),
        Event::StreamData { bytes, .. } => (PIECE, bytes.len()),
        Event::StreamOpened { .. } => (STREAM, 0),
        Event::Early { .. }
        | Event::Connected { .. }
        | Event::Announced { .. }
        | Event::DialRefused { .. }
        | Event::Closed { .. } => (CONNECTION, 0),
        Event::LaneDrained { bytes, .. } | Event::StreamDrained { bytes, .. } => {
            (OTHER, usize::try_from(*bytes).unwrap_or(usize::MAX).min(PIECE_MAX))
        }
        Event::PeerUp { .. }
        | Event::PeerRekeyed { .. }
        | Event::PeerMoved { .. }
        | Event::PeerUnanswered { .. }
        | Event::PeerUnreachable { .. }
        | Event::PeerOversized { .. }
        | Event::PeerDown { .. }
        | Event::Stranger { .. }
        | Event::StrangerGone { .. }
        | Event::Confirmed { .. }
        | Event::Finished { .. }
        | Event::MessageSettled { .. }
        | Event::StreamEnd { .. }
        | Event::StreamReset { .. }
        | Event::StreamFinished { .. }
        | Event::StreamStopped { .. } => (OTHER, 0),
    };
    let nanoseconds = nanoseconds + bytes as u64 / BYTES_A_NANOSECOND;
    (Duration::from_nanos(nanoseconds), bytes as u64 + EVENT_LOAD)
}

/// Bytes that are copied rather than told apart: less than an event costs the caller, and than memory that one thread
/// takes and another gives back. What an ordinary packet carries is.
const SMALL: usize = 2_048;
/// Times its length for which a piece has room when it begins to grow: few grow more, and those seldom.
const ROOM: usize = 4;
/// Bytes up to which a piece grows.
const GROWN: usize = 64 * 1024;
/// In nanoseconds.
const MESSAGE: u64 = 2_000;
const PACKET: u64 = 3_000;
const PIECE: u64 = 2_000;
const OTHER: u64 = 1_000;
const STREAM: u64 = 30_000;
const CONNECTION: u64 = 80_000;
/// Copied at 8 GB/s.
const BYTES_A_NANOSECOND: u64 = 8;
/// The load of an event beside its bytes.
const EVENT_LOAD: u64 = 64;
/// No more than an event of data has.
const PIECE_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests;
