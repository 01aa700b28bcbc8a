//! The way in: data on the hot path, the three handshake messages beside it (whitepaper section 5.4).
//!
//! 1. [`Device::handle_datagram`] opens data at once; of a handshake message it looks at the first MAC, and queues it
//!    (`receive/queueing.rs`).
//! 2. [`Device::handle_handshakes`] works the queue off, a turn at a time, after the data of a batch
//!    (`receive/handshakes.rs`).
//! 3. An initiation of an unknown key becomes a question to the owner (`strangers.rs`), which
//!    [`Device::authorize`] answers.

mod claimed;
mod handshakes;
mod queueing;

use std::time::Instant;

use crate::config::PeerId;
use crate::constants::{
    COOKIE_REPLY, COOKIE_REPLY_LENGTH, DATA, DATA_OVERHEAD, INITIATION, INITIATION_LENGTH, PADDING,
    REJECT_AFTER_MESSAGES, RESPONSE, RESPONSE_LENGTH,
};
use crate::core::Core;
use crate::device::Device;
use crate::event::Event;
use crate::index_table::TunnelIndex;
use crate::initiation::field;
use crate::path::{Path, is_loopback};
use crate::peer::Peer;
use crate::stats::ReceiveDrops;
use crate::timers::Pace;
use crate::tunnel::{Content, NotOpened};

pub use claimed::Claimed;

/// A whole IP packet, at the start of the caller's plaintext buffer; its source belongs to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its sender.
    pub peer: PeerId,
    /// Its length, from its own header.
    pub len: usize,
    /// It came under the session that seals, or a newer one.
    pub current: bool,
    /// Instant at which the session under which it came was made, by this end's clock: the end that sealed it lived
    /// then.
    pub made: Instant,
}

