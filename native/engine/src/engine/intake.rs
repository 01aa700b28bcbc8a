//! Datagrams on their way in.

use std::time::Instant;

use warren_wireguard::{MAX_DATAGRAM, PeerId};

use crate::arrivals::{Arrivals, Tally, load};
use crate::payloads::Payloads;

/// Datagrams that wait to be worked off, the one in hand, and the tally of whose time they take.
///
/// One datagram is in hand at a time. The events that the rooms make of it count as its peer's, and as those of the
/// session under which it came, until another peer's is taken in hand. The caller of [`Intake::take`] has heard the
/// rooms before.
#[derive(Debug)]
pub(super) struct Intake {
    /// Datagrams that wait to be worked off.
    pub(super) arrivals: Arrivals,
    /// Tally of the datagrams that were worked off since their time was charged.
    pub(super) tally: Tally,
    /// Peer of the datagram in hand, and the instant at which the session under which it came was made.
    in_hand: Option<(PeerId, Instant)>,
    /// Decrypted packets.
    pub(super) plaintext: Box<[u8]>,
    /// Copies of decrypted packets that QUIC and the caller may keep.
    pub(super) copies: Payloads,
}

impl Intake {
    /// No datagrams yet.
    pub(super) fn new(mtu: u16) -> Self {
        Self {
            arrivals: Arrivals::new(),
            tally: Tally::default(),
            in_hand: None,
            plaintext: vec![0; MAX_DATAGRAM].into_boxed_slice(),
            copies: Payloads::new(mtu.into()),
        }
    }

    /// Notes a datagram that opened as a peer's.
    pub(super) fn opened(&mut self, peer: PeerId, len: usize) {
        self.tally.opened = Some(peer);
        self.tally.load += load(len);
    }

    /// Notes a datagram from this place that did not open.
    pub(super) fn failed(&mut self, place: u16) {
        self.tally.failed = self.tally.failed.saturating_add(1);
        self.tally.source = place;
    }

    /// Whether another peer's datagram is in hand, or one of another session.
    pub(super) fn has_other(&self, peer: PeerId, made: Instant) -> bool {
        self.in_hand.is_some_and(|other| other != (peer, made))
    }

    /// Takes a datagram in hand.
    pub(super) fn take(&mut self, peer: PeerId, made: Instant) {
        self.in_hand = Some((peer, made));
    }

    /// Lets the datagram in hand go: all that came together are worked off.
    pub(super) fn let_go(&mut self) {
        self.in_hand = None;
    }

    /// Instant at which the session was made under which the datagram in hand came, if it is this peer's.
    pub(super) fn session_of(&self, peer: PeerId) -> Option<Instant> {
        self.in_hand.filter(|&(other, _)| other == peer).map(|(_, made)| made)
    }
}
