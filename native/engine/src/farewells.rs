//! Last words to peers.

use std::collections::VecDeque;

use warren_wireguard::Path;

/// Last words, sealed while their keys live. All leave once before any leaves again: an uplink in debt, or a caller
/// that stops early, cuts off copies and not peers.
#[derive(Debug, Default)]
pub(crate) struct Farewells([VecDeque<(Path, Vec<u8>)>; FAREWELLS]);

impl Farewells {
    /// Adds one; those of the first round leave first.
    pub(crate) fn push(&mut self, round: usize, path: Path, sealed: Vec<u8>) {
        self.0[round].push_back((path, sealed));
    }

    pub(crate) fn pop(&mut self) -> Option<(Path, Vec<u8>)> {
        self.0.iter_mut().find_map(VecDeque::pop_front)
    }
}

/// Copies of a farewell.
pub(crate) const FAREWELLS: usize = 3;
