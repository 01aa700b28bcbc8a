//! The bottleneck ahead of an end, which all that comes to it shares.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use warren_testing::{Datagram, Router};

/// A router's egress towards one end: a token bucket, and a queue of a length in time that may stand before it.
pub(crate) struct Downlink {
    router: Router,
    longest: Duration,
    /// When the bucket is (or was) exactly empty.
    even: Option<Instant>,
    waiting: VecDeque<(Instant, Datagram)>,
    pub(crate) figures: Waits,
}

/// What waited, since it was last asked.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Waits {
    pub(crate) passed: u32,
    pub(crate) dropped: u64,
    pub(crate) longest: Duration,
    pub(crate) sum: Duration,
}

impl Downlink {
    /// The buffer of the router is not looked at: a queue may be so long.
    pub(crate) fn new(router: Router, longest: Duration) -> Self {
        Self { router, longest, even: None, waiting: VecDeque::new(), figures: Waits::default() }
    }

    pub(crate) fn push(&mut self, datagram: Datagram, now: Instant) {
        let earliest = now.checked_sub(self.time_of(self.router.burst)).unwrap_or(now);
        let even = self.even.unwrap_or(earliest).max(earliest)
            + self.time_of(datagram.bytes.len() + self.router.overhead);
        let left = even.max(now);
        let wait = left - now;
        if wait > self.longest {
            self.figures.dropped += 1;
            return;
        }
        self.even = Some(even);
        self.figures.passed += 1;
        self.figures.longest = self.figures.longest.max(wait);
        self.figures.sum += wait;
        self.waiting.push_back((left, datagram));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|&(left, _)| left)
    }

    pub(crate) fn pop(&mut self, now: Instant) -> Option<Datagram> {
        self.next().filter(|&left| left <= now)?;
        self.waiting.pop_front().map(|(_, datagram)| datagram)
    }

    fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 * 8.0 / self.router.bits_per_second as f64)
    }
}
