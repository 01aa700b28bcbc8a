//! The device: peers behind one identity and one socket.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use crate::config::{AddPeerError, Config, Path, PeerChanges, PeerConfig, PeerId, UpdatePeerError};
use crate::event::Event;
use crate::keys::PublicKey;
use crate::stats::{PeerStats, Stats};

/// A WireGuard device without I/O.
#[derive(Debug)]
pub struct Device {}

/// A whole IP packet, at the start of the caller's plaintext buffer; its source belongs to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Who sent it.
    pub peer: PeerId,
    /// Its length, from its own header.
    pub len: usize,
}

/// What became of a packet handed to [`Device::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// One datagram was appended, to be sent along this path.
    Sealed(Path),
    /// It waits for a session; [`Device::poll_transmit`] will give it.
    Staged,
    /// It is gone.
    Dropped(SendDrop),
}

/// Why a packet was dropped on sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDrop {
    /// The peer was removed.
    NoSuchPeer,
    /// Longer than the MTU.
    Oversized,
    /// No session, and nowhere to dial.
    NoEndpoint,
}

#[expect(
    clippy::unimplemented,
    unused_variables,
    reason = "the surface first, for the rooms above to compile"
)]
impl Device {
    /// A device without peers.
    pub fn new(config: Config, now: Instant) -> Device {
        unimplemented!()
    }

    /// This node's identity.
    pub fn public_key(&self) -> PublicKey {
        unimplemented!()
    }

    /// Takes a datagram.
    pub fn handle_datagram(
        &mut self,
        path: Path,
        datagram: &mut [u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Option<Opened> {
        unimplemented!()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        unimplemented!()
    }

    /// Adds a peer.
    pub fn add_peer(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        unimplemented!()
    }

    /// Changes a peer.
    pub fn update_peer(
        &mut self,
        peer: PeerId,
        changes: PeerChanges,
        now: Instant,
    ) -> Result<(), UpdatePeerError> {
        unimplemented!()
    }

    /// Removes a peer and all its keys.
    pub fn remove_peer(&mut self, peer: PeerId, now: Instant) {
        unimplemented!()
    }

    /// Makes a stranger a peer and answers its newest initiation.
    pub fn authorize(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        unimplemented!()
    }

    /// Forgets a stranger.
    pub fn refuse(&mut self, public_key: &PublicKey, now: Instant) {
        unimplemented!()
    }

    /// Dials.
    pub fn initiate(&mut self, peer: PeerId, now: Instant) {
        unimplemented!()
    }

    /// Seals one IP packet at the end of `out`.
    pub fn send(&mut self, peer: PeerId, packet: &[u8], out: &mut Vec<u8>, now: Instant) -> Sent {
        unimplemented!()
    }

    /// Whether a packet would be sealed at once.
    pub fn has_session(&self, peer: PeerId) -> bool {
        unimplemented!()
    }

    /// Where the peer is.
    pub fn endpoint(&self, peer: PeerId) -> Option<SocketAddr> {
        unimplemented!()
    }

    /// Whose an inner address is.
    pub fn peer_of_destination(&self, destination: IpAddr) -> Option<PeerId> {
        unimplemented!()
    }

    /// Appends one datagram.
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>, now: Instant) -> Option<Path> {
        unimplemented!()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        unimplemented!()
    }

    /// The next deadline, and its reason.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        unimplemented!()
    }

    /// The device's counters.
    pub fn stats(&self) -> &Stats {
        unimplemented!()
    }

    /// A peer's counters.
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        unimplemented!()
    }
}
