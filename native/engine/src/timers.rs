//! Deadlines of connections, each with its purpose.

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

/// Purpose of a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Not connected in time.
    Dial,
    /// A dial was refused for the sake of a connection that has not shown up.
    Redial,
    /// Data may be unanswered for too long.
    Liveness,
    /// An idle connection is to be asked.
    Heartbeat,
    /// A duplicate was refused for this connection's sake, and it has not answered since.
    Probe,
    /// A graceful close waited long enough.
    Grace,
    /// The peer announced lists of which the caller was not told yet.
    Announcement,
    /// The peer said goodbye, and its close of this connection has not come.
    Goodbye,
}

impl Timer {
    fn reason(self) -> &'static str {
        match self {
            Self::Dial => "dial timeout",
            Self::Redial => "dial again",
            Self::Liveness => "unanswered data",
            Self::Heartbeat => "heartbeat",
            Self::Probe => "duplicate probe",
            Self::Grace => "graceful close",
            Self::Announcement => "announcement",
            Self::Goodbye => "goodbye",
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

    pub(crate) fn armed_at(&self, connection: ConnectionId, timer: Timer) -> Option<Instant> {
        self.armed.get(&(connection, timer)).copied()
    }

    pub(crate) fn cancel(&mut self, connection: ConnectionId, timer: Timer) {
        if let Some(at) = self.armed.remove(&(connection, timer)) {
            self.order.remove(&(at, connection, timer));
        }
    }

    pub(crate) fn cancel_all(&mut self, connection: ConnectionId) {
        for timer in [
            Timer::Dial,
            Timer::Redial,
            Timer::Liveness,
            Timer::Heartbeat,
            Timer::Probe,
            Timer::Grace,
            Timer::Announcement,
            Timer::Goodbye,
        ] {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn deadlines_are_those_of_a_linear_search() {
        for seed in 0..20 {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            let mut timers = Timers::default();
            let mut naive: BTreeMap<(ConnectionId, Timer), Instant> = BTreeMap::new();
            let mut now = start();
            for _ in 0..2_000 {
                let connection = ConnectionId(rng.random_range(0..5));
                let timer = [Timer::Dial, Timer::Liveness, Timer::Probe][rng.random_range(0..3usize)];
                match rng.random_range(0..10) {
                    0..6 => {
                        let at = now + Duration::from_millis(rng.random_range(0..50));
                        timers.arm(connection, timer, at);
                        naive.insert((connection, timer), at);
                    }
                    6 => {
                        timers.cancel(connection, timer);
                        naive.remove(&(connection, timer));
                    }
                    7 => {
                        timers.cancel_all(connection);
                        naive.retain(|&(other, _), _| other != connection);
                    }
                    _ => {
                        now += Duration::from_millis(rng.random_range(0..10));
                        while let Some(due) = timers.pop(now) {
                            assert!(naive.remove(&due).is_some_and(|at| at <= now), "seed {seed}");
                        }
                        assert!(naive.values().all(|&at| at > now), "seed {seed}");
                    }
                }
                assert_eq!(timers.next().map(|(at, _)| at), naive.values().min().copied(), "seed {seed}");
                assert_eq!(
                    timers.is_armed(connection, timer),
                    naive.contains_key(&(connection, timer)),
                    "seed {seed}"
                );
            }
        }
    }

    #[expect(clippy::disallowed_methods, reason = "an `Instant` can be had in no other way")]
    fn start() -> Instant {
        Instant::now()
    }
}
