//! The sender that a datagram claims, before any work on it.

use super::receiver;
use crate::config::PeerId;
use crate::constants::{COOKIE_REPLY, DATA, RESPONSE};
use crate::device::Device;
use crate::path::Path;

/// The sender that a datagram claims to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claimed {
    /// It names a session of this peer, and comes from where the peer is.
    Peer(PeerId),
    /// It comes from a source in this place of 64, found by a hash with a secret seed.
    Source(u16),
}

impl Device {
    /// The sender that a datagram claims to have. It is not opened: anybody who knows a session's index and the peer's
    /// endpoint can claim to be that peer.
    pub fn claimed(&self, path: Path, datagram: &[u8]) -> Claimed {
        let path = path.canonical();
        let kind = datagram.first_chunk().map(|kind| u32::from_le_bytes(*kind));
        let at = match kind {
            Some(DATA | COOKIE_REPLY) => 4,
            Some(RESPONSE) => 8,
            Some(_) | None => datagram.len(),
        };
        let named = datagram.len() >= at + 4;
        let owner = named.then(|| self.core.indices.owner(receiver(datagram, at))).flatten();
        match owner.and_then(|owner| self.peers.get(&owner)) {
            Some(peer) if peer.may_be_at(path.remote) => Claimed::Peer(peer.id),
            Some(_) | None => Claimed::Source(self.place_of(path)),
        }
    }

    /// The place of a datagram's source.
    pub fn place_of(&self, path: Path) -> u16 {
        self.core.handshakes.place(path.remote.ip(), PLACES)
    }
}

/// Sources that share one are few while they are few themselves.
const PLACES: u16 = 64;
