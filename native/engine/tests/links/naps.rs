//! An end whose processor is somebody else's at times.

use std::time::{Duration, Instant};

/// In each period it sleeps from the start, for a time that differs from period to period.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Naps {
    start: Instant,
    longest: Duration,
    /// Another end sleeps at other times.
    salt: u64,
}

impl Naps {
    pub(crate) fn new(start: Instant, longest: Duration, salt: u64) -> Self {
        Self { start, longest, salt }
    }

    /// Instant at which it wakes, if it sleeps now.
    pub(crate) fn wakes(&self, now: Instant) -> Option<Instant> {
        let period = (now - self.start).as_nanos() / PERIOD.as_nanos();
        let drawn = (period as u64 + self.salt * 1_000_003).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let wakes = self.start + PERIOD * period as u32 + self.longest.mul_f64(drawn as f64 / 2f64.powi(32));
        (now < wakes).then_some(wakes)
    }
}

const PERIOD: Duration = Duration::from_millis(40);
