//! The controller that finds a bottleneck's rate.

mod seen;
mod steady;
mod trial;

use std::time::{Duration, Instant};

use trial::Test;

pub(crate) use seen::{Seen, Wish};

/// Finds the rate of a bottleneck and keeps its queue short.
///
/// Start-up doubles a window each round trip until a queue stands (the owner does that). Then, while a queue stands,
/// the capacity follows the arrival rate; while none does, it grows, faster the longer that lasts. The rate is the
/// capacity, corrected in proportion to how far the predicted queue is from its target.
#[derive(Debug)]
pub(crate) struct Rate {
    pub(crate) phase: PacingPhase,
    /// Bytes a second.
    capacity: f64,
    rate: f64,
    /// Rate that is allowed however slow the path seemed, or an outage would be taken for its capacity for good.
    floor: f64,
    growth: f64,
    grown: Instant,
    /// Capacity at the last tick whose queue was near its target.
    verified: f64,
    /// The same, but that no test of a long queue changes it.
    uncontested: f64,
    /// Instant since which the queue is too long.
    high: Option<Instant>,
    /// The test of whether a long queue is this device's, while one is under way.
    test: Option<Test>,
    last_drain: Instant,
    drain_until: Option<Instant>,
    /// Time that emptying the queue of a path that jitters takes, its floor included; zero where it has no floor.
    emptying: Duration,
    /// Arrival rates of the last ticks.
    arrivals: [f64; ARRIVALS],
    next: usize,
    loss: f64,
    /// Whether a queue stood in the last tick.
    stood: bool,
    /// Queue of the last tick, its change, and its average change up and down, in seconds.
    queue: f64,
    step: f64,
    noise: f64,
    /// Whether the queue grew in the last tick.
    grew: bool,
    phantom: Option<Instant>,
    found: Option<Instant>,
    /// Whether the phase is new.
    started: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PacingPhase {
    /// The rate is looked for.
    Startup,
    /// The rate is known: sending is paced at it.
    Steady,
    /// The rate is too high to be paced: the window alone bounds what flies.
    Fast,
    /// A foreign flow fills the queue: the window alone bounds what flies, until then.
    Competing(Instant),
}

impl Rate {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            phase: PacingPhase::Startup,
            capacity: 0.0,
            rate: 0.0,
            floor: 0.0,
            growth: GROWTH_MIN,
            grown: now,
            verified: 0.0,
            uncontested: 0.0,
            high: None,
            test: None,
            last_drain: now,
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
            PacingPhase::Steady => Some(self.rate.max(self.floor)),
            PacingPhase::Startup | PacingPhase::Fast | PacingPhase::Competing(_) => None,
        }
    }

    /// Sets the least rate from the round trip of a datagram of this size.
    pub(crate) fn answered(&mut self, datagram: f64, round_trip: Duration) {
        self.floor = datagram / round_trip.clamp(FLOOR_TIME_MIN, FLOOR_TIME_MAX).as_secs_f64();
    }

    /// Ends the search: the bottleneck showed at this rate.
    pub(crate) fn found(&mut self, rate: f64, now: Instant) {
        self.capacity = rate;
        self.verified = rate;
        self.found = Some(now);
        self.rate = rate / 2.0;
        self.grown = now;
        self.last_drain = now;
        self.growth = GROWTH_MIN;
        self.begin(if rate >= FAST { PacingPhase::Fast } else { PacingPhase::Steady });
    }

    fn begin(&mut self, phase: PacingPhase) {
        self.phase = phase;
        self.started = true;
    }

    /// Whether the rate is looked for, or was found so lately that the excess of start-up may still wait in a queue.
    pub(crate) fn is_new(&self, now: Instant) -> bool {
        self.phase == PacingPhase::Startup
            || self.found.is_some_and(|at| now.saturating_duration_since(at) < NEW)
    }

    /// Instant until which a drain or a test cuts the rate.
    pub(crate) fn cut_until(&self) -> Option<Instant> {
        self.test.map(|test| test.cut_until).max(self.drain_until)
    }

    /// Whether the last drain is long enough ago for one that others want.
    pub(crate) fn may_drain_along(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_drain) >= DRAIN_EVERY / 2
    }

    /// Drains with others of the device. Answers the instant of its end.
    pub(crate) fn drain_along(&mut self, until: Instant, now: Instant) -> Instant {
        let until = until.max(now + self.emptying);
        self.drain_until = self.drain_until.max(Some(until));
        self.last_drain = now;
        self.grown = self.grown.max(until + REFILL);
        self.rate = self.rate.min(self.capacity * DRAIN);
        self.cut_until().unwrap_or(until)
    }

    /// The greatest arrival rate of the last ticks.
    pub(crate) fn arrivals(&self) -> f64 {
        self.arrivals.iter().copied().fold(0.0, f64::max)
    }

    pub(crate) fn end_tick(&mut self, seen: &Seen, now: Instant) -> Wish {
        self.arrivals[self.next] = seen.rate;
        self.next = (self.next + 1) % ARRIVALS;
        self.loss += (seen.loss - self.loss) / 8.0;
        match self.phase {
            PacingPhase::Startup => Wish::Nothing,
            PacingPhase::Fast => {
                self.capacity = self.arrivals();
                if self.capacity < FAST / 2.0 && seen.queue > TARGET_MAX {
                    self.found(self.capacity, now);
                }
                Wish::Nothing
            }
            PacingPhase::Competing(until) => {
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
            PacingPhase::Steady => self.steer(seen, now),
        }
    }
}

/// Target of the queue, in seconds: with a datagram it is 0.5 ms at 100 Mbit/s, 1 ms at 20.
const TARGET: f64 = 0.0004;
/// Bound of the design on a standing queue.
const TARGET_MAX: f64 = 0.0024;
const GROWTH_MIN: f64 = 0.005;
/// Share of the capacity at which the queue is emptied.
const DRAIN: f64 = 0.6;
const DRAIN_EVERY: Duration = Duration::from_secs(5);
/// Time in which a queue that was emptied comes back (`CORRECTION`): until then an empty one means nothing.
const REFILL: Duration = Duration::from_millis(30);
/// Round trips for the least rate, a packet in each: never more than 100 packets a second, nor less than four, so that
/// ticks go on.
const FLOOR_TIME_MIN: Duration = Duration::from_millis(10);
const FLOOR_TIME_MAX: Duration = Duration::from_millis(250);
/// Bytes a second (500 Mbit/s) from which timers cost more than they bring: a millisecond is 42 packets.
const FAST: f64 = 62.5e6;
const ARRIVALS: usize = 10;
/// Time after which the excess of a start-up has left the queue.
const NEW: Duration = Duration::from_secs(3);