impl Device {
    /// Takes one UDP payload; gives the packet in it, if it held one that is allowed.
    ///
    /// Handshake messages are only looked at: [`Device::poll_transmit`] and [`Device::handle_timeout`] work them off,
    /// so that the data of a batch is served first.
    ///
    /// `plaintext` is the caller's reusable buffer, at least [`MAX_DATAGRAM`](crate::MAX_DATAGRAM) bytes long. Whatever
    /// is wrong with a datagram is counted in [`Stats`](crate::Stats) and otherwise ignored in silence, as the protocol
    /// wants it.
    pub fn handle_datagram(
        &mut self,
        path: Path,
        datagram: &mut [u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Option<Opened> {
        let now = self.advance(now);
        self.opened = None;
        let path = path.canonical();
        let kind = datagram.first_chunk().map(|kind| u32::from_le_bytes(*kind));
        match (kind, datagram.len()) {
            (Some(DATA), DATA_OVERHEAD..) => return self.handle_data(path, datagram, plaintext, now),
            (Some(INITIATION), INITIATION_LENGTH) => {
                self.core.queue_initiation(path, datagram.first_chunk()?, now);
            }
            (Some(RESPONSE), RESPONSE_LENGTH) => self.queue_response(path, datagram.first_chunk()?, now),
            (Some(COOKIE_REPLY), COOKIE_REPLY_LENGTH) => {
                self.handle_cookie_reply(datagram.first_chunk()?, now)
            }
            _ => self.core.stats.received.malformed += 1,
        }
        None
    }

    fn handle_data(
        &mut self,
        path: Path,
        datagram: &[u8],
        plaintext: &mut [u8],
        now: Instant,
    ) -> Option<Opened> {
        let drops = &mut self.core.stats.received;
        if datagram.len() > plaintext.len() {
            return count(&mut drops.oversized);
        }
        // boringtun adds its window to the counter, which overflows just below 2^64.
        if u64::from_le_bytes(field(datagram, 8)) >= REJECT_AFTER_MESSAGES {
            return count(&mut drops.replayed);
        }
        self.handle_response_before_data(u32::from_le_bytes(field(datagram, 4)), now);
        let Self { peers, core, .. } = self;
        let drops = &mut core.stats.received;
        let index = receiver(datagram, 4);
        let longest = if is_loopback(path.remote) { core.max_mtu } else { core.max_mtu_afar };
        let oversized = datagram.len() > longest.next_multiple_of(PADDING) + DATA_OVERHEAD;
        let Some(peer) = core.indices.owner(index).and_then(|owner| peers.get_mut(&owner)) else {
            return count(if oversized { &mut drops.oversized } else { &mut drops.unknown_index });
        };
        if oversized {
            let opened = peer.refuse_oversized(index, path, datagram, plaintext, core, now);
            self.opened = opened.then_some(peer.id);
            return None;
        }
        let opened = peer.open(index, path, datagram, plaintext, core, now);
        self.opened = opened.is_ok().then_some(peer.id);
        opened.ok().flatten()
    }

    /// Counts an opened packet that its owner drops as longer than the MTU. The first of a peer is told.
    pub fn refuse_packet(&mut self, opened: &Opened) {
        if let Some(peer) = self.peers.get_mut(&opened.peer) {
            peer.count_oversized(opened.len, &mut self.core);
        }
    }

    /// The sender of the last datagram, if it was one of a session and opened.
    pub fn opened(&self) -> Option<PeerId> {
        self.opened
    }
}

impl Peer {
    /// Drops a datagram that is longer than any packet allowed. Only the first that is the peer's own is opened, to say
    /// so: true.
    fn refuse_oversized(
        &mut self,
        index: TunnelIndex,
        path: Path,
        datagram: &[u8],
        plaintext: &mut [u8],
        core: &mut Core,
        now: Instant,
    ) -> bool {
        let is_first = self.stats.received_oversized == 0;
        if is_first {
            match self.open(index, path, datagram, plaintext, core, now) {
                Ok(Some(opened)) => self.count_oversized(opened.len, core),
                Ok(None) => {}
                Err(_) => return false,
            }
        } else {
            self.count_oversized(datagram.len(), core);
        }
        is_first
    }

    fn count_oversized(&mut self, len: usize, core: &mut Core) {
        if self.stats.received_oversized == 0 {
            core.events.push_back(Event::Oversized { peer: self.id, len });
        }
        self.stats.received_oversized += 1;
        core.stats.received.oversized += 1;
    }

    /// Opens a datagram into `plaintext`. Gives the packet in it, if this peer may send it; an error if it did not
    /// open.
    fn open(
        &mut self,
        index: TunnelIndex,
        path: Path,
        datagram: &[u8],
        plaintext: &mut [u8],
        core: &mut Core,
        now: Instant,
    ) -> Result<Option<Opened>, NotOpened> {
        let Some(tunnel) = self.tunnel_at(index) else { return Err(NotOpened::UnknownSession) };
        let received = match tunnel.open(datagram, plaintext, now) {
            Ok(received) => received,
            Err(refused) => {
                refused.count(&mut core.stats.received);
                return Err(refused);
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
        self.timers.trusted(&mut core.random, now);
        self.touch(core);
        self.heard_under(received.established);
        if received.confirmed {
            self.round_trip = Some(now.duration_since(received.established));
            self.confirmed(began.unwrap_or(now), received.established, core, now);
        }
        if stale {
            self.want_session(Pace::Renewal, core, now);
        }
        Ok(match received.content {
            Content::Keepalive => None,
            Content::NotIp => count(&mut core.stats.received.not_ip),
            Content::Packet { len, source }
                if source == self.derived_address || core.allowed_ips.owner(source) == Some(self.id) =>
            {
                let sealing = self.session(now).map(|session| session.established);
                let current = sealing.is_none_or(|sealing| sealing <= received.established);
                Some(Opened { peer: self.id, len, current, made: received.established })
            }
            Content::Packet { .. } => count(&mut core.stats.received.wrong_source),
        })
    }
}

impl NotOpened {
    fn count(self, drops: &mut ReceiveDrops) {
        match self {
            NotOpened::UnknownSession => drops.unknown_index += 1,
            NotOpened::ExpiredSession => drops.expired += 1,
            NotOpened::Unauthenticated => drops.unauthenticated += 1,
            NotOpened::Replayed => drops.replayed += 1,
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
