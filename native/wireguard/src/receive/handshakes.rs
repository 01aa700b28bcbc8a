//! The work on each handshake message when its turn comes.

use std::time::{Duration, Instant};

use super::receiver;
use crate::constants::{COOKIE_REPLY_LENGTH, INITIATION_LENGTH, RESPONSE_LENGTH};
use crate::core::Core;
use crate::device::Device;
use crate::event::Event;
use crate::handshake_queue::{COMPLETING_COST, Handshake, OPENING_COST, Waiting};
use crate::index_table::TunnelIndex;
use crate::initiation::{Claim, Opener, field};
use crate::keys::PublicKey;
use crate::path::Path;
use crate::peer::Peer;
use crate::strangers::Asked;

impl Device {
    /// Works off waiting messages, until none is left or the turn is over.
    pub(crate) fn handle_handshakes(&mut self, now: Instant) {
        while let Some(handshake) = self.core.handshakes.pop(now) {
            match handshake {
                Handshake::Response(response) => self.handle_waiting_response(&response, now),
                Handshake::Initiation(Waiting { path, message, admitted }) => {
                    let admitted = admitted || self.core.admits(path, &message, now);
                    if admitted && self.core.allows(path, now) {
                        self.handle_initiation(path, &message, now);
                    }
                }
            }
        }
    }

    /// Works off the response that made the session of a datagram, if it came in the same batch: some responders send
    /// at once, and datagrams that are under way together may overtake each other. Under load it has to wait for its
    /// turn.
    pub(super) fn handle_response_before_data(&mut self, receiver_index: u32, now: Instant) {
        let Self { core, peers, .. } = self;
        if !core.handshakes.has_responses() {
            return;
        }
        let index = TunnelIndex::of_receiver(receiver_index);
        let peer = core.indices.owner(index).and_then(|owner| peers.get_mut(&owner));
        let tunnel = peer.and_then(|peer| peer.handshaking_at(index));
        if tunnel.is_some_and(|tunnel| tunnel.awaits(receiver_index))
            && !core.handshakes.under_load(now)
            && let Some(response) = core.handshakes.take_response(receiver_index)
        {
            self.handle_waiting_response(&response, now);
        }
    }

    fn handle_waiting_response(&mut self, response: &Waiting<RESPONSE_LENGTH>, now: Instant) {
        if response.admitted || self.core.admits(response.path, &response.message, now) {
            self.handle_response(response.path, &response.message, now);
        }
    }

    fn handle_initiation(&mut self, path: Path, message: &[u8; INITIATION_LENGTH], now: Instant) {
        let Self { core, peers, by_key, .. } = self;
        let Ok(claim) = core.opener.claim(message) else {
            core.stats.received.unauthenticated += 1;
            return core.wasted(path, OPENING_COST, now);
        };
        let Some(peer) = by_key.get(&claim.public_key).and_then(|id| peers.get_mut(id)) else {
            return self.handle_stranger(path, message, &claim, now);
        };
        let shared = peer.shared.get_or_insert_with(|| core.opener.shared(&claim.public_key));
        let Ok(timestamp) = Opener::prove(&claim, message, shared) else {
            core.stats.received.unauthenticated += 1;
            return core.wasted(path, OPENING_COST, now);
        };
        if timestamp <= peer.timestamp || !peer.may_answer(now) {
            core.stats.received.stale_initiations += 1;
            return core.wasted(path, OPENING_COST, now);
        }
        core.handshakes.worked(OPENING_COST, now);
        if peer.insists(&core.public_key, now) {
            core.stats.received.stale_initiations += 1;
            return;
        }
        peer.timestamp = timestamp;
        peer.answer(path, message, core, now);
    }

    /// An unknown key: opened no further than is asked for, and told only once it is proven.
    fn handle_stranger(
        &mut self,
        path: Path,
        message: &[u8; INITIATION_LENGTH],
        claim: &Claim,
        now: Instant,
    ) {
        let core = &mut self.core;
        let key = claim.public_key;
        let refused = !self.report_strangers || key == core.public_key || key.is_low_order();
        if refused || !self.strangers.may_open(now) {
            core.stats.received.strangers += 1;
            return core.wasted(path, OPENING_COST, now);
        }
        // A second Diffie-Hellman, since nothing is cached for it.
        core.wasted(path, OPENING_COST * 2, now);
        let proven = Opener::prove(claim, message, &core.opener.shared(&key));
        let Ok(timestamp) = proven else {
            core.stats.received.unauthenticated += 1;
            return;
        };
        if timestamp <= self.departed.timestamp(&key) {
            core.stats.received.stale_initiations += 1;
            return;
        }
        match self.strangers.ask(key, path, message, timestamp, now) {
            Asked::New => core.events.push_back(Event::Stranger { public_key: key, endpoint: path.remote }),
            Asked::Again => {}
            Asked::Refused => core.stats.received.strangers += 1,
        }
    }

    fn handle_response(&mut self, path: Path, message: &[u8; RESPONSE_LENGTH], now: Instant) {
        let Self { peers, core, .. } = self;
        let Some(peer) = core.indices.owner(receiver(message, 8)).and_then(|owner| peers.get_mut(&owner))
        else {
            core.stats.received.unknown_index += 1;
            return;
        };
        if PublicKey::from_bytes(field(message, 12)).is_low_order() {
            core.stats.received.unauthenticated += 1;
            return;
        }
        peer.complete(path, message, core, now);
    }

    pub(super) fn handle_cookie_reply(&mut self, message: &[u8; COOKIE_REPLY_LENGTH], now: Instant) {
        let Self { peers, core, .. } = self;
        let index = receiver(message, 4);
        let Some(peer) = core.indices.owner(index).and_then(|owner| peers.get_mut(&owner)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        match peer.handshaking_at(index).map(|tunnel| tunnel.take_cookie(message, now)) {
            Some(Ok(())) => {
                peer.timers.cookie(&mut core.random, now);
                peer.touch(core);
            }
            Some(Err(refused)) => refused.count(&mut core.stats.received),
            None => core.stats.received.unknown_index += 1,
        }
    }
}

impl Core {
    /// An initiation was opened for nothing.
    fn wasted(&mut self, path: Path, cost: Duration, now: Instant) {
        self.handshakes.wasted(cost, now);
        self.handshakes.charge(path.remote.ip(), now);
    }
}

impl Peer {
    fn complete(&mut self, path: Path, response: &[u8; RESPONSE_LENGTH], core: &mut Core, now: Instant) {
        let Some(tunnel) = self.handshaking_at(receiver(response, 8)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        let completed = match tunnel.complete(response, now) {
            Ok(completed) => completed,
            Err(refused) => {
                core.handshakes.wasted(COMPLETING_COST, now);
                return refused.count(&mut core.stats.received);
            }
        };
        core.handshakes.worked(COMPLETING_COST, now);
        self.answered_from(path, core, now);
        self.timers.received(now);
        self.touch(core);
        self.replaceable(&completed, core, now);
        self.confirmed(completed.session.began, completed.made, core, now);
        if self.staged.is_empty() {
            self.stats.sent_packets += 1;
            self.stats.sent_bytes += completed.keepalive.len() as u64;
            self.timers.sent(now);
            core.push(self.id, path, &completed.keepalive);
        }
    }
}
