//! One path as its acknowledgements show it: delay, queue, loss and rate.

mod floor;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::transport::PathSample;
use floor::Floor;

/// A connection's path, as its acknowledgements show it: the delay while it is empty, and the queue on it.
#[derive(Debug, Default)]
pub(crate) struct PathModel {
    delay: Least<i64>,
    floor: Floor,
    /// Ticks in a row that had a floor.
    lifted: u32,
    round_trip: Least<Duration>,
    /// Arrival of the newest packet, by the other end's clock, in microseconds.
    newest: Option<i64>,
    /// Facts of the running tick.
    tick: Tick,
    /// Arrival of the newest packet of the last tick.
    last: Option<i64>,
    pub(crate) in_flight: f64,
    /// Bytes that may be in flight.
    pub(crate) window: f64,
    pub(crate) latest_round_trip: Duration,
    pub(crate) smoothed_round_trip: Duration,
    /// Bytes a second in the last ticks, about.
    pub(crate) rate: f64,
    /// Outer bytes for each of QUIC's.
    pub(crate) outer: f64,
    /// The last samples: arrival, least delay, outer bytes, packets.
    recent: VecDeque<Arrival>,
    recent_bytes: f64,
    recent_packets: u64,
    /// Height of the jumps of delays, in microseconds: the greatest of late, slowly forgotten.
    pub(crate) jitter: f64,
    /// Average change up and down from sample to sample, in microseconds.
    flutter: f64,
    rise: f64,
    /// The last jump, and the fall of delays since.
    jump: f64,
    fallen: f64,
    /// Bytes lost and bytes arrived of late.
    lost: f64,
    arrived: f64,
    /// The base of delays from before a standing delay was taken for the path's own.
    home: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
struct Arrival {
    /// Time of arrival by the other end's clock, in microseconds.
    at: i64,
    delay: i64,
    /// Outer bytes.
    bytes: f64,
    packets: u64,
}

/// Facts of one connection in a tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tick {
    pub(crate) packets: u64,
    /// Outer bytes.
    pub(crate) bytes: f64,
    pub(crate) lost: f64,
    pub(crate) marks: u64,
    /// The least delay, microseconds.
    pub(crate) delay: Option<i64>,
}

impl PathModel {
    pub(crate) fn observe(&mut self, sample: &PathSample, now: Instant) {
        self.in_flight = sample.in_flight as f64;
        self.window = sample.window as f64;
        self.tick.lost += sample.lost as f64;
        self.tick.marks += sample.marks;
        if sample.packets == 0 {
            return;
        }
        self.delay.observe(sample.delay, now);
        self.round_trip.observe(sample.round_trip, now);
        self.latest_round_trip = sample.round_trip;
        self.smoothed_round_trip = match self.smoothed_round_trip {
            Duration::ZERO => sample.round_trip,
            smoothed => (smoothed * 7 + sample.round_trip) / 8,
        };
        let outer = sample.bytes as f64 + (sample.packets * OVERHEAD) as f64;
        self.outer = outer / (sample.bytes as f64).max(1.0);
        self.tick.packets += sample.packets;
        self.tick.bytes += outer;
        self.tick.delay = Some(self.tick.delay.map_or(sample.delay, |least| least.min(sample.delay)));
        self.newest = Some(sample.arrival);
        self.note_jitter(sample.delay, outer);
        let (at, delay, packets) = (sample.arrival, sample.delay, sample.packets);
        self.recent.push_back(Arrival { at, delay, bytes: outer, packets });
        self.recent_bytes += outer;
        self.recent_packets += packets;
        while let Some(first) = self.recent.front()
            && (self.recent.len() > ARRIVALS || at - first.at > RECENTLY)
        {
            self.recent_bytes -= first.bytes;
            self.recent_packets -= first.packets;
            self.recent.pop_front();
        }
        let keep = 1.0 - outer / LOSS_MEMORY.max(outer);
        self.lost = self.lost * keep + sample.lost as f64;
        self.arrived = self.arrived * keep + outer;
    }

    /// Notes jitter: a rise of delays beyond the time that the packets take to leave the queue, followed by a fall.
    fn note_jitter(&mut self, delay: i64, bytes: f64) {
        let (Some(last), Some(rate)) = (self.recent.back(), self.recent_rate()) else { return };
        let rise = (delay - last.delay) as f64;
        let turn = if rise * self.rise < 0.0 { rise.abs().min(self.rise.abs()) } else { 0.0 };
        self.flutter += (turn - self.flutter) / FLUTTER_MEMORY;
        self.rise = rise;
        let jump = rise - bytes * 1e6 / rate;
        self.jitter *= 1.0 - 1.0 / JITTER_MEMORY;
        if jump > 0.0 {
            (self.jump, self.fallen) = (jump, 0.0);
        } else {
            self.fallen = (self.fallen - rise).clamp(0.0, self.jump);
            self.jitter = self.jitter.max(self.fallen);
        }
    }

