//! Control traffic, which leaves beside data: before it as far as its peer's share of the uplink goes, behind it or in
//! its lanes beyond.

use std::mem;
use std::time::{Duration, Instant};

use warren_wireguard::PeerId;

use super::Engine;
use super::departures::{Member, Paced};
use super::peers::PACKETS;
use super::transmit::TURN_ALONE;
use crate::batch::TransmitBatch;
use crate::bucket::Bucket;
use crate::control::Item;
use crate::ecn::Ecn;
use crate::ids::ConnectionId;
use crate::transport::{ConnectionHandle, Packets, Response, Transport};
use crate::word::Word;

impl<T: Transport> Engine<T> {
    /// Queues a connection that has something to send, or room for more.
    pub(super) fn stand_in_control(&mut self, handle: ConnectionHandle) {
        let Some(peer) = self.transport.peer_of(handle) else {
            return;
        };
        self.departures.control.push_connection(peer, handle);
        if self.departures.control.is_beyond(peer) {
            self.leave_to_lanes(peer);
        }
    }

    /// Takes answers that belong to no connection, as many as their peers may cause.
    pub(super) fn take_answers(&mut self, now: Instant) {
        while let Some(answer) = self.transport.poll_response() {
            if self.may_answer(answer.peer, now) {
                self.push_answer(answer);
            }
        }
    }

    /// Takes the answer to a dial for which [`Engine::may_answer`] was asked.
    pub(super) fn take_answer_to_dial(&mut self) {
        while let Some(answer) = self.transport.poll_response() {
            self.push_answer(answer);
        }
    }

    fn push_answer(&mut self, answer: Response) {
        if answer.is_reset {
            // Says who this end is before it says that it does not know a connection: only so the other end learns
            // whether a process is a new one, or the same that gave the connection up.
            let word = Word::Stranger(self.config.incarnation).encode();
            self.departures.control.push_answer(answer.peer, word.to_vec());
        }
        self.departures.control.push_answer(answer.peer, answer.payload);
    }

    /// Whether a peer may have one more answer that belongs to no connection; if so, it is charged for it.
    pub(super) fn may_answer(&mut self, peer: PeerId, now: Instant) -> bool {
        let Some(state) = self.peers.get_mut(&peer) else {
            return false;
        };
        let burst = ANSWER_INTERVAL * ANSWER_BURST;
        let bucket = state.answers.get_or_insert(Bucket::full(burst, now));
        let allowed = bucket.holds(burst, now) >= ANSWER_INTERVAL;
        if allowed {
            bucket.take(ANSWER_INTERVAL, burst, now);
        } else {
            self.counters.answers_withheld += 1;
        }
        allowed
    }

    /// Sends one thing that outranks all data; `false`: there is none, or the uplink is too deep in debt.
    ///
    /// Each thing that leaves here, and its bound under an uplink:
    ///
    /// * last words of this end (closes at a shutdown or a removal, goodbyes): three datagrams a connection and peer,
    ///   once.
    /// * cookie replies: a part of the uplink, divided by source (`warren_wireguard::Device::bound_replies`).
    /// * all that is for a peer, or that it asks for, in its share: handshake messages and keepalives, 16 waiting;
    ///   answers to dials, refusals, version negotiations, stateless resets and the word before each, 50 a second, 8
    ///   waiting; packets that waited for a session; acknowledgements, credit, probes, closes and what was lost of its
    ///   connections.
    ///
    /// The share of each peer is a twentieth of the uplink, that of all together a twelfth while data waits. Beyond it
    /// packets that waited for a session and what was lost are data, and take turns in a lane; the rest waits until no
    /// data does.
    pub(super) fn transmit_control(&mut self, batch: &mut TransmitBatch, now: Instant) -> bool {
        if self.departures.uplink.as_ref().is_some_and(|uplink| !uplink.admits_control(now)) {
            self.departures.control_waits = true;
            return false;
        }
        let start = batch.bytes.len();
        if let Some((path, farewell)) = self.departures.farewells.pop() {
            batch.bytes.extend_from_slice(&farewell);
            self.sealed(batch, path, Ecn::NotEct, (start, false), now);
            return true;
        }
        if self.transmit_reply(batch, now) {
            return true;
        }
        let data_waits = self.departures.uplink.is_some() && !self.departures.lanes.is_empty();
        while let Some(peer) = self.departures.control.next(data_waits, now) {
            let allowance = self.departures.control.allowance(peer, now);
            if allowance == 0 {
                self.leave_to_lanes(peer);
                self.departures.control.put_beyond(peer);
                continue;
            }
            self.departures.payer = Some(peer);
            self.transmit_item(peer, allowance, batch, now);
            self.departures.payer = None;
            self.departures.control.stand(peer);
            return true;
        }
        false
    }

