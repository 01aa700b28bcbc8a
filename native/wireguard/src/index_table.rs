//! Table from a message's receiver index to its peer.

use std::collections::hash_map::Entry;

use rustc_hash::FxHashMap;

use crate::config::PeerId;
use crate::random::Random;

/// Our index of one tunnel: 24 random bits, unique in the device. boringtun shifts it left by 8 and counts sessions in
/// the low byte, so two tunnels whose low 24 bits were equal would collide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct TunnelIndex(pub(crate) u32);

impl TunnelIndex {
    /// The tunnel of a message's 32-bit receiver index.
    pub(crate) fn of_receiver(index: u32) -> Self {
        Self(index >> 8)
    }
}

/// All tunnels of a device. Indices are drawn by us at random, so an unkeyed hash is safe from crafted collisions.
#[derive(Debug, Default)]
pub(crate) struct IndexTable {
    owners: FxHashMap<TunnelIndex, PeerId>,
}

impl IndexTable {
    /// Draws a free index. There are 2^24, and at most two for each of a device's peers, so a free one is found soon.
    pub(crate) fn draw(&mut self, owner: PeerId, random: &mut Random) -> TunnelIndex {
        loop {
            let index = TunnelIndex(random.u32() >> 8);
            if let Entry::Vacant(free) = self.owners.entry(index) {
                free.insert(owner);
                return index;
            }
        }
    }

    pub(crate) fn release(&mut self, index: TunnelIndex) {
        self.owners.remove(&index);
    }

    pub(crate) fn owner(&self, index: TunnelIndex) -> Option<PeerId> {
        self.owners.get(&index).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.owners.len()
    }
}
