//! Dials of peers, accepted or refused, and the rule that one connection of a pair survives.

use std::time::{Duration, Instant};

use warren_wireguard::PeerId;

use super::Engine;
use crate::connection::{Connection, Phase};
use crate::event::{CloseCause, Closed, ClosedBy, Initiator};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::{ConnectionHandle, Hello, Refusal, Transport};
use warren_protocols::Choice;

impl<T: Transport> Engine<T> {
    /// Answers a peer's dial.
    pub(super) fn handle_incoming(
        &mut self,
        handle: ConnectionHandle,
        hello: Hello,
        protocol: Box<str>,
        now: Instant,
    ) {
        let Some(peer) = self.transport.peer_of(handle) else {
            return;
        };
        // Its dialler says it again, as if it had been lost.
        if !self.may_answer(peer, now) {
            return self.transport.abandon(handle);
        }
        if let Err(code) = self.judge(peer, &hello, &protocol, now) {
            self.transport.refuse(handle, code, now);
            return self.take_answer_to_dial();
        }
        if self
            .transport
            .early_session(handle)
            .is_some_and(|session| !self.wireguard.knows_session(peer, session))
        {
            self.transport.decline_early(handle);
        }
        let (hello, protocol) = match self.adopt(peer, handle, hello, protocol, now) {
            Ok(()) => return,
            Err(own) => own,
        };
        let mut connection = Connection::new(peer, Initiator::Remote, Phase::Accepted);
        connection.protocol = protocol;
        // The transport read the hello a moment ago, by these.
        connection.own = Some(self.protocols_of(peer).clone());
        connection.incarnation = Some(hello.incarnation);
        connection.theirs = Some(hello.lists.into());
        let id = self.keep_connection(connection);
        self.calls.bind(id, handle);
        self.admissions.accepted();
        self.await_dialler(id, peer, now);
        self.calls.timers.arm(id, Timer::Dial, now + ACCEPT_TIMEOUT);
        self.transport.accept(handle, self.wireguard.handshake_round_trip(peer), now);
        self.take_answer_to_dial();
    }

    /// Judges whether a dial of the peer's may go on. On the way it learns the peer's process, asks a live connection
    /// of which the dial is a duplicate for a sign of life, and ends an older dial that this one replaces.
    fn judge(&mut self, peer: PeerId, hello: &Hello, protocol: &str, now: Instant) -> Result<(), Refusal> {
        if self.shut {
            return Err(Refusal::TooMany);
        }
        if !self.learn_incarnation(peer, hello.incarnation, now) {
            // A process that lives proves it by a handshake.
            self.suspect(peer, now);
            return Err(Refusal::Duplicate);
        }
        let own = &self.protocols_of(peer).clone();
        for id in self.connections_of(peer) {
            let Some(other) = self.calls.connections.get(&id) else {
                continue;
            };
            if other.is_live_for(protocol) {
                self.probe(id, now);
                return Err(Refusal::Duplicate);
            }
            let rival = other.phase == Phase::Dialling
                && other.ending.is_none()
                && other.choice_with(&hello.lists, own) == Some(Choice::Speak(protocol));
            if rival && self.outranks(peer) {
                return Err(Refusal::Duplicate);
            }
        }
        // A dialler has one dial under way for an offer: a second one means that it has given up the first.
        for id in self.connections_of(peer) {
            let given_up = |other: &Connection| other.is_accepted_for(protocol) && !other.given;
            if self.calls.connections.get(&id).is_some_and(given_up) {
                self.abandon(id, duplicate(ClosedBy::Remote), now);
            }
        }
        if !self.finds_room(peer, now) {
            self.counters.refused_connections += 1;
            return Err(Refusal::TooMany);
        }
        Ok(())
    }

    /// Whether our dials survive those of this peer: ours is the greater public key.
    fn outranks(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| self.wireguard.public_key() > peer.public_key)
    }

    /// Learns the incarnation that the peer's process tells in the datagram in hand. Another one than before is
    /// believed if its session is newer; all connections with the former process then end. `false`: its session is not,
    /// so that a late packet may speak of a process that is gone.
    pub(super) fn learn_incarnation(&mut self, id: PeerId, incarnation: u64, now: Instant) -> bool {
        let under = self.intake.session_of(id);
        let Some(peer) = self.peers.get_mut(&id) else {
            return false;
        };
        let known = peer.incarnation.filter(|&known| known != incarnation);
        if known.is_some() && under <= peer.told_under {
            return false;
        }
        peer.incarnation = Some(incarnation);
        peer.told_under = peer.told_under.max(under);
        if known.is_some() {
            self.end_life(id, known, now);
        }
        true
    }

    /// Ends the connections with a peer's former process.
    fn end_life(&mut self, peer: PeerId, past: Option<u64>, now: Instant) {
        for id in self.connections_of(peer) {
            let Some(connection) = self.calls.connections.get_mut(&id) else {
                continue;
            };
            connection.said.doubtful = true;
            if connection.incarnation == past {
                self.abandon(id, restarted(), now);
            }
        }
        self.move_on(peer, now);
    }

    /// Ends dials of ours, quietly, that lead where `winner` now leads. Those that wait for others of them first, or they
    /// would begin when these end.
    pub(super) fn end_rivals(&mut self, winner: ConnectionId, hello: &Hello, protocol: &str, now: Instant) {
        let Some(peer) = self.calls.connections.get(&winner).map(|winner| winner.peer) else {
            return;
        };
        let own = &self.protocols_of(peer).clone();
        for waits in [true, false] {
            for id in self.connections_of(peer) {
                let Some(other) = self.calls.connections.get(&id) else {
                    continue;
                };
                let chosen = other.choice_with(&hello.lists, own).map(Choice::name);
                let is_due = matches!(other.phase, Phase::Waiting(_)) == waits;
                if id != winner && is_due && other.is_dial() && chosen == Some(protocol) {
                    self.abandon(id, duplicate(ClosedBy::Local), now);
                }
            }
        }
    }
}

fn duplicate(by: ClosedBy) -> Closed {
    let reason = "another connection of the pair with the same protocol survives";
    Closed::new(by, CloseCause::Duplicate, reason)
}

pub(super) fn restarted() -> Closed {
    Closed::new(ClosedBy::Network, CloseCause::PeerRestarted, "the peer's process is a new one")
}

/// As the default time limit of a dial: after that the dialler has given up.
const ACCEPT_TIMEOUT: Duration = Duration::from_secs(10);
