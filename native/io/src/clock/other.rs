//! The uptime where the standard clock counts suspend already (QueryPerformanceCounter does).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// GetThreadTimes counts in steps of 15 ms: here the thread that loses the processor is charged for that.
pub(super) fn thread_time() -> Duration {
    uptime()
}
