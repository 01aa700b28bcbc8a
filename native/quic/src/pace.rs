//! A copy of quinn-proto's pacer, which does not say what it would let go.
//!
//! Token bucket: one window and a quarter per round trip, in bursts of 2 ms or 10 to 256 packets (quinn-proto 0.11.19,
//! `connection/pacing.rs`). Where the copy is wrong, data waits inside quinn-proto a little longer or a little less.

use std::time::{Duration, Instant};

const BURST: Duration = Duration::from_millis(2);
const BURST_MIN_PACKETS: u64 = 10;
const BURST_MAX_PACKETS: u64 = 256;

#[derive(Debug)]
pub(crate) struct Pace {
    tokens: u64,
    refilled: Instant,
}

/// What pacing depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    pub(crate) rtt: Duration,
    pub(crate) window: u64,
    pub(crate) mtu: u64,
}

impl Path {
    fn capacity(self) -> u64 {
        let burst = u128::from(self.window) * BURST.as_nanos() / self.rtt.as_nanos().max(1);
        u64::try_from(burst)
            .unwrap_or(u64::MAX)
            .clamp(BURST_MIN_PACKETS * self.mtu, BURST_MAX_PACKETS * self.mtu)
    }
}

impl Pace {
    pub(crate) fn new(now: Instant, path: Path) -> Self {
        Self { tokens: path.capacity(), refilled: now }
    }

    /// Bytes that may leave now.
    pub(crate) fn allowed(&self, now: Instant, path: Path) -> u64 {
        if path.rtt.is_zero() || path.window > u64::from(u32::MAX) {
            return u64::MAX;
        }
        let round_trips = now.saturating_duration_since(self.refilled).as_secs_f64() / path.rtt.as_secs_f64();
        let fresh = path.window as f64 * 1.25 * round_trips;
        self.tokens.saturating_add(fresh as u64).min(path.capacity())
    }

    /// When a whole burst may leave again.
    pub(crate) fn full_at(&self, now: Instant, path: Path) -> Instant {
        let missing = path.capacity().saturating_sub(self.allowed(now, path));
        now + path.rtt.mul_f64(missing as f64 / path.window.max(1) as f64 / 1.25)
    }

    pub(crate) fn sent(&mut self, bytes: u64, now: Instant, path: Path) {
        let allowed = self.allowed(now, path);
        if allowed != u64::MAX {
            self.tokens = allowed.saturating_sub(bytes);
        }
        self.refilled = now;
    }
}
