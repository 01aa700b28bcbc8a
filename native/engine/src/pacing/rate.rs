use std::time::{Duration, Instant};

/// What all members of a group saw in a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The queue that every packet met, seconds.
    pub(crate) queue: f64,
    /// Seconds since the last tick.
    pub(crate) elapsed: f64,
    /// Outer bytes in flight.
    pub(crate) flying: f64,
    /// Of those, what the path holds at this rate of arrivals without a queue that grows, seconds.
    pub(crate) held: f64,
    /// Outer bytes a second that arrived.
    pub(crate) rate: f64,
    /// Outer bytes a second that left.
    pub(crate) sent: f64,
    /// The share of bytes that was lost, of what was lost and what arrived.
    pub(crate) loss: f64,
    /// By how much delays jump, seconds.
    pub(crate) jitter: f64,
    /// By how much they go up and down on average, seconds.
    pub(crate) flutter: f64,
    /// The longest round trip of a member.
    pub(crate) round_trip: Duration,
    /// The rate was what held data back.
    pub(crate) limited: bool,
    /// Outer bytes of a full datagram.
    pub(crate) datagram: f64,
    /// Another group of the device looks for its rate, maybe in the same queue.
    pub(crate) beside_startup: bool,
}

/// What the controller wants besides a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// The delay that is there now is the path's own.
    Rebase,
    /// The delay is a foreign queue's: compete for a while.
    Compete,
    /// Try again to do without competing: the base of before.
    Return,
}

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
    /// Since when the queue is longer than it should be.
    high: Option<Instant>,
    /// Until when the rate is cut to see whether the queue is ours; the queue before.
    test: Option<Test>,
    drained: Instant,
    drain_until: Option<Instant>,
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

#[derive(Clone, Copy, Debug)]
struct Test {
    cut_until: Instant,
    judged: Instant,
    queue: f64,
    expected: f64,
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
            high: None,
            test: None,
            drained: now,
            drain_until: None,
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

