//! Bound on the work that one source may cause while there is too much to do (whitepaper section 5.3).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use twox_hash::XxHash3_64;

use crate::backlog::Backlog;
use crate::random::Random;

/// One bucket a source: an IPv4 address, or the /64 of an IPv6 address, as the kernel has it (`ratelimiter.c`), and a
/// port, which is 0 where ports do not count.
///
/// Sources are spread over a fixed number of buckets by a hash with a secret seed, so that nobody can make the table
/// grow, or choose whose bucket to empty.
pub(crate) struct RateLimiter {
    rate: RateLimit,
    seed: u64,
    /// Made when the first source is charged.
    buckets: Vec<Backlog>,
}

/// One in `interval`, `burst` at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateLimit {
    pub(crate) interval: Duration,
    pub(crate) burst: u32,
}

impl RateLimiter {
    pub(crate) fn new(rate: RateLimit, random: &mut Random) -> Self {
        let seed = u64::from_le_bytes(*random.bytes().first_chunk().expect("8 of 32 bytes"));
        Self { rate, seed, buckets: Vec::new() }
    }

    /// Whether anything is left in a source's bucket.
    pub(crate) fn allows(&self, address: IpAddr, port: u16, now: Instant) -> bool {
        let RateLimit { interval, burst } = self.rate;
        let bucket = self.buckets.get(self.place(address, port));
        bucket.is_none_or(|bucket| bucket.depth(now) + interval <= interval * burst)
    }

    /// Takes one from a source's bucket.
    pub(crate) fn charge(&mut self, address: IpAddr, port: u16, now: Instant) {
        self.buckets.resize(BUCKETS, Backlog::new(now));
        let place = self.place(address, port);
        self.buckets[place].add(self.rate.interval, now);
    }

    /// Its bucket: the secret seed decides.
    pub(crate) fn place(&self, address: IpAddr, port: u16) -> usize {
        let mut key = [0; 11];
        match address.to_canonical() {
            IpAddr::V4(v4) => key[..4].copy_from_slice(&v4.octets()),
            IpAddr::V6(v6) => {
                key[..8].copy_from_slice(&v6.octets()[..8]);
                key[8] = 6;
            }
        }
        key[9..].copy_from_slice(&port.to_le_bytes());
        XxHash3_64::oneshot_with_seed(self.seed, &key) as usize % BUCKETS
    }
}

/// 64 KiB.
const BUCKETS: usize = 4_096;

#[cfg(test)]
mod tests;
