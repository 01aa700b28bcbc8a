//! The way of a packet out, in stages; the functions of this file stand in their order.
//!
//! 1. **Admission**: a command puts bytes into a lane of their connection, or into a peer's queue of raw packets
//!    (`messages.rs`, `streams.rs`, `peers.rs`).
//! 2. **Standing**: a lane that has something, and for which the transport has room, stands among the lanes of the
//!    device (`schedule`, `revive`).
//! 3. **Asking**: the driver asks for a batch (`poll_transmit`). Traffic that outranks data leaves first
//!    (`control.rs`), traffic beyond a peer's share last.
//! 4. **Choosing**: the first member of the highest lane has its turn, for as many datagrams as the uplink, its
//!    bottleneck, its lane's rate and the batch allow (`transmit_data`).
//! 5. **Writing**: the turn hands the transport only bytes that leave at once: from then on they are past choosing
//!    (`turn_of_connection`, then `write.rs`). A raw packet skips to stage 7 (`turn_of_packets`).
//! 6. **Packing**: QUIC makes packets of the bytes that it holds, and the bottleneck is charged
//!    (`transmit_connection`).
//! 7. **Sealing**: netstack adds UDP and IPv6 headers, WireGuard seals, or keeps the packet until it has a session
//!    (`seal`, `wrap`).
//! 8. **Paying**: the datagram stands in the batch; the uplink, its peer's share and its lane's rate are charged
//!    (`sealed`).
//!
//! All of it is sequential: between two batches the driver hands in received datagrams, and each batch chooses anew.

use std::mem;
use std::time::Instant;

use warren_netstack::HEADER_LEN;
use warren_wireguard::{Path, PeerId, Sent};

use super::Engine;
use super::departures::Member;
use super::peers::PACKETS;
use crate::batch::{ORDINARY_DATAGRAM, TransmitBatch, units};
use crate::ecn::Ecn;
use crate::ids::{ConnectionId, Priority};
use crate::lanes::TURN_BYTES;
use crate::overhead::{IPV4_UDP, WIREGUARD};
use crate::transport::{ConnectionHandle, Packets, Transport};

