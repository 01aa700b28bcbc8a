//! Seeds of a run's randomness.

use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Determines every random choice of a run; prints itself when the test that holds it fails.
#[derive(Debug)]
pub struct Seed(u64);

impl Seed {
    /// The seed in the environment variable `WARREN_SEED`, or else always the same one.
    pub fn of_this_run() -> Self {
        Seed::or(0x7772)
    }

    /// The seed in the environment variable `WARREN_SEED`, or else this one: for tests that run several.
    pub fn or(seed: u64) -> Self {
        match std::env::var("WARREN_SEED") {
            Ok(text) => Self(text.parse().expect("WARREN_SEED is a decimal number")),
            Err(_) => Self(seed),
        }
    }

    /// This seed, whatever the environment says.
    pub fn exactly(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator that starts from this seed.
    pub fn rng(&self) -> Pcg64 {
        Pcg64::seed_from_u64(self.0)
    }

    /// Bytes to seed a node with; the same for the same `node`.
    pub fn bytes(&self, node: u64) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&self.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&node.to_le_bytes());
        bytes
    }
}

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}: repeat with WARREN_SEED={}", self.0, self.0);
        }
    }
}
