//! Handshake messages: admission to the queue, and the work on each when its turn comes.

use std::time::{Duration, Instant};

use super::receiver;
use crate::constants::{COOKIE_REPLY_LENGTH, INITIATION_LENGTH, RESPONSE_LENGTH};
use crate::cookie::has_cookie;
use crate::core::Core;
use crate::device::Device;
use crate::event::Event;
use crate::handshake_queue::{COMPLETING_COST, Handshake, OPENING_COST, QueueFull, Waiting};
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
        let Device { core, peers, .. } = self;
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
        let Device { core, peers, by_key, .. } = self;
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

    /// A response from where we sent our initiation is one we asked for: it needs no cookie when we dial many at once.
    pub(super) fn queue_response(&mut self, path: Path, message: &[u8; RESPONSE_LENGTH], now: Instant) {
        let Device { peers, core, .. } = self;
        let Some(peer) = core.indices.owner(receiver(message, 8)).and_then(|owner| peers.get(&owner)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        if !core.knows_us(message) {
            return;
        }
        let admitted = peer.may_be_at(path.remote);
        if admitted || core.admits(path, message, now) {
            let queued = core.handshakes.push_response(Waiting { path, message: *message, admitted });
            core.count_overflow(queued);
        }
    }

    fn handle_response(&mut self, path: Path, message: &[u8; RESPONSE_LENGTH], now: Instant) {
        let Device { peers, core, .. } = self;
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
        let Device { peers, core, .. } = self;
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
    pub(super) fn queue_initiation(&mut self, path: Path, message: &[u8; INITIATION_LENGTH], now: Instant) {
        let loaded = self.handshakes.under_load(now);
        if loaded && !has_cookie(message) && !self.may_reply(path, now) {
            // It would be dropped whatever its MAC.
            self.handshakes.turned_away(path.remote, self.endpoints.source(path.remote), now);
            self.stats.received.under_load += 1;
            return;
        }
        if !self.knows_us(message) {
            return;
        }
        if !loaded || (self.admits(path, message, now) && self.allows(path, now)) {
            let waiting = Waiting { path, message: *message, admitted: loaded };
            let queued = self.handshakes.push_initiation(waiting);
            self.count_overflow(queued);
        }
    }

    /// Whether the sender of a handshake message knows our public key.
    fn knows_us(&mut self, message: &[u8]) -> bool {
        let knows_us = self.cookies.knows_us(message);
        self.stats.received.wrong_mac1 += u64::from(!knows_us);
        knows_us
    }

    /// Whether a handshake message may cost us a Diffie-Hellman: under load its sender first has to show that it
    /// receives where it sends from.
    fn admits(&mut self, path: Path, message: &[u8], now: Instant) -> bool {
        if !self.handshakes.under_load(now)
            || self.cookies.returned(message, path.remote, &mut self.random, now)
        {
            return true;
        }
        self.stats.received.under_load += 1;
        if self.may_reply(path, now) {
            self.handshakes.replied(path.remote, self.endpoints.source(path.remote), now);
            self.stats.cookies_sent += 1;
            let reply = self.cookies.reply(message, path.remote, &mut self.random, now);
            self.reply(path, &reply);
        }
        false
    }

    fn may_reply(&self, path: Path, now: Instant) -> bool {
        self.handshakes.may_reply(path.remote, self.endpoints.source(path.remote), now)
    }

    /// Whether an initiation may be opened: under load its source must not have sent too many that opened to no peer.
    fn allows(&mut self, path: Path, now: Instant) -> bool {
        let allowed = !self.handshakes.under_load(now) || self.handshakes.allows(path.remote.ip(), now);
        self.stats.received.source_limited += u64::from(!allowed);
        allowed
    }

    /// An initiation was opened for nothing.
    fn wasted(&mut self, path: Path, cost: Duration, now: Instant) {
        self.handshakes.wasted(cost, now);
        self.handshakes.charge(path.remote.ip(), now);
    }

    fn count_overflow(&mut self, queued: Result<(), QueueFull>) {
        self.stats.received.handshake_overflow += u64::from(queued == Err(QueueFull));
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
