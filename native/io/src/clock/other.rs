//! The uptime where the standard clock counts suspend already (QueryPerformanceCounter does).

use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) fn uptime() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