    /// Drains with others of the device.
    pub(crate) fn drain_along(&mut self, until: Instant, now: Instant) {
        self.drain_until = self.drain_until.max(Some(until));
        self.drained = now;
        self.grown = self.grown.max(until + REFILL);
        self.rate = self.rate.min(self.capacity * DRAIN);
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

    fn steer(&mut self, seen: &Seen, now: Instant) -> Wish {
        self.note_noise(seen);
        let found_less = self.believe_growth(seen);
        if let Some(test) = self.test {
            if found_less {
                // More of the queue is still to come than it was begun for.
                self.begin_test(seen, now);
                return Wish::Nothing;
            }
            return self.testing(test, seen, now);
        }
        let (jumps, stands) =
            if seen.flutter > FLUTTER { (seen.jitter, STANDS_JITTER) } else { (0.0, STANDS) };
        let jitter = (3.0 * jumps.max(self.noise - NOISE_MIN)).clamp(0.0, JITTER_MAX);
        let target = (TARGET + 2.0 * seen.datagram / self.capacity.max(1.0)).min(TARGET_MAX) + jitter;
        let standing = stands * target;
        self.learn(seen, standing, now);
        self.capacity = self.capacity.max(self.floor);
        if seen.queue > 2.0 * target + HIGH {
            let since = *self.high.get_or_insert(now);
            let patience = PATIENCE.max(seen.round_trip * 3);
            if now.saturating_duration_since(since) > patience || self.capacity < 0.8 * self.verified {
                self.begin_test(seen, now);
            }
        } else {
            self.high = None;
            if seen.queue <= 1.5 * target {
                self.verified = self.capacity;
            }
        }
        if self.capacity >= FAST {
            self.begin(Phase::Fast);
        }
        self.stood = seen.queue > standing;
        let correction = CORRECTION.max(SLOW * seen.elapsed);
        let share = 1.0 + (target - self.coming(seen)) / correction;
        self.rate = self.capacity * share.clamp(CUT_MAX, 1.05);
        self.drain(seen, now);
        Wish::Nothing
    }

    /// What goes up and down from tick to tick is no queue that fills or drains: ends that sleep.
    fn note_noise(&mut self, seen: &Seen) {
        let step = seen.queue - self.queue;
        let noise = if step * self.step < 0.0 { step.abs().min(self.step.abs()) } else { 0.0 };
        self.noise += (noise - self.noise) / 8.0;
        self.step = step;
        self.queue = seen.queue;
    }

    /// While a queue grows the bottleneck is busy: what arrives steadily then is what it carries, whoever held back the
    /// sending. A path that becomes longer makes a single step, jitter small ones, and an end that stalls gets by fits
    /// and starts.
    fn believe_growth(&mut self, seen: &Seen) -> bool {
        let grows = self.step > GROWS + 2.0 * seen.jitter;
        let before = self.arrivals[(self.next + ARRIVALS - 2) % ARRIVALS];
        let is_steady = (seen.rate - before).abs() < STEADY * before;
        let found_less = grows && self.grew && is_steady && seen.rate < self.capacity;
        if found_less {
            self.capacity = seen.rate;
            self.growth = GROWTH_MIN;
        }
        self.grew = grows;
        found_less
    }

    /// What the tick says about the capacity.
    fn learn(&mut self, seen: &Seen, standing: f64, now: Instant) {
        if self.loss > LOSS_MAX {
            self.capacity = self.capacity.min(0.98 * self.arrivals());
            self.loss /= 2.0;
            self.growth = GROWTH_MIN;
            self.grown = now;
        } else if seen.queue > standing {
            // An end that stalled for a tick shows a queue and a low rate for that long; and where less left than might
            // have, and all of it arrived, the path is not what held it back.
            let is_told = seen.limited || seen.rate < 0.9 * seen.sent;
            if seen.rate > self.capacity || self.stood && is_told {
                self.capacity += (seen.rate - self.capacity) / 4.0;
            }
            self.growth = (self.growth / 4.0).max(GROWTH_MIN);
            self.grown = now;
        } else if seen.limited
            && now.saturating_duration_since(self.grown) > seen.round_trip
            && self.capacity < CONFIRMED * self.arrivals()
        {
            self.capacity *= 1.0 + self.growth;
            let most = (OVERSHOOT / seen.round_trip.as_secs_f64().max(1e-3)).min(GROWTH_MAX);
            self.growth = (self.growth * 2.0).min(most);
            self.grown = now;
        }
    }

    /// Empties the queue now and then, so that the base of the delays stays known.
    fn drain(&mut self, seen: &Seen, now: Instant) {
        if now.saturating_duration_since(self.drained) > DRAIN_EVERY {
            let time = (self.coming(seen) + 0.001) / (1.0 - DRAIN);
            let until = now + Duration::from_secs_f64(time.min(0.1));
            self.drain_until = Some(until);
            self.drained = now;
            self.grown = until + REFILL;
        }
        if self.drain_until.is_some_and(|until| now < until) {
            self.rate = self.rate.min(self.capacity * DRAIN);
        }
    }

    /// Seconds of queue that a packet sent now would meet.
    pub(crate) fn coming(&self, seen: &Seen) -> f64 {
        let capacity = self.capacity.max(seen.rate * 0.5);
        // Whole packets fly: on average half a one less than the path holds when one is acknowledged, and one more or
        // less means nothing.
        let packet = seen.datagram / capacity;
        let change = seen.flying / capacity + packet / 2.0 - seen.held;
        (seen.queue + change - change.clamp(-packet, packet)).max(0.0)
    }

    fn begin_test(&mut self, seen: &Seen, now: Instant) {
        let queue = seen.queue.max(self.coming(seen));
        let cut = (queue / (1.0 - TEST)).clamp(0.02, 0.5);
        let cut_until = now + Duration::from_secs_f64(cut);
        let judged = cut_until + seen.round_trip + Duration::from_millis(20);
        self.test = Some(Test { cut_until, judged, queue, expected: (cut * (1.0 - TEST)).min(queue) });
        self.rate = self.capacity * TEST;
        self.high = None;
    }

    fn testing(&mut self, test: Test, seen: &Seen, now: Instant) -> Wish {
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
        if again {
            self.begin(Phase::Competing(now + COMPETE));
            return Wish::Compete;
        }
        Wish::Rebase
    }
}

/// Seconds of queue that shall stand; with two datagrams it is 1 ms at 100 Mbit/s, 2 ms at 20, and so a small share
/// grows towards the others'.
const TARGET: f64 = 0.0008;
/// The design's bound on a standing queue.
const TARGET_MAX: f64 = 0.0024;
/// What a queue differs by from tick to tick on a quiet host, seconds.
const NOISE_MIN: f64 = 0.000_17;
/// By how much delays go up and down on average where the path is what makes them jump, seconds: ends that wake up late gave
/// 0.21 ms over real links (0.26 at most, so now and then it is crossed), and 5 ms of jitter give 0.46.
const FLUTTER: f64 = 0.000_25;
/// The share of the target from which a queue stands.
const STANDS: f64 = 0.4;
/// The same where the path jitters: the least delay of a tick is above that of the idle path by nearly half the target without
/// any queue (2 to 3 ms of 4 to 6 at 5 ms of jitter). From 0.6 on the link is filled, whatever the seed from 0.7 on.
const STANDS_JITTER: f64 = 0.7;
/// The target makes room for three times what delays jump by, since even their least is above that of an idle path: for
/// this much at most.
const JITTER_MAX: f64 = 0.004;
/// Seconds by which a queue grows in a tick that is told to send a twentieth too much.
const GROWS: f64 = 0.001;
/// By how much what arrives behind a queue may differ from tick to tick, as a share: some twelve packets more or less one.
const STEADY: f64 = 0.1;
/// A queue longer by this is not the noise of wake-ups.
const HIGH: f64 = 0.001;
/// Seconds in which what is missing of the queue is filled, or too much of it drained.
const CORRECTION: f64 = 0.03;
/// The same at least in ticks, which are long where packets are few: all that share a queue would answer it at once, and by
/// more than it is.
const SLOW: f64 = 1.5;
/// Of the capacity, however long the queue.
const CUT_MAX: f64 = 0.4;
const GROWTH_MIN: f64 = 0.005;
const GROWTH_MAX: f64 = 0.25;
/// Seconds of queue that a step too far may leave: what it does shows after a round trip.
const OVERSHOOT: f64 = 0.02;
/// What the last step was meant to bring has arrived, nearly: the rate is 1.05 of the capacity then.
const CONFIRMED: f64 = 1.1;
/// Of the capacity, while the queue is emptied.
const DRAIN: f64 = 0.6;
/// Of the capacity, while a queue is put to the test.
const TEST: f64 = 0.5;
const DRAIN_EVERY: Duration = Duration::from_secs(5);
/// A queue that was emptied is back after `CORRECTION`; until then none means nothing.
const REFILL: Duration = Duration::from_millis(30);
const PATIENCE: Duration = Duration::from_millis(150);
/// Loss above this is congestion whatever the delay says.
const LOSS_MAX: f64 = 0.05;
/// A packet a round trip may always leave: never more than 100 a second, nor less than four, so that ticks go on.
const FLOOR_TIME_MIN: Duration = Duration::from_millis(10);
const FLOOR_TIME_MAX: Duration = Duration::from_millis(250);
/// Bytes a second (500 Mbit/s) from which timers cost more than they bring: a millisecond is 42 packets.
const FAST: f64 = 62.5e6;
const ARRIVALS: usize = 10;
/// Two delays in this time that are not ours: they are somebody's queue.
const PHANTOM_MEMORY: Duration = Duration::from_secs(10);
/// What a start-up sent too much of is gone after this time.
const NEW: Duration = Duration::from_secs(3);
const COMPETE: Duration = Duration::from_secs(16);
