//! Liveness: an unanswered connection is asked again, its session doubted, and it is given up; a silent one is asked.

use std::time::{Duration, Instant};

use warren_wireguard::PeerId;

use super::Engine;
use crate::connection::Phase;
use crate::event::{CloseCause, Closed, ClosedBy, Initiator};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::{ConnectionHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Arms the liveness timer: something was sent that may stay unanswered.
    pub(super) fn arm_liveness(&mut self, id: ConnectionId, now: Instant) {
        let interval = self.ask_interval();
        if !self.calls.timers.is_armed(id, Timer::Liveness)
            && self.calls.connections.get(&id).is_some_and(|connection| connection.ending.is_none())
        {
            self.calls.timers.arm(id, Timer::Liveness, now + interval);
        }
    }

    /// Checks what is unanswered, of a connection or of a dial.
    pub(super) fn check_liveness(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let (peer, phase, flies_early) = (connection.peer, connection.phase, connection.flight.is_some());
        let Some(handle) = connection.handle.filter(|_| connection.ending.is_none()) else {
            return;
        };
        if self.asks_in_vain(id, handle, now) {
            return self.abandon(id, dead("what was sent is not acknowledged"), now);
        }
        let Some(since) = self.transport.unanswered_since(handle) else {
            self.ask_for_what_flies(id, handle, now);
            self.ask_while_waiting(id, now);
            return;
        };
        let doubts = self.doubt(peer, handle, since, now);
        let asks = match phase {
            Phase::Dialling if flies_early => self.await_answer(id, since, now),
            Phase::Dialling => self.repeat_hello(id, handle, now),
            Phase::Live | Phase::Closing => self.ask(id, handle, since, now),
            Phase::Accepted => self.await_dial(id, handle, since, now),
            Phase::Waiting(_) | Phase::Refused => Some(doubts),
        };
        let Some(asks) = asks else {
            return;
        };
        if self.calls.connections.contains_key(&id) {
            self.calls.timers.arm(id, Timer::Liveness, asks.min(doubts));
        }
    }

    /// Asks for an acknowledgement of what flies, where the peer is heard and says nothing of it: all of it was lost,
    /// as in an outage after which the peer spoke first, or acknowledged what it had got before. The answer to one more
    /// packet tells QUIC so at once; its own probes are far apart by then.
    fn ask_for_what_flies(&mut self, id: ConnectionId, handle: ConnectionHandle, now: Instant) {
        let Some(since) = self.transport.unacknowledged_since(handle) else {
            return;
        };
        let Some(connection) = self.calls.connections.get(&id).filter(|connection| connection.sends()) else {
            return;
        };
        let asked = connection.asked.filter(|&asked| asked >= since).unwrap_or(since);
        // Not by the probe timeout: an answer that an outage held up is a sample of the round trip.
        let due = asked + ASK;
        if due <= now {
            self.ask_now(id, now);
        }
        self.calls.timers.arm(id, Timer::Liveness, if due > now { due } else { now + ASK });
    }

    /// Whether the peer is heard for long, and acknowledges nothing new all the while: nothing reaches it, or it means
    /// harm.
    fn asks_in_vain(&mut self, id: ConnectionId, handle: ConnectionHandle, now: Instant) -> bool {
        let (Some(since), Some(heard)) =
            (self.transport.unacknowledged_since(handle), self.transport.last_heard(handle))
        else {
            return false;
        };
        let patience = self.config.dead_after.max(self.patience(handle));
        let connection = self.calls.connections.get_mut(&id).filter(|connection| connection.sends());
        connection.is_some_and(|connection| {
            let seconds = connection.in_vain.count(since, heard, now);
            seconds >= SECONDS_MIN && u64::from(seconds) >= patience.as_secs()
        })
    }

    /// Whether nothing came from a peer since this end began to doubt its session.
    pub(super) fn is_suspected(&self, id: PeerId) -> bool {
        let since = self.peers.get(&id).and_then(|peer| peer.suspected);
        since.is_some_and(|since| self.wireguard.last_received(id).is_none_or(|heard| heard < since))
    }

    /// Asks for a new session.
    pub(super) fn suspect(&mut self, id: PeerId, now: Instant) {
        self.wireguard.suspect(id, now);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.suspected = Some(now);
        }
    }

    /// Asks for an answer past the window.
    pub(super) fn ask_now(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.calls.connections.get_mut(&id)
            && let Some(handle) = connection.handle
        {
            connection.asked = Some(now);
            self.transport.ping(handle);
        }
    }

    pub(super) fn arm_heartbeat(&mut self, id: ConnectionId, now: Instant) {
        if let Some(interval) = self.beat_interval(id) {
            self.calls.timers.arm(id, Timer::Heartbeat, now + interval);
        }
    }

    /// Asks a connection, because of which a duplicate was refused, for a sign of life.
    pub(super) fn probe(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let Some(handle) = connection.handle else {
            return;
        };
        connection.refused_again = true;
        if self.calls.timers.is_armed(id, Timer::Probe) {
            return;
        }
        connection.refused_for = 0;
        self.transport.ping(handle);
        self.calls.timers.arm(id, Timer::Probe, now + PROBE);
    }

    /// Gives up a connection that does not answer, though the peer dials on. A machine that is busy, at either end, is
    /// slow to answer everything: only a peer that is refused again and again has had its turn to answer.
    pub(super) fn check_probe(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        connection.refused_for += u32::from(std::mem::take(&mut connection.refused_again));
        let (handle, refused_for) = (connection.handle, connection.refused_for);
        let silent = |handle: &ConnectionHandle| {
            self.transport.unanswered_since(*handle).is_some_and(|since| since + PROBE <= now)
        };
        let Some(handle) = handle.filter(silent) else {
            return;
        };
        if refused_for >= REFUSED_FOR {
            return self.abandon(id, dead("the peer dials anew, and this connection does not answer"), now);
        }
        self.transport.ping(handle);
        self.calls.timers.arm(id, Timer::Probe, now + PROBE);
    }

    /// Asks a connection that waits for the other end's credit, although nothing flies, as often as an unanswered
    /// connection may be silent: nobody would ever notice otherwise that the other end is gone.
    pub(super) fn ask_while_waiting(&mut self, id: ConnectionId, now: Instant) {
        let latest = now + self.config.dead_after;
        if self.calls.timers.armed_at(id, Timer::Heartbeat).is_none_or(|at| at > latest) {
            self.arm_heartbeat(id, now);
        }
    }

    /// Asks a connection that was silent for a whole interval; looks again at one that was heard when its interval is
    /// over.
    pub(super) fn beat(&mut self, id: ConnectionId, now: Instant) {
        let Some(interval) = self.beat_interval(id) else {
            return;
        };
        let Some(handle) = self.calls.connections.get(&id).and_then(|connection| connection.handle) else {
            return;
        };
        let mut next = self.transport.last_heard(handle).map_or(now, |heard| heard + interval);
        if next <= now {
            self.transport.ping(handle);
            next = now + interval;
        }
        self.calls.timers.arm(id, Timer::Heartbeat, next);
    }

    /// Longest silence of a connection. That of the end which was dialled is longer, so that it hears the other's
    /// question before it asks its own: both together exchange one an interval.
    fn beat_interval(&self, id: ConnectionId) -> Option<Duration> {
        let connection = self.calls.connections.get(&id).filter(|connection| connection.sends())?;
        let heartbeat = self.config.heartbeat.filter(|interval| !interval.is_zero());
        let heartbeat = heartbeat.map(|interval| match connection.initiator {
            Initiator::Local => interval,
            Initiator::Remote => interval + interval / FOLLOWS,
        });
        let waiting = connection.waits_for_peer().then_some(self.config.dead_after);
        [heartbeat, waiting].into_iter().flatten().min()
    }

    /// Asks for a new session once nothing at all has come from a silent peer for long enough. Answers the instant of
    /// the next look.
    fn doubt(&mut self, id: PeerId, handle: ConnectionHandle, since: Instant, now: Instant) -> Instant {
        let heard = self.wireguard.last_received(id).map_or(since, |heard| heard.max(since));
        let due = heard + self.patience(handle);
        if due > now {
            return due;
        }
        self.suspect(id, now);
        now + ASK
    }

    /// Dials afresh if the hello stays unanswered: quinn-proto doubles its time between two attempts, and nothing moves
    /// it on. Answers the instant of the next look, unless the dial was made afresh.
    fn repeat_hello(&mut self, id: ConnectionId, handle: ConnectionHandle, now: Instant) -> Option<Instant> {
        let patience = self.patience(handle);
        let connection = self.calls.connections.get_mut(&id)?;
        let said = connection.said.last?;
        let due = said + patience * (1 << connection.said.doublings);
        if due > now {
            return Some(due);
        }
        let heard = self.wireguard.last_received(connection.peer).is_some_and(|heard| heard >= said);
        if heard && connection.said.doublings < DOUBLINGS {
            connection.said.doublings += 1;
            return Some(said + patience * (1 << connection.said.doublings));
        }
        self.dial_afresh(id, now);
        None
    }

    /// Gives up a dial of the peer's that it does not complete, though it is heard: the process that dialled is gone,
    /// and another has answered the handshake that this end asked for. Dials of this end wait for it, and from the
    /// new process nothing comes by which it would be known. One that lives says its hello again.
    fn await_dial(
        &mut self,
        id: ConnectionId,
        handle: ConnectionHandle,
        since: Instant,
        now: Instant,
    ) -> Option<Instant> {
        let doubted = since + self.patience(handle);
        let due = doubted + self.patience(handle);
        if due > now {
            return Some(due);
        }
        let connection = self.calls.connections.get(&id)?;
        let (peer, is_given) = (connection.peer, connection.given);
        if self.wireguard.last_received(peer).is_none_or(|heard| heard < doubted) {
            return Some(now + ASK);
        }
        match is_given {
            true => self.dial_instead(id, now),
            false => self.abandon(id, dead("the peer did not complete its dial"), now),
        }
        None
    }

    /// Asks a connection that does not answer, or gives it up. A machine that was suspended asks once more: the answer
    /// may wait to be read.
    fn ask(
        &mut self,
        id: ConnectionId,
        handle: ConnectionHandle,
        since: Instant,
        now: Instant,
    ) -> Option<Instant> {
        let interval = self.ask_interval();
        let deadline = since + self.config.dead_after;
        let asked = self.calls.connections.get(&id)?.asked.filter(|&asked| asked >= since);
        if deadline <= now && asked.is_some_and(|asked| now <= asked + interval + SUSPENDED) {
            self.abandon(id, dead("data stayed unanswered"), now);
            return None;
        }
        let mut next = asked.unwrap_or(since) + interval;
        if next <= now {
            self.transport.ping(handle);
            self.calls.connections.get_mut(&id)?.asked = Some(now);
            next = now + interval;
        }
        Some(if deadline > now { next.min(deadline) } else { next })
    }

    /// Time that an answer may take before the session is doubted.
    fn patience(&self, handle: ConnectionHandle) -> Duration {
        self.transport.probe_timeout(handle).map_or(ASK, |timeout| ASK.max(3 * timeout))
    }

    fn ask_interval(&self) -> Duration {
        ASK.min(self.config.dead_after / ASKS)
    }
}

