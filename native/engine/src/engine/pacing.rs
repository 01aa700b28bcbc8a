//! Orders of the pacing, carried out on connections.

use std::time::Instant;

use warren_wireguard::is_loopback;

use super::Engine;
use super::departures::{Member, Paced};
use crate::ids::ConnectionId;
use crate::pacing::Order;
use crate::transport::{ConnectionHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Starts pacing a usable connection. Loopback is not paced: its only bottleneck is the CPU, whose delays look like
    /// a queue.
    pub(super) fn begin_pacing(&mut self, id: ConnectionId, now: Instant) {
        let Some(connection) = self.calls.connections.get(&id) else {
            return;
        };
        let remote = self.wireguard.endpoint(connection.peer);
        if remote.is_some_and(is_loopback) {
            return;
        }
        if !self.transport.is_paced() {
            return;
        }
        let (peer, handle) = (connection.peer, connection.handle);
        let beside = self.peers.get(&peer).and_then(|it| it.connections.iter().find(|&&other| other != id));
        let window = self.departures.pacing.join(id, beside.copied(), now);
        if let Some(handle) = handle {
            self.transport.set_window(handle, window);
        }
    }

    /// Stops pacing a connection that ended.
    pub(super) fn end_pacing(&mut self, id: ConnectionId) {
        let waiting = self.departures.pacing.leave(id);
        self.go_on(waiting);
    }

    /// Takes the facts that acknowledgements brought, and carries out the orders that follow.
    pub(super) fn observe(&mut self, handle: ConnectionHandle, now: Instant) {
        let Some(sample) = self.transport.take_path_sample(handle) else {
            return;
        };
        let Some(id) = self.calls.of(handle) else {
            return;
        };
        self.departures.pacing.observe(id, &sample, now, &mut self.departures.orders);
        for (id, order) in self.departures.orders.drain(..) {
            let Some(handle) = self.calls.connections.get(&id).and_then(|it| it.handle) else {
                continue;
            };
            match order {
                Order::Window(window) => self.transport.set_window(handle, Some(window)),
                Order::Free => self.transport.set_window(handle, None),
                Order::Compete(in_flight) => self.transport.compete(handle, in_flight),
            }
        }
    }

    /// Lets turns whose wait for the bottleneck is over be taken again.
    pub(super) fn release_paced(&mut self, now: Instant) {
        while let Some(waiting) = self.departures.pacing.take_due(now) {
            self.go_on(waiting);
        }
    }

    fn go_on(&mut self, waiting: Vec<Paced>) {
        for what in waiting {
            match what {
                Paced::Turn(priority, id) => {
                    if let Some(connection) = self.calls.connections.get(&id) {
                        self.departures.lanes.push(priority, connection.peer, Member::Connection(id));
                    }
                }
                Paced::Control(handle) => {
                    self.stand_in_control(handle);
                }
            }
        }
    }
}
