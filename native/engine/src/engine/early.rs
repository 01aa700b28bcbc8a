//! Dials whose first flight leaves with the hello.
//!
//! The caller has such a connection as soon as there is a session. Until the peer has answered, the engine keeps copies
//! of what left: where nobody read it, it is sent again on what comes of the dial, which may be a dial of the peer's.
//! What may have been read is never sent again, so an unanswered hello is not said anew under another connection: QUIC
//! repeats it with all that left.
//!
//! Cold, for the size of the addon: each dial comes here a few times.

use std::time::{Duration, Instant};

use warren_protocols::{Choice, Protocols};
use warren_wireguard::PeerId;

use super::Engine;
use super::incoming::restarted;
use super::liveness::dead;
use crate::connection::{Connection, Phase, Stage};
use crate::event::{CloseCause, Closed, ClosedBy, Event};
use crate::first_flight::{EarlyMessage, EarlyStream, FirstFlight};
use crate::ids::ConnectionId;
use crate::lane::{Queued, Source};
use crate::stream::Sending;
use crate::timers::Timer;
use crate::transport::{ConnectionHandle, Hello, Transport};

impl<T: Transport> Engine<T> {
    /// Session and protocol of a dial whose first flight may leave with the hello: the peer was heard a moment ago, and
    /// nothing but this protocol can come of it.
    #[cold]
    pub(super) fn early_of(&self, id: ConnectionId, now: Instant) -> Option<(u32, Box<str>)> {
        let dial = self.calls.connections.get(&id).filter(|dial| dial.early)?;
        let heard = self.wireguard.last_received(dial.peer)?;
        if now.saturating_duration_since(heard) > HEARD {
            return None;
        }
        let protocol = sole(dial.wanted.as_deref(), self.protocols_of(dial.peer))?;
        Some((self.wireguard.sealing_session(dial.peer)?, protocol.into()))
    }

