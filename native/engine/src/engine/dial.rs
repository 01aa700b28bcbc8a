//! Dials of this end: begun, waiting for another connection, repeated, and timed out.

use std::time::{Duration, Instant};

use warren_protocols::choose;
use warren_wireguard::PeerId;

use super::Engine;
use super::incoming::restarted;
use crate::config::is_protocol;
use crate::connection::{Connection, Phase, asks_for};
use crate::error::{ConnectError, Dialled};
use crate::event::{CloseCause, Closed, ClosedBy, Event, Initiator};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::{Hello, Transport};

impl<T: Transport> Engine<T> {
    /// Dials, asking for `protocols`, best first; `None`: for anything in the lists of both ends.
    ///
    /// Ends in `Event::Connected` or `Event::Closed` of the id that it returns. Where a live connection with one of the
    /// protocols exists, it returns that one, and no event follows. Where the pair speaks a protocol that the peer
    /// alone offers, the dial ends with that cause, and the peer hears that it has to dial.
    pub fn connect(
        &mut self,
        peer: PeerId,
        protocols: Option<Vec<Box<str>>>,
        timeout: Duration,
        now: Instant,
    ) -> Result<Dialled, ConnectError> {
        self.dial(peer, protocols, false, timeout, now)
    }

    /// As [`Engine::connect`]. Where the peer has a session and one protocol alone can come of the dial, `Event::Early`
    /// comes first: what is sent from then on leaves with the hello, a flight at most, and is read before the peer's
    /// answer is here. If the peer dials at once, and its dial survives, the connection goes on with that under the
    /// same id. An unanswered hello is not said anew.
    pub fn connect_early(
        &mut self,
        peer: PeerId,
        protocols: Option<Vec<Box<str>>>,
        timeout: Duration,
        now: Instant,
    ) -> Result<Dialled, ConnectError> {
        self.dial(peer, protocols, true, timeout, now)
    }

    #[inline(never)]
    fn dial(
        &mut self,
        peer: PeerId,
        protocols: Option<Vec<Box<str>>>,
        early: bool,
        timeout: Duration,
        now: Instant,
    ) -> Result<Dialled, ConnectError> {
        self.check_dial(peer, protocols.as_deref())?;
        if let Some(live) = self.live_connection(peer, protocols.as_deref()) {
            return Ok(Dialled::Live(live));
        }
        let mut connection = Connection::new(peer, Initiator::Local, Phase::Dialling);
        connection.wanted = protocols;
        connection.early = early;
        let id = self.keep_connection(connection);
        if self.wireguard.endpoint(peer).is_none() {
            self.bury(id, no_endpoint(), now);
        } else {
            self.calls.timers.arm(id, Timer::Dial, now + timeout);
            self.redial(id, now);
        }
        self.hear_rooms(now);
        Ok(Dialled::New(id))
    }