impl<T: Transport> Engine<T> {
    /// Lets a lane of a connection take turns, if it has something and the transport has room.
    pub(super) fn schedule(&mut self, id: ConnectionId, priority: Priority) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            self.departures.schedule(id, connection, priority);
        }
    }

    /// Lets all lanes of a connection with something take turns: the transport may have room again.
    pub(super) fn revive(&mut self, id: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            self.departures.revive(id, connection);
        }
    }

    /// Appends the most urgent datagrams to the batch, up to its capacity; send it, clear it, and call again until it
    /// stays empty.
    ///
    /// Control traffic (handshakes, acknowledgements, closes, retransmissions) goes first, then data: the highest lane
    /// that is not empty, its members in turn; last, under an uplink, what peers ask for beyond their shares.
    pub fn poll_transmit(&mut self, batch: &mut TransmitBatch, now: Instant) {
        self.departures.control_waits = false;
        self.release_paced(now);
        self.departures.pause_lanes(now);
        while batch.room() > 0 {
            if !self.transmit_control(batch, now)
                && !self.transmit_data(batch, now)
                && !self.transmit_behind(batch, now)
            {
                break;
            }
        }
        self.tell_drained(now);
        self.hear_rooms(now);
    }

    /// Gives the first member of the highest lane its turn; `false`: there is none, or the uplink is used up.
    fn transmit_data(&mut self, batch: &mut TransmitBatch, now: Instant) -> bool {
        let Some(highest) = self.departures.lanes.highest() else {
            return false;
        };
        let allowance =
            self.departures.uplink.as_mut().map_or(usize::MAX, |uplink| uplink.allowance_of(highest, now));
        if allowance == 0 {
            return false;
        }
        let Some((priority, peer, member)) = self.departures.lanes.pop() else {
            return false;
        };
        let paced = match member {
            Member::Connection(id) if self.outranks_data(id, priority) => {
                self.departures.pacing.urgent_allowance(id, now)
            }
            Member::Connection(id) => self.departures.pacing.allowance(id, now),
            Member::Packets(_) | Member::Staged(_) | Member::Lost(_) => usize::MAX,
        };
        if paced == 0 {
            if let Member::Connection(id) = member {
                self.departures.wait_turn(id, priority, now);
            }
            return true;
        }
        let is_alone = !self.departures.lanes.has(priority);
        let turn = if is_alone { TURN_ALONE } else { TURN };
        let lane = self.departures.policies.allowance(priority, now);
        let most = batch.room().min(turn).min(allowance).min(paced).min(lane);
        let begin = batch.bytes.len();
        match member {
            Member::Connection(id) => self.turn_of_connection(id, priority, most, batch, now),
            Member::Packets(peer) => {
                self.departures.turn = Some(priority);
                self.turn_of_packets(peer, most, batch, now);
                self.departures.turn = None;
            }
            Member::Staged(peer) => self.turn_of_staged(peer, most, batch, now),
            Member::Lost(id) => self.turn_of_lost(id, most, batch, now),
        }
        if !is_alone {
            let had = batch.bytes.len() - begin;
            self.departures.lanes.owes(priority, peer, had.saturating_sub(TURN_BYTES));
        }
        self.departures.pause_lanes(now);
        true
    }

    /// Whether a lane has data to send, and a lower one of the same connection too.
    fn outranks_data(&self, id: ConnectionId, priority: Priority) -> bool {
        let Some(connection) = self.calls.connections.get(&id) else {
            return false;
        };
        connection.lanes.get(&priority).is_some_and(|lane| lane.has_data())
            && connection.lanes.range(..priority).any(|(_, lane)| lane.has_work())
    }

    /// Takes a lane's turn: writes just what leaves at once, and lets it leave.
    fn turn_of_connection(
        &mut self,
        id: ConnectionId,
        priority: Priority,
        most: usize,
        batch: &mut TransmitBatch,
        now: Instant,
    ) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let lane = connection.lane(priority);
        lane.scheduled = false;
        lane.flush = false;
        let (Some(handle), true) = (connection.handle, connection.sends() && !connection.is_parked(priority))
        else {
            return;
        };
        let below = connection.lanes.range(..priority).any(|(_, lane)| lane.has_work());
        let is_urgent = connection.parked.is_some() || below && self.transport.room(handle) == 0;
        // Lost data that leaves again is no reason for more urgent data to wait.
        let full = self.full(handle);
        let packets = (most / units(full)).max(1);
        let unsent = self.transport.unsent(handle).min(BEYOND * full);
        let budget = match self.departures.policies.has_rate(priority) {
            // One packet of a long path may be more than the rate allows in seconds.
            true => (packets * full).min(self.rated(priority, now)),
            false => (packets + BEYOND) * full - unsent,
        };
        let room = if is_urgent { self.transport.urge(handle) } else { self.transport.room(handle) };
        let written = self.write(id, handle, priority, budget.min(room), now);
        self.charge_lane(id, priority, (written, full), now);
        let sent = self.transmit_connection(handle, Packets::All, most, batch, now);
        let has_room = self.transport.room(handle) > 0;
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        if sent > 0 {
            connection.deferred_since = None;
        }
        let lane = connection.lane(priority);
        lane.flush = sent >= most;
        let goes_on = lane.flush || has_room;
        let blocked = lane.is_blocked();
        if !goes_on {
            connection.parked = connection.parked.max(Some(priority));
        }
        self.schedule(id, priority);
        if blocked {
            self.ask_while_waiting(id, now);
        }
    }

    /// Charges a lane with a rate for bytes as they are written: from then on QUIC decides when and beside what they
    /// leave.
    fn charge_lane(
        &mut self,
        id: ConnectionId,
        priority: Priority,
        (written, full): (usize, usize),
        now: Instant,
    ) {
        if !self.departures.policies.has_rate(priority) {
            return;
        }
        let peer = self.calls.connections.get(&id).map(|connection| connection.peer);
        let remote = peer.and_then(|peer| self.wireguard.endpoint(peer));
        let ipv6 = remote.is_some_and(|remote| remote.ip().to_canonical().is_ipv6());
        let mut left = written;
        while left > 0 {
            let part = left.min(full);
            left -= part;
            let datagram = part + T::OVERHEAD + HEADER_LEN + WIREGUARD;
            self.departures.policies.charge(priority, datagram, ipv6, now);
        }
    }

    fn turn_of_packets(&mut self, id: PeerId, most: usize, batch: &mut TransmitBatch, now: Instant) {
        let end = batch.bytes.len() + most * usize::from(self.config.base_mtu());
        while batch.room() > 0 && batch.bytes.len() < end {
            let Some(peer) = self.peers.get_mut(&id) else {
                return;
            };
            let Some(packet) = peer.outgoing.pop_front() else {
                return;
            };
            peer.outgoing_bytes -= packet.len();
            let start = batch.bytes.len();
            if let Sent::Sealed(path) = self.wireguard.send(id, &packet, &mut batch.bytes, now) {
                peer.tx_packets += 1;
                self.sealed(batch, path, Ecn::NotEct, (start, false), now);
            }
        }
        if self.peers.get(&id).is_some_and(|peer| !peer.outgoing.is_empty()) {
            self.departures.lanes.push(PACKETS, id, Member::Packets(id));
        }
    }

    /// Seals packets of a connection, up to `most` of the ordinary size, and answers for how many of these they count;
    /// fewer: it has no more to send now.
    pub(super) fn transmit_connection(
        &mut self,
        handle: ConnectionHandle,
        packets: Packets,
        most: usize,
        batch: &mut TransmitBatch,
        now: Instant,
    ) -> usize {
        let Some(peer) = self.transport.peer_of(handle) else {
            return 0;
        };
        let id = self.calls.of(handle);
        if self.is_over(id) && self.has_left(peer) {
            return 0;
        }
        let mut payloads = mem::take(&mut self.departures.payloads);
        let full = self.transport.payload(handle);
        let each = if packets == Packets::All { units(full) } else { 1 };
        let mut sent = 0;
        while sent < most {
            payloads.clear();
            let left = ((most - sent) / each).max(1);
            let Some(transmit) = self.transport.poll_transmit(handle, packets, left, &mut payloads, now)
            else {
                break;
            };
            let mut bytes = 0;
            for payload in payloads.chunks(transmit.segment) {
                let start = batch.bytes.len();
                let whole = self.is_whole(payload.len(), full);
                self.seal(peer, transmit.ecn, payload, whole, batch, now);
                bytes += batch.bytes.len() - start + IPV4_UDP;
                sent += units(payload.len());
            }
            if transmit.asks
                && let Some(id) = id
            {
                self.departures.pacing.charge(id, bytes, now);
            }
        }
        self.departures.payloads = payloads;
        if sent > 0
            && let Some(id) = id
        {
            self.arm_liveness(id, now);
        }
        sent
    }

    /// Whether nobody here waits for words of a connection.
    fn is_over(&self, id: Option<ConnectionId>) -> bool {
        id.and_then(|id| self.calls.connections.get(&id)).is_none_or(|it| it.deserted)
    }

    /// Wraps a QUIC payload in UDP over IPv6, and seals it, or leaves it with the tunnel until that has a session.
    pub(super) fn seal(
        &mut self,
        id: PeerId,
        ecn: Ecn,
        payload: &[u8],
        whole: bool,
        batch: &mut TransmitBatch,
        now: Instant,
    ) {
        let start = batch.bytes.len();
        if let Some(path) = self.wrap(id, ecn, payload, &mut batch.bytes, now) {
            self.sealed(batch, path, ecn, (start, whole), now);
        }
    }

    pub(super) fn wrap(
        &mut self,
        id: PeerId,
        ecn: Ecn,
        payload: &[u8],
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Path> {
        let stamp = self.departures.stamp(now);
        let header = self.peers.get(&id)?.flow.labelled_header(bits(ecn), stamp, payload);
        self.departures.packet.clear();
        self.departures.packet.extend_from_slice(&header);
        self.departures.packet.extend_from_slice(payload);
        match self.wireguard.send(id, &self.departures.packet, out, now) {
            Sent::Sealed(path) => Some(path),
            Sent::Staged | Sent::Dropped(_) => None,
        }
    }

    /// Counts a datagram that stands in the batch from `start`, and must not be fragmented or may be, and charges for
    /// it.
    pub(super) fn sealed(
        &mut self,
        batch: &mut TransmitBatch,
        path: Path,
        ecn: Ecn,
        (start, whole): (usize, bool),
        now: Instant,
    ) {
        let len = batch.bytes.len() - start;
        self.counters.tx_datagrams += 1;
        self.counters.tx_bytes += len as u64;
        self.departures.charge(path, len, now);
        batch.push(path, ecn, whole, start);
    }

    /// Stream bytes that a full packet of a connection carries, about: of the ordinary size at least.
    fn full(&self, handle: ConnectionHandle) -> usize {
        self.transport.payload(handle).max(self.base_payload()) - T::OVERHEAD
    }

    /// Stream bytes that the rate of a lane allows now.
    fn rated(&self, priority: Priority, now: Instant) -> usize {
        let datagrams = self.departures.policies.allowance(priority, now);
        datagrams.saturating_mul(self.base_payload() - T::OVERHEAD)
    }

    /// Whether a packet of a connection whose full packets carry `full` bytes must not be fragmented: it is longer than
    /// those that a connection begins with, or it is one of a path that is known to carry longer ones.
    fn is_whole(&self, payload: usize, full: usize) -> bool {
        payload > T::MIN_PAYLOAD.into() && payload.max(full) > self.base_payload()
    }

    fn base_payload(&self) -> usize {
        usize::from(self.config.base_mtu()) - HEADER_LEN
    }
}

fn bits(ecn: Ecn) -> u8 {
    match ecn {
        Ecn::NotEct => 0,
        Ecn::Ect1 => 1,
        Ecn::Ect0 => 2,
        Ecn::Ce => 3,
    }
}

/// Most datagrams of a turn where others of the same lane wait for theirs; one that is longer has later turns passed
/// over.
const TURN: usize = TURN_BYTES / ORDINARY_DATAGRAM;
/// Most datagrams of a turn where nobody does: one GSO group of inner MTU 1420. More urgent data cannot come before the
/// batch is out, and the size of the batch is the driver's choice.
pub(super) const TURN_ALONE: usize = 44;
/// Packets written beyond the turn, so that its last packet is full.
const BEYOND: usize = 2;