    /// Ends a tick: gives its facts, and the arrival rate by the other end's clock.
    pub(crate) fn end_tick(&mut self, elapsed: Duration, now: Instant) -> (Tick, f64) {
        let tick = std::mem::take(&mut self.tick);
        let mut rate = tick.bytes / elapsed.as_secs_f64().max(1e-6);
        if let (Some(newest), Some(last)) = (self.newest, self.last) {
            let span = newest - last;
            if span > 1_000 && tick.packets > 0 {
                rate = tick.bytes * 1e6 / span as f64;
            }
        }
        if tick.packets > 0 {
            self.last = self.newest;
        }
        self.rate = if tick.packets > 0 { rate } else { 0.0 };
        self.lifted = if self.has_floor() { self.lifted + 1 } else { 0 };
        if let Some(delay) = tick.delay.filter(|_| tick.packets >= FEW) {
            self.floor.learn(delay, self.has_floor(), now);
        }
        (tick, self.rate)
    }

    /// Begins a drain: the queue is emptied until then.
    pub(crate) fn begin_drain(&mut self, until: Instant) {
        self.floor.begin_drain(until, self.smoothed_round_trip);
    }

    /// Whether the path itself makes delays jump. Ends that wake up late make them change less. So do packets of
    /// others, which come between those of this connection; they do not count while no other group of the device sends.
    pub(crate) fn jitters(&self, is_alone: bool) -> bool {
        let between = if is_alone { 0.0 } else { BETWEEN * self.packet_spacing() };
        self.flutter > FLUTTER.max(between)
    }

    /// Mean spacing of the last packets, in microseconds.
    fn packet_spacing(&self) -> f64 {
        let (Some(first), Some(last)) = (self.recent.front(), self.recent.back()) else { return 0.0 };
        let packets = self.recent_packets - first.packets;
        (last.at - first.at) as f64 / (packets as f64).max(1.0)
    }

    /// Whether packets are dense enough for jitter to lift the least delay of a tick. Other devices may always share
    /// the bottleneck.
    fn has_floor(&self) -> bool {
        self.jitters(false) && self.packet_spacing() < DENSE
    }

    /// Microseconds by which the delays of a tick without a queue are above the least delay of all.
    pub(crate) fn jitter_floor(&self) -> i64 {
        let Some(least) = self.delay.get().filter(|_| self.has_floor()) else { return 0 };
        self.floor.above(least).min((FLOOR_JITTERS * self.jitter).min(FLOOR_MAX) as i64)
    }

    /// Whether the floor has to be measured once more, and soon.
    pub(crate) fn floor_moves(&self) -> bool {
        !self.floor.is_stable() && self.lifted >= LONG
    }

    /// Microseconds of queue that a delay means.
    pub(crate) fn queue_of(&self, delay: i64) -> i64 {
        self.delay.get().map_or(0, |least| (delay - least - self.jitter_floor()).max(0))
    }

    /// Arrival rate of the last packets, in outer bytes a second by the other end's clock, if a queue of more than
    /// `queue` microseconds stood all that while. Packets that a stalled end takes at once arrive at one instant, and
    /// say nothing.
    pub(crate) fn rate_behind(&self, queue: i64) -> Option<f64> {
        let stood = || self.recent.iter().rev().take_while(|arrival| self.queue_of(arrival.delay) > queue);
        let packets: u64 = stood().map(|arrival| arrival.packets).sum();
        let (last, first) = (stood().next()?, stood().last()?);
        let span = last.at - first.at;
        let bytes = stood().map(|arrival| arrival.bytes).sum::<f64>() - first.bytes;
        let spread =
            stood().map(|arrival| arrival.delay).max()? - stood().map(|arrival| arrival.delay).min()?;
        let left = span - (last.delay - first.delay);
        // Jitter makes delays that come and go; behind a queue that grows, packets arrive slower than they left.
        let grows = span >= STANDING.max(2 * spread.min(10_000)) && 8 * span > 9 * left
            || self.queue_of(last.delay) > 2 * queue + FAR;
        (packets >= RECENT && span >= STANDING && grows).then(|| bytes * 1e6 / span as f64)
    }

    /// Microseconds of queue that the packets of the last sample met.
    pub(crate) fn recent_queue(&self) -> u64 {
        self.recent.back().map_or(0, |arrival| self.queue_of(arrival.delay).unsigned_abs())
    }

    /// The same, with the foreign queue that counts as the path's own delay while it is competed with.
    pub(crate) fn recent_foreign_queue(&self) -> u64 {
        let home = self.home.or(self.delay.get());
        let newest = self.recent.back().map(|arrival| arrival.delay);
        newest.zip(home).map_or(0, |(newest, home)| (newest - home).max(0).unsigned_abs())
    }

