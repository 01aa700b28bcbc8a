//! This end's protocols, which change while it runs, and the peers' as they announce them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use warren_protocols::{Lists, Protocols};
use warren_wireguard::PeerId;

use super::Engine;
use crate::bucket::Bucket;
use crate::connection::{Connection, Phase};
use crate::event::{DialRefusal, DialRefused, Event, Initiator};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Replaces the protocols for one peer, or for all that have none of their own; `None`: the peer has none of its
    /// own any more.
    ///
    /// They count at once: this end's dials under way say their hellos anew, and hellos of peers are judged by them. A
    /// dial of a peer's that was accepted goes on by the lists of before, and the peer is told the newer ones once it
    /// is complete; other connections are told by [`Engine::announce`]. Protocols that are not
    /// [sound](Protocols::are_sound) are not taken.
    pub fn set_protocols(&mut self, peer: Option<PeerId>, protocols: Option<Protocols>, now: Instant) {
        if !protocols.as_ref().is_none_or(Protocols::are_sound) {
            return;
        }
        let own = protocols.clone().map(Arc::new);
        match (peer.map(|peer| self.peers.get_mut(&peer)), own) {
            (Some(None), _) | (None, None) => return,
            (Some(Some(peer)), own) => peer.protocols = own,
            (None, Some(own)) => self.protocols = own,
        }
        self.transport.set_protocols(peer, protocols);
        let peers = peer.map_or_else(|| self.peers.ids().collect(), |peer| vec![peer]);
        for peer in peers {
            self.say_hellos_anew(peer, now);
        }
        self.hear_rooms(now);
    }

    /// A hello that is said again by the transport, for it was lost, would say lists that hold no more.
    fn say_hellos_anew(&mut self, peer: PeerId, now: Instant) {
        let newest = self.protocols_of(peer).clone();
        for id in self.connections_of(peer) {
            let Some(dial) = self.calls.connections.get(&id) else {
                continue;
            };
            let is_under_way = dial.phase == Phase::Dialling && dial.ending.is_none();
            if is_under_way && dial.own.as_ref().is_some_and(|own| *own != newest) {
                self.dial_afresh(id, now);
            }
        }
    }

    /// This end's protocols for a peer.
    pub(super) fn protocols_of(&self, peer: PeerId) -> &Arc<Protocols> {
        self.peers.get(&peer).and_then(|peer| peer.protocols.as_ref()).unwrap_or(&self.protocols)
    }

    /// Tells the peer on this connection which lists are this end's from now on. A peer of a build without generations
    /// skips it.
    pub fn announce(&mut self, connection: ConnectionId, lists: Lists, now: Instant) {
        let live = self.calls.connections.get(&connection).filter(|live| live.sends());
        if let Some(handle) = live.and_then(|live| live.handle).filter(|_| lists.are_sound()) {
            self.transport.announce(handle, lists);
        }
        self.hear_rooms(now);
    }

    /// Another connection took the place of this one, which goes on with what it has: no dial is content with it,
    /// refused for its sake, or waits for it.
    pub fn supersede(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&connection) {
            connection.superseded = true;
        }
    }

    /// Takes back [`Engine::supersede`]: the connection that took the place of this one is gone.
    pub fn take_back(&mut self, connection: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&connection) {
            connection.superseded = false;
        }
    }

    /// Gives up a dial, unless its connection is up: the peer may know it and send on it by then, and
    /// `Event::Connected` tells of it.
    pub fn abandon_dial(&mut self, connection: ConnectionId, now: Instant) {
        let is_up = |state: &Connection| matches!(state.phase, Phase::Live | Phase::Closing);
        if self.calls.connections.get(&connection).is_some_and(|state| !is_up(state)) {
            self.close(connection, 0, "", Duration::ZERO, now);
        }
    }

    /// Tells the peer that this end sends no more on this connection, once the peer holds all that was sent.
    pub fn finish(&mut self, connection: ConnectionId, now: Instant) {
        if let Some(state) = self.calls.connections.get_mut(&connection).filter(|state| state.sends()) {
            state.finishing = true;
            self.graces.begin(connection);
        }
        self.hear_rooms(now);
    }

    pub(super) fn say_finished(&mut self, id: ConnectionId) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        connection.finishing = false;
        if connection.farewell.is_none() {
            self.graces.end(id);
        }
        if let Some(handle) = connection.handle {
            self.transport.finish(handle);
        }
    }

    /// A handshake is complete whose hello said lists that are not the newest any more.
    pub(super) fn announce_if_newer(&mut self, id: ConnectionId) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let newest = &self.protocols_of(connection.peer).lists;
        let said = connection.own.as_ref().map(|own| own.lists.generation);
        if let Some(handle) = connection.handle.filter(|_| said != Some(newest.generation)) {
            let newest = newest.clone();
            self.transport.announce(handle, newest);
        }
    }

    /// The peer's lists are others.
    pub(super) fn handle_announced(&mut self, id: ConnectionId, theirs: Box<Lists>, now: Instant) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.untold.lists = Some(theirs);
            self.tell_announced(id, now);
        }
    }

    /// Tells the newest lists, unless an event of others waits or the last one was a moment ago.
    pub(super) fn tell_announced(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let untold = &mut connection.untold;
        if untold.queued || untold.lists.is_none() {
            return;
        }
        if let Some(at) = untold.at.map(|at| at + ANNOUNCED_APART).filter(|at| *at > now) {
            return self.calls.timers.arm(id, Timer::Announcement, at);
        }
        untold.queued = true;
        untold.at = Some(now);
        let theirs = untold.lists.take().unwrap_or_default();
        self.events.push_back(Event::Announced { connection: id, theirs });
    }

    /// The caller takes the event of lists: it gets the newest.
    pub(super) fn fill_announced(&mut self, id: ConnectionId, theirs: &mut Box<Lists>) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            connection.untold.queued = false;
            if let Some(newest) = connection.untold.lists.take() {
                *theirs = newest;
            }
        }
    }

    /// A hello was altered on its way. Nobody else would tell of a dial of the peer's that ends so.
    pub(super) fn tell_altered(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        if connection.initiator == Initiator::Remote && connection.phase == Phase::Accepted {
            let why = DialRefusal::ListsDiffer;
            let refused = DialRefused { why, offered: Vec::new(), chosen: None };
            self.tell_refused(connection.peer, refused, now);
        }
    }

    /// A dial of a peer's was refused.
    pub(super) fn tell_refused(&mut self, id: PeerId, refusal: DialRefused, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let burst = REFUSED_APART * REFUSED_BURST;
        let bucket = peer.refusals.bucket.get_or_insert(Bucket::full(burst, now));
        let has_room = peer.refusals.untaken < REFUSED_UNTAKEN && bucket.holds(burst, now) >= REFUSED_APART;
        if has_room {
            bucket.take(REFUSED_APART, burst, now);
            peer.refusals.untaken += 1;
            self.events.push_back(Event::DialRefused { peer: id, refusal: refusal.into() });
        }
    }
}

/// Honest ends announce ten times a second at most: a caller hears no more of any.
const ANNOUNCED_APART: Duration = Duration::from_millis(100);
/// Four a second: a dial that waits for this end's dial asks again every 300 ms.
const REFUSED_APART: Duration = Duration::from_millis(250);
/// Events of one peer's refused dials at once.
const REFUSED_BURST: u32 = 4;
/// Events of one peer that may wait for the caller: lists of 4 KB at most in each.
const REFUSED_UNTAKEN: usize = 16;
