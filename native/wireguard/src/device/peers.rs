//! Peers as they are added, changed and removed.

use std::time::{Duration, Instant};

use crate::config::{AddPeerError, PeerChanges, PeerConfig, PeerId, UpdatePeerError};
use crate::device::Device;
use crate::keys::PublicKey;
use crate::path::canonical;
use crate::peer::Peer;
use crate::prefix::Prefix;
use crate::strangers::{Initiated, RemovedPeer};

impl Device {
    /// Adds a peer; with a persistent keepalive and an endpoint it is dialled at once, and if it waits as a stranger
    /// its newest initiation is answered.
    pub fn add_peer(&mut self, config: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        let now = self.advance(now);
        let PeerConfig { public_key, preshared_key, endpoints, allowed_ips, persistent_keepalive } = config;
        if public_key == self.core.public_key {
            return Err(AddPeerError::OwnKey);
        }
        if public_key.is_low_order() {
            return Err(AddPeerError::LowOrderKey);
        }
        if self.by_key.contains_key(&public_key) {
            return Err(AddPeerError::AlreadyExists);
        }
        if self.peers.len() >= self.peer_limit {
            return Err(AddPeerError::TooManyPeers);
        }
        let derived = Prefix::host(public_key.derived_address().into());
        for prefix in allowed_ips.iter().chain([&derived]) {
            if let Some(owner) = self.owner_key(prefix) {
                return Err(AddPeerError::AllowedIpConflict { prefix: *prefix, owner });
            }
        }
        let id = PeerId(self.next_id);
        self.next_id = self.next_id.checked_add(1).ok_or(AddPeerError::TooManyPeers)?;
        let past = self.departed.take(&public_key);
        let mut peer = Box::new(Peer::new(id, public_key, past));
        peer.preshared_key = preshared_key;
        peer.allowed_ips = allowed_ips;
        for prefix in peer.allowed_ips.iter().chain([&derived]) {
            self.core.allowed_ips.insert(*prefix, id);
        }
        peer.set_endpoints(endpoints.into_iter().map(canonical).collect(), &mut self.core, now);
        peer.timers.persist(keepalive_interval(persistent_keepalive), now);
        if let Some(stranger) = self.strangers.take(&public_key) {
            peer.timestamp = stranger.timestamp;
            peer.answer(stranger.path, &stranger.initiation, &mut self.core, now);
        }
        peer.touch(&mut self.core);
        self.by_key.insert(public_key, id);
        self.peers.insert(id, peer);
        Ok(id)
    }

    /// Changes a peer; either all of it or, with an error, nothing.
    ///
    /// New endpoints beside a live session are a hint: an initiation goes to the first of them, data where it went
    /// until that is answered. Without a session data and the dial under way go there at once.
    pub fn update_peer(
        &mut self,
        peer: PeerId,
        changes: PeerChanges,
        now: Instant,
    ) -> Result<(), UpdatePeerError> {
        let now = self.advance(now);
        if !self.peers.contains_key(&peer) {
            return Err(UpdatePeerError::NoSuchPeer);
        }
        if let Some(allowed_ips) = changes.allowed_ips {
            self.set_allowed_ips(peer, allowed_ips, changes.replace)?;
        }
        let Device { peers, core, .. } = self;
        let Some(peer) = peers.get_mut(&peer) else { return Err(UpdatePeerError::NoSuchPeer) };
        if let Some(endpoints) = changes.endpoints {
            peer.set_endpoints(endpoints.into_iter().map(canonical).collect(), core, now);
        }
        if let Some(key) = changes.preshared_key {
            peer.set_preshared_key(key, core, now);
        }
        if let Some(seconds) = changes.persistent_keepalive {
            peer.timers.persist(keepalive_interval(seconds), now);
        }
        peer.touch(core);
        Ok(())
    }

    /// Removes a peer and wipes its keys, without a word to it.
    pub fn remove_peer(&mut self, peer: PeerId, now: Instant) {
        let now = self.advance(now);
        let Some(mut peer) = self.peers.remove(&peer) else { return };
        peer.release_tunnels(&mut self.core);
        peer.leave(&mut self.core.endpoints);
        self.by_key.remove(&peer.public_key);
        let initiated = peer.timers.last_initiation().zip(peer.stamp);
        let initiated = initiated.map(|(at, stamp)| Initiated { at, stamp });
        let due = self.core.clock.stamp(None, now);
        self.departed.remember(peer.public_key, RemovedPeer { timestamp: peer.timestamp, initiated }, due);
        self.core.allowed_ips.remove(&Prefix::host(peer.derived_address.into()));
        for prefix in &peer.allowed_ips {
            self.core.allowed_ips.remove(prefix);
        }
        if let Some(at) = peer.scheduled {
            self.deadlines.remove(&(at, peer.id));
        }
    }

    /// Makes a stranger a peer, if its question still stands, and answers its newest initiation.
    pub fn authorize(&mut self, config: PeerConfig, now: Instant) -> Result<PeerId, AddPeerError> {
        if !self.strangers.contains(&config.public_key) {
            return Err(AddPeerError::StrangerGone);
        }
        self.add_peer(config, now)
    }

    /// Forgets a stranger, without a word to it; it may ask again.
    pub fn refuse(&mut self, public_key: &PublicKey, now: Instant) {
        self.advance(now);
        self.strangers.take(public_key);
    }

    fn owner_key(&self, prefix: &Prefix) -> Option<PublicKey> {
        let owner = self.core.allowed_ips.exact(prefix)?;
        Some(self.peers.get(&owner)?.public_key)
    }

    fn set_allowed_ips(
        &mut self,
        id: PeerId,
        new: Vec<Prefix>,
        replace: bool,
    ) -> Result<(), UpdatePeerError> {
        for prefix in &new {
            let Some(owner) = self.core.allowed_ips.exact(prefix).filter(|owner| *owner != id) else {
                continue;
            };
            let Some(owner) = self.peers.get(&owner) else { continue };
            if !replace || *prefix == Prefix::host(owner.derived_address.into()) {
                return Err(UpdatePeerError::AllowedIpConflict { prefix: *prefix, owner: owner.public_key });
            }
        }
        let Some(peer) = self.peers.get_mut(&id) else { return Err(UpdatePeerError::NoSuchPeer) };
        let derived = Prefix::host(peer.derived_address.into());
        let old = std::mem::replace(&mut peer.allowed_ips, new.clone());
        for prefix in old.iter().filter(|prefix| **prefix != derived) {
            self.core.allowed_ips.remove(prefix);
        }
        for prefix in new {
            let before = self.core.allowed_ips.exact(&prefix).filter(|owner| *owner != id);
            if let Some(loser) = before.and_then(|owner| self.peers.get_mut(&owner)) {
                loser.allowed_ips.retain(|other| *other != prefix);
            }
            self.core.allowed_ips.insert(prefix, id);
        }
        Ok(())
    }
}

fn keepalive_interval(seconds: Option<u16>) -> Option<Duration> {
    seconds.filter(|seconds| *seconds > 0).map(|seconds| Duration::from_secs(seconds.into()))
}