    /// A hello is about to leave, and a first flight behind it.
    #[cold]
    pub(super) fn begin_flight(&mut self, id: ConnectionId, protocol: Box<str>) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        connection.flight = Some(Box::default());
        if !std::mem::replace(&mut connection.given, true) {
            let peer = connection.peer;
            self.events.push_back(Event::Early { connection: id, peer, protocol });
        }
        self.revive(id);
    }

    /// The peer answered: what left with the hello was read, or is queued again.
    #[cold]
    pub(super) fn end_flight(&mut self, id: ConnectionId) {
        let flight = self.calls.connections.get_mut(&id).and_then(|connection| connection.flight.take());
        if flight.is_some() {
            self.tell_drained_of(id);
        }
    }

    /// Nothing of the first flight was read by the process that answers.
    #[cold]
    pub(super) fn handle_early_rejected(&mut self, id: ConnectionId, by_successor: bool, now: Instant) {
        match by_successor {
            true => self.end(id, restarted(), now),
            false => self.rewind(id),
        }
    }

    /// Waits for the answer to a hello as long as for that to data.
    #[cold]
    pub(super) fn await_answer(&mut self, id: ConnectionId, since: Instant, now: Instant) -> Option<Instant> {
        let deadline = since + self.config.dead_after;
        if deadline <= now {
            self.end(id, dead("what left with the hello stayed unanswered"), now);
            return None;
        }
        Some(deadline)
    }

    /// Ends a dial. A peer that has read the first flight knows the connection, and is told.
    #[cold]
    pub(super) fn give_up_dial(&mut self, id: ConnectionId, closed: Closed, now: Instant) {
        match self.calls.connections.get(&id).is_some_and(|dial| dial.flight.is_some()) {
            true => self.end(id, closed, now),
            false => self.abandon(id, closed, now),
        }
    }

    /// Goes on with a dial of the peer's in the place of this end's own that leads there, if the caller has that
    /// connection already.
    #[cold]
    pub(super) fn adopt(
        &mut self,
        peer: PeerId,
        handle: ConnectionHandle,
        hello: Hello,
        protocol: Box<str>,
        now: Instant,
    ) -> Result<(), (Hello, Box<str>)> {
        let own = self.protocols_of(peer).clone();
        let leads = |dial: &Connection| {
            let leads = dial.choice_with(&hello.lists, &own) == Some(Choice::Speak(&protocol));
            dial.given && (dial.is_dial() || dial.is_accepted_for(&protocol)) && leads
        };
        let mut dials = self.connections_of(peer).into_iter();
        let Some(id) = dials.find(|id| self.calls.connections.get(id).is_some_and(leads)) else {
            return Err((hello, protocol));
        };
        self.rewind(id);
        self.drop_handle(id);
        self.calls.timers.cancel(id, Timer::Redial);
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.phase = Phase::Accepted;
            connection.protocol = protocol;
            connection.own = Some(own);
            connection.incarnation = Some(hello.incarnation);
            connection.theirs = Some(hello.lists.into());
        }
        self.calls.bind(id, handle);
        self.transport.accept(handle, self.wireguard.handshake_round_trip(peer), now);
        self.take_answer_to_dial();
        Ok(())
    }

    /// Whether a connection that the caller has dials again, since the peer gave up the dial of its own that it went on
    /// with.
    #[cold]
    pub(super) fn goes_on_by_itself(&mut self, id: ConnectionId, closed: &Closed, now: Instant) -> bool {
        let waits = |it: &Connection| it.given && it.phase == Phase::Accepted;
        let is_given_up = closed.by == ClosedBy::Remote && closed.cause == CloseCause::Application;
        if !is_given_up || !self.calls.connections.get(&id).is_some_and(waits) {
            return false;
        }
        self.dial_instead(id, now);
        true
    }

    /// Dials for a connection that the caller has, in place of the dial of the peer's that it went on with.
    #[cold]
    pub(super) fn dial_instead(&mut self, id: ConnectionId, now: Instant) {
        self.drop_handle(id);
        self.redial(id, now);
    }

    /// Queues again what left with the hello, in its order: nobody read it.
    #[cold]
    fn rewind(&mut self, id: ConnectionId) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let Some(flight) = connection.flight.take() else {
            return;
        };
        let FirstFlight { messages, streams } = *flight;
        connection.begun.clear();
        connection.stream_of.clear();
        connection.parked = None;
        for lane in connection.lanes.values_mut() {
            lane.current = None;
        }
        for message in messages.into_iter().rev() {
            self.put_back(id, message);
        }
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.lanes.values_mut().for_each(|lane| lane.begin_anew());
            if !connection.datagrams.is_empty() {
                connection.lane(super::peers::PACKETS).list(Source::Datagrams);
            }
        }
        self.open_anew(id, streams);
        self.tell_drained_of(id);
        self.revive(id);
    }

    #[cold]
    fn put_back(&mut self, id: ConnectionId, message: EarlyMessage) {
        let EarlyMessage { id: message_id, priority, bytes, since, written, given_up } = message;
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        if let Some(reason) = given_up {
            connection.messages.remove(&message_id);
            connection.lane(priority).count(reason.into());
            let outcome = reason.into();
            return self.events.push_back(Event::MessageSettled {
                connection: id,
                message: message_id,
                outcome,
            });
        }
        let lane = connection.lane(priority);
        lane.drained -= written;
        lane.stats.sent_bytes -= written;
        let sequence = lane.put_back(Queued { id: message_id, bytes, since });
        if let Some(sent) = connection.messages.get_mut(&message_id) {
            sent.stage = Stage::Waiting(priority, sequence);
        }
    }

    #[cold]
    fn open_anew(&mut self, id: ConnectionId, left: Vec<EarlyStream>) {
        for EarlyStream { id, name, written, stop } in left {
            let Some(state) = self.streams.get_mut(&id) else {
                continue;
            };
            state.handle = None;
            state.name = name;
            state.stop = stop;
            state.readable = state.bidirectional;
            match state.sending {
                // The peer never heard of it.
                Sending::Done => state.receiving = false,
                Sending::Finished => state.sending = Sending::Finishing,
                Sending::Open | Sending::Finishing => {}
            }
            if state.sending != Sending::Done {
                let bytes = written.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
                state.drained -= bytes;
                state.pending_bytes += bytes;
                written.into_iter().rev().for_each(|bytes| state.pending.push_front(bytes));
            }
            self.forget_if_over(id);
        }
        let streams =
            self.calls.connections.get(&id).into_iter().flat_map(|owner| owner.streams.iter().copied());
        for stream in streams.collect::<Vec<_>>() {
            if let Some(state) = self.streams.get_mut(&stream) {
                state.listed = false;
            }
            self.list(stream);
        }
    }
}

/// The one protocol that a dial can lead to, if this end offers it.
fn sole<'a>(asked: Option<&'a [Box<str>]>, own: &'a Protocols) -> Option<&'a str> {
    let (offer, accept) = (&own.lists.offer[..], &own.lists.accept[..]);
    match asked {
        Some([name]) => Some(name),
        Some(_) => None,
        None => offer
            .first()
            .filter(|name| offer.iter().chain(accept).all(|other| other == *name))
            .map(|name| &**name),
    }
}

/// As long as a silent connection stays unasked by default: within it a peer is taken for alive.
const HEARD: Duration = Duration::from_secs(10);
