//! A node with a small scheduler of its own, on the virtual network.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use warren_quic::{
    Closed, Config, ConnectionHandle, Ecn, Event, GiveUp, MessageHandle, Outcome, PeerTag, Quic, RefuseCode,
};
use warren_testing::{Datagram, Link, Node, Outbox, Seed, Simulation};

pub(crate) type World = Simulation<TestNode>;

/// Address of a node; peers are tagged with its last byte.
pub(crate) fn address(tag: PeerTag) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, tag.0 as u8], 30578))
}

pub(crate) fn names(list: &str) -> Vec<Box<str>> {
    list.split_whitespace().map(Box::from).collect()
}

pub(crate) fn config(tag: PeerTag, protocols: &str) -> Config {
    Config {
        incarnation: u64::from(tag.0) + 1000,
        protocols: names(protocols).into(),
        reset_key: [tag.0 as u8 + 1; 32],
        cid_key: [tag.0 as u8 + 101; 32],
        seed: [tag.0 as u8 + 201; 32],
        ..Config::default()
    }
}

/// Nodes A and B, that speak "test" and have not met.
pub(crate) fn strangers(seed: u64, link: Link) -> World {
    strangers_with(seed, link, config(A, "test"), config(B, "test"))
}

pub(crate) fn strangers_with(seed: u64, link: Link, a: Config, b: Config) -> World {
    let mut world = World::new(Seed::or(seed));
    world.network.set_default(link);
    world.add(address(A), TestNode::new(A, a));
    world.add(address(B), TestNode::new(B, b));
    world
}

/// Nodes A and B, and each one's handle of their connection, which A dialled.
pub(crate) fn pair(seed: u64, link: Link) -> (World, ConnectionHandle, ConnectionHandle) {
    pair_with(seed, link, config(A, "test"), config(B, "test"))
}

pub(crate) fn pair_with(
    seed: u64,
    link: Link,
    a: Config,
    b: Config,
) -> (World, ConnectionHandle, ConnectionHandle) {
    let mut world = strangers_with(seed, link, a, b);
    let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_until(Duration::from_secs(30), |world| {
        world.node(address(A)).is_connected(dialled) && !world.node(address(B)).connected.is_empty()
    });
    let accepted = world.node(address(B)).connected[0].0;
    (world, dialled, accepted)
}

/// A link with this one-way latency in milliseconds.
pub(crate) fn latency(milliseconds: u64) -> Link {
    Link::with_latency(Duration::from_millis(milliseconds))
}

/// Policy of a node towards diallers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    Accept,
    Refuse(RefuseCode),
}

pub(crate) struct TestNode {
    pub(crate) quic: Quic,
    pub(crate) policy: Policy,
    /// Name of the session that it knows, in which early data may have been sent.
    pub(crate) session: u32,
    /// Releases messages as they come.
    pub(crate) releases: bool,
    /// Messages that were not released, by their index.
    unreleased: Vec<usize>,
    /// Everything but messages.
    pub(crate) events: Vec<(ConnectionHandle, Event)>,
    pub(crate) connected: Vec<(ConnectionHandle, Box<str>)>,
    pub(crate) messages: Vec<Received>,
    pub(crate) settled: BTreeMap<u64, Outcome>,
    queues: BTreeMap<ConnectionHandle, BTreeMap<Reverse<u8>, VecDeque<Pending>>>,
    begun: BTreeMap<(ConnectionHandle, MessageHandle), u64>,
    next: u64,
    woken: Vec<ConnectionHandle>,
    outbox: Outbox,
    /// Digest of all that left.
    pub(crate) sent: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) connection: ConnectionHandle,
    pub(crate) priority: u8,
    pub(crate) bytes: Box<[u8]>,
}

struct Pending {
    id: u64,
    handle: Option<MessageHandle>,
    bytes: Bytes,
}

impl TestNode {
    pub(crate) fn new(tag: PeerTag, config: Config) -> Self {
        Self {
            quic: Quic::new(config),
            policy: Policy::Accept,
            session: 7,
            releases: true,
            unreleased: Vec::new(),
            events: Vec::new(),
            connected: Vec::new(),
            messages: Vec::new(),
            settled: BTreeMap::new(),
            queues: BTreeMap::new(),
            begun: BTreeMap::new(),
            next: 0,
            woken: Vec::new(),
            outbox: Outbox::new(address(tag)),
            sent: 0,
        }
    }

    pub(crate) fn connect(&mut self, peer: PeerTag, offered: &str, now: Instant) -> ConnectionHandle {
        self.connect_over(peer, offered, None, now)
    }

