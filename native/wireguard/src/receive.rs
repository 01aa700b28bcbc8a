//! What comes in: data for the hot path, the three handshake messages for the rest (whitepaper section 5.4).
//!
//! 1. [`Device::handle_datagram`] opens data at once; of a handshake message it looks at the first MAC, and queues it.
//! 2. [`Device::handle_handshakes`] works the queue off, a turn at a time, after the data of a batch.

use std::time::{Duration, Instant};

use crate::config::{Path, PeerId};
use crate::constants::{
    COOKIE_REPLY, COOKIE_REPLY_LENGTH, DATA, DATA_OVERHEAD, INITIATION, INITIATION_LENGTH, PADDING,
    REJECT_AFTER_MESSAGES, RESPONSE, RESPONSE_LENGTH,
};
use crate::device::{Core, Device};
use crate::event::Event;
use crate::handshake_queue::{COMPLETING_COST, Full, Handshake, OPENING_COST, REPLYING_COST, Waiting};
use crate::index_table::TunnelIndex;
use crate::initiation::{Claim, Opener, field};
use crate::keys::PublicKey;
use crate::peer::Peer;
use crate::stats::ReceiveDrops;
use crate::strangers::Asked;
use crate::tunnel::{Content, Refused};

/// A whole IP packet, at the start of the caller's plaintext buffer; its source belongs to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Who sent it.
    pub peer: PeerId,
    /// Its length, from its own header.
    pub len: usize,
}

