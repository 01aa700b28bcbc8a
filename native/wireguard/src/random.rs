//! Random bytes that follow from the seed alone.

use std::time::Duration;

use blake2::Blake2sMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, Key, KeyInit, Update};
use zeroize::Zeroizing;

/// BLAKE2s keyed with the seed, over a counter: unpredictable without the seed, as cookies need.
pub(crate) struct Random {
    seed: Zeroizing<[u8; 32]>,
    drawn: u64,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed: Zeroizing::new(seed), drawn: 0 }
    }

    pub(crate) fn bytes(&mut self) -> [u8; 32] {
        let mut mac = Blake2sMac::<U32>::new(Key::<Blake2sMac<U32>>::from_slice(&*self.seed));
        mac.update(&self.drawn.to_le_bytes());
        self.drawn += 1;
        mac.finalize_fixed().into()
    }

    pub(crate) fn u32(&mut self) -> u32 {
        let [a, b, c, d, ..] = self.bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Evenly between `least` and `most`.
    pub(crate) fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        least + (most - least).mul_f64(f64::from(self.u32()) / f64::from(u32::MAX))
    }
}
