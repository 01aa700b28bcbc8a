//! Messages from admission to settlement.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Engine;
use super::peers::PACKETS;
use crate::connection::{Connection, Stage, Unsettled};
use crate::event::{CloseCause, Closed, ClosedBy, Event, GiveUp, Outcome};
use crate::ids::{ConnectionId, MessageId, Priority};
use crate::lane::Source;
use crate::policy::Full;
use crate::transport::{MessageHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Queues a message; on an unknown or closing connection it settles as lost. Once `lifetime` is over it is given
    /// up.
    pub fn send_message(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        priority: Priority,
        lifetime: Option<Duration>,
        bytes: Bytes,
        now: Instant,
    ) {
        if !self.calls.connections.get(&connection).is_some_and(Connection::takes_work) {
            return self.turn_away(connection, message, priority, bytes.len(), Outcome::Lost);
        }
        if bytes.len() > self.config.limits.message_bytes {
            return self.turn_away(connection, message, priority, bytes.len(), Outcome::Dropped);
        }
        if lifetime == Some(Duration::ZERO) {
            return self.turn_away(connection, message, priority, bytes.len(), Outcome::Expired);
        }
        match self.make_room(connection, priority, bytes.len()) {
            Room::Made => {}
            Room::None => {
                return self.turn_away(connection, message, priority, bytes.len(), Outcome::Dropped);
            }
            Room::Never => {
                self.turn_away(connection, message, priority, bytes.len(), Outcome::Lost);
                return self.end_for_full_lane(connection, priority, now);
            }
        }
        let Some(state) = self.calls.connections.get_mut(&connection) else {
            return;
        };
        let sequence = state.lane(priority).queue(message, bytes, now);
        let deadline = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        let stage = Stage::Waiting(priority, sequence);
        state.messages.insert(message, Unsettled { stage, queued: now, deadline });
        if let Some(at) = deadline {
            self.calls.expiries.add(at, connection, message);
        }
        self.schedule(connection, priority);
    }

    /// Gives a message up. `Event::MessageSettled` tells whether that was in time; the first reason counts.
    pub fn cancel_message(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        reason: GiveUp,
        now: Instant,
    ) {
        self.give_up(connection, message, reason);
        self.hear_rooms(now);
    }

    /// Gives up the messages whose lifetime is over.
    pub(super) fn expire(&mut self, now: Instant) {
        while let Some((connection, message)) = self.calls.expiries.pop(now) {
            self.give_up(connection, message, GiveUp::Expired);
        }
    }

    /// Releases messages of this lane with `bytes` in all, which the caller took.
    pub fn release_messages(
        &mut self,
        connection: ConnectionId,
        priority: Priority,
        bytes: usize,
        now: Instant,
    ) {
        if let Some(handle) = self.calls.connections.get(&connection).and_then(|state| state.handle) {
            self.transport.release_messages(handle, priority, bytes, now);
            self.hear_rooms(now);
        }
    }

    /// Sends an unreliable datagram; `false`: too large, or the queue is full.
    ///
    /// Datagrams leave at priority 0, in turn with what else is sent there.
    pub fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes) -> bool {
        let most = self.max_datagram_size(connection);
        let Some(state) = self.calls.connections.get_mut(&connection).filter(|state| state.takes_work())
        else {
            return false;
        };
        let is_full = state.datagram_bytes + bytes.len() > DATAGRAM_QUEUE;
        if bytes.len() > most || is_full && state.datagrams.len() >= DATAGRAMS_LEAST {
            self.counters.tx_datagrams_dropped += 1;
            return false;
        }
        if state.datagrams.is_empty() {
            state.lane(PACKETS).list(Source::Datagrams);
        }
        state.datagram_bytes += bytes.len();
        state.datagrams.push_back(bytes);
        self.schedule(connection, PACKETS);
        true
    }

    /// The largest unreliable datagram that leaves now, in bytes.
    pub fn max_datagram_size(&self, connection: ConnectionId) -> usize {
        let handle = self.calls.connections.get(&connection).and_then(|state| state.handle);
        handle.map_or(0, |handle| self.transport.max_datagram_size(handle))
    }

    /// Settles a message whose outcome the transport knows.
    pub(super) fn handle_settled(
        &mut self,
        connection: ConnectionId,
        handle: MessageHandle,
        outcome: Outcome,
        now: Instant,
    ) {
        let Some(state) = self.calls.connections.get_mut(&connection) else {
            return;
        };
        let Some(message) = state.begun.remove(&handle) else {
            return;
        };
        let Some(sent) = state.messages.remove(&message) else {
            return;
        };
        let Stage::Begun(priority, _) = sent.stage else {
            return;
        };
        if let Some(at) = sent.deadline {
            self.calls.expiries.remove(at, connection, message);
        }
        let lane = state.lane(priority);
        // Refused, or the connection is closing, before all of it was written.
        if let Some(current) = lane.current.take_if(|current| current.handle == handle) {
            let bytes = current.rest.len() as u64;
            self.events.push_back(Event::LaneDrained { connection, priority, bytes });
        }
        if outcome == Outcome::Delivered {
            lane.stats.delivery.record(now.saturating_duration_since(sent.queued));
        }
        lane.count(outcome);
        self.events.push_back(Event::MessageSettled { connection, message, outcome });
    }

    fn give_up(&mut self, connection: ConnectionId, message: MessageId, reason: GiveUp) {
        let Some(state) = self.calls.connections.get_mut(&connection) else {
            return;
        };
        let Some(sent) = state.messages.get_mut(&message) else {
            return;
        };
        if let Some(at) = sent.deadline.take() {
            self.calls.expiries.remove(at, connection, message);
        }
        match sent.stage {
            Stage::Waiting(priority, sequence) => {
                state.messages.remove(&message);
                let bytes = state.lane(priority).take_out(sequence).unwrap_or_default();
                self.turn_away(connection, message, priority, bytes, reason.into());
            }
            Stage::Begun(priority, begun) => {
                let lane = state.lane(priority);
                if let Some(current) = lane.current.take_if(|current| current.handle == begun) {
                    let bytes = current.rest.len() as u64;
                    self.events.push_back(Event::LaneDrained { connection, priority, bytes });
                }
                if let Some(handle) = state.handle {
                    self.transport.cancel_message(handle, begun, reason);
                }
                if let Some(flight) = &mut state.flight {
                    flight.gave_up(message, reason);
                }
                // It may stand in the way of those behind it, for want of flow control that they do not need.
                self.handle_writable(connection);
            }
        }
    }

    /// Makes room for a message of this size as the policy of its lane says.
    fn make_room(&mut self, connection: ConnectionId, priority: Priority, bytes: usize) -> Room {
        let Some(policy) = self.departures.policies.of(priority).filter(|policy| policy.full != Full::Wait)
        else {
            return Room::Made;
        };
        loop {
            let Some(state) = self.calls.connections.get_mut(&connection) else {
                return Room::None;
            };
            let lane = state.lane(priority);
            if lane.has_room(bytes, policy.max_queued_bytes) {
                return Room::Made;
            }
            match policy.full {
                Full::Wait => return Room::Made,
                Full::DropNewest => return Room::None,
                Full::Close => return Room::Never,
                Full::DropOldest => {}
            }
            let Some(oldest) = lane.pop() else {
                return Room::Made;
            };
            if let Some(at) = state.messages.remove(&oldest.id).and_then(|sent| sent.deadline) {
                self.calls.expiries.remove(at, connection, oldest.id);
            }
            self.turn_away(connection, oldest.id, priority, oldest.bytes.len(), Outcome::Dropped);
        }
    }

    /// Settles a message that stands in no queue, or no more.
    fn turn_away(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        priority: Priority,
        bytes: usize,
        outcome: Outcome,
    ) {
        if let Some(state) = self.calls.connections.get_mut(&connection) {
            state.lane(priority).count(outcome);
        }
        self.events.push_back(Event::LaneDrained { connection, priority, bytes: bytes as u64 });
        self.events.push_back(Event::MessageSettled { connection, message, outcome });
    }

    fn end_for_full_lane(&mut self, connection: ConnectionId, priority: Priority, now: Instant) {
        let reason = format!("lane {priority} is full");
        let closed = Closed::new(ClosedBy::Local, CloseCause::LaneFull, reason);
        self.end(connection, closed, now);
        self.hear_rooms(now);
    }
}

/// Whether a message may join its lane.
enum Room {
    Made,
    None,
    /// Its connection has to end.
    Never,
}

/// Some 45 full packets.
const DATAGRAM_QUEUE: usize = 64 * 1024;
/// As many wait however long they are: over the loopback one may have 64 KiB.
const DATAGRAMS_LEAST: usize = 8;