/// End of a connection whose other end is silent.
pub(super) fn dead(reason: &str) -> Closed {
    Closed::new(ClosedBy::Network, CloseCause::PeerDead, reason)
}

/// Time for which something is unanswered before it is asked for, doubted and said again, and between two times: QUIC's
/// own probes back off by doubling, and after an outage of 8 s the next would come 8 s later.
pub(super) const ASK: Duration = Duration::from_secs(1);
/// Least number of times that a connection is asked before it is given up.
const ASKS: u32 = 15;
/// Least number of seconds in vain that end a connection: where one of ten packets is lost, the questions of as many
/// seconds are all lost once in 28 hours.
const SECONDS_MIN: u32 = 5;
/// A timer this late was not late for want of processor time.
const SUSPENDED: Duration = Duration::from_secs(1);
/// 0.75 s of 9: more than the round trip of nearly all paths, and both below WireGuard's 10 s.
const FOLLOWS: u32 = 12;
/// Eight times the patience: a path of 8 s that was taken for one of 1 ms connects.
const DOUBLINGS: u32 = 3;
/// Longest silence of a live connection when a duplicate of it is refused.
const PROBE: Duration = Duration::from_secs(1);
/// Seconds in which dials are refused for a connection while it is silent: more than the slowest round trip, after
/// which a refused dial is made anew (`REDIAL`).
const REFUSED_FOR: u32 = 3;