    /// Over a path of this round trip.
    pub(crate) fn connect_over(
        &mut self,
        peer: PeerTag,
        offered: &str,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> ConnectionHandle {
        let handle = self.quic.connect(peer, Some(&names(offered)), Some(address(peer)), round_trip, now);
        self.pump(now);
        handle
    }

    /// Dials for this protocol alone, with a message that leaves with the hello.
    pub(crate) fn connect_early(
        &mut self,
        peer: PeerTag,
        offered: &str,
        protocol: &str,
        first: impl Into<Bytes>,
        now: Instant,
    ) -> ConnectionHandle {
        let round_trip = Some(Duration::from_millis(40));
        let asked = Some(names(offered));
        let path = (Some(address(peer)), round_trip);
        let handle = self.quic.connect_early(peer, asked.as_deref(), (7, protocol), path, now);
        self.send(handle, 0, first);
        self.pump(now);
        handle
    }

    pub(crate) fn is_connected(&self, connection: ConnectionHandle) -> bool {
        self.connected.iter().any(|(known, _)| *known == connection)
    }

    pub(crate) fn closed(&self, connection: ConnectionHandle) -> Option<&Closed> {
        self.events.iter().find_map(|(known, event)| match event {
            Event::Closed(closed) if *known == connection => Some(closed),
            _ => None,
        })
    }

    pub(crate) fn any_closed(&self) -> Option<&Closed> {
        self.events.iter().find_map(|(_, event)| match event {
            Event::Closed(closed) => Some(closed),
            _ => None,
        })
    }

    /// Queues a message; gives its number.
    pub(crate) fn send(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        bytes: impl Into<Bytes>,
    ) -> u64 {
        let id = self.next;
        self.next += 1;
        let queue = self.queues.entry(connection).or_default().entry(Reverse(priority)).or_default();
        queue.push_back(Pending { id, handle: None, bytes: bytes.into() });
        if !self.woken.contains(&connection) {
            self.woken.push(connection);
        }
        id
    }

    /// Queues the same message many times.
    pub(crate) fn send_many(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        count: usize,
        bytes: impl Into<Bytes>,
    ) {
        let bytes = bytes.into();
        for _ in 0..count {
            self.send(connection, priority, bytes.clone());
        }
    }

    /// Whether messages are released as they come; if so, those that wait are at once.
    pub(crate) fn set_releases(&mut self, connection: ConnectionHandle, releases: bool, now: Instant) {
        self.releases = releases;
        if releases {
            for at in std::mem::take(&mut self.unreleased) {
                let Received { priority, ref bytes, .. } = self.messages[at];
                self.quic.release_messages(connection, priority, bytes.len(), now);
            }
        }
    }

    pub(crate) fn queued(&self, connection: ConnectionHandle) -> usize {
        self.queues.get(&connection).map_or(0, |lanes| lanes.values().map(VecDeque::len).sum())
    }

    /// Gives up a message because it is wanted no more.
    pub(crate) fn cancel(&mut self, connection: ConnectionHandle, id: u64) {
        self.give_up(connection, id, GiveUp::Cancelled);
    }

    /// Gives up a message, queued or begun.
    pub(crate) fn give_up(&mut self, connection: ConnectionHandle, id: u64, reason: GiveUp) {
        let lanes = self.queues.get_mut(&connection);
        for queue in lanes.into_iter().flat_map(BTreeMap::values_mut) {
            if let Some(at) = queue.iter().position(|pending| pending.id == id) {
                let pending = queue.remove(at).expect("found");
                match pending.handle {
                    Some(handle) => self.quic.cancel_message(connection, handle, reason),
                    None => {
                        self.settled.insert(id, Outcome::GivenUp(reason));
                    }
                }
                return;
            }
        }
        let begun = self.begun.iter().find(|((_, _), known)| **known == id).map(|(key, _)| *key);
        if let Some((connection, handle)) = begun {
            self.quic.cancel_message(connection, handle, reason);
        }
    }

    /// Does all there is to do, by the crate's drain rule.
    pub(crate) fn pump(&mut self, now: Instant) {
        loop {
            let mut worked = false;
            while let Some((connection, event)) = self.quic.poll_event(now) {
                worked = true;
                self.on_event(connection, event, now);
            }
            let mut response = Vec::new();
            while let Some(peer) = self.quic.poll_response(&mut response) {
                self.emit(peer, &response);
                response.clear();
            }
            for connection in std::mem::take(&mut self.woken) {
                self.transmit(connection, now);
            }
            while let Some(connection) = self.quic.poll_ready(now) {
                self.transmit(connection, now);
            }
            if !worked {
                break;
            }
        }
        for &(connection, _) in &self.connected {
            assert!(!self.quic.stands_still(connection), "{connection:?} stands still");
        }
    }

    fn transmit(&mut self, connection: ConnectionHandle, now: Instant) {
        let mut buffer = Vec::new();
        loop {
            let wrote = self.write(connection);
            buffer.clear();
            let transmit = self.quic.poll_transmit(connection, 10, &mut buffer, now);
            if let Some(transmit) = transmit {
                let peer = self.quic.peer_of(connection).expect("it transmits");
                assert!(buffer.len() <= transmit.segment * 10, "no more than asked for");
                for datagram in buffer.chunks(transmit.segment) {
                    self.emit(peer, datagram);
                }
            } else if !wrote {
                break;
            }
        }
    }

    /// Writes as much as leaves at once, highest lane first.
    fn write(&mut self, connection: ConnectionHandle) -> bool {
        let mut wrote = false;
        let Some(lanes) = self.queues.get_mut(&connection) else { return false };
        for (Reverse(priority), queue) in lanes.iter_mut() {
            while let Some(pending) = queue.front_mut() {
                let room = self.quic.room(connection);
                if room == 0 {
                    return wrote;
                }
                let handle = match pending.handle {
                    Some(handle) => handle,
                    None => {
                        let Some(handle) =
                            self.quic.begin_message(connection, *priority, pending.bytes.len())
                        else {
                            break;
                        };
                        wrote = true;
                        self.begun.insert((connection, handle), pending.id);
                        *pending.handle.insert(handle)
                    }
                };
                let mut part = pending.bytes.slice(..pending.bytes.len().min(room));
                let written = self.quic.write_message(connection, handle, &mut part);
                wrote |= written > 0;
                bytes::Buf::advance(&mut pending.bytes, written);
                if pending.bytes.is_empty() {
                    queue.pop_front();
                } else if written == 0 {
                    break;
                }
            }
        }
        wrote
    }

    fn on_event(&mut self, connection: ConnectionHandle, event: Event, now: Instant) {
        match event {
            Event::Message { priority, bytes } => {
                if self.releases {
                    self.quic.release_messages(connection, priority, bytes.len(), now);
                } else {
                    self.unreleased.push(self.messages.len());
                }
                self.messages.push(Received { connection, priority, bytes });
            }
            Event::MessageSettled { message, outcome } => {
                let id = self.begun.remove(&(connection, message)).expect("a message that was begun");
                assert_eq!(self.settled.insert(id, outcome), None, "settled twice");
            }
            Event::Incoming { .. } => {
                if self.quic.early_session(connection).is_some_and(|session| session != self.session) {
                    self.quic.decline_early(connection);
                }
                match self.policy {
                    Policy::Accept => self.quic.accept(connection, None, now),
                    Policy::Refuse(code) => self.quic.refuse(connection, code, now),
                }
                self.events.push((connection, event));
            }
            Event::EarlyRejected { .. } => {
                self.begun.retain(|(known, _), _| *known != connection);
                self.events.push((connection, event));
            }
            Event::Connected { ref protocol, .. } => {
                self.connected.push((connection, protocol.clone()));
                self.events.push((connection, event));
            }
            _ => self.events.push((connection, event)),
        }
    }

    fn emit(&mut self, peer: PeerTag, bytes: &[u8]) {
        for byte in bytes {
            self.sent = self.sent.wrapping_mul(0x100_0000_01b3) ^ u64::from(*byte);
        }
        self.outbox.push(address(peer), bytes);
    }

    /// Takes a datagram as if it came from a peer.
    pub(crate) fn take(&mut self, peer: PeerTag, bytes: &[u8], now: Instant) {
        self.quic.handle_datagram(peer, Ecn::NotEct, BytesMut::from(bytes), Some(address(peer)), now);
        self.pump(now);
    }
}

impl Node for TestNode {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        let SocketAddr::V4(from) = datagram.from else { panic!("addresses are IPv4 here") };
        self.take(PeerTag(from.ip().octets()[3].into()), &datagram.bytes, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.quic.handle_timeout(now);
        self.pump(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        if self.outbox.is_empty() {
            self.pump(now);
        }
        self.outbox.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.quic.poll_timeout().map(|(at, _)| at)
    }
}

pub(crate) const A: PeerTag = PeerTag(0);
pub(crate) const B: PeerTag = PeerTag(1);
pub(crate) const C: PeerTag = PeerTag(2);
