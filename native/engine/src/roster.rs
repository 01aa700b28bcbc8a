//! The peers of a device.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;
use warren_wireguard::PeerId;

use crate::peer::Peer;

/// Peers by id, for each packet, and in the order in which they were added, for a walk through all of them.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    peers: FxHashMap<PeerId, Peer>,
    order: BTreeSet<PeerId>,
}

impl Roster {
    pub(crate) fn insert(&mut self, id: PeerId, peer: Peer) {
        self.peers.insert(id, peer);
        self.order.insert(id);
    }

    pub(crate) fn remove(&mut self, id: PeerId) {
        self.peers.remove(&id);
        self.order.remove(&id);
    }

    pub(crate) fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.peers.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(id)
    }

    pub(crate) fn contains(&self, id: &PeerId) -> bool {
        self.peers.contains_key(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }

    /// All, in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = PeerId> {
        self.order.iter().copied()
    }
}
