//! Datagrams on their way in.

use std::time::Instant;

use warren_wireguard::{MAX_DATAGRAM, PeerId};

use crate::arrivals::{Arrivals, Tally, load};
use crate::payloads::Payloads;

/// Datagrams that wait to be worked off, the one in hand, and whose time they take.
///
/// One datagram is in hand at a time. What the rooms make of it is heard as its peer's, and of the session under which it came,
/// until another peer's is taken in hand: who takes that has settled the engine before.
#[derive(Debug)]
pub(super) struct Intake {
    /// Datagrams that wait to be worked off.
    pub(super) arrivals: Arrivals,
    /// Of those that were worked off since the time they took was told.
    pub(super) tally: Tally,
    /// Whose datagram is being worked off, and when the session under which it came was made.
    in_hand: Option<(PeerId, Instant)>,
    /// Decrypted packets.
    pub(super) plaintext: Box<[u8]>,
    /// Of those, what QUIC and the caller may keep.
    pub(super) copies: Payloads,
}

impl Intake {
    /// Nothing came.
    pub(super) fn new(mtu: u16) -> Self {
        Self {
            arrivals: Arrivals::new(),
            tally: Tally::default(),
            in_hand: None,
            plaintext: vec![0; MAX_DATAGRAM].into_boxed_slice(),
            copies: Payloads::new(mtu.into()),
        }
    }

    /// A datagram was opened as a peer's.
    pub(super) fn opened(&mut self, peer: PeerId, len: usize) {
        self.tally.opened = Some(peer);
        self.tally.load += load(len);
    }

    /// A datagram was opened as nobody's, from this place.
    pub(super) fn failed(&mut self, place: u16) {
        self.tally.failed = self.tally.failed.saturating_add(1);
        self.tally.source = place;
    }

    /// Whether another peer's datagram is in hand, or one of another session.
    pub(super) fn has_other(&self, peer: PeerId, made: Instant) -> bool {
        self.in_hand.is_some_and(|other| other != (peer, made))
    }

    /// A datagram is worked off.
    pub(super) fn take(&mut self, peer: PeerId, made: Instant) {
        self.in_hand = Some((peer, made));
    }

    /// All are worked off that came together.
    pub(super) fn let_go(&mut self) {
        self.in_hand = None;
    }

    /// When the session was made under which the datagram in hand came, if it is this peer's.
    pub(super) fn session_of(&self, peer: PeerId) -> Option<Instant> {
        self.in_hand.filter(|&(other, _)| other == peer).map(|(_, made)| made)
    }
}
