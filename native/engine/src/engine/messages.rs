use std::time::Instant;

use bytes::Bytes;
use warren_quic::MessageHandle;

use super::Engine;
use super::peers::PACKETS;
use crate::connection::Stage;
use crate::event::{Event, Outcome};
use crate::ids::{ConnectionId, MessageId, Priority};
use crate::lane::Source;

impl Engine {
    /// Queues a message; on an unknown or closing connection it settles as lost.
    pub fn send_message(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        priority: Priority,
        bytes: Bytes,
        now: Instant,
    ) {
        let Some(state) = self.connections.get_mut(&connection).filter(|state| state.takes_work()) else {
            return self.turn_away(connection, message, priority, bytes.len(), Outcome::Lost);
        };
        if bytes.len() > self.config.limits.message_bytes {
            return self.turn_away(connection, message, priority, bytes.len(), Outcome::Dropped);
        }
        let sequence = state.lane(priority).queue(message, bytes, now);
        state.messages.insert(message, Stage::Waiting(priority, sequence));
        self.schedule(connection, priority);
    }

    /// Gives a message up; `Event::MessageSettled` tells whether that was in time.
    pub fn cancel_message(&mut self, connection: ConnectionId, message: MessageId, now: Instant) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        match state.messages.get(&message) {
            None => {}
            Some(&Stage::Waiting(priority, sequence)) => {
                state.messages.remove(&message);
                let lane = state.lane(priority);
                lane.stats.cancelled += 1;
                let bytes = lane.take_out(sequence).unwrap_or_default() as u64;
                self.events.push_back(Event::LaneDrained { connection, priority, bytes });
                let outcome = Outcome::Cancelled;
                self.events.push_back(Event::MessageSettled { connection, message, outcome });
            }
            Some(&Stage::Begun(priority, begun)) => {
                let lane = state.lane(priority);
                if let Some(current) = lane.current.take_if(|current| current.handle == begun) {
                    let bytes = current.rest.len() as u64;
                    self.events.push_back(Event::LaneDrained { connection, priority, bytes });
                }
                if let Some(handle) = state.handle {
                    self.quic.cancel_message(handle, begun);
                }
                // It may stand in the way of those behind it, for want of flow control that they do not need.
                self.handle_writable(connection);
            }
        }
        self.settle(now);
    }

    /// The caller took messages of this lane with `bytes` in all.
    pub fn release_messages(
        &mut self,
        connection: ConnectionId,
        priority: Priority,
        bytes: usize,
        now: Instant,
    ) {
        if let Some(handle) = self.connections.get(&connection).and_then(|state| state.handle) {
            self.quic.release_messages(handle, priority, bytes, now);
            self.settle(now);
        }
    }

    /// Sends an unreliable datagram; `false`: too large, or the queue is full.
    ///
    /// Datagrams leave at priority 0, in turn with what else is sent there.
    pub fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes, _now: Instant) -> bool {
        let most = self.max_datagram_size(connection);
        let Some(state) = self.connections.get_mut(&connection).filter(|state| state.takes_work()) else {
            return false;
        };
        if bytes.len() > most || state.datagram_bytes + bytes.len() > DATAGRAM_QUEUE {
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
        let handle = self.connections.get(&connection).and_then(|state| state.handle);
        handle.map_or(0, |handle| self.quic.max_datagram_size(handle))
    }

    /// The transport knows how a message ended.
    pub(super) fn handle_settled(
        &mut self,
        connection: ConnectionId,
        handle: MessageHandle,
        outcome: warren_quic::Outcome,
    ) {
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        let Some(message) = state.begun.remove(&handle) else {
            return;
        };
        let Some(Stage::Begun(priority, _)) = state.messages.remove(&message) else {
            return;
        };
        let lane = state.lane(priority);
        // Refused, or the connection is closing, before all of it was written.
        if let Some(current) = lane.current.take_if(|current| current.handle == handle) {
            let bytes = current.rest.len() as u64;
            self.events.push_back(Event::LaneDrained { connection, priority, bytes });
        }
        let (outcome, counter) = match outcome {
            warren_quic::Outcome::Delivered => (Outcome::Delivered, &mut lane.stats.delivered),
            warren_quic::Outcome::Cancelled => (Outcome::Cancelled, &mut lane.stats.cancelled),
            warren_quic::Outcome::Refused => (Outcome::Dropped, &mut lane.stats.dropped),
            warren_quic::Outcome::Lost => (Outcome::Lost, &mut lane.stats.lost),
        };
        *counter += 1;
        self.events.push_back(Event::MessageSettled { connection, message, outcome });
    }

    /// Settles what was never queued.
    fn turn_away(
        &mut self,
        connection: ConnectionId,
        message: MessageId,
        priority: Priority,
        bytes: usize,
        outcome: Outcome,
    ) {
        self.events.push_back(Event::LaneDrained { connection, priority, bytes: bytes as u64 });
        self.events.push_back(Event::MessageSettled { connection, message, outcome });
    }
}

/// Some 45 full packets.
const DATAGRAM_QUEUE: usize = 64 * 1024;
