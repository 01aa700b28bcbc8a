//! Renewed sessions, and new processes at the other end: what waits for the peer does not wait for its own timers.

use std::time::Instant;

use warren_wireguard::PeerId;

use super::Engine;
use super::liveness::ASK;
use crate::connection::{Connection, Phase};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Moves a peer's connections on: it has a new session or process, or this end gave up getting one. Dials that wait
    /// for it begin, or ask again, and what is unanswered is asked for. A peer may renew as often as it likes: the same
    /// connection moves on once in [`ASK`].
    pub(super) fn move_on(&mut self, peer: PeerId, now: Instant) {
        for id in self.connections_of(peer) {
            let goes_on = |it: &&Connection| it.ending.is_none() && !it.deserted;
            let Some(connection) = self.calls.connections.get(&id).filter(goes_on) else {
                continue;
            };
            if connection.phase == Phase::Dialling && connection.handle.is_none() {
                self.start(id, now);
            } else if connection.moved_on.is_none_or(|at| now >= at + ASK)
                && self.move_connection_on(id, now)
                && let Some(connection) = self.calls.connections.get_mut(&id)
            {
                connection.moved_on = Some(now);
            }
        }
    }

    /// Moves one connection on. Whether there was anything to do.
    fn move_connection_on(&mut self, id: ConnectionId, now: Instant) -> bool {
        let Some(connection) = self.calls.connections.get(&id) else {
            return false;
        };
        let Some(handle) = connection.handle else {
            let refused = connection.phase == Phase::Refused;
            if refused {
                self.calls.timers.cancel(id, Timer::Redial);
                self.redial(id, now);
            }
            return refused;
        };
        let Some(since) = self.transport.unanswered_since(handle) else {
            return false;
        };
        // An answer may be under way, and QUIC's first probe is soon enough if it is not.
        let late = now >= since + self.transport.probe_timeout(handle).unwrap_or_default();
        match connection.phase {
            Phase::Live | Phase::Closing if late => self.ask_now(id, now),
            // QUIC repeats the flight; another one might be read twice.
            Phase::Dialling if connection.flight.is_some() => return false,
            Phase::Dialling
                if late || connection.said.doubtful || !self.wireguard.has_session(connection.peer) =>
            {
                self.dial_afresh(id, now);
            }
            Phase::Dialling
            | Phase::Live
            | Phase::Closing
            | Phase::Accepted
            | Phase::Waiting(_)
            | Phase::Refused => return false,
        }
        true
    }

    /// Says another hello instead of the last, under the same name.
    pub(super) fn dial_afresh(&mut self, id: ConnectionId, now: Instant) {
        self.drop_handle(id);
        self.start(id, now);
    }
}
