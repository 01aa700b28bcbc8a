//! A queue that does not go away is put to the test: ours, the path's own, or somebody else's.

use std::time::{Duration, Instant};

use super::{Phase, Rate, Seen, TARGET, Wish};

#[derive(Clone, Copy, Debug)]
pub(super) struct Test {
    pub(super) cut_until: Instant,
    judged: Instant,
    queue: f64,
    expected: f64,
}

impl Rate {
    pub(super) fn begin_test(&mut self, seen: &Seen, now: Instant) {
        let queue = seen.queue.max(self.coming(seen));
        let cut = (queue / (1.0 - TEST)).clamp(0.02, 0.5);
        let cut_until = now + Duration::from_secs_f64(cut);
        let judged = cut_until + seen.round_trip + Duration::from_millis(20);
        self.test = Some(Test { cut_until, judged, queue, expected: (cut * (1.0 - TEST)).min(queue) });
        self.rate = self.capacity * TEST;
        self.high = None;
    }

    pub(super) fn testing(&mut self, test: Test, seen: &Seen, now: Instant) -> Wish {
        let cut = now < test.cut_until && self.coming(seen) > TARGET;
        self.rate = self.capacity * if cut { TEST } else { 0.9 };
        if now < test.judged && seen.queue > TARGET {
            return Wish::Nothing;
        }
        self.test = None;
        self.grown = now;
        if seen.queue < test.queue - test.expected / 2.0 || seen.beside_startup {
            self.verified = self.capacity;
            return Wish::Nothing;
        }
        self.capacity = self.capacity.max(self.verified);
        self.verified = self.capacity;
        let again = self.phantom.is_some_and(|at| now.saturating_duration_since(at) < PHANTOM_MEMORY);
        self.phantom = Some(now);
        let explained = if seen.jitters { FOREIGN_JITTERS * seen.jitter } else { 0.0 };
        if again && seen.queue > explained {
            self.capacity = self.capacity.max(FAIR * self.uncontested);
            self.begin(Phase::Competing(now + COMPETE));
            return Wish::Compete;
        }
        Wish::Rebase
    }
}

/// Of the capacity, while a queue is put to the test.
const TEST: f64 = 0.5;
/// Two delays in this time that are not ours: they are somebody's queue.
const PHANTOM_MEMORY: Duration = Duration::from_secs(10);
/// What stays is nobody's queue if jumps of the path explain it.
const FOREIGN_JITTERS: f64 = 4.0;
const COMPETE: Duration = Duration::from_secs(16);
/// The share to begin with beside another, of what was there for one: beside a flow that fills 600 ms of queue the rate has fallen
/// to a thirtieth by then, and with what CUBIC makes of that it stays at a twentieth.
const FAIR: f64 = 0.5;
