//! The clock of a driver: rises while the machine is suspended, so that a session that expired in a closed laptop is
//! expired.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

use std::time::{Duration, Instant};

#[cfg(not(unix))]
use other as system;
#[cfg(unix)]
use unix as system;

/// Time since boot, suspend included.
pub(crate) fn uptime() -> Duration {
    system::uptime()
}

/// Reads the time since boot, suspend included, as an `Instant`.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Instant,
    base_uptime: Duration,
}

impl Clock {
    /// A clock whose instants are comparable with each other, and with `Instant::now()` until the first suspend.
    pub fn start() -> Self {
        Self { base: Instant::now(), base_uptime: uptime() }
    }

    /// Now. Never less than before.
    pub fn now(&self) -> Instant {
        self.base + self.elapsed()
    }

    /// Since `start`.
    pub fn elapsed(&self) -> Duration {
        uptime().saturating_sub(self.base_uptime)
    }
}

/// Measures work by the processor time of the thread that does it: work of other threads meanwhile does not count.
#[derive(Debug)]
pub struct Stopwatch(Duration);

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        Self(system::thread_time())
    }

    /// Time since the last lap began; begins the next.
    pub fn lap(&mut self) -> Duration {
        let now = system::thread_time();
        now.saturating_sub(std::mem::replace(&mut self.0, now))
    }
}
