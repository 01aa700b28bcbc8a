//! Tests of a queue that does not go away: it is ours, the path's own delay, or a foreign flow's.

use std::time::{Duration, Instant};

use super::{PacingPhase, Rate, Seen, TARGET, Wish};

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
            self.begin(PacingPhase::Competing(now + COMPETE));
            return Wish::Compete;
        }
        Wish::Rebase
    }
}

/// Share of the capacity at which a queue is put to the test.
const TEST: f64 = 0.5;
/// Time in which two delays that are not ours mean a foreign queue.
const PHANTOM_MEMORY: Duration = Duration::from_secs(10);
/// Jumps of the path that explain a delay which stays: it is then nobody's queue.
const FOREIGN_JITTERS: f64 = 4.0;
const COMPETE: Duration = Duration::from_secs(16);
/// Share of the earlier capacity with which to begin beside another flow: beside one that fills 600 ms of queue the
/// rate has fallen to a thirtieth by then, and with the window that CUBIC makes of that it stays at a twentieth.
const FAIR: f64 = 0.5;
