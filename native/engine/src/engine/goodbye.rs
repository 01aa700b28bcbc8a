//! Words between engines: a process that ends says so, and one that is asked about an unknown connection says who it
//! is.

use std::time::{Duration, Instant};

use warren_wireguard::{Opened, PeerId};

use super::Engine;
use super::liveness::dead;
use crate::ecn::Ecn;
use crate::farewells::FAREWELLS;
use crate::ids::ConnectionId;
use crate::peer::Peer;
use crate::timers::Timer;
use crate::transport::{Packets, Transport};
use crate::word::Word;

impl<T: Transport> Engine<T> {
    /// Seals the last words of the connections of one peer, or of all, while their keys live; thrice, as nobody is left
    /// to repeat them.
    pub(super) fn say_farewell(&mut self, only: Option<PeerId>, now: Instant) {
        for handle in self.departures.control.take_connections(only) {
            let Some(peer) = self.transport.peer_of(handle) else {
                continue;
            };
            let mut payloads = Vec::new();
            if let Some(transmit) = self.transport.poll_transmit(handle, Packets::All, 1, &mut payloads, now)
            {
                self.say_thrice(peer, transmit.ecn, &payloads, now);
            }
        }
    }

    /// Tells a peer that this end knows no session any more: its next dial begins with a handshake. Only warren
    /// understands, and only under a session.
    pub(super) fn say_goodbye(&mut self, peer: PeerId, now: Instant) {
        let is_warren = self.peers.get(&peer).is_some_and(|peer| peer.incarnation.is_some());
        if is_warren && self.wireguard.has_session(peer) {
            let word = Word::Goodbye(self.config.incarnation).encode();
            self.say_thrice(peer, Ecn::NotEct, &word, now);
        }
    }

    /// Takes a word of a peer's, if it is known here.
    pub(super) fn handle_word(&mut self, opened: Opened, word: Option<Word>, now: Instant) {
        match word {
            Some(Word::Goodbye(incarnation)) if opened.current => {
                self.handle_goodbye(opened.peer, incarnation, now);
            }
            Some(Word::Stranger(incarnation)) => {
                self.learn_incarnation(opened.peer, incarnation, now);
            }
            Some(Word::Goodbye(_)) | None => {}
        }
    }

    /// Ends a deserted connection: its close was lost on its way.
    pub(super) fn desert(&mut self, id: ConnectionId, now: Instant) {
        self.abandon(id, dead("the peer's device was closed, or removed this one, and said so"), now);
    }

    /// Takes a goodbye of the process of this incarnation, which ended the tunnel. Its closes may still be under way.
    fn handle_goodbye(&mut self, id: PeerId, incarnation: u64, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id).filter(|peer| peer.incarnation == Some(incarnation)) else {
            return;
        };
        peer.incarnation = None;
        self.wireguard.left(id, now);
        for connection in self.connections_of(id) {
            if let Some(state) =
                self.calls.connections.get_mut(&connection).filter(|it| it.incarnation == Some(incarnation))
            {
                state.deserted = true;
                self.calls.timers.arm(connection, Timer::Goodbye, now + OVERTAKEN);
            }
        }
    }

    /// Whether the last word of a peer was its goodbye: the rest that there is to say to it is worth no handshake.
    pub(super) fn has_left(&self, id: PeerId) -> bool {
        self.peers.get(&id).is_some_and(Peer::has_left) && !self.wireguard.has_session(id)
    }

    fn say_thrice(&mut self, peer: PeerId, ecn: Ecn, payload: &[u8], now: Instant) {
        let copies = match self.wireguard.has_session(peer) {
            true => FAREWELLS,
            false if self.has_left(peer) => 0,
            // It waits for a session.
            false => 1,
        };
        for round in 0..copies {
            let mut sealed = Vec::new();
            if let Some(path) = self.wrap(peer, ecn, payload, &mut sealed, now) {
                self.departures.farewells.push(round, path, sealed);
            }
        }
    }
}

/// Longest time for which a close that a goodbye overtook may be on its way.
const OVERTAKEN: Duration = Duration::from_millis(300);
