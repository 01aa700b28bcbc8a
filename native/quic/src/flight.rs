//! Congestion control: CUBIC under a ceiling.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use quinn_proto::RttEstimator;
use quinn_proto::congestion::{Controller, ControllerFactory, Cubic, CubicConfig};

use crate::gauge::{Gauge, STAMP_MASK, STAMP_MICROS, grow};

/// Builds the controller of one connection.
pub(crate) struct FlightConfig {
    pub(crate) gauge: Arc<Gauge>,
    /// Packets that the other end keeps without acknowledging them.
    pub(crate) unacknowledged: u32,
}

impl ControllerFactory for FlightConfig {
    fn build(self: Arc<Self>, now: Instant, current_mtu: u16) -> Box<dyn Controller> {
        #[cfg(feature = "reference")]
        if let Some(foreign) = crate::reference::build(self.gauge.clone(), now, current_mtu) {
            return foreign;
        }
        let mut cubic = CubicConfig::default();
        // Ten packets (RFC 6928).
        cubic.initial_window(10 * u64::from(current_mtu));
        let mut flight = Flight {
            cubic: Cubic::new(Arc::new(cubic), now, current_mtu),
            gauge: self.gauge.clone(),
            mtu: u64::from(current_mtu),
            packets: 2 * (u64::from(self.unacknowledged) + 1),
            rate: DeliveryRate::new(now),
            ceiling: 0,
            queue_stands: false,
            started: now,
            delay: None,
            acknowledged: 0,
            is_exact: false,
        };
        flight.ceiling = flight.ceiling_floor();
        flight.publish();
        Box::new(flight)
    }
}

/// CUBIC, with at most the greatest of [`CEILING_FLOOR`], twice as many packets as the other end keeps without
/// acknowledging them, and twice what the path holds (delivery rate times the least round-trip time): one half fills
/// the path, the other covers delayed acknowledgements and growth. Loss without delay, up to [`RANDOM_LOSS_MAX`], is
/// taken for the path's own and does not shrink the window.
#[derive(Clone)]
struct Flight {
    cubic: Cubic,
    gauge: Arc<Gauge>,
    mtu: u64,
    /// Packets that may always be in flight, if CUBIC agrees: twice as many as the other end keeps without
    /// acknowledging them. With less each window waits for its delay: packets of 16,000 bytes moved 0.55 Gbit/s.
    packets: u64,
    rate: DeliveryRate,
    ceiling: u64,
    /// A queue stands, by the last acknowledgement.
    queue_stands: bool,
    started: Instant,
    /// Ticks between both clocks at the last acknowledgement, and what they are without wrapping.
    delay: Option<(u32, i64)>,
    /// Bytes acknowledged by the acknowledgement in hand.
    acknowledged: u64,
    /// An acknowledgement has put the count right since the handshake.
    is_exact: bool,
}

impl Flight {
    fn publish(&self) {
        self.gauge.window.store(self.allowed(), Ordering::Relaxed);
    }

    fn allowed(&self) -> u64 {
        match self.gauge.cap.load(Ordering::Relaxed) {
            0 => self.cubic.window().max(self.least()).min(self.ceiling),
            cap => cap,
        }
    }

    /// Within a host, as many packets as the other end acknowledges at once, and one: less than two are not written.
    /// With two, CUBIC's least, each window would wait for the delay of an acknowledgement until it has grown.
    fn least(&self) -> u64 {
        if self.mtu > u64::from(LONG) { (self.packets / 2 + 1) * self.mtu } else { 0 }
    }

    fn ceiling_floor(&self) -> u64 {
        CEILING_FLOOR.max(self.packets * self.mtu)
    }

    fn sample(&mut self, now: Instant, sent: Instant, bytes: u64) {
        let delay = self.delay_of(now, sent);
        let sample = &self.gauge.sample;
        let is_first = sample.packets.load(Ordering::Relaxed) == 0;
        grow(&sample.packets, 1);
        grow(&sample.bytes, bytes);
        let left = sent.saturating_duration_since(self.started).as_micros() as u64;
        if is_first || delay < sample.delay.load(Ordering::Relaxed) {
            sample.delay.store(delay, Ordering::Relaxed);
        }
        if sample.newest.load(Ordering::Relaxed) <= left {
            sample.newest.store(left, Ordering::Relaxed);
            sample.arrival.store(left as i64 + delay, Ordering::Relaxed);
            let round_trip = now.saturating_duration_since(sent).as_micros() as u64;
            sample.round_trip.store(round_trip, Ordering::Relaxed);
        }
    }