    /// Arrival rate of the last packets, whatever queue they met.
    pub(crate) fn recent_rate(&self) -> Option<f64> {
        let (first, last) = (self.recent.front()?, self.recent.back()?);
        let bytes = self.recent_bytes - first.bytes;
        let span = last.at - first.at;
        (self.recent.len() >= 4 && span >= 500).then(|| bytes * 1e6 / span as f64)
    }

    /// The share of bytes lost of late, once many were sent.
    pub(crate) fn recent_loss(&self) -> f64 {
        self.lost / (self.lost + self.arrived).max(LOSS_MEMORY / 4.0)
    }

    pub(crate) fn least_round_trip(&self) -> Duration {
        self.round_trip.get().unwrap_or(INITIAL_ROUND_TRIP)
    }

    /// Takes the delay of late for the path's own.
    pub(crate) fn rebase(&mut self, now: Instant) {
        self.home = self.home.or(self.delay.get());
        self.delay = Least::default();
        self.floor = Floor::default();
        if let Some(least) = self.recent.iter().map(|arrival| arrival.delay).min() {
            self.delay.observe(least, now);
            self.floor = Floor::begin_at(least);
        }
    }

    /// Takes the earlier base of delays for the path's own again.
    pub(crate) fn go_home(&mut self, now: Instant) {
        if let Some(home) = self.home.take() {
            self.delay.observe(home, now);
        }
    }
}

/// The least value of the last ten to twenty seconds.
#[derive(Debug)]
struct Least<T> {
    values: Option<(T, T)>,
    since: Option<Instant>,
}

impl<T> Default for Least<T> {
    fn default() -> Self {
        Self { values: None, since: None }
    }
}

impl<T: Copy + Ord> Least<T> {
    fn observe(&mut self, value: T, now: Instant) {
        let (before, running) = self.values.unwrap_or((value, value));
        self.values = Some((before, running.min(value)));
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= MEMORY) {
            self.values = Some((running.min(value), value));
            self.since = Some(now);
        }
    }

    fn get(&self) -> Option<T> {
        self.values.map(|(before, running)| before.min(running))
    }
}

/// Time in which the queue is drained twice.
const MEMORY: Duration = Duration::from_secs(10);
const INITIAL_ROUND_TRIP: Duration = Duration::from_millis(100);
/// Packets whose least delay is that of a queue, not of a wake-up: HyStart++ (RFC 9406) takes eight.
const RECENT: u64 = 8;
/// The least delay of fewer packets is one of theirs rather than the queue's.
pub(crate) const FEW: u64 = 4;
/// Microseconds for which a queue stands before it is believed.
const STANDING: i64 = 3_000;
/// Microseconds of delay that no jitter explains.
const FAR: i64 = 8_000;
const ARRIVALS: usize = 64;
/// Microseconds: arrivals before an outage or a pause tell no rate.
const RECENTLY: i64 = 1_000_000;
/// Samples after which a third of a jump is remembered.
const JITTER_MEMORY: f64 = 256.0;
/// Samples over which changes up and down are averaged: an end that stalls now and then moves the average little.
const FLUTTER_MEMORY: f64 = 64.0;
/// Average change of delays up and down, in microseconds, above which the path is its cause: ends that wake up late
/// gave 50 over a real link of 100 Mbit/s (120 at most), and 5 ms of jitter give 170 at least.
const FLUTTER: f64 = 150.0;
/// The same, as a share of the time between two packets of a connection, where packets of others come between. Eight
/// peers that share a link gave 0.05, nodes that flood each other 0.09. Jitter of 5 ms gives 0.7 for one connection at
/// 20 Mbit/s, and 2 at 100.
const BETWEEN: f64 = 0.4;
/// Spacing of packets, in microseconds, beyond which jitter hardly lifts the least delay of a tick: eight peers with 20
/// ms of jitter fill 20 Mbit/s without a floor, and urgent messages wait for 6 ms; with one it was 75.
const DENSE: f64 = 2_500.0;
/// Ticks for which a path jitters before drains come sooner for it: an end that wakes up late makes delays go up and
/// down for a few.
const LONG: u32 = 16;
/// Height of the floor at most, in jumps, and in microseconds: a queue that no drain empties is not the path's delay.
/// 10 ms of jitter at 100 Mbit/s give 3.3 jumps, and 20 ms 14 ms.
const FLOOR_JITTERS: f64 = 4.0;
const FLOOR_MAX: f64 = 20_000.0;
/// Bytes over which loss is averaged.
const LOSS_MEMORY: f64 = 524_288.0;
/// IPv6 and UDP inside, WireGuard's header and tag, IPv4 and UDP outside.
const OVERHEAD: u64 = 48 + 32 + 28;
