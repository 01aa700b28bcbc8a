//! Datagrams that belong to a connection, and connections that have nothing more to say.

use std::time::{Duration, Instant};

use quinn_proto::{ConnectionEvent, EndpointEvent};

use super::{Quic, Slot};
use crate::{ConnectionHandle, PeerTag, peer::Peer};

impl Quic {
    /// Hands a datagram on, unless it asks for more work than its peer may. Its departure by the sender's clock is told
    /// beside it.
    pub(super) fn arrived(
        &mut self,
        connection: ConnectionHandle,
        event: ConnectionEvent,
        (departed, put_off): (Option<u32>, Duration),
        now: Instant,
    ) {
        let Some(Slot::Made(made)) = self.slots.get_mut(&connection) else { return };
        match made.weigh(&self.weight) {
            Ok(Some(0)) => {}
            Ok(Some(pieces)) if self.allowances.entry(made.peer).or_default().spend(pieces, now) => {}
            Ok(_) => {
                self.totals.datagrams_too_costly += 1;
                return;
            }
            Err(violation) => {
                self.totals.violations += u64::from(made.offended(violation, now, &mut self.events));
                return self.touch(connection);
            }
        }
        made.gauge().departed(departed, put_off);
        made.handle_datagram(event, &self.weight, now);
        self.touch(connection);
    }

    /// Whether a peer may have the early data of the datagram in hand looked at: quinn-proto may keep it for a dial
    /// that is not accepted yet, and would work it off with that.
    pub(super) fn affords_early(&mut self, peer: PeerTag, now: Instant) -> bool {
        let pieces = self.weight.early_pieces;
        let affords = pieces == 0
            || !self.weight.is_too_dear(pieces)
                && self.allowances.entry(peer).or_default().spend(pieces, now);
        self.totals.datagrams_too_costly += u64::from(!affords);
        affords
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