    /// Microseconds; see [`PathSample::delay`](crate::PathSample::delay).
    fn delay_of(&mut self, now: Instant, sent: Instant) -> i64 {
        let Some(stamp) = self.gauge.arrived.load(Ordering::Relaxed).checked_sub(1) else {
            return now.saturating_duration_since(sent).as_micros() as i64;
        };
        let ours = (sent.saturating_duration_since(self.started).as_micros() as u64 / STAMP_MICROS) as u32;
        let apart = stamp.wrapping_sub(ours) & STAMP_MASK;
        let ticks = match self.delay {
            None => 0,
            Some((last, ticks)) => ticks + i64::from((apart.wrapping_sub(last) << 12).cast_signed() >> 12),
        };
        self.delay = Some((apart, ticks));
        ticks * STAMP_MICROS as i64
    }

    fn begin_anew(&mut self, now: Instant) {
        let in_flight = self.gauge.restart.swap(0, Ordering::Relaxed);
        if in_flight > 0 {
            let mut config = CubicConfig::default();
            config.initial_window(in_flight * 10 / 7);
            self.cubic = Cubic::new(Arc::new(config), now, self.mtu as u16);
            self.cubic.on_congestion_event(now, now, false, self.mtu);
        }
    }
}

impl Controller for Flight {
    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, _app_limited: bool, rtt: &RttEstimator) {
        // The other end lies, and earns nothing by that.
        if self.gauge.landed_withheld(bytes) {
            return;
        }
        self.acknowledged += bytes;
        grow(&self.gauge.acknowledged, bytes);
        self.sample(now, sent, bytes);
        self.begin_anew(now);
        self.rate.delivered(now, bytes, rtt.get());
        let round_trip = if self.gauge.competes.load(Ordering::Relaxed) { rtt.get() } else { rtt.min() };
        let path = self.rate.greatest().saturating_mul(round_trip.as_micros() as u64) / 1_000_000;
        self.ceiling = self.ceiling_floor().max(path.saturating_mul(2));
        let least = self.rate.least_round_trip(now.saturating_duration_since(sent));
        self.queue_stands = least > rtt.min() + QUEUE_MIN.max(rtt.min() / QUEUE_SHARE);
        let at_ceiling = self.cubic.window() >= self.ceiling;
        self.cubic.on_ack(now, sent, bytes, at_ceiling || !self.gauge.is_filled(), rtt);
    }

    fn on_end_acks(
        &mut self,
        now: Instant,
        in_flight: u64,
        app_limited: bool,
        largest_packet_num_acked: Option<u64>,
    ) {
        let in_flight = in_flight.saturating_sub(self.gauge.withheld());
        self.cubic.on_end_acks(now, in_flight, app_limited, largest_packet_num_acked);
        let counted = self.gauge.in_flight().saturating_sub(std::mem::take(&mut self.acknowledged));
        // Padding of the handshake is not counted along.
        debug_assert!(
            counted >= in_flight || !self.is_exact,
            "{in_flight} bytes fly, and {counted} were counted"
        );
        self.is_exact = self.gauge.is_open.load(Ordering::Relaxed);
        self.gauge.in_flight.store(in_flight, Ordering::Relaxed);
        self.publish();
    }

    fn on_congestion_event(
        &mut self,
        now: Instant,
        sent: Instant,
        is_persistent_congestion: bool,
        lost_bytes: u64,
    ) {
        self.rate.lost(lost_bytes);
        // Marks come from a queue: they lose nothing.
        let is_random = lost_bytes > 0
            && !is_persistent_congestion
            && !self.queue_stands
            && self.rate.loss() <= RANDOM_LOSS_MAX;
        if !is_random {
            self.cubic.on_congestion_event(now, sent, is_persistent_congestion, lost_bytes);
        }
        let in_flight = self.gauge.in_flight().saturating_sub(lost_bytes);
        self.gauge.in_flight.store(in_flight, Ordering::Relaxed);
        grow(&self.gauge.lost, lost_bytes);
        grow(&self.gauge.sample.lost, lost_bytes);
        grow(&self.gauge.sample.marks, u64::from(lost_bytes == 0));
        self.publish();
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.mtu = u64::from(new_mtu);
        self.ceiling = self.ceiling.max(self.ceiling_floor());
        self.cubic.on_mtu_update(new_mtu);
        self.publish();
    }

    fn window(&self) -> u64 {
        self.gauge.gate()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.cubic.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// The greatest rate of acknowledged bytes over the last rounds, their least delay, and the share that was lost.
#[derive(Debug, Clone)]
struct DeliveryRate {
    round_start: Instant,
    delivered: u64,
    /// Least round trip of this round, and of the one before.
    least: Duration,
    least_before: Duration,
    /// Bytes that arrived and that were lost, the older the less they count.
    arrived: f64,
    lost: f64,
    /// Bytes a second.
    rounds: [u64; ROUNDS],
    next: usize,
}

impl DeliveryRate {
    fn new(now: Instant) -> Self {
        Self {
            round_start: now,
            delivered: 0,
            least: Duration::MAX,
            least_before: Duration::MAX,
            arrived: LOSS_MEMORY,
            lost: 0.0,
            rounds: [0; ROUNDS],
            next: 0,
        }
    }

    fn delivered(&mut self, now: Instant, bytes: u64, rtt: Duration) {
        let elapsed = now.saturating_duration_since(self.round_start);
        if elapsed >= rtt.max(ROUND_MIN) {
            self.rounds[self.next] = self.delivered.saturating_mul(1_000_000) / elapsed.as_micros() as u64;
            self.next = (self.next + 1) % ROUNDS;
            self.delivered = 0;
            self.least_before = std::mem::replace(&mut self.least, Duration::MAX);
            self.round_start = now;
        }
        self.delivered += bytes;
        self.arrived += bytes as f64;
        if self.arrived + self.lost > 2.0 * LOSS_MEMORY {
            self.arrived /= 2.0;
            self.lost /= 2.0;
        }
    }

    /// The least round trip of this round and the one before, with this one.
    fn least_round_trip(&mut self, sample: Duration) -> Duration {
        self.least = self.least.min(sample);
        self.least.min(self.least_before)
    }

    fn lost(&mut self, bytes: u64) {
        self.lost += bytes as f64;
    }

    /// Share of the bytes sent lately that was lost.
    fn loss(&self) -> f64 {
        self.lost / (self.arrived + self.lost)
    }

    fn greatest(&self) -> u64 {
        self.rounds.iter().copied().max().unwrap_or(0)
    }
}

/// Bytes that may always be in flight, if CUBIC agrees. On a path without loss nothing else would bound it: what flies
/// stands before anything urgent in the receiver's socket, a quarter of a millisecond at 4 Gbit/s. With 256 KiB the p99
/// of urgent objects is half a millisecond longer within a host, and bulk as fast; more no longer fits the caches
/// either: 847 ns a packet with 512 KiB in flight, 1,170 with 8 MiB.
const CEILING_FLOOR: u64 = 128 << 10;

/// Rounds over which the greatest delivery rate counts.
const ROUNDS: usize = 8;

/// Rounds are at least this long, so that a rate is not that of a single burst.
const ROUND_MIN: Duration = Duration::from_millis(1);

/// Loss above this share of what arrives is congestion whatever the delay says: a path with a shallow buffer drops
/// before it delays. Radio links and long routes lose 1 to 2 % at random, and CUBIC alone then moves 2 Mbit/s over 50
/// ms.
const RANDOM_LOSS_MAX: f64 = 0.04;

/// Bytes over which loss is averaged, some 370 packets, and taken for free of loss before the first: a few losses among
/// the first packets say nothing.
const LOSS_MEMORY: f64 = (512 << 10) as f64;

/// A queue stands where every round trip of a round takes longer than the least ever by a quarter, and by more than
/// timers and wake-ups of an end add. (The average would not do: its first sample holds the tunnel's own handshake.)
const QUEUE_SHARE: u32 = 4;
const QUEUE_MIN: Duration = Duration::from_millis(5);

/// Only a loopback has longer packets than this.
pub(crate) const LONG: u16 = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_that_never_left_and_is_acknowledged_no_longer_counts() {
        let gauge = Gauge::default();
        gauge.withhold(33_398);
        assert_eq!([1_372, 33_398, 33_398].map(|bytes| gauge.landed_withheld(bytes)), [false, true, false]);
        assert_eq!(gauge.withheld(), 0);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "an instant can be had in no other way")]
    fn a_window_within_a_host_holds_more_packets_than_are_acknowledged_at_once() {
        let factory = || Arc::new(FlightConfig { gauge: Arc::default(), unacknowledged: 2 });
        for (mtu, window) in [(65_408, 4 * 65_408), (8_856, 2 * 8_856)] {
            let config = factory();
            let gauge = config.gauge.clone();
            let mut flight = config.build(Instant::now(), 1_372);
            flight.on_mtu_update(mtu);
            assert_eq!(gauge.window(), window, "{mtu}");
        }
    }
}
