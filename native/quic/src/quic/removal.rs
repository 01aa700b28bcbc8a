//! Removal of connections: those that have nothing more to say, and those that are dropped without a word.

use quinn_proto::EndpointEvent;

use super::{Quic, Slot};
use crate::peer::Peer;
use crate::{ConnectionHandle, PeerTag};

impl Quic {
    /// Drops everything of a peer without a word and without events.
    pub fn forget_peer(&mut self, peer: PeerTag) {
        self.allowances.remove(&peer);
        let Some(known) = self.peers.get(&peer) else { return };
        let connections: Vec<_> = known.connections().collect();
        connections.iter().for_each(|connection| self.remove(*connection));
        self.peers.remove(&peer);
        self.protocols_of.remove(&peer);
        self.events.retain(|(connection, _)| !connections.contains(connection));
        self.responses.retain(|(to, _)| *to != peer);
    }

    /// Drops a connection without a word and without events.
    pub fn abandon(&mut self, connection: ConnectionHandle) {
        self.forget(connection);
        self.events.retain(|(other, _)| *other != connection);
    }

    /// Removes a connection that the other end left: it has nothing to repeat, and a late datagram gets the answer of
    /// one that belongs to nobody. Its owner was told, and read what it could, before it asked for packets. A
    /// connection that ended here lingers, to repeat its word.
    pub(super) fn put_away(&mut self, connection: ConnectionHandle, is_silent: bool) {
        let Some(Slot::Made(made)) = self.slots.get(&connection) else { return };
        if is_silent && made.is_left() && self.events.is_empty() {
            self.forget(connection);
        } else if made.is_drained() {
            self.touch(connection);
        } else if is_silent && made.lingers() {
            let peer = made.peer;
            self.linger(peer, connection);
        }
    }

    /// Keeps a connection that said its last word, to repeat it. If it is one too many of its peer's, the one that did
    /// so longest ago is forgotten.
    fn linger(&mut self, peer: PeerTag, connection: ConnectionHandle) {
        let Some(known) = self.peers.get_mut(&peer).filter(|known| !known.lingering.contains(&connection))
        else {
            return;
        };
        known.lingering.push_back(connection);
        if known.lingering.len() > LINGERING_MAX {
            known.lingering.retain(|other| self.slots.contains_key(other));
        }
        if known.lingering.len() > LINGERING_MAX
            && let Some(oldest) = known.lingering.pop_front()
        {
            self.remove(oldest);
        }
    }

    /// Drops a connection, and its peer with the last.
    pub(super) fn forget(&mut self, connection: ConnectionHandle) {
        let Some(peer) = self.peer_of(connection) else { return };
        self.remove(connection);
        self.drop_if_idle(peer);
    }

    pub(super) fn remove(&mut self, handle: ConnectionHandle) {
        match self.slots.remove(&handle) {
            Some(Slot::Made(made)) => {
                if let Some(peer) = self.peers.get_mut(&made.peer) {
                    peer.handle_event(made.quinn, EndpointEvent::drained());
                }
            }
            Some(Slot::Undecided { peer, undecided, .. }) => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.undecided.retain(|other| *other != handle);
                    peer.ignore(*undecided);
                }
            }
            None => {}
        }
    }

    pub(super) fn drop_if_idle(&mut self, peer: PeerTag) {
        if self.peers.get(&peer).is_some_and(Peer::is_idle) {
            self.peers.remove(&peer);
        }
    }
}

/// Most closed connections of a peer: a device has as many protocols, and so connections with one peer.
const LINGERING_MAX: usize = 32;
