//! How much a source may cost us while there is too much to do (whitepaper section 5.3).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use blake2::digest::consts::U8;
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2sMac, digest::Key};

use crate::backlog::Backlog;
use crate::random::Random;

/// One bucket a source: an IPv4 address, or the /64 of an IPv6 address, as the kernel has it (`ratelimiter.c`).
///
/// Sources are spread over a fixed number of buckets by a keyed hash, so that nobody can make the table grow, or choose
/// whose bucket to empty.
pub(crate) struct RateLimiter {
    key: [u8; 32],
    /// Made when the first source is charged.
    buckets: Vec<Backlog>,
}

impl RateLimiter {
    pub(crate) fn new(random: &mut Random) -> RateLimiter {
        RateLimiter { key: random.bytes(), buckets: Vec::new() }
    }

    /// Whether anything is left in a source's bucket.
    pub(crate) fn allows(&self, source: IpAddr, now: Instant) -> bool {
        let bucket = self.buckets.get(self.place(source));
        bucket.is_none_or(|bucket| bucket.depth(now) + INTERVAL <= INTERVAL * BURST)
    }

    /// Takes one from a source's bucket.
    pub(crate) fn charge(&mut self, source: IpAddr, now: Instant) {
        self.buckets.resize(BUCKETS, Backlog::new(now));
        let place = self.place(source);
        self.buckets[place].add(INTERVAL, now);
    }

    fn place(&self, source: IpAddr) -> usize {
        let mut mac = Blake2sMac::<U8>::new(Key::<Blake2sMac<U8>>::from_slice(&self.key));
        match source.to_canonical() {
            IpAddr::V4(v4) => mac.update(&v4.octets()),
            IpAddr::V6(v6) => mac.update(&v6.octets()[..8]),
        }
        let digest: [u8; 8] = mac.finalize_fixed().into();
        u64::from_le_bytes(digest) as usize % BUCKETS
    }
}

/// The kernel's `PACKETS_PER_SECOND` and `PACKETS_BURSTABLE`.
const INTERVAL: Duration = Duration::from_millis(1_000 / 20);
const BURST: u32 = 5;

/// 64 KiB.
const BUCKETS: usize = 4_096;

#[cfg(test)]
mod tests;
