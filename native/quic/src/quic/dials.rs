//! Dials, of this end and of peers, with data that leaves with the hello and without.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Quic, Slot};
use crate::connection::Connection;
use crate::gauge::Gauge;
use crate::hello::EarlyOffer;
use crate::peer::{Made, Undecided};
use crate::session::Dial;
use crate::{CloseCause, Closed, ClosedBy, ConnectionHandle, Event, Hello, PeerTag, Protocols, RefuseCode};

impl Quic {
    /// Dials a peer, asking for these protocols, best first, or for anything in the lists of both ends. `observed` is
    /// the endpoint at which the peer is seen, for the hello; `round_trip` that of the path, if it is known. Ends in
    /// [`Event::Connected`] or [`Event::Closed`]; there is no time limit.
    pub fn connect(
        &mut self,
        peer: PeerTag,
        asked: Option<&[Box<str>]>,
        observed: Option<SocketAddr>,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> ConnectionHandle {
        self.dial(peer, asked, None, (observed, round_trip), now)
    }

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

    /// Goes on with an [`Event::Incoming`]; `round_trip` is that of the path, if it is known.
    pub fn accept(&mut self, connection: ConnectionHandle, round_trip: Option<Duration>, now: Instant) {
        let Some((peer, observed, undecided)) = self.decide(connection) else { return };
        self.totals.accepted += 1;
        let gauge = Arc::<Gauge>::default();
        let transport = self.config.transport(gauge.clone(), observed, round_trip);
        let hello = self.hello(&undecided.own, observed);
        let grease = self.secrets.grease(connection.0);
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let said = (hello, grease);
        let transport = (transport, self.config.streams());
        match self.peer(peer).accept(connection, *undecided, said, transport, &mut scratch, now) {
            Some(made) => self.add(connection, peer, made, gauge, now),
            None => {
                self.respond(peer, &scratch);
                let reason = "the dialler's first packets contradict each other";
                let closed = Closed::new(ClosedBy::Local, CloseCause::Violation, reason);
                self.count(&closed);
                self.events.push_back((connection, Event::Closed(closed)));
                self.drop_if_idle(peer);
            }
        }
        self.scratch = scratch;
    }

    /// Refuses an [`Event::Incoming`]; the dialler learns why. No event follows here.
    pub fn refuse(&mut self, connection: ConnectionHandle, code: RefuseCode, now: Instant) {
        let Some((peer, _, undecided)) = self.decide(connection) else { return };
        self.totals.refused += 1;
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        self.peer(peer).refuse(*undecided, code.error(), &mut scratch, now);
        self.respond(peer, &scratch);
        self.scratch = scratch;
        self.drop_if_idle(peer);
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

    fn dial(
        &mut self,
        peer: PeerTag,
        asked: Option<&[Box<str>]>,
        early: Option<EarlyOffer>,
        (observed, round_trip): (Option<SocketAddr>, Option<Duration>),
        now: Instant,
    ) -> ConnectionHandle {
        self.totals.dialled += 1;
        let handle = self.name();
        let gauge = Arc::<Gauge>::default();
        let transport = self.config.transport(gauge.clone(), observed, round_trip);
        let hello = Hello { asked: asked.map(<[_]>::to_vec), ..self.hello(self.protocols(peer), observed) };
        let grease = self.secrets.grease(handle.0);
        let is_early = early.is_some();
        let dial = Dial { hello, grease, early, streams: self.config.streams() };
        match self.peer(peer).dial(handle, dial, transport, now) {
            Ok(made) => {
                self.add(handle, peer, made, gauge, now);
                if let Some(made) = self.made(handle).filter(|_| is_early) {
                    made.begin_early();
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot dial");
                let reason = "the lists of protocols are too long for a hello";
                let closed = Closed::new(ClosedBy::Local, CloseCause::Violation, reason);
                self.events.push_back((handle, Event::Closed(closed)));
                self.drop_if_idle(peer);
            }
        }
        handle
    }

    fn decide(&mut self, handle: ConnectionHandle) -> Option<(PeerTag, Option<SocketAddr>, Box<Undecided>)> {
        let Some(Slot::Undecided { .. }) = self.slots.get(&handle) else { return None };
        let Some(Slot::Undecided { peer, observed, undecided }) = self.slots.remove(&handle) else {
            return None;
        };
        self.peer(peer).undecided.retain(|other| *other != handle);
        Some((peer, observed, undecided))
    }

    fn hello(&self, own: &Protocols, observed: Option<SocketAddr>) -> Hello {
        Hello { incarnation: self.config.incarnation, lists: own.lists.clone(), asked: None, observed }
    }

    fn add(&mut self, handle: ConnectionHandle, peer: PeerTag, made: Made, gauge: Arc<Gauge>, now: Instant) {
        let grease = self.secrets.grease(handle.0);
        let connection = Connection::new(handle, peer, made, (self.config.clone(), grease), gauge, now);
        self.slots.insert(handle, Slot::Made(Box::new(connection)));
        self.touch(handle);
    }
}
