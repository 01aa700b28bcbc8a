use std::time::{Duration, Instant};

/// A token bucket whose rate changes, told as the instant when it is even.
///
/// Data may leave while the bucket is above zero, and takes it below by less than one datagram; it holds at most one
/// millisecond of link time, or two datagrams where that is more.
#[derive(Debug)]
pub(crate) struct Bucket {
    /// Bytes a second; `None`: no bound.
    rate: Option<f64>,
    even: Instant,
    /// How much later than its deadline it was come back to: what could not leave meanwhile may follow.
    late: Duration,
}

impl Bucket {
    pub(crate) fn new(now: Instant) -> Self {
        Self { rate: None, even: now, late: Duration::ZERO }
    }

    /// Bytes a second; `None`: no bound.
    pub(crate) fn rate(&self) -> Option<f64> {
        self.rate
    }

    pub(crate) fn set_rate(&mut self, rate: Option<f64>) {
        self.rate = rate.map(|rate| rate.max(MIN_RATE));
    }

    /// Somebody came back so much after the deadline.
    pub(crate) fn came_late(&mut self, by: Duration) {
        self.late = by.min(LATE_MAX);
    }

    /// Full datagrams that may leave now; the last may take the bucket below zero.
    pub(crate) fn allowance(&self, datagram: f64, now: Instant) -> usize {
        let Some(rate) = self.rate else { return usize::MAX };
        let available = now.saturating_duration_since(self.even.max(self.earliest(rate, datagram, now)));
        if available.is_zero() {
            return 0;
        }
        (available.as_secs_f64() * rate / datagram) as usize + 1
    }

    /// When to come back: a little above even, so that one wake-up serves half a millisecond of link time; later than
    /// now by as much.
    pub(crate) fn deadline(&self, datagram: f64, now: Instant) -> Instant {
        let Some(rate) = self.rate else { return now + BURST / 2 };
        self.even.max(now) + (BURST / 2).max(Duration::from_secs_f64(datagram / rate)).min(WAIT_MAX)
    }

    pub(crate) fn charge(&mut self, bytes: f64, datagram: f64, now: Instant) {
        let Some(rate) = self.rate else {
            self.even = now;
            return;
        };
        let earliest = self.earliest(rate, datagram, now);
        self.even = self.even.max(earliest) + Duration::from_secs_f64(bytes / rate).min(WAIT_MAX);
    }

    fn earliest(&self, rate: f64, datagram: f64, now: Instant) -> Instant {
        let burst = BURST.max(Duration::from_secs_f64(2.0 * datagram / rate)).min(WAIT_MAX) + self.late;
        now.checked_sub(burst).unwrap_or(now)
    }
}

/// The design's bound on a burst: 1 ms of link time.
const BURST: Duration = Duration::from_millis(1);
/// Bytes a second: one full datagram in 1.5 s.
const MIN_RATE: f64 = 1_000.0;
/// Two ticks of a kernel that ticks 100 times a second. Without it busy hosts would never reach their rate.
const LATE_MAX: Duration = Duration::from_millis(20);
/// What one datagram waits at most.
const WAIT_MAX: Duration = Duration::from_secs(3);
