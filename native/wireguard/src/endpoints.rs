//! Outer addresses at which peers are, and those that are being dialled.

use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashMap;

use crate::config::PeerId;
use crate::path::canonical;

/// Peers by endpoint, and the number of peers by address, whatever the port: a datagram from such an address is more
/// likely a peer's.
///
/// Only the owner and authenticated peers put endpoints here, one each, so an unkeyed hash does.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    endpoints: BTreeSet<(SocketAddr, PeerId)>,
    addresses: FxHashMap<IpAddr, u32>,
    /// Target of the newest initiation to each peer.
    aims: BTreeSet<(SocketAddr, PeerId)>,
}

/// Relation of a datagram's source to the peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceKind {
    /// A peer, address and port.
    Peer,
    /// A peer at another port of the address.
    PeerAddress,
    /// Nobody known.
    Unknown,
}

impl Endpoints {
    pub(crate) fn insert(&mut self, endpoint: SocketAddr, peer: PeerId) {
        self.endpoints.insert((endpoint, peer));
        *self.addresses.entry(endpoint.ip()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, endpoint: SocketAddr, peer: PeerId) {
        self.endpoints.remove(&(endpoint, peer));
        if let Entry::Occupied(mut count) = self.addresses.entry(endpoint.ip()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// An initiation to a peer went there.
    pub(crate) fn aim(&mut self, endpoint: SocketAddr, peer: PeerId) {
        self.aims.insert((endpoint, peer));
    }

    /// It is not the newest any more.
    pub(crate) fn miss(&mut self, endpoint: SocketAddr, peer: PeerId) {
        self.aims.remove(&(endpoint, peer));
    }

    /// The next peer after `last` that is there, or to which an initiation went there.
    pub(crate) fn next_at(&self, endpoint: SocketAddr, last: Option<PeerId>) -> Option<PeerId> {
        let least = match last {
            Some(PeerId(id)) => PeerId(id.checked_add(1)?),
            None => PeerId(0),
        };
        let first = |peers: &BTreeSet<(SocketAddr, PeerId)>| {
            let found = peers.range((endpoint, least)..=(endpoint, PeerId(u32::MAX))).next();
            found.map(|(_, peer)| *peer)
        };
        [first(&self.endpoints), first(&self.aims)].into_iter().flatten().min()
    }

    pub(crate) fn source(&self, remote: SocketAddr) -> SourceKind {
        let remote = canonical(remote);
        if !self.addresses.contains_key(&remote.ip()) {
            SourceKind::Unknown
        } else if self.next_in(remote) {
            SourceKind::Peer
        } else {
            SourceKind::PeerAddress
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.endpoints.len() + self.addresses.len() + self.aims.len()
    }

    fn next_in(&self, endpoint: SocketAddr) -> bool {
        self.endpoints.range((endpoint, PeerId(0))..=(endpoint, PeerId(u32::MAX))).next().is_some()
    }
}