    /// Sends one item of a peer that is beyond its share, where no data waits for the uplink.
    pub(super) fn transmit_behind(&mut self, batch: &mut TransmitBatch, now: Instant) -> bool {
        let allowance = self.departures.uplink.as_ref().map_or(0, |uplink| uplink.allowance(now));
        if allowance == 0 || !self.departures.lanes.is_empty() {
            return false;
        }
        let Some(peer) = self.departures.control.next_behind() else {
            return false;
        };
        self.transmit_item(peer, allowance, batch, now);
        self.departures.control.stand(peer);
        true
    }

    /// Sends packets of a peer that waited for a session, as a turn in the lane of packets.
    pub(super) fn turn_of_staged(
        &mut self,
        peer: PeerId,
        most: usize,
        batch: &mut TransmitBatch,
        now: Instant,
    ) {
        for _ in 0..most {
            if !self.transmit_staged(peer, batch, now) {
                return;
            }
        }
        self.departures.lanes.push(PACKETS, peer, Member::Staged(peer));
    }

    /// Sends what a connection lost, as a turn in the lane of its data.
    pub(super) fn turn_of_lost(
        &mut self,
        id: ConnectionId,
        most: usize,
        batch: &mut TransmitBatch,
        now: Instant,
    ) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        connection.lost_has_turn = false;
        let Some(handle) = connection.handle else {
            return;
        };
        if self.transmit_control_of_connection(handle, most, batch, now) == most {
            self.give_turn_to_lost(id, handle);
        }
    }

    /// Sends an answer to a sender that is no peer. Messages of the tunnel for peers join the other items of each.
    fn transmit_reply(&mut self, batch: &mut TransmitBatch, now: Instant) -> bool {
        let start = batch.bytes.len();
        while let Some(message) = self.wireguard.poll_message(&mut batch.bytes, now) {
            let Some(peer) = message.peer.filter(|peer| self.peers.contains(peer)) else {
                self.sealed(batch, message.path, Ecn::NotEct, (start, false), now);
                return true;
            };
            let bytes = batch.bytes[start..].to_vec();
            batch.bytes.truncate(start);
            self.departures.control.push_message(peer, message.path, bytes);
        }
        while let Some(peer) = self.wireguard.poll_staged() {
            if self.peers.contains(&peer) {
                self.departures.control.push_staged(peer);
            }
        }
        false
    }

    /// Sends the first item of a peer, of a connection so many datagrams at most.
    fn transmit_item(&mut self, peer: PeerId, most: usize, batch: &mut TransmitBatch, now: Instant) {
        match self.departures.control.take(peer) {
            Some(Item::Message(path, message)) => {
                let start = batch.bytes.len();
                batch.bytes.extend_from_slice(&message);
                self.sealed(batch, path, Ecn::NotEct, (start, false), now);
            }
            Some(Item::Answer(_)) if self.has_left(peer) => {}
            Some(Item::Answer(answer)) => self.seal(peer, Ecn::NotEct, &answer, false, batch, now),
            Some(Item::Staged) if self.transmit_staged(peer, batch, now) => {
                self.departures.control.push_staged(peer)
            }
            Some(Item::Connection(handle)) => {
                let turn = if self.departures.uplink.is_some() { TURN_OF_CONTROL } else { TURN_ALONE };
                self.transmit_control_of_connection(handle, most.min(turn), batch, now);
            }
            Some(Item::Staged) | None => {}
        }
    }

    fn transmit_staged(&mut self, peer: PeerId, batch: &mut TransmitBatch, now: Instant) -> bool {
        let start = batch.bytes.len();
        let Some(flushed) = self.wireguard.flush(peer, &mut batch.bytes, now) else {
            return false;
        };
        if let Some(peer) = self.peers.get_mut(&peer)
            && !peer.flow.carries(&flushed.packet)
        {
            peer.tx_packets += 1;
        }
        self.sealed(batch, flushed.path, Ecn::NotEct, (start, false), now);
        true
    }

    /// Sends frames of a connection that are no new data, in up to so many datagrams. Answers their number.
    fn transmit_control_of_connection(
        &mut self,
        handle: ConnectionHandle,
        most: usize,
        batch: &mut TransmitBatch,
        now: Instant,
    ) -> usize {
        let id = self.calls.of(handle);
        let allowance = id.map_or(usize::MAX, |id| self.departures.pacing.allowance(id, now));
        let deferred = allowance == 0 || id.is_some_and(|id| self.leaves_with_data(id, handle, now));
        let most = batch.room().min(most).min(allowance.max(1));
        let packets = if deferred { Packets::NonEliciting } else { Packets::All };
        let sent = self.transmit_connection(handle, packets, most, batch, now);
        if sent >= most {
            self.stand_in_control(handle);
            return sent;
        }
        if let Some(id) = id {
            if deferred {
                self.departures.pacing.wait(id, Paced::Control(handle), now);
            }
            self.revive(id);
        }
        sent
    }

    /// Whether frames of a connection can wait for its data, which has a turn to come and fills their packets; not for
    /// long, as higher lanes may starve that data.
    fn leaves_with_data(&mut self, id: ConnectionId, handle: ConnectionHandle, now: Instant) -> bool {
        let may_wait = self.departures.pacing.is_steered(id) && self.transport.room(handle) > 0;
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return false;
        };
        if !may_wait || !connection.lanes.values().any(|lane| lane.scheduled) {
            return false;
        }
        now < *connection.deferred_since.get_or_insert(now) + DEFERRED_MAX
    }

    /// Moves the data of a peer that is beyond its share to the lanes of data: packets that waited for a session, and
    /// what its connections lost.
    fn leave_to_lanes(&mut self, peer: PeerId) {
        if self.departures.control.take_staged(peer) {
            self.departures.lanes.push(PACKETS, peer, Member::Staged(peer));
        }
        let handles: Vec<_> = self.departures.control.connections_of(peer).collect();
        for handle in handles {
            let Some(id) = self.calls.of(handle) else {
                continue;
            };
            // A turn of its data takes along what was lost.
            self.revive(id);
            self.give_turn_to_lost(id, handle);
        }
    }

    /// Gives lost data a turn in a lane. Confirmations of the other end's messages get none where nothing was sent to
    /// it: it asked for them.
    fn give_turn_to_lost(&mut self, id: ConnectionId, handle: ConnectionHandle) {
        let unsent = if self.is_delivered(id) { 0 } else { self.transport.unsent(handle) };
        if let Some(connection) = self.calls.connections.get_mut(&id)
            && unsent > 0
            && !connection.lanes.values().any(|lane| lane.scheduled)
            && !mem::replace(&mut connection.lost_has_turn, true)
        {
            let lane = connection.lanes.last_key_value().map_or(PACKETS, |(&priority, _)| priority);
            self.departures.lanes.push(lane, connection.peer, Member::Lost(id));
        }
    }
}

/// Most datagrams of a connection's control traffic at a time under an uplink, which asks again before the next.
const TURN_OF_CONTROL: usize = 4;
/// Longest wait of a connection's frames for its data.
const DEFERRED_MAX: Duration = Duration::from_millis(5);
/// As answers to initiations, 50 a second of a peer.
const ANSWER_INTERVAL: Duration = Duration::from_millis(20);
/// Two dials under each of the 32 protocols that a device can have.
const ANSWER_BURST: u32 = 64;