impl Device {
    /// Takes one UDP payload; gives the packet in it, if it held one that is allowed.
    ///
    /// Handshake messages are only looked at: [`Device::poll_transmit`] and [`Device::handle_timeout`] work them off, so that
    /// the data of a batch is served first.
    ///
    /// `plaintext` is the caller's reusable buffer, at least [`MAX_DATAGRAM`](crate::MAX_DATAGRAM) bytes long. Whatever is wrong
    /// with a datagram is counted in [`Stats`](crate::Stats) and otherwise ignored in silence, as the protocol wants it.
    pub fn handle_datagram(
        &mut self,
        path: Path,
        datagram: &mut [u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Option<Opened> {
        let now = self.advance(now);
        let kind = datagram.first_chunk().map(|kind| u32::from_le_bytes(*kind));
        match (kind, datagram.len()) {
            (Some(DATA), DATA_OVERHEAD..) => return self.handle_data(path, datagram, plaintext, now),
            (Some(INITIATION), INITIATION_LENGTH) => {
                self.core.queue_initiation(path, datagram.first_chunk()?, now);
            }
            (Some(RESPONSE), RESPONSE_LENGTH) => self.queue_response(path, datagram.first_chunk()?, now),
            (Some(COOKIE_REPLY), COOKIE_REPLY_LENGTH) => self.handle_cookie_reply(datagram, now),
            _ => self.core.stats.received.malformed += 1,
        }
        None
    }

    /// Works off what waits, until nothing does or the turn is over.
    pub(crate) fn handle_handshakes(&mut self, now: Instant) {
        while let Some(handshake) = self.core.handshakes.pop(now) {
            match handshake {
                Handshake::Response(Waiting { path, message, admitted }) => {
                    if admitted || self.core.admits(path, &message, now) {
                        self.handle_response(path, &message, now);
                    }
                }
                Handshake::Initiation(Waiting { path, message, admitted }) => {
                    let admitted = admitted || self.core.admits(path, &message, now);
                    if admitted && self.core.allows(path, now) {
                        self.handle_initiation(path, &message, now);
                    }
                }
            }
        }
    }

    fn handle_data(
        &mut self,
        path: Path,
        datagram: &[u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Option<Opened> {
        let Device { peers, core, .. } = self;
        let drops = &mut core.stats.received;
        if datagram.len() > core.mtu.next_multiple_of(PADDING) + DATA_OVERHEAD
            || datagram.len() > plaintext.len()
        {
            return count(&mut drops.oversized);
        }
        // boringtun adds its window to the counter, which overflows just below 2^64.
        if u64::from_le_bytes(field(datagram, 8)) >= REJECT_AFTER_MESSAGES {
            return count(&mut drops.replayed);
        }
        let index = receiver(datagram, 4);
        let Some(peer) = core.indices.owner(index).and_then(|owner| peers.get_mut(&owner)) else {
            return count(&mut drops.unknown_index);
        };
        let len = peer.open(index, path, datagram, plaintext, core, now)?;
        Some(Opened { peer: peer.id, len })
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
        let Ok(timestamp) = Opener::prove(&claim, message, &peer.shared) else {
            core.stats.received.unauthenticated += 1;
            return core.wasted(path, OPENING_COST, now);
        };
        let too_soon = peer.answered.is_some_and(|last| now.duration_since(last) < ANSWER_INTERVAL);
        if timestamp <= peer.timestamp || too_soon {
            core.stats.received.stale_initiations += 1;
            return core.wasted(path, OPENING_COST, now);
        }
        peer.timestamp = timestamp;
        core.handshakes.worked(OPENING_COST, now);
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
    fn queue_response(&mut self, path: Path, message: &[u8; RESPONSE_LENGTH], now: Instant) {
        let Device { peers, core, .. } = self;
        let Some(peer) = core.indices.owner(receiver(message, 8)).and_then(|owner| peers.get(&owner)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        if !core.knows_us(message) {
            return;
        }
        let admitted = peer.endpoint() == Some(path.remote);
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

    fn handle_cookie_reply(&mut self, message: &[u8], now: Instant) {
        let Device { peers, core, .. } = self;
        let index = receiver(message, 4);
        let Some(peer) = core.indices.owner(index).and_then(|owner| peers.get_mut(&owner)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        match peer.handshaking_at(index).map(|tunnel| tunnel.take_cookie(message, now)) {
            Some(Ok(())) => {
                peer.timers.cookie(&mut core.random, now);
                core.touch(peer);
            }
            Some(Err(refused)) => refused.count(&mut core.stats.received),
            None => core.stats.received.unknown_index += 1,
        }
    }
}

impl Core {
    fn queue_initiation(&mut self, path: Path, message: &[u8; INITIATION_LENGTH], now: Instant) {
        if !self.knows_us(message) {
            return;
        }
        let loaded = self.handshakes.under_load(now);
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

    /// Whether a handshake message may cost us a Diffie-Hellman: under load its sender first has to show that it receives
    /// where it sends from.
    fn admits(&mut self, path: Path, message: &[u8], now: Instant) -> bool {
        if !self.handshakes.under_load(now)
            || self.cookies.returned(message, path.remote, &mut self.random, now)
        {
            return true;
        }
        self.stats.received.under_load += 1;
        if self.handshakes.may_reply(self.endpoints.contains(path.remote), now) {
            self.handshakes.worked(REPLYING_COST, now);
            self.stats.cookies_sent += 1;
            let reply = self.cookies.reply(message, path.remote, &mut self.random, now);
            self.push(path, &reply);
        }
        false
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

    fn count_overflow(&mut self, queued: Result<(), Full>) {
        self.stats.received.handshake_overflow += u64::from(queued == Err(Full));
    }
}

impl Peer {
    /// The length of the packet in `plaintext`, if the datagram held one that this peer may send.
    fn open(
        &mut self,
        index: TunnelIndex,
        path: Path,
        datagram: &[u8],
        plaintext: &mut [u8],
        core: &mut Core,
        now: Instant,
    ) -> Option<usize> {
        let tunnel = self.tunnel_at(index)?;
        let received = match tunnel.open(datagram, plaintext, now) {
            Ok(received) => received,
            Err(refused) => {
                refused.count(&mut core.stats.received);
                return None;
            }
        };
        let stale = tunnel.stale_for_receiving(now);
        let began = if received.confirmed { tunnel.sealing(now).map(|session| session.began) } else { None };
        self.roam(path, core, now);
        self.stats.received_packets += 1;
        self.stats.received_bytes += datagram.len() as u64;
        self.stats.last_received = Some(now);
        match received.content {
            Content::Keepalive => self.timers.received(now),
            Content::Packet { .. } | Content::NotIp => self.timers.received_data(now),
        }
        core.touch(self);
        if received.confirmed {
            self.confirmed(began.unwrap_or(now), core, now);
        }
        if stale {
            self.want_session(core, now);
        }
        match received.content {
            Content::Keepalive => None,
            Content::NotIp => count(&mut core.stats.received.not_ip),
            Content::Packet { len, source }
                if source == self.derived_address || core.allowed_ips.owner(source) == Some(self.id) =>
            {
                Some(len)
            }
            Content::Packet { .. } => count(&mut core.stats.received.wrong_source),
        }
    }

    fn complete(&mut self, path: Path, response: &[u8; RESPONSE_LENGTH], core: &mut Core, now: Instant) {
        let Some(tunnel) = self.handshaking_at(receiver(response, 8)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        let (session, keepalive) = match tunnel.complete(response, now) {
            Ok(completed) => completed,
            Err(refused) => {
                core.handshakes.wasted(COMPLETING_COST, now);
                return refused.count(&mut core.stats.received);
            }
        };
        core.handshakes.worked(COMPLETING_COST, now);
        self.roam(path, core, now);
        self.timers.received(now);
        core.touch(self);
        self.confirmed(session.began, core, now);
        if self.staged.is_empty() {
            self.stats.sent_packets += 1;
            self.stats.sent_bytes += keepalive.len() as u64;
            self.timers.sent(now);
            core.push(path, &keepalive);
        }
    }
}

impl Refused {
    fn count(self, drops: &mut ReceiveDrops) {
        match self {
            Refused::UnknownSession => drops.unknown_index += 1,
            Refused::ExpiredSession => drops.expired += 1,
            Refused::Unauthenticated => drops.unauthenticated += 1,
            Refused::Replayed => drops.replayed += 1,
        }
    }
}

fn count<T>(counter: &mut u64) -> Option<T> {
    *counter += 1;
    None
}

fn receiver(message: &[u8], at: usize) -> TunnelIndex {
    TunnelIndex::of_receiver(u32::from_le_bytes(field(message, at)))
}

/// The kernel answers a peer at most 50 times a second (`INITIATIONS_PER_SECOND`).
const ANSWER_INTERVAL: Duration = Duration::from_millis(20);
