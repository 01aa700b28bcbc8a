//! Dials whose data leaves with the hello.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Quic, Slot};
use crate::hello::EarlyOffer;
use crate::{ConnectionHandle, PeerTag};

impl Quic {
    /// As [`Quic::connect`], of a dial that can lead to this protocol alone: the connection takes messages, streams and
    /// datagrams at once, and a flight of them leaves with the hello. An acceptor that takes the dial takes them,
    /// unless it is of a build that knows none, or that does not know the tunnel's `session` under which this is said:
    /// then [`crate::Event::EarlyRejected`] comes before [`crate::Event::Connected`], nothing of them was read there,
    /// and messages and streams of before are gone without further events.
    pub fn connect_early(
        &mut self,
        peer: PeerTag,
        asked: Option<&[Box<str>]>,
        early: (u32, &str),
        (observed, round_trip): (Option<SocketAddr>, Option<Duration>),
        now: Instant,
    ) -> ConnectionHandle {
        let early = EarlyOffer { session: early.0, protocol: early.1.into() };
        self.dial(peer, asked, Some(early), (observed, round_trip), now)
    }

    /// Name that the dialler gives the tunnel's session under which it sent early data, of an
    /// [`crate::Event::Incoming`] that brings some.
    pub fn early_session(&self, connection: ConnectionHandle) -> Option<u32> {
        match self.slots.get(&connection)? {
            Slot::Undecided { undecided, .. } => undecided.early,
            Slot::Made(_) => None,
        }
    }

    /// Reads no early data of an [`crate::Event::Incoming`]: they were sent under a session that is not known here, so
    /// that a process of this node before this one may have read them.
    pub fn decline_early(&mut self, connection: ConnectionHandle) {
        if let Some(Slot::Undecided { undecided, .. }) = self.slots.get_mut(&connection) {
            undecided.declines_early = true;
        }
    }
}
