//! The way out: packets sealed at once, packets staged for a session, and keepalives.
//!
//! 1. [`Device::send`] seals a packet if a session can, else stages it and asks for one.
//! 2. [`Device::poll_transmit`] works off handshakes, gives handshake messages, cookies and keepalives first, then what
//!    was staged.

use std::time::Instant;

use crate::config::PeerId;
use crate::constants::REKEY_AFTER_MESSAGES;
use crate::core::Core;
use crate::device::Device;
use crate::path::Path;
use crate::peer::Peer;
use crate::queues::Message;
use crate::timers::Pace;

/// Outcome of a packet handed to [`Device::send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// One datagram was appended, to be sent along this path.
    Sealed(Path),
    /// It waits for a session; [`Device::poll_transmit`] will give it.
    Staged,
    /// It is gone.
    Dropped(SendDrop),
}

/// A packet that waited for a session and was sealed by [`Device::flush`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flushed {
    /// The path to send the datagram along.
    pub path: Path,
    /// The packet, as it was handed to [`Device::send`].
    pub packet: Box<[u8]>,
}

/// Reason why a packet was dropped on sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDrop {
    /// The peer was removed.
    NoSuchPeer,
    /// Empty: only keepalives are.
    Empty,
    /// Longer than the MTU.
    Oversized,
    /// No session, and nowhere to dial.
    NoEndpoint,
}

impl Device {
    /// Seals one IP packet at the end of `out`.
    ///
    /// Without a usable session it is staged (bounded, the oldest dropped) and a handshake starts. Packets of one peer
    /// leave in order: while some are still staged, later ones are too.
    pub fn send(&mut self, peer: PeerId, packet: &[u8], out: &mut Vec<u8>, now: Instant) -> Sent {
        let now = self.advance(now);
        match self.peers.get_mut(&peer) {
            Some(peer) => peer.send(packet, out, &mut self.core, now),
            None => Sent::Dropped(SendDrop::NoSuchPeer),
        }
    }

    /// Appends one datagram that is ready to leave, and says along which path; `None` leaves `out` as it is.
    ///
    /// An owner that decides itself what leaves first asks for the same in parts: [`Device::poll_message`],
    /// [`Device::poll_staged`], [`Device::flush`].
    pub fn poll_transmit(&mut self, out: &mut Vec<u8>, now: Instant) -> Option<Path> {
        if let Some(message) = self.poll_message(out, now) {
            return Some(message.path);
        }
        while let Some(&id) = self.core.flushing.front() {
            if let Some(flushed) = self.flush(id, out, now) {
                return Some(flushed.path);
            }
            self.core.flushing.pop_front();
        }
        self.reschedule();
        None
    }

    /// Appends one handshake message, cookie reply or keepalive; `None` leaves `out` as it is.
    pub fn poll_message(&mut self, out: &mut Vec<u8>, now: Instant) -> Option<Message> {
        let now = self.advance(now);
        self.handle_handshakes(now);
        let Some(queued) = self.core.outgoing.pop() else {
            self.reschedule();
            return None;
        };
        out.extend_from_slice(&queued.bytes[..queued.length]);
        Some(queued.message)
    }

    /// A peer with packets that waited for a session, and now have one: to be asked for with [`Device::flush`] until
    /// `None`.
    pub fn poll_staged(&mut self) -> Option<PeerId> {
        self.core.flushing.pop_front()
    }

    /// Appends the next packet that waited for a session of this peer's, sealed; `None` leaves `out` as it is.
    pub fn flush(&mut self, peer: PeerId, out: &mut Vec<u8>, now: Instant) -> Option<Flushed> {
        let now = self.advance(now);
        let peer = self.peers.get_mut(&peer)?;
        let flushed = peer.flush(out, &mut self.core, now);
        peer.flushing &= flushed.is_some();
        flushed
    }
}

impl Peer {
    fn send(&mut self, packet: &[u8], out: &mut Vec<u8>, core: &mut Core, now: Instant) -> Sent {
        if packet.len() > core.max_mtu {
            core.stats.sent.oversized += 1;
            return Sent::Dropped(SendDrop::Oversized);
        }
        if packet.is_empty() {
            return Sent::Dropped(SendDrop::Empty);
        }
        let Some(path) = self.path else {
            core.stats.sent.no_endpoint += 1;
            return Sent::Dropped(SendDrop::NoEndpoint);
        };
        if self.staged.is_empty() && self.seal(packet, out, core, now) {
            return Sent::Sealed(path);
        }
        let dropped = self.staged.push(packet, core.staged_limit);
        self.stats.staged_dropped += dropped;
        core.stats.sent.staged_overflow += dropped;
        if self.session(now).is_none() {
            self.want_session(Pace::First, core, now);
        }
        Sent::Staged
    }

    /// Seals a packet, or a keepalive if it is empty, if there is a session for it.
    fn seal(&mut self, packet: &[u8], out: &mut Vec<u8>, core: &mut Core, now: Instant) -> bool {
        let Some(tunnel) = self.sealing(now) else { return false };
        let before = out.len();
        let mtu = if packet.len() > core.mtu { core.max_mtu } else { core.mtu };
        let counter = tunnel.seal(core.padding.pad(packet, mtu), out, now);
        let stale = counter >= REKEY_AFTER_MESSAGES || tunnel.stale_for_sending(now);
        self.stats.sent_packets += 1;
        self.stats.sent_bytes += (out.len() - before) as u64;
        if packet.is_empty() {
            self.timers.sent(now);
        } else {
            self.timers.sent_data(now);
            self.keep(packet, core.staged_limit);
        }
        self.touch(core);
        if stale {
            self.want_session(Pace::Renewal, core, now);
        }
        true
    }

    /// Whether there was a session to send it through.
    pub(crate) fn send_keepalive(&mut self, core: &mut Core, now: Instant) -> bool {
        let Some(path) = self.path else { return false };
        let mut datagram = std::mem::take(&mut core.outgoing.keepalive);
        datagram.clear();
        let sealed = self.seal(&[], &mut datagram, core, now);
        if sealed {
            core.push(self.id, path, &datagram);
            if let Some(former) = self.former {
                core.push(self.id, former, &datagram);
            }
        }
        core.outgoing.keepalive = datagram;
        sealed
    }

    /// Lets [`Device::poll_transmit`] give what is staged.
    pub(crate) fn start_flushing(&mut self, core: &mut Core) {
        if !self.flushing && !self.staged.is_empty() {
            self.flushing = true;
            core.flushing.push_back(self.id);
        }
    }

    fn flush(&mut self, out: &mut Vec<u8>, core: &mut Core, now: Instant) -> Option<Flushed> {
        let path = self.path?;
        let packet = self.staged.pop()?;
        if self.seal(&packet, out, core, now) {
            return Some(Flushed { path, packet });
        }
        self.staged.unpop(packet);
        self.want_session(Pace::First, core, now);
        None
    }
}
