use std::time::{Duration, Instant};

use super::Engine;
use crate::event::{CloseCause, Closed, ClosedBy};
use crate::ids::ConnectionId;
use crate::timers::Timer;

impl Engine {
    /// Something was sent: it may stay unanswered.
    pub(super) fn arm_liveness(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.connections.get_mut(&id)
            && !connection.liveness_armed
            && connection.sends()
        {
            connection.liveness_armed = true;
            self.timers.arm(id, Timer::Liveness, now + self.config.dead_after / ASKS);
        }
    }

    pub(super) fn arm_heartbeat(&mut self, id: ConnectionId, now: Instant) {
        if let Some(interval) = self.config.heartbeat {
            self.timers.arm(id, Timer::Heartbeat, now + interval);
        }
    }

    /// Asks a connection for a sign of life, for the sake of which a duplicate was refused.
    pub(super) fn probe(&mut self, id: ConnectionId, now: Instant) {
        if self.timers.is_armed(id, Timer::Probe) {
            return;
        }
        let heard = self.heard(id);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(handle) = connection.handle else {
            return;
        };
        connection.probed_at = heard;
        self.quic.ping(handle);
        self.timers.arm(id, Timer::Probe, now + PROBE);
    }

    pub(super) fn check_probe(&mut self, id: ConnectionId, now: Instant) {
        let heard = self.heard(id);
        if self.connections.get(&id).is_some_and(|connection| connection.probed_at == heard) {
            self.abandon(id, dead("the peer dials anew, and this connection does not answer"), now);
        }
    }

    pub(super) fn check_liveness(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.liveness_armed = false;
        let Some(handle) = connection.handle else {
            return;
        };
        let Some(since) = self.quic.unanswered_since(handle) else {
            self.ask_while_waiting(id, now);
            return;
        };
        let deadline = since + self.config.dead_after;
        if deadline <= now {
            self.abandon(id, dead("data stayed unanswered"), now);
            return;
        }
        connection.liveness_armed = true;
        let interval = self.config.dead_after / ASKS;
        let mut next = since + interval;
        if next <= now {
            self.quic.ping(handle);
            next = deadline.min(now + interval);
        }
        self.timers.arm(id, Timer::Liveness, next);
    }

    /// What waits for the other end's credit stays unanswered although nothing flies: it is asked as often as an
    /// unanswered connection may be silent, or nobody would ever notice that it is gone.
    pub(super) fn ask_while_waiting(&mut self, id: ConnectionId, now: Instant) {
        if self.timers.is_armed(id, Timer::Heartbeat) {
            return;
        }
        let heard = self.heard(id);
        if let Some(connection) =
            self.connections.get_mut(&id).filter(|connection| connection.waits_for_peer())
        {
            connection.beat_at = heard;
            self.timers.arm(id, Timer::Heartbeat, now + self.config.dead_after);
        }
    }

    pub(super) fn beat(&mut self, id: ConnectionId, now: Instant) {
        let heard = self.heard(id);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.beat_at == heard
            && let Some(handle) = connection.handle
        {
            self.quic.ping(handle);
        }
        connection.beat_at = heard;
        self.arm_heartbeat(id, now);
        self.ask_while_waiting(id, now);
    }

    /// Datagrams received on a connection.
    fn heard(&self, id: ConnectionId) -> u64 {
        let handle = self.connections.get(&id).and_then(|connection| connection.handle);
        handle.and_then(|handle| self.quic.stats(handle)).map_or(0, |stats| stats.datagrams_received)
    }
}

fn dead(reason: &str) -> Closed {
    Closed { by: ClosedBy::Network, code: 0, reason: reason.into(), cause: CloseCause::PeerDead }
}

/// How often an unanswered connection is asked before it is given up: QUIC's own probes back off by doubling, and after
/// an outage of 8 s the next would come too late for a limit of 15 s.
const ASKS: u32 = 15;
/// How long a live connection may stay silent when a duplicate of it is refused.
const PROBE: Duration = Duration::from_secs(1);
