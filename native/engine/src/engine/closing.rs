//! The way of a close, in stages; the functions of this file stand in their order.
//!
//! 1. **Asking**: the caller closes. The end comes at once, or once all that was admitted is delivered (`close`).
//! 2. **Delivering**: whatever happens on a closing connection may have been the last of it (`note_progress_of`,
//!    `end_delivered`; `graces.rs` chooses those to look at). The grace bounds it (`handle_grace_timeout`).
//! 3. **Closing**: the transport says so to the other end, as traffic beside data (`end`).
//! 4. **Hearing**: the transport tells the end, of this one's close or of the other's (`handle_closed`). A dial may go
//!    on all the same.
//! 5. **Burying**: the outcome of everything under way is told, then the end (`bury`).
//!
//! A connection whose other end is gone is buried without a word (`abandon`), and a device that closes ends all
//! (`shutdown`).

use std::mem;
use std::time::{Duration, Instant};

use super::Engine;
use crate::connection::{Connection, Phase, Stage};
use crate::event::{CloseCause, Closed, ClosedBy, Event, Initiator, Outcome};
use crate::ids::{ConnectionId, MessageId};
use crate::stream::Stream;
use crate::timers::Timer;
use crate::transport::{ConnectionHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Closes gracefully: takes no more, delivers what was admitted, for at most `grace`, then sends the close. Zero:
    /// at once.
    pub fn close(
        &mut self,
        connection: ConnectionId,
        code: u64,
        reason: &str,
        grace: Duration,
        now: Instant,
    ) {
        let Some(state) = self.calls.connections.get_mut(&connection).filter(|it| it.ending.is_none()) else {
            return;
        };
        let graceful = state.phase == Phase::Live && !grace.is_zero();
        let closed = application(code, reason);
        if graceful {
            state.phase = Phase::Closing;
            state.farewell = Some(closed);
            self.graces.begin(connection);
            self.calls.timers.arm(connection, Timer::Grace, now + grace);
        } else {
            self.end(connection, closed, now);
        }
        self.hear_rooms(now);
    }

    pub(super) fn note_progress_of(&mut self, handle: ConnectionHandle) {
        if !self.graces.is_empty()
            && let Some(connection) = self.calls.of(handle)
        {
            self.graces.note(connection);
        }
    }

    /// Ends graceful closes that have nothing left to deliver. Whether there were any.
    pub(super) fn end_delivered(&mut self, now: Instant) -> bool {
        if self.graces.is_empty() {
            return false;
        }
        let mut ended = false;
        for connection in self.graces.take() {
            let Some(state) = self.calls.connections.get(&connection) else {
                continue;
            };
            let (closes, finishes) = (state.farewell.is_some(), state.finishing);
            if !(closes || finishes) || !self.is_delivered(connection) {
                continue;
            }
            if finishes {
                self.say_finished(connection);
            }
            if closes {
                self.handle_grace_timeout(connection, now);
                ended = true;
            }
        }
        ended
    }

    /// Whether everything admitted has reached the other end.
    pub(super) fn is_delivered(&self, id: ConnectionId) -> bool {
        let Some(connection) = self.calls.connections.get(&id) else {
            return false;
        };
        let mut streams = connection.streams.iter().filter_map(|stream| self.streams.get(stream));
        let has_all = |stream: &Stream| {
            let transport = connection.handle.zip(stream.handle);
            transport.is_none_or(|(handle, stream)| self.transport.has_acknowledged(handle, stream))
        };
        connection.messages.is_empty() && streams.all(|stream| stream.is_delivered() && has_all(stream))
    }

    /// Ends a graceful close whose grace is over.
    pub(super) fn handle_grace_timeout(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(farewell) = self.calls.connections.get_mut(&connection).and_then(|it| it.farewell.take())
        {
            self.end(connection, farewell, now);
        }
    }

    /// Closes with a word to the other end; the rest follows when the transport reports it closed.
    pub(super) fn end(&mut self, connection: ConnectionId, closed: Closed, now: Instant) {
        let Some(state) = self.calls.connections.get_mut(&connection).filter(|it| it.ending.is_none()) else {
            return;
        };
        let Some(handle) = state.handle else {
            self.bury(connection, closed, now);
            return;
        };
        self.transport.close(handle, closed.code, closed.reason.as_bytes(), now);
        state.ending = Some(closed);
    }

    pub(super) fn handle_closed(&mut self, id: ConnectionId, closed: Closed, now: Instant) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let ending = connection.ending.take();
        let dialling = connection.phase == Phase::Dialling;
        if ending.is_none() && dialling && closed.cause == CloseCause::Duplicate && self.keep_refused(id, now)
        {
            return;
        }
        if ending.is_none() && self.goes_on_by_itself(id, &closed, now) {
            return;
        }
        if closed.cause == CloseCause::ListsDiffer {
            self.tell_altered(id, now);
        }
        if ending.is_none() && closed.by == ClosedBy::Remote {
            self.hand_out_rest(id);
        }
        self.bury(id, ending.unwrap_or(closed), now);
    }

    /// Forgets a connection, and tells its end: first the outcome of everything under way.
    pub(super) fn bury(&mut self, id: ConnectionId, closed: Closed, now: Instant) {
        self.await_no_more(id);
        let Some(mut connection) = self.calls.remove(id) else {
            return;
        };
        if let Some(peer) = self.peers.get_mut(&connection.peer) {
            peer.connections.retain(|&other| other != id);
            if peer.connections.is_empty() {
                self.wireguard.give_up(connection.peer, now);
            }
        }
        if !connection.claimed {
            self.admissions.resolved();
        }
        self.graces.end(id);
        self.end_pacing(id);
        self.lose_messages(id, &mut connection);
        self.keep_figures(id, &connection);
        for stream in &connection.streams {
            self.streams.remove(*stream);
        }
        // Nobody was told of a dial of the peer's that never came up.
        if connection.initiator == Initiator::Local || connection.phase != Phase::Accepted {
            self.events.push_back(Event::Closed { connection: id, close: closed });
        }
        self.events.end(id);
        self.release_waiting(connection.peer, id, now);
    }

    fn lose_messages(&mut self, id: ConnectionId, connection: &mut Connection) {
        for (&priority, lane) in &mut connection.lanes {
            let mut given_up = lane.drained + lane.current.take().map_or(0, |begun| begun.rest.len() as u64);
            while let Some(message) = lane.pop() {
                given_up += message.bytes.len() as u64;
                if let Some(at) = connection.messages.remove(&message.id).and_then(|sent| sent.deadline) {
                    self.calls.expiries.remove(at, id, message.id);
                }
                lane.count(Outcome::Lost);
                self.events.push_back(settled(id, message.id));
            }
            if given_up > 0 {
                self.events.push_back(Event::LaneDrained { connection: id, priority, bytes: given_up });
            }
        }
        let mut begun: Vec<_> = mem::take(&mut connection.messages).into_iter().collect();
        begun.sort_unstable_by_key(|&(message, _)| message);
        for (message, sent) in begun {
            if let Some(at) = sent.deadline {
                self.calls.expiries.remove(at, id, message);
            }
            if let Stage::Begun(priority, _) = sent.stage {
                connection.lane(priority).count(Outcome::Lost);
            }
            self.events.push_back(settled(id, message));
        }
    }

    /// Drops a connection without a word: the other end is gone, or keeps another one.
    pub(super) fn abandon(&mut self, connection: ConnectionId, closed: Closed, now: Instant) {
        if let Some(handle) = self.calls.connections.get(&connection).and_then(|state| state.handle) {
            self.transport.abandon(handle);
        }
        self.bury(connection, closed, now);
    }

    /// Says goodbye on every connection at once; afterwards drain `poll_transmit`, and drop the engine.
    pub fn shutdown(&mut self, code: u64, reason: &str, now: Instant) {
        self.events.hurry();
        self.shut = true;
        for peer in self.peers.ids().collect::<Vec<_>>() {
            for connection in self.connections_of(peer) {
                self.end(connection, application(code, reason), now);
            }
        }
        self.hear_rooms(now);
        self.say_farewell(None, now);
        for peer in self.peers.ids().collect::<Vec<_>>() {
            self.say_goodbye(peer, now);
        }
        self.hear_rooms(now);
    }
}

fn application(code: u64, reason: &str) -> Closed {
    Closed { code, ..Closed::new(ClosedBy::Local, CloseCause::Application, reason) }
}

fn settled(connection: ConnectionId, message: MessageId) -> Event {
    Event::MessageSettled { connection, message, outcome: Outcome::Lost }
}
