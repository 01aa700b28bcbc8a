//! A node that knows how much memory it holds.

use std::net::SocketAddr;
use std::time::Instant;

use warren_testing::{Datagram, Node};
use warren_wireguard::Config;

use crate::heap::held;
use crate::node::WireGuard;

/// All that is allocated and freed while the node is at work is its own, but for the datagrams that it takes and gives.
pub(super) struct Weighed {
    node: WireGuard,
    holds: isize,
}

impl Weighed {
    pub(super) fn new(config: Config, address: SocketAddr, now: Instant) -> Self {
        let before = held();
        let node = WireGuard::new(config, address, now);
        Self { node, holds: held() - before }
    }

    pub(super) fn node(&self) -> &WireGuard {
        &self.node
    }

    /// Lets it do something; what `act` takes and returns must own no memory.
    pub(super) fn act<T>(&mut self, act: impl FnOnce(&mut WireGuard) -> T) -> T {
        let before = held();
        let result = act(&mut self.node);
        self.holds += held() - before;
        result
    }

    /// Bytes that it holds without the records that tests keep of it.
    pub(super) fn weigh(&mut self) -> isize {
        self.act(|node| {
            node.events = Vec::new();
            node.received = Vec::new();
            node.sent = Vec::new();
        });
        self.holds
    }
}

impl Node for Weighed {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        self.holds += datagram.bytes.capacity() as isize;
        self.act(|node| node.handle_datagram(datagram, now));
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.act(|node| node.handle_timeout(now));
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        let datagram = self.act(|node| node.poll_transmit(now))?;
        self.holds -= datagram.bytes.capacity() as isize;
        Some(datagram)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }
}