    /// Claims an accepted connection, which the caller took: it no longer counts as pending.
    pub fn claim(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&connection)
            && !connection.claimed
        {
            connection.claimed = true;
            self.admissions.resolved();
        }
    }

    /// Makes a connection live, whose handshake is complete.
    pub(super) fn handle_connected(
        &mut self,
        id: ConnectionId,
        hello: Hello,
        protocol: Box<str>,
        now: Instant,
    ) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let peer = connection.peer;
        let initiator = connection.initiator;
        if !self.learn_incarnation(peer, hello.incarnation, now) {
            // A late answer, of a process that is gone.
            self.suspect(peer, now);
            if self.calls.connections.get(&id).is_some_and(|connection| connection.flight.is_some()) {
                return self.abandon(id, restarted(), now);
            }
            return match initiator {
                Initiator::Local => self.wait_refused(id, now),
                Initiator::Remote => self.abandon(id, restarted(), now),
            };
        }
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        // It goes on with a dial of the peer's.
        let is_adopted = connection.given && connection.theirs.is_some();
        connection.phase = Phase::Live;
        connection.protocol = protocol.clone();
        connection.incarnation = Some(hello.incarnation);
        self.dialler_came(id);
        self.calls.timers.cancel(id, Timer::Dial);
        self.end_rivals(id, &hello, &protocol, now);
        self.release_waiting(peer, id, now);
        self.arm_heartbeat(id, now);
        self.begin_pacing(id, now);
        self.end_flight(id);
        let theirs = hello.lists.into();
        let initiator = if is_adopted { Initiator::Remote } else { initiator };
        self.tell_connected(Event::Connected { connection: id, peer, initiator, protocol, theirs });
        self.announce_if_newer(id);
        self.revive(id);
    }

    /// Ends a dial whose time limit is over.
    pub(super) fn handle_dial_timeout(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let (cause, reason) = match connection.phase {
            Phase::Refused => {
                (CloseCause::Duplicate, "the peer knows another connection, which is not known here".into())
            }
            Phase::Dialling | Phase::Waiting(_) | Phase::Accepted | Phase::Live | Phase::Closing => {
                match self.wireguard.has_session(connection.peer) {
                    true => (CloseCause::NoTransport, self.unheard(connection, now)),
                    false => (CloseCause::NoHandshake, "no WireGuard handshake response".into()),
                }
            }
        };
        self.give_up_dial(id, Closed::new(ClosedBy::Network, cause, reason), now);
    }

    /// Keeps a dial that the peer refused as a duplicate. Where this end knows of no such connection, either the peer's
    /// own dial is under way, or the peer's end of an old connection has yet to notice; `false`: the dial is over.
    pub(super) fn keep_refused(&mut self, id: ConnectionId, now: Instant) -> bool {
        let Some(connection) = self.calls.connections.get(&id) else {
            return false;
        };
        if self.live_connection(connection.peer, connection.wanted.as_deref()).is_some() {
            return false;
        }
        self.wait_refused(id, now);
        true
    }

    fn wait_refused(&mut self, id: ConnectionId, now: Instant) {
        self.drop_handle(id);
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.phase = Phase::Refused;
            self.calls.timers.arm(id, Timer::Redial, now + REDIAL);
        }
    }

    pub(super) fn drop_handle(&mut self, id: ConnectionId) {
        if let Some(handle) = self.calls.unbind(id) {
            self.transport.abandon(handle);
        }
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            (connection.own, connection.theirs) = (None, None);
        }
    }

    /// Dials, unless there is a connection to wait for first.
    pub(super) fn redial(&mut self, id: ConnectionId, now: Instant) {
        match self.leader(id) {
            Some(leader) => self.wait_for(id, leader),
            None => self.start(id, now),
        }
    }

    /// Lets dials go on by themselves that waited for a connection which is gone, or leads elsewhere.
    pub(super) fn release_waiting(&mut self, peer: PeerId, leader: ConnectionId, now: Instant) {
        for id in self.connections_of(peer) {
            if self.calls.connections.get(&id).is_some_and(|waiting| waiting.phase == Phase::Waiting(leader))
            {
                self.redial(id, now);
            }
        }
    }

    /// Connections of a peer, oldest first.
    pub(super) fn connections_of(&self, peer: PeerId) -> Vec<ConnectionId> {
        self.peers.get(&peer).map(|peer| peer.connections.clone()).unwrap_or_default()
    }

    fn check_dial(&self, peer: PeerId, asked: Option<&[Box<str>]>) -> Result<(), ConnectError> {
        if self.shut {
            return Err(ConnectError::Closing);
        }
        if !self.peers.contains(&peer) {
            return Err(ConnectError::UnknownPeer);
        }
        let mtu = self.config.mtu;
        let least = T::MIN_PAYLOAD + warren_netstack::HEADER_LEN as u16;
        if mtu < least {
            return Err(ConnectError::MtuTooSmall { mtu, least });
        }
        let lists = &self.protocols_of(peer).lists;
        let offered = asked.unwrap_or(&lists.offer);
        // A dial that offers nothing has the peer dial what the peer alone offers.
        let asks_peer = asked.is_none() && !lists.accept.is_empty();
        if (offered.is_empty() && !asks_peer) || !offered.iter().all(|name| is_protocol(name)) {
            return Err(ConnectError::Protocols);
        }
        Ok(())
    }

    fn live_connection(&self, peer: PeerId, asked: Option<&[Box<str>]>) -> Option<ConnectionId> {
        let own = self.protocols_of(peer);
        let fits = |it: &Connection| it.is_live_for(&it.protocol) && asks_for(asked, &it.protocol, own);
        let mut connections = self.peers.get(&peer)?.connections.iter().copied();
        connections.find(|id| self.calls.connections.get(id).is_some_and(fits))
    }

    pub(super) fn keep_connection(&mut self, connection: Connection) -> ConnectionId {
        let peer = connection.peer;
        let id = self.calls.add(connection);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.connections.push(id);
        }
        self.events.begin(id, peer);
        id
    }

    fn wait_for(&mut self, id: ConnectionId, leader: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.phase = Phase::Waiting(leader);
        }
    }

    /// Begins the transport's handshake, once there is a session: the transport takes the time of the first answer for
    /// the path's.
    pub(super) fn start(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        connection.phase = Phase::Dialling;
        let (peer, asked) = (connection.peer, connection.wanted.clone());
        self.wireguard.initiate(peer, now);
        if !self.wireguard.has_session(peer) {
            return;
        }
        let doubtful = self.is_suspected(peer);
        if doubtful {
            self.suspect(peer, now);
        }
        let observed = self.wireguard.endpoint(peer);
        let round_trip = self.wireguard.handshake_round_trip(peer);
        let own = self.protocols_of(peer).clone();
        let early = if doubtful { None } else { self.early_of(id, now) };
        let handle = early.as_ref().and_then(|(session, protocol)| {
            let (early, path) = ((*session, &**protocol), (observed, round_trip));
            self.transport.connect_early(peer, asked.as_deref(), early, path, now)
        });
        let flies_early = handle.is_some();
        let handle = handle
            .unwrap_or_else(|| self.transport.connect(peer, asked.as_deref(), observed, round_trip, now));
        self.calls.bind(id, handle);
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.own = Some(own);
            connection.said.hellos += 1;
            connection.said.last = Some(now);
            connection.said.doubtful = doubtful;
        }
        if let Some((_, protocol)) = early.filter(|_| flies_early) {
            self.begin_flight(id, protocol);
        }
    }

    /// Account of a dial that nobody answered although there is a session.
    fn unheard(&self, dial: &Connection, now: Instant) -> String {
        let stats = self.wireguard.peer_stats(dial.peer);
        let ago = |at: Option<Instant>| match at {
            Some(at) => format!("{:.1} s ago", now.saturating_duration_since(at).as_secs_f64()),
            None => "never".into(),
        };
        let handshake = ago(stats.as_ref().and_then(|stats| stats.last_handshake));
        let heard = ago(self.wireguard.last_received(dial.peer));
        let count = dial.said.hellos;
        format!(
            "there is a WireGuard session (last handshake {handshake}, last received {heard}), and none of {count} \
             hellos in it was answered"
        )
    }

    /// The connection that this dial has to wait for: a dial of ours that may lead to the same protocol, for whose peer
    /// a second one means that the first was given up; one of the peer's that we accepted and that speaks what this
    /// dial would choose; or one that we are closing, which the peer would name.
    fn leader(&self, id: ConnectionId) -> Option<ConnectionId> {
        let dial = self.calls.connections.get(&id)?;
        let own = self.protocols_of(dial.peer);
        let leads = |other: &Connection| {
            let same_dial = other.phase == Phase::Dialling && other.may_meet(dial, own);
            let theirs = other.theirs.as_deref();
            let choice = theirs.and_then(|theirs| choose(&own.lists, theirs, dial.wanted.as_deref()));
            let same_end = choice.is_some_and(|choice| other.is_accepted_for(choice.name()));
            let leaving = other.phase == Phase::Closing
                && !other.superseded
                && asks_for(dial.wanted.as_deref(), &other.protocol, own);
            other.ending.is_none() && !other.deserted && (same_dial || same_end || leaving)
        };
        let connections = &self.peers.get(&dial.peer)?.connections;
        let mut others = connections.iter().copied().filter(|&other| other != id);
        others.find(|other| self.calls.connections.get(other).is_some_and(leads))
    }
}

fn no_endpoint() -> Closed {
    let reason = "the peer has no endpoint to dial, and has not come to us";
    Closed::new(ClosedBy::Local, CloseCause::NoEndpoint, reason)
}

/// Time that a dial waits for the connection that it was refused for: longer than a dial of the peer's takes over 100
/// ms one way, and a third of what the peer gives an old connection to answer.
const REDIAL: Duration = Duration::from_millis(300);
