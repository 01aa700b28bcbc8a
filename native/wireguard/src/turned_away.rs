//! Sources that asked in vain a moment ago.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use twox_hash::XxHash3_64;

use crate::random::Random;

/// Addresses and ports that were not answered in the last [`GENERATION`], up to twice that.
///
/// A dial tries again from the same source, after a quarter of a second to 5 s; a flood that makes up its sources
/// seldom hits on one again. Two Bloom filters hold them: a source in neither did not ask, and of sources that did not
/// ask a few hundredths are found at 50,000 a second. A flood that fills them, or that takes care to come back, has the
/// chance of a source that does.
pub(crate) struct TurnedAway {
    seed: u64,
    /// Filters of this generation and the one before; empty while nobody was turned away.
    generations: [Vec<u64>; 2],
    began: Instant,
}

impl TurnedAway {
    pub(crate) fn new(random: &mut Random, now: Instant) -> Self {
        let seed = u64::from_le_bytes(*random.bytes().first_chunk().expect("8 of 32 bytes"));
        Self { seed, generations: Default::default(), began: now }
    }

    pub(crate) fn contains(&self, remote: SocketAddr, now: Instant) -> bool {
        let age = now.duration_since(self.began);
        let places = self.places(remote);
        let [newer, older] = &self.generations;
        age < 2 * GENERATION && has(newer, places) || age < GENERATION && has(older, places)
    }

    pub(crate) fn insert(&mut self, remote: SocketAddr, now: Instant) {
        let age = now.duration_since(self.began);
        if self.generations[0].is_empty() || age >= 2 * GENERATION {
            self.generations = [vec![0; WORDS], vec![0; WORDS]];
            self.began = now;
        } else if age >= GENERATION {
            self.generations.swap(0, 1);
            self.generations[0].fill(0);
            self.began = now;
        }
        for (word, bit) in self.places(remote) {
            self.generations[0][word] |= bit;
        }
    }

    /// Gives the memory back when it tells nothing any more.
    pub(crate) fn release(&mut self, now: Instant) {
        if now.duration_since(self.began) >= 2 * GENERATION {
            self.generations = Default::default();
        }
    }

    fn places(&self, remote: SocketAddr) -> [(usize, u64); 2] {
        let mut key = [0; 18];
        let address = match remote.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        key[..16].copy_from_slice(&address.octets());
        key[16..].copy_from_slice(&remote.port().to_le_bytes());
        let hash = XxHash3_64::oneshot_with_seed(self.seed, &key);
        [hash as usize, (hash >> 32) as usize].map(|bit| (bit / 64 % WORDS, 1 << (bit % 64)))
    }
}

fn has(generation: &[u64], places: [(usize, u64); 2]) -> bool {
    places.iter().all(|(word, bit)| generation.get(*word).is_some_and(|held| held & bit != 0))
}

/// Longer than the 5.3 s after which a dial is repeated.
const GENERATION: Duration = Duration::from_secs(6);

/// 512 KiB each, while there is a flood: 270,000 sources in 6 s set an eighth of the bits, and a made-up source is
/// found in one of the two by chance 3 times in 100 at most.
const WORDS: usize = 1 << 16;

#[cfg(test)]
mod tests;
