//! At which outer addresses peers are.

use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

/// How many peers are at each address, whatever the port: what comes from there is more likely to be theirs.
///
/// Only the owner and authenticated peers put addresses here, one each, so an unkeyed hash does.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    peers: FxHashMap<IpAddr, u32>,
}

impl Endpoints {
    pub(crate) fn insert(&mut self, endpoint: SocketAddr) {
        *self.peers.entry(endpoint.ip().to_canonical()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, endpoint: SocketAddr) {
        if let Entry::Occupied(mut count) = self.peers.entry(endpoint.ip().to_canonical()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    pub(crate) fn contains(&self, source: SocketAddr) -> bool {
        self.peers.contains_key(&source.ip().to_canonical())
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.peers.len()
    }
}
