//! The way of a datagram in, in stages; the functions of this file stand in their order.
//!
//! 1. **Waiting**: a driver that measures files datagrams that may wait, and works them off in turns between peers
//!    (`arrivals.rs`).
//! 2. **Splitting**: datagrams that the system received as one are taken one by one (`handle_datagrams`).
//! 3. **Opening**: WireGuard authenticates a datagram, checks the inner source, and names its peer
//!    (`handle_datagram`); whose time it took is noted (`note_opened`).
//! 4. **Sorting**: a packet between both ends' transport ports is warren's own, a word between engines or QUIC's; each
//!    other one is the caller's (`hand_up`).
//! 5. **Settling**: before another peer's packet is taken in hand, and at the end of a batch, the rooms' events are
//!    heard as that peer's (`take_in_hand`, `settle.rs`), and told to the caller (`events.rs`).

use std::time::Instant;

use warren_netstack::{HEADER_LEN, Header};
use warren_wireguard::{Opened, Path, PeerId};

use super::Engine;
use crate::ecn::Ecn;
use crate::peer::QUIC_PORT;
use crate::transport::{Received, Transport};
use crate::word::Word;

impl<T: Transport> Engine<T> {
    /// Takes one UDP payload, or several of `segment` bytes each from one source (GRO); the last may be shorter.
    pub fn handle_datagrams(&mut self, path: Path, ecn: Ecn, segment: usize, bytes: &mut [u8], now: Instant) {
        if bytes.is_empty() {
            return self.handle_datagram(path, ecn, bytes, now);
        }
        let segment = if segment == 0 { bytes.len() } else { segment };
        for datagram in bytes.chunks_mut(segment) {
            self.handle_datagram(path, ecn, datagram, now);
        }
        self.settle(now);
        self.intake.let_go();
    }

    pub(super) fn handle_datagram(&mut self, path: Path, ecn: Ecn, datagram: &mut [u8], now: Instant) {
        self.counters.rx_datagrams += 1;
        self.counters.rx_bytes += datagram.len() as u64;
        let opened = self.wireguard.handle_datagram(path, datagram, &mut self.intake.plaintext, now);
        self.note_opened(path, datagram.len());
        if let Some(opened) = opened {
            self.hand_up(opened, path, ecn, now);
        }
    }

    /// Notes the sender of the datagram, or its source if it did not open, for the turns of those that wait.
    fn note_opened(&mut self, path: Path, len: usize) {
        match self.wireguard.opened() {
            Some(peer) => self.intake.opened(peer, len),
            None => self.intake.failed(self.wireguard.place_of(path)),
        }
    }

    /// Gives a decrypted packet to the room that it is for: the caller, this engine or QUIC.
    fn hand_up(&mut self, opened: Opened, path: Path, ecn: Ecn, now: Instant) {
        let Some(peer) = self.peers.get(&opened.peer) else {
            return;
        };
        let packet = &self.intake.plaintext[..opened.len];
        let Some(header) = Header::parse(packet).filter(|header| {
            header.source == (peer.address, QUIC_PORT) && header.destination == (self.address, QUIC_PORT)
        }) else {
            if opened.len > self.config.mtu.into() {
                self.wireguard.refuse_packet(&opened);
                return;
            }
            let packet = self.intake.copies.copy(packet).freeze();
            self.tell_packet(opened.peer, packet);
            return;
        };
        if Header::verify(packet).is_err() {
            self.counters.malformed_packets += 1;
            return;
        }
        let payload = &packet[HEADER_LEN..];
        if Word::is_one(payload) {
            let word = Word::read(payload);
            self.take_in_hand(opened.peer, opened.made, now);
            return self.handle_word(opened, word, now);
        }
        let payload = self.intake.copies.copy(payload);
        if let Some(peer) = self.peers.get_mut(&opened.peer) {
            peer.longest = peer.longest.max(payload.len());
        }
        self.take_in_hand(opened.peer, opened.made, now);
        let ecn = decapsulated(ecn, header.ecn);
        let (peer, departed, observed) = (opened.peer, header.label, path.remote);
        self.transport.handle_datagram(Received { peer, payload, ecn, departed, observed }, now);
    }

    /// Takes a datagram in hand. Events that QUIC made of another peer's are heard as that peer's first.
    fn take_in_hand(&mut self, peer: PeerId, made: Instant, now: Instant) {
        if self.intake.has_other(peer, made) {
            self.settle(now);
        }
        self.intake.take(peer, made);
    }

    /// Takes the system's refusal to send along this path, with its error number.
    pub fn handle_unreachable(&mut self, path: Path, error: i32, now: Instant) {
        self.wireguard.unreachable(path, error, now);
        self.settle(now);
    }
}

/// The mark of an inner packet, given that of the outer one (RFC 6040 section 4.2, but that nothing is dropped).
fn decapsulated(outer: Ecn, inner: u8) -> Ecn {
    match (inner, outer) {
        (0, _) => Ecn::NotEct,
        (3, _) | (_, Ecn::Ce) => Ecn::Ce,
        (1, _) | (_, Ecn::Ect1) => Ecn::Ect1,
        (_, Ecn::NotEct | Ecn::Ect0) => Ecn::Ect0,
    }
}

#[cfg(test)]
mod tests;
