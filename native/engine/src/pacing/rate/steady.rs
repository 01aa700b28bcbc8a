//! The steady phase: the capacity of a bottleneck, and a queue near its target.

use std::time::{Duration, Instant};

use super::{
    ARRIVALS, DRAIN, DRAIN_EVERY, FAST, GROWTH_MIN, PacingPhase, REFILL, Rate, Seen, TARGET, TARGET_MAX, Wish,
};

impl Rate {
    pub(super) fn steer(&mut self, seen: &Seen, now: Instant) -> Wish {
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
        let (target, standing) = self.target(seen);
        self.learn(seen, standing, now);
        self.capacity = self.capacity.max(self.floor);
        // A few packets of a shared queue are chance.
        let usual = if seen.alone { target } else { TARGET_MAX };
        if seen.queue > 2.0 * usual + HIGH {
            let since = *self.high.get_or_insert(now);
            let patience = PATIENCE.max(seen.round_trip * 3);
            if now.saturating_duration_since(since) > patience || self.capacity < 0.8 * self.verified {
                self.begin_test(seen, now);
            }
        } else {
            self.high = None;
            if seen.queue <= 1.5 * usual {
                self.verified = self.capacity;
                self.uncontested = self.capacity;
            }
        }
        if self.capacity >= FAST {
            self.begin(PacingPhase::Fast);
        }
        self.stood = seen.queue > standing;
        let answered = seen.elapsed + seen.round_trip.as_secs_f64();
        let correction = if seen.alone { CORRECTION } else { CORRECTION.max(answered) };
        let share = 1.0 + (target - self.coming(seen)) / correction;
        self.rate = self.capacity * share.clamp(CUT_MAX, 1.05);
        self.drain(seen, now);
        Wish::Nothing
    }

    /// Target of the queue, and the queue from which one stands, in seconds.
    fn target(&self, seen: &Seen) -> (f64, f64) {
        let (jumps, stands) = if seen.jitters { (seen.jitter, STANDS_JITTER) } else { (0.0, STANDS) };
        let most = JITTER_MAX.max(JUMPS * jumps);
        let jitter = (JITTERS * jumps).max(NOISES * (self.noise - NOISE_MIN)).clamp(0.0, most);
        let packet = seen.datagram / self.capacity.max(1.0);
        let (packets, most) = if seen.alone { (1.0, TARGET_MAX) } else { (SHARED_PACKETS, SHARED_MAX) };
        let target = (TARGET + packets * packet).min(most) + jitter;
        (target, stands * target)
    }

    /// Notes noise: a change up and down from tick to tick is no queue that fills or drains, but an end that sleeps.
    fn note_noise(&mut self, seen: &Seen) {
        let step = seen.queue - self.queue;
        let noise = if step * self.step < 0.0 { step.abs().min(self.step.abs()) } else { 0.0 };
        self.noise += (noise - self.noise) / 8.0;
        self.step = step;
        self.queue = seen.queue;
    }

    /// Lowers the capacity to the arrival rate while a queue grows steadily: the bottleneck is busy then, whatever held
    /// back the sending. A path that becomes longer makes a single step, jitter small ones, and at an end that stalls
    /// packets arrive by fits and starts.
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

    /// Corrects the capacity by the facts of the tick.
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
        let time = (self.coming(seen) + seen.floor + 0.001) / (1.0 - DRAIN);
        let time = Duration::from_secs_f64(time.min(0.1));
        self.emptying = if seen.floor > 0.0 { time } else { Duration::ZERO };
        let every = match (seen.floor_moves, seen.alone) {
            (false, _) => DRAIN_EVERY,
            (true, false) => DRAIN_EVERY / 2,
            (true, true) => DRAIN_EVERY / 4,
        };
        if now.saturating_duration_since(self.last_drain) > every {
            let until = now + time;
            self.drain_until = Some(until);
            self.last_drain = now;
            self.grown = until + REFILL;
        }
        if self.drain_until.is_some_and(|until| now < until) {
            self.rate = self.rate.min(self.capacity * DRAIN);
        }
    }

    /// Predicted queue, in seconds, that a packet sent now would meet.
    pub(crate) fn coming(&self, seen: &Seen) -> f64 {
        let capacity = self.capacity.max(seen.rate * 0.5);
        let change = seen.flying / capacity - seen.latest_round_trip;
        if seen.alone {
            return (seen.queue + change).max(0.0);
        }
        // Whole packets fly: on average half a one less than the path holds when one is acknowledged, and one more or
        // less means nothing.
        let packet = seen.datagram / capacity;
        let change = change + packet / 2.0;
        (seen.queue + change - change.clamp(-packet, packet)).max(0.0)
    }
}

/// Datagrams of a group that its target has room for where groups share the queue, which is as long as the longest
/// target of all. The target of a small share is longer by this, and so the share grows towards the others'. Without it
/// the least of eight keeps 3 to 5 % of 100 Mbit/s, with it 5 to 9; with more, or more at most, the queue is longer and
/// the shares no better.
const SHARED_PACKETS: f64 = 0.25;
const SHARED_MAX: f64 = 0.0009;
/// Seconds by which a queue differs from tick to tick on a quiet host.
const NOISE_MIN: f64 = 0.000_17;
/// Times the noise above `NOISE_MIN` for which the target makes room. With three 94 to 97 % of a link were filled at 5
/// ms of jitter, with four 97 to 99.
const NOISES: f64 = 4.0;
/// Share of the target from which a queue stands.
const STANDS: f64 = 0.4;
/// The same where the path jitters: without any queue, the least delay of a tick is above the floor by up to half the
/// target. From 0.6 on the link is filled, whatever the seed from 0.7 on.
const STANDS_JITTER: f64 = 0.7;
/// Jumps of delays for which the target makes room, since the least delay of a tick goes up and down by nearly one: for
/// `JITTER_MAX` seconds at most, or `JUMPS` jumps where those are longer. With four and 4 ms the queue is 1 ms longer
/// at 5 ms of jitter; without long jumps 52 % of 20 Mbit/s are filled at 20 ms of jitter, with them 97.
const JITTERS: f64 = 2.0;
const JITTER_MAX: f64 = 0.004;
const JUMPS: f64 = 1.3;
/// Seconds by which a queue grows in a tick that sends a twentieth too much.
const GROWS: f64 = 0.001;
/// Share by which the arrival rate behind a queue may differ from tick to tick: one packet more or less of some twelve.
const STEADY: f64 = 0.1;
/// A queue longer by this is not the noise of wake-ups.
const HIGH: f64 = 0.001;
/// Seconds in which a queue that is too short is filled, and one that is too long drained; at least a tick and a round
/// trip where others share it, as all answer it at once and would overshoot.
const CORRECTION: f64 = 0.03;
/// Least share of the capacity, however long the queue.
const CUT_MAX: f64 = 0.4;
const GROWTH_MAX: f64 = 0.25;
/// Seconds of queue that a step too far may leave: its effect shows after a round trip.
const OVERSHOOT: f64 = 0.02;
/// The capacity grows again below this many times the arrival rate: the last step has then nearly arrived, as the rate
/// is at most 1.05 of the capacity.
const CONFIRMED: f64 = 1.1;
const PATIENCE: Duration = Duration::from_millis(150);
/// Loss above this is congestion whatever the delay says.
const LOSS_MAX: f64 = 0.05;
