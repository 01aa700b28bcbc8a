//! Peers: added, changed and removed; raw packets to them.

use std::time::Instant;

use bytes::Bytes;
use warren_wireguard::{AddPeerError, PeerChanges, PeerConfig, PeerId, PublicKey, UpdatePeerError};

use super::Engine;
use super::departures::Member;
use crate::event::{CloseCause, Closed, ClosedBy};
use crate::ids::Priority;
use crate::peer::Peer;
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Adds a peer.
    pub fn add_peer(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        let public_key = peer.public_key;
        let id = self.wireguard.add_peer(peer, now)?;
        self.keep_peer(id, public_key);
        self.hear_rooms(now);
        Ok(id)
    }

    /// Changes a living peer.
    pub fn update_peer(
        &mut self,
        peer: PeerId,
        changes: PeerChanges,
        now: Instant,
    ) -> Result<(), UpdatePeerError> {
        self.wireguard.update_peer(peer, changes, now)?;
        self.hear_rooms(now);
        Ok(())
    }

    /// Ends the peer's connections with this code and reason; then keys and session are gone.
    pub fn remove_peer(&mut self, peer: PeerId, code: u64, reason: &str, now: Instant) {
        let Some(state) = self.peers.get(&peer) else {
            return;
        };
        let connections = state.connections.clone();
        for &connection in &connections {
            let closed = Closed::new(ClosedBy::Local, CloseCause::PeerRemoved, reason);
            self.end(connection, Closed { code, ..closed }, now);
        }
        self.hear_rooms(now);
        self.say_farewell(Some(peer), now);
        self.say_goodbye(peer, now);
        self.transport.forget_peer(peer);
        self.wireguard.remove_peer(peer, now);
        self.peers.remove(peer);
        self.departures.control.forget(peer);
        self.hear_rooms(now);
    }

    /// Answers `Event::Stranger`: makes the peer, and answers its newest initiation.
    pub fn authorize(&mut self, peer: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        let public_key = peer.public_key;
        let id = self.wireguard.authorize(peer, now)?;
        self.keep_peer(id, public_key);
        self.hear_rooms(now);
        Ok(id)
    }

    /// Answers `Event::Stranger`: forgets it.
    pub fn refuse(&mut self, public_key: &PublicKey, now: Instant) {
        self.wireguard.refuse(public_key, now);
        self.hear_rooms(now);
    }

    /// Queues one IP packet to the peer; `false`: the queue is full, it is dropped and counted.
    ///
    /// Raw packets leave at priority 0, in turn with what connections send there.
    pub fn send_packet(&mut self, peer: PeerId, packet: Bytes) -> bool {
        let Some(state) = self.peers.get_mut(&peer) else {
            return false;
        };
        if packet.is_empty() || state.outgoing_bytes + packet.len() > self.config.limits.packet_bytes_per_peer
        {
            state.tx_packets_dropped += 1;
            self.counters.tx_packets_dropped += 1;
            return false;
        }
        if state.outgoing.is_empty() {
            self.departures.lanes.push(PACKETS, peer, Member::Packets(peer));
        }
        state.outgoing_bytes += packet.len();
        state.outgoing.push_back(packet);
        true
    }

    fn keep_peer(&mut self, id: PeerId, public_key: PublicKey) {
        self.peers.insert(id, Peer::new(public_key, self.address));
    }
}

/// The lane of raw packets: that of whatever names no priority.
pub(super) const PACKETS: Priority = 0;
