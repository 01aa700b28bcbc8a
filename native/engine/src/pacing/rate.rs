mod seen;
mod steady;
mod trial;

use std::time::{Duration, Instant};

pub(crate) use seen::{Seen, Wish};
use trial::Test;

/// Finds the rate of a bottleneck and keeps its queue short.
///
/// Start-up doubles a window each round trip until a queue stands (the owner does that). Then: the capacity is what
/// arrives while a queue stands, and grows, the faster the longer none does; the rate is the capacity, and a little more
/// or less in proportion to what is missing or too much of the queue to come.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) phase: Phase,
    /// Bytes a second.
    capacity: f64,
    rate: f64,
    /// What may leave however slow the path seemed, or an outage would be taken for its rate for good.
    floor: f64,
    growth: f64,
    grown: Instant,
    /// The capacity when the queue was last as it should be.
    verified: f64,
    /// The same, whatever tests of a longer queue have said since.
    uncontested: f64,
    /// Since when the queue is longer than it should be.
    high: Option<Instant>,
    /// Until when the rate is cut to see whether the queue is ours; the queue before.
    test: Option<Test>,
    drained: Instant,
    drain_until: Option<Instant>,
    /// For how long it takes to empty the queue with what counts as the path's jitter, where it does.
    emptying: Duration,
    /// The greatest rates of arrivals of late.
    arrivals: [f64; ARRIVALS],
    next: usize,
    loss: f64,
    /// A queue stood in the last tick.
    stood: bool,
    /// The last tick's queue, by how much it changed, and by how much it goes up and down, seconds.
    queue: f64,
    step: f64,
    noise: f64,
    /// The queue grew in the last tick.
    grew: bool,
    phantom: Option<Instant>,
    found: Option<Instant>,
    /// The phase is new.
    started: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Looking for the rate.
    Startup,
    /// Paced.
    Steady,
    /// Too fast to be paced: the window alone bounds what flies.
    Fast,
    /// Beside a foreign queue, until then.
    Competing(Instant),
}

impl Rate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Startup,
            capacity: 0.0,
            rate: 0.0,
            floor: 0.0,
            growth: GROWTH_MIN,
            grown: now,
            verified: 0.0,
            uncontested: 0.0,
            high: None,
            test: None,
            drained: now,
            drain_until: None,
            emptying: Duration::ZERO,
            arrivals: [0.0; ARRIVALS],
            next: 0,
            loss: 0.0,
            stood: false,
            queue: 0.0,
            step: 0.0,
            noise: 0.0,
            grew: false,
            phantom: None,
            found: None,
            started: false,
        }
    }

    /// Whether the phase is new since the last call.
    pub(crate) fn take_start(&mut self) -> bool {
        std::mem::take(&mut self.started)
    }

    pub(crate) fn capacity(&self) -> f64 {
        self.capacity
    }

    /// Bytes a second; `None`: no bound.
    pub(crate) fn rate(&self) -> Option<f64> {
        match self.phase {
            Phase::Steady => Some(self.rate.max(self.floor)),
            Phase::Startup | Phase::Fast | Phase::Competing(_) => None,
        }
    }

    /// A datagram of this size takes so long there and back.
    pub(crate) fn answered(&mut self, datagram: f64, round_trip: Duration) {
        self.floor = datagram / round_trip.clamp(FLOOR_TIME_MIN, FLOOR_TIME_MAX).as_secs_f64();
    }

    /// The bottleneck was met at this rate.
    pub(crate) fn found(&mut self, rate: f64, now: Instant) {
        self.capacity = rate;
        self.verified = rate;
        self.found = Some(now);
        self.rate = rate / 2.0;
        self.grown = now;
        self.drained = now;
        self.growth = GROWTH_MIN;
        self.begin(if rate >= FAST { Phase::Fast } else { Phase::Steady });
    }

    fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.started = true;
    }

    /// Whether the rate is looked for, or was just found, and what was sent too much of may still wait.
    pub(crate) fn is_new(&self, now: Instant) -> bool {
        self.phase == Phase::Startup || self.found.is_some_and(|at| now.saturating_duration_since(at) < NEW)
    }

    /// Until when the rate is cut, by a drain or a test.
    pub(crate) fn cut_until(&self) -> Option<Instant> {
        self.test.map(|test| test.cut_until).max(self.drain_until)
    }

    /// Whether the last drain is long enough ago for one that others want.
    pub(crate) fn may_drain_along(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.drained) >= DRAIN_EVERY / 2
    }

    /// Drains with others of the device. Answers until when.
    pub(crate) fn drain_along(&mut self, until: Instant, now: Instant) -> Instant {
        let until = until.max(now + self.emptying);
        self.drain_until = self.drain_until.max(Some(until));
        self.drained = now;
        self.grown = self.grown.max(until + REFILL);
        self.rate = self.rate.min(self.capacity * DRAIN);
        self.cut_until().unwrap_or(until)
    }

    /// The greatest rate of arrivals of the last ticks.
    pub(crate) fn arrivals(&self) -> f64 {
        self.arrivals.iter().copied().fold(0.0, f64::max)
    }

    pub(crate) fn end_tick(&mut self, seen: &Seen, now: Instant) -> Wish {
        self.arrivals[self.next] = seen.rate;
        self.next = (self.next + 1) % ARRIVALS;
        self.loss += (seen.loss - self.loss) / 8.0;
        match self.phase {
            Phase::Startup => Wish::Nothing,
            Phase::Fast => {
                self.capacity = self.arrivals();
                if self.capacity < FAST / 2.0 && seen.queue > TARGET_MAX {
                    self.found(self.capacity, now);
                }
                Wish::Nothing
            }
            Phase::Competing(until) => {
                self.capacity = self.arrivals();
                if now < until {
                    return Wish::Nothing;
                }
                self.found(self.capacity, now);
                // The first tick with a queue above the old base puts it to the test.
                self.phantom = Some(now);
                self.high = now.checked_sub(Duration::from_secs(60));
                Wish::Return
            }
            Phase::Steady => self.steer(seen, now),
        }
    }
}

/// Seconds of queue that shall stand; with a datagram it is 0.5 ms at 100 Mbit/s, 1 ms at 20.
const TARGET: f64 = 0.0004;
/// The design's bound on a standing queue.
const TARGET_MAX: f64 = 0.0024;
const GROWTH_MIN: f64 = 0.005;
/// Of the capacity, while the queue is emptied.
const DRAIN: f64 = 0.6;
const DRAIN_EVERY: Duration = Duration::from_secs(5);
/// A queue that was emptied is back after `CORRECTION`; until then none means nothing.
const REFILL: Duration = Duration::from_millis(30);
/// A packet a round trip may always leave: never more than 100 a second, nor less than four, so that ticks go on.
const FLOOR_TIME_MIN: Duration = Duration::from_millis(10);
const FLOOR_TIME_MAX: Duration = Duration::from_millis(250);
/// Bytes a second (500 Mbit/s) from which timers cost more than they bring: a millisecond is 42 packets.
const FAST: f64 = 62.5e6;
const ARRIVALS: usize = 10;
/// What a start-up sent too much of is gone after this time.
const NEW: Duration = Duration::from_secs(3);
