//! Nodes, a network between them, and time that jumps to the next thing that happens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::network::{Datagram, Network};
use crate::seed::Seed;

/// Any state machine that takes and gives datagrams.
pub trait Node {
    /// Takes a datagram that arrived.
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant);
    /// Does what is due.
    fn handle_timeout(&mut self, now: Instant);
    /// Gives the next datagram to send; asked until `None` after anything was handled.
    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram>;
    /// Time at which `handle_timeout` wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// A virtual clock and the nodes that live by it. Nothing here waits: a virtual day takes as long as its events.
#[derive(Debug)]
pub struct Simulation<N> {
    /// The network between the nodes.
    pub network: Network,
    nodes: BTreeMap<SocketAddr, N>,
    now: Instant,
    start: Instant,
    /// Steps taken without time passing: a node that never comes to rest is a bug to report, not to hang on.
    steps_now: u32,
}

impl<N: Node> Simulation<N> {
    /// An empty world, at an instant that means nothing.
    pub fn new(seed: Seed) -> Simulation<N> {
        let start = start();
        Self { network: Network::new(seed), nodes: BTreeMap::new(), now: start, start, steps_now: 0 }
    }

    /// The virtual time.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Virtual time since the beginning.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Puts a node under an address, in place of the one that was there.
    pub fn add(&mut self, address: SocketAddr, node: N) -> Option<N> {
        self.nodes.insert(address, node)
    }

    /// Takes a node away; datagrams on their way to it vanish on arrival.
    pub fn remove(&mut self, address: SocketAddr) -> Option<N> {
        self.nodes.remove(&address)
    }

    /// The node at an address.
    ///
    /// # Panics
    /// If there is none.
    pub fn node(&self, address: SocketAddr) -> &N {
        self.nodes.get(&address).unwrap_or_else(|| panic!("no node at {address}"))
    }

    /// Every node and its address.
    pub fn nodes(&self) -> impl Iterator<Item = (SocketAddr, &N)> {
        self.nodes.iter().map(|(address, node)| (*address, node))
    }

    /// Lets a node do something now, and sends what it has to send after that.
    ///
    /// # Panics
    /// If there is none.
    pub fn with<T>(&mut self, address: SocketAddr, act: impl FnOnce(&mut N, Instant) -> T) -> T {
        let node = self.nodes.get_mut(&address).unwrap_or_else(|| panic!("no node at {address}"));
        let result = act(node, self.now);
        while let Some(datagram) = node.poll_transmit(self.now) {
            self.network.send(datagram, self.now);
        }
        result
    }

    /// Jumps to the next thing that happens and lets it happen; `false` if nothing ever will, or not before `limit`.
    ///
    /// # Panics
    /// If the nodes never come to rest at one instant.
    pub fn step(&mut self, limit: Instant) -> bool {
        let Some(next) = self.next() else { return false };
        if next > limit {
            return false;
        }
        self.steps_now = if next > self.now { 0 } else { self.steps_now + 1 };
        assert!(self.steps_now < 1_000_000, "nodes that never come to rest at {:?}", self.elapsed());
        self.now = self.now.max(next);
        if let Some(datagram) = self.network.arrived(self.now) {
            let to = datagram.to;
            if self.nodes.contains_key(&to) {
                self.with(to, |node, now| node.handle_datagram(datagram, now));
            }
            return true;
        }
        let due = |node: &N| node.poll_timeout().is_some_and(|at| at <= self.now);
        let address = self.nodes.iter().find(|(_, node)| due(node)).map(|(address, _)| *address);
        let address = address.expect("the next thing to happen is an arrival or a timeout");
        self.with(address, |node, now| node.handle_timeout(now));
        true
    }

    /// Lets this much time pass.
    pub fn run_for(&mut self, duration: Duration) {
        let limit = self.now + duration;
        while self.step(limit) {}
        self.now = limit;
    }

    /// Lets time pass until something holds; panics if it does not hold within `limit`. Returns how long it took.
    ///
    /// # Panics
    /// If it does not come to hold.
    #[track_caller]
    pub fn run_until(&mut self, limit: Duration, mut holds: impl FnMut(&Simulation<N>) -> bool) -> Duration {
        let began = self.now;
        while !holds(self) {
            assert!(
                self.step(began + limit),
                "still waiting after {limit:?}, {:?} into the run",
                self.elapsed()
            );
        }
        self.now - began
    }

    /// Lets the clock jump without anything happening in between: a suspended machine, a stalled loop.
    pub fn stall(&mut self, duration: Duration) {
        self.now += duration;
    }

    fn next(&self) -> Option<Instant> {
        let timeout = self.nodes.values().filter_map(N::poll_timeout).min();
        timeout.into_iter().chain(self.network.next_arrival()).min()
    }
}

/// An instant for a test to begin at; it means nothing. The one real clock read, since an `Instant` can be had in no
/// other way.
pub fn start() -> Instant {
    Instant::now() + AHEAD
}

/// Time by which tests begin ahead of the real clock: ten years, at which code that looks at it knows simulated time.
pub const AHEAD: Duration = Duration::from_secs(10 * 365 * 86_400);
