//! A token bucket, kept as the instant at which it is exactly empty.

use std::time::{Duration, Instant};

/// A token bucket measured in time: each datagram takes the time that its bytes take at the rate, and the clock fills
/// it.
///
/// It is above zero after the instant at which it is even, and holds at most a burst. Taking more than it holds moves
/// that instant into the future: a debt. Its owner keeps the rate, which may change.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    even: Instant,
}

impl Bucket {
    /// Exactly empty now.
    pub(crate) fn empty(now: Instant) -> Self {
        Self { even: now }
    }

    /// Holds a burst now.
    pub(crate) fn full(burst: Duration, now: Instant) -> Self {
        Self { even: earliest(burst, now) }
    }

    /// Instant at which it is, or was, exactly empty.
    pub(crate) fn even(&self) -> Instant {
        self.even
    }

    /// Time that it holds now; zero: it is empty, or in debt.
    pub(crate) fn holds(&self, burst: Duration, now: Instant) -> Duration {
        now.saturating_duration_since(self.even).min(burst)
    }

    /// Takes so much, be it there or not.
    pub(crate) fn take(&mut self, time: Duration, burst: Duration, now: Instant) {
        self.even = self.even.max(earliest(burst, now)) + time;
    }
}

/// Datagrams of so much time each that may leave of what a bucket holds; the last may take it below even.
pub(crate) fn datagrams(holds: Duration, each: Duration) -> usize {
    match holds.as_nanos() {
        0 => 0,
        holds => (holds / each.as_nanos().max(1)) as usize + 1,
    }
}

/// No bucket is even before: it holds no more.
fn earliest(burst: Duration, now: Instant) -> Instant {
    now.checked_sub(burst).unwrap_or(now)
}
