use std::collections::BTreeSet;
use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::ids::ConnectionId;

/// The engine's own deadlines, at most one of each kind for a connection.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(Instant, ConnectionId, Timer)>,
    armed: FxHashMap<(ConnectionId, Timer), Instant>,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Not connected in time.
    Dial,
    /// Data may be unanswered for too long.
    Liveness,
    /// An idle connection is to be asked.
    Heartbeat,
    /// A duplicate was refused for this connection's sake, and it has not answered since.
    Probe,
    /// A graceful close waited long enough.
    Grace,
}

impl Timer {
    fn reason(self) -> &'static str {
        match self {
            Self::Dial => "dial timeout",
            Self::Liveness => "unanswered data",
            Self::Heartbeat => "heartbeat",
            Self::Probe => "duplicate probe",
            Self::Grace => "graceful close",
        }
    }
}

impl Timers {
    pub(crate) fn arm(&mut self, connection: ConnectionId, timer: Timer, at: Instant) {
        self.cancel(connection, timer);
        self.order.insert((at, connection, timer));
        self.armed.insert((connection, timer), at);
    }

    pub(crate) fn is_armed(&self, connection: ConnectionId, timer: Timer) -> bool {
        self.armed.contains_key(&(connection, timer))
    }

    pub(crate) fn cancel(&mut self, connection: ConnectionId, timer: Timer) {
        if let Some(at) = self.armed.remove(&(connection, timer)) {
            self.order.remove(&(at, connection, timer));
        }
    }

    pub(crate) fn cancel_all(&mut self, connection: ConnectionId) {
        for timer in [Timer::Dial, Timer::Liveness, Timer::Heartbeat, Timer::Probe, Timer::Grace] {
            self.cancel(connection, timer);
        }
    }

    pub(crate) fn next(&self) -> Option<(Instant, &'static str)> {
        self.order.first().map(|&(at, _, timer)| (at, timer.reason()))
    }

    /// Takes one deadline that is due.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(ConnectionId, Timer)> {
        let &(at, connection, timer) = self.order.first()?;
        if at > now {
            return None;
        }
        self.cancel(connection, timer);
        Some((connection, timer))
    }
}
