//! Figures, gathered from the parts that keep them.

use std::time::{Duration, Instant};

use warren_wireguard::PeerId;

use super::Engine;
use crate::connection::Connection;
use crate::ids::ConnectionId;
use crate::lane::Lane;
use crate::lane_sums::LaneSums;
use crate::stats::{ConnectionStats, DeviceStats, LaneStats, PeerStats};
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Counters of the device.
    pub fn stats(&self) -> DeviceStats<T::Totals> {
        DeviceStats {
            peers: self.peers.len() as u64,
            connections: self.calls.connections.len() as u64,
            pending_connections: self.admissions.pending() as u64,
            streams: self.streams.len() as u64,
            queued_events: self.events.len() as u64,
            wireguard: self.wireguard.stats().clone(),
            transport: self.transport.totals(),
            answers_withheld: self.counters.answers_withheld + self.departures.control.dropped(),
            ..self.counters.clone()
        }
    }

    /// Counters of a peer.
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        let state = self.peers.get(&peer)?;
        Some(PeerStats {
            connections: state.connections.len() as u64,
            rx_packets: state.rx_packets,
            rx_packets_dropped: state.rx_packets_dropped,
            tx_packets: state.tx_packets,
            queued_packets: state.outgoing.len() as u64,
            tx_packets_dropped: state.tx_packets_dropped,
            endpoint: self.wireguard.endpoint(peer),
            has_session: self.wireguard.has_session(peer),
            wireguard: self.wireguard.peer_stats(peer)?,
        })
    }

    /// Counters of a connection.
    pub fn connection_stats(
        &self,
        connection: ConnectionId,
        now: Instant,
    ) -> Option<ConnectionStats<T::Figures>> {
        let state = self.calls.connections.get(&connection)?;
        Some(ConnectionStats {
            unsettled_messages: state.messages.len() as u64,
            transport: state.handle.and_then(|handle| self.transport.figures(handle)).unwrap_or_default(),
            path: self.departures.pacing.figures(connection).unwrap_or_default(),
            lanes: lanes_of(state, now),
        })
    }

    /// Counters of each lane that a connection ever used, lowest first; also of one that ended, until 256 others have
    /// ended after it.
    pub fn lane_stats(&self, connection: ConnectionId, now: Instant) -> Option<Vec<LaneStats>> {
        match self.calls.connections.get(&connection) {
            Some(state) => Some(lanes_of(state, now)),
            None => self.past.lanes_of(connection).cloned(),
        }
    }

    /// The same, summed over all connections that the device has and had.
    pub fn device_lanes(&self, now: Instant) -> Vec<LaneStats> {
        let mut sums = self.past.sums().clone();
        for peer in self.peers.ids() {
            for connection in self.connections_of(peer) {
                self.add_lanes(&mut sums, connection, now);
            }
        }
        sums.into_lanes()
    }

    /// The same, summed over all connections that a peer has and had.
    pub fn peer_lanes(&self, peer: PeerId, now: Instant) -> Option<Vec<LaneStats>> {
        let mut sums = self.peers.get(&peer)?.past_lanes.clone();
        for connection in self.connections_of(peer) {
            self.add_lanes(&mut sums, connection, now);
        }
        Some(sums.into_lanes())
    }

    fn add_lanes(&self, sums: &mut LaneSums, connection: ConnectionId, now: Instant) {
        for lane in self.calls.connections.get(&connection).iter().flat_map(|state| state.lanes.values()) {
            sums.add(&lane.stats);
            sums.note_oldest(lane.stats.priority, age(lane, now));
        }
    }

    /// Keeps the last figures of a connection, for a caller that asks when it hears of the end.
    pub(super) fn keep_figures(&mut self, id: ConnectionId, connection: &Connection) {
        let lanes: Vec<_> = connection.lanes.values().map(|lane| lane.stats.clone()).collect();
        if let Some(peer) = self.peers.get_mut(&connection.peer) {
            lanes.iter().for_each(|lane| peer.past_lanes.add(lane));
        }
        self.past.keep(id, lanes);
    }
}

fn lanes_of(connection: &Connection, now: Instant) -> Vec<LaneStats> {
    let lanes =
        connection.lanes.values().map(|lane| LaneStats { oldest: age(lane, now), ..lane.stats.clone() });
    lanes.collect()
}

/// Age of the oldest message of a lane.
fn age(lane: &Lane, now: Instant) -> Duration {
    lane.oldest().map(|since| now.saturating_duration_since(since)).unwrap_or_default()
}
