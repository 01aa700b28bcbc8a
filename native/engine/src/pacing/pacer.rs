//! The token bucket of a bottleneck.

use std::time::{Duration, Instant};

use crate::bucket::Bucket;

/// A token bucket whose rate changes.
///
/// Data may leave while the bucket is above zero, and takes it below by less than one datagram; it holds at most one
/// millisecond of link time, or two datagrams where that is more.
#[derive(Debug)]
pub(crate) struct Pacer {
    /// Bytes a second; `None`: no bound.
    rate: Option<f64>,
    bucket: Bucket,
    /// Time between the last deadline and the wake-up that came for it: the sending missed meanwhile may follow.
    late: Duration,
}

impl Pacer {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rate: None, bucket: Bucket::empty(now), late: Duration::ZERO }
    }

    /// Bytes a second; `None`: no bound.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }

    pub(crate) fn set_rate(&mut self, rate: Option<f64>) {
        self.rate = rate.map(|rate| rate.max(MIN_RATE));
    }

    /// Notes the time by which the wake-up missed the deadline.
    pub(crate) fn came_late(&mut self, by: Duration) {
        self.late = by.min(LATE_MAX);
    }

    /// Full datagrams that may leave now; the last may take the bucket below zero.
    pub(crate) fn allowance(&self, datagram: f64, now: Instant) -> usize {
        let Some(rate) = self.rate else { return usize::MAX };
        let available = self.bucket.holds(self.burst(rate, datagram), now);
        if available.is_zero() {
            return 0;
        }
        (available.as_secs_f64() * rate / datagram) as usize + 1
    }

    /// Instant of the next wake-up: a little above even, so that one wake-up serves half a millisecond of link time;
    /// later than now by as much.
    pub(crate) fn deadline(&self, datagram: f64, now: Instant) -> Instant {
        let Some(rate) = self.rate else { return now + BURST / 2 };
        self.bucket.even().max(now) + (BURST / 2).max(Duration::from_secs_f64(datagram / rate)).min(WAIT_MAX)
    }

    pub(crate) fn charge(&mut self, bytes: f64, datagram: f64, now: Instant) {
        let Some(rate) = self.rate else {
            self.bucket = Bucket::empty(now);
            return;
        };
        let time = Duration::from_secs_f64(bytes / rate).min(WAIT_MAX);
        self.bucket.take(time, self.burst(rate, datagram), now);
    }

    fn burst(&self, rate: f64, datagram: f64) -> Duration {
        BURST.max(Duration::from_secs_f64(2.0 * datagram / rate)).min(WAIT_MAX) + self.late
    }
}

/// Bound of the design on a burst: 1 ms of link time.
const BURST: Duration = Duration::from_millis(1);
/// Bytes a second: one full datagram in 1.5 s.
const MIN_RATE: f64 = 1_000.0;
/// Two ticks of a kernel that ticks 100 times a second. Without this allowance busy hosts would never reach their rate.
const LATE_MAX: Duration = Duration::from_millis(20);
/// Longest wait of one datagram.
const WAIT_MAX: Duration = Duration::from_secs(3);
