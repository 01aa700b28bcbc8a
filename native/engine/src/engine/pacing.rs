use std::time::Instant;

use warren_netstack::HEADER_LEN;
use warren_quic::{ConnectionHandle, STAMP_MICROS};

use super::{Engine, Member, Waiting};
use crate::ids::{ConnectionId, Priority};
use crate::pacing::Order;

impl Engine {
    /// A connection is usable: its bottleneck is looked for. Within a host there is none but the processors, and what
    /// waits for those looks like a queue.
    pub(super) fn begin_pacing(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let remote = self.wireguard.endpoint(connection.peer);
        if remote.is_some_and(|remote| remote.ip().to_canonical().is_loopback()) {
            return;
        }
        #[cfg(feature = "reference")]
        if warren_quic::reference::is_on() {
            return;
        }
        let (peer, handle) = (connection.peer, connection.handle);
        let beside = self.peers.get(&peer).and_then(|it| it.connections.iter().find(|&&other| other != id));
        let window = self.pacing.join(id, beside.copied(), now);
        if let Some(handle) = handle {
            self.quic.set_window(handle, window);
        }
    }

    /// A connection ended.
    pub(super) fn end_pacing(&mut self, id: ConnectionId) {
        let waiting = self.pacing.leave(id);
        self.go_on(waiting);
    }

    /// What acknowledgements told.
    pub(super) fn observe(&mut self, handle: ConnectionHandle, now: Instant) {
        let Some(sample) = self.quic.take_path_sample(handle) else {
            return;
        };
        let Some(&id) = self.connection_of.get(&handle) else {
            return;
        };
        self.pacing.observe(id, &sample, now, &mut self.orders);
        for (id, order) in self.orders.drain(..) {
            let Some(handle) = self.connections.get(&id).and_then(|it| it.handle) else {
                continue;
            };
            match order {
                Order::Window(window) => self.quic.set_window(handle, Some(window)),
                Order::Free => self.quic.set_window(handle, None),
                Order::Compete(in_flight) => self.quic.compete(handle, in_flight),
            }
        }
    }

    /// Lets what waited long enough for its bottleneck take turns again.
    pub(super) fn release_paced(&mut self, now: Instant) {
        while let Some(waiting) = self.pacing.take_due(now) {
            self.go_on(waiting);
        }
    }

    /// Puts a turn off until the bottleneck has room.
    pub(super) fn wait_turn(&mut self, id: ConnectionId, priority: Priority, now: Instant) {
        self.pacing.wait(id, Waiting::Turn(priority, id), now);
    }

    /// Ticks of this engine's clock, for the peer to tell delays by.
    pub(super) fn stamp(&self, now: Instant) -> u32 {
        (now.saturating_duration_since(self.clock).as_micros() as u64 / STAMP_MICROS) as u32
    }

    fn go_on(&mut self, waiting: Vec<Waiting>) {
        for what in waiting {
            match what {
                Waiting::Turn(priority, id) => {
                    if let Some(connection) = self.connections.get(&id) {
                        self.lanes.push(priority, connection.peer, Member::Connection(id));
                    }
                }
                Waiting::Control(handle) => {
                    self.stand_in_control(handle);
                }
            }
        }
    }
}

/// Bytes of a full datagram with WireGuard's, UDP's and IPv4's headers.
pub(super) fn outer(mtu: u16) -> usize {
    debug_assert!(usize::from(mtu) > HEADER_LEN);
    usize::from(mtu) + 32 + 28
}
