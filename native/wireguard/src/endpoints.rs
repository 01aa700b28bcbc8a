//! At which outer addresses peers are.

use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

/// How many peers are at each endpoint, and at each address whatever the port: what comes from there is more likely theirs.
///
/// Only the owner and authenticated peers put endpoints here, one each, so an unkeyed hash does.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    endpoints: FxHashMap<SocketAddr, u32>,
    addresses: FxHashMap<IpAddr, u32>,
}

/// Who is where a datagram claims to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A peer, address and port.
    Peer,
    /// A peer at another port of the address.
    PeerAddress,
    /// Nobody known.
    Unknown,
}

impl Endpoints {
    pub(crate) fn insert(&mut self, endpoint: SocketAddr) {
        *self.endpoints.entry(canonical(endpoint)).or_default() += 1;
        *self.addresses.entry(endpoint.ip().to_canonical()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, endpoint: SocketAddr) {
        remove_one(&mut self.endpoints, canonical(endpoint));
        remove_one(&mut self.addresses, endpoint.ip().to_canonical());
    }

    pub(crate) fn source(&self, remote: SocketAddr) -> Source {
        if !self.addresses.contains_key(&remote.ip().to_canonical()) {
            Source::Unknown
        } else if self.endpoints.contains_key(&canonical(remote)) {
            Source::Peer
        } else {
            Source::PeerAddress
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.endpoints.len() + self.addresses.len()
    }
}

fn canonical(endpoint: SocketAddr) -> SocketAddr {
    SocketAddr::new(endpoint.ip().to_canonical(), endpoint.port())
}

fn remove_one<K: Hash + Eq>(counts: &mut FxHashMap<K, u32>, key: K) {
    if let Entry::Occupied(mut count) = counts.entry(key) {
        *count.get_mut() -= 1;
        if *count.get() == 0 {
            count.remove();
        }
    }
}
