//! The two nodes, and what they do.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{
    ConnectionId, Dialled, Engine, Event, GiveUp, Outcome, PeerChanges, PeerConfig, PeerId, Priority,
    StreamId, StreamName,
};

use super::model::{Model, Name};
use super::network::{Fate, Network};
use crate::input::Input;
use crate::node::{at, config, engine, expire, give, key, peer_config, transmits};
use crate::wire::ipv6;

pub(super) struct World {
    nodes: [Node; 2],
    model: Model,
    network: Network,
    now: Instant,
    /// Things that happened so far.
    happened: usize,
}

struct Node {
    engine: Engine,
    life: u8,
    at: SocketAddr,
    peer: Option<PeerId>,
    /// Takes what arrives; else it lies there.
    reads: bool,
    untaken: Vec<(ConnectionId, Priority, usize)>,
    /// Streams it can write, with the keys of what it writes.
    streams: Vec<(StreamId, u64)>,
    opened: u64,
}

impl World {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let node = |name: Name| Node::new(name, 0, now);
        Self { nodes: [node(0), node(1)], model: Model::default(), network: Network::new(), now, happened: 0 }
    }

    pub(super) fn step(&mut self, choice: u8, input: &mut Input<'_>) {
        let name = usize::from(choice >> 7);
        match choice & 0x1f {
            0 => self.dial(name),
            1..7 => {
                let priority = input.byte();
                let size = if choice & 0x20 == 0 { input.below(2_000) } else { input.below(65_536) + 100 };
                self.send(name, input.byte(), priority, size);
            }
            7 => {
                let reason = REASONS[usize::from(choice >> 5 & 3) % REASONS.len()];
                let back = usize::from(input.byte() % 8);
                if let Some((connection, message)) = self.model.cancel(name, back, reason) {
                    self.nodes[name].engine.cancel_message(connection, message, reason, self.now);
                }
            }
            8 => {
                if let Some(connection) = self.connection(name, input.byte()) {
                    let grace = Duration::from_millis(input.one_of(&[0, 100, 5_000]));
                    self.nodes[name].engine.close(connection, 7, "enough", grace, self.now);
                }
            }
            9 => self.remove(name),
            10 => self.add(name),
            11 => self.restart(name),
            12 => {
                let port = self.nodes[name].at.port() + 2;
                self.nodes[name].at.set_port(port);
            }
            13 => {
                let peer = self.nodes[name].peer;
                let changes =
                    PeerChanges { endpoints: Some(vec![self.nodes[1 - name].at]), ..PeerChanges::default() };
                let updated = peer.map(|peer| self.nodes[name].engine.update_peer(peer, changes, self.now));
                assert!(updated.is_none_or(|updated| updated.is_ok()));
            }
            14 => self.nodes[name].reads = !self.nodes[name].reads,
            15..19 => self.stream(name, choice & 0x1f, choice & 0x20 != 0, input),
            19 => self.post(name, choice & 0x20 != 0, input),
            20..24 => {
                let fate = match choice & 0x1f {
                    20 => Fate::Vanish,
                    21 => Fate::ArriveTwice,
                    22 => Fate::Linger(Duration::from_millis(u64::from(input.byte()) * 4)),
                    _ => Fate::Decay(input.word().into()),
                };
                self.network.decide(fate, usize::from(input.byte()));
            }
            24 if choice & 0x20 != 0 => self.network.set_latency(input.one_of(&LATENCIES)),
            24 => self.run_for(Duration::from_millis(input.one_of(&LONG_WAITS))),
            _ => self.run_for(Duration::from_millis(u64::from(input.byte()))),
        }
        self.settle();
    }

    /// From here on everything works.
    pub(super) fn heal(&mut self) {
        self.network.decide(Fate::Arrive, 0);
        // A late datagram from where a node was before would lead the other one back there, as WireGuard has it.
        self.run_for(Duration::from_secs(2));
        for name in 0..2 {
            self.add(name);
            let peer = self.nodes[name].peer.expect("it was added");
            let changes =
                PeerChanges { endpoints: Some(vec![self.nodes[1 - name].at]), ..PeerChanges::default() };
            self.nodes[name].engine.update_peer(peer, changes, self.now).expect("it exists");
            self.nodes[name].reads = true;
        }
        self.settle();
    }

    /// Lets time pass, from one thing that happens to the next.
    pub(super) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        while self.happened < HAPPENINGS {
            let deadlines = self.nodes.iter().filter_map(|node| node.engine.poll_timeout()).map(|(at, _)| at);
            let next = deadlines.chain(self.network.next_arrival()).min().filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.now = self.now.max(next);
            while let Some(passing) = self.network.arrived(self.now) {
                if let Some(node) = self.nodes.iter_mut().find(|node| node.at == passing.to) {
                    give(&mut node.engine, passing.from, &passing.bytes, self.now);
                    self.settle();
                }
            }
            self.nodes.iter_mut().for_each(|node| expire(&mut node.engine, self.now));
            self.settle();
            self.happened += 1;
        }
        self.now = end;
    }

    pub(super) fn check_settled(&self) {
        if self.happened < HAPPENINGS {
            self.model.check_settled();
        }
    }

    /// Two nodes that know each other can talk, whatever happened before.
    pub(super) fn check_talking(&mut self) {
        self.happened = 0;
        for _ in 0..3 {
            self.dial(0);
            self.run_for(Duration::from_secs(25));
            let Some(connection) = self.connected(0) else { continue };
            let (id, bytes) = self.model.sent(0, connection, 3, 100);
            self.nodes[0].engine.send_message(connection, id, 3, None, bytes.into(), self.now);
            self.run_for(Duration::from_secs(25));
            if self.model.outcome(id) == Some(Outcome::Delivered) {
                return;
            }
        }
        panic!("two nodes that know each other cannot talk");
    }

    fn dial(&mut self, name: Name) {
        let node = &mut self.nodes[name];
        let Some(peer) = node.peer else { return };
        match node.engine.connect(peer, None, DIAL, self.now) {
            Ok(Dialled::New(connection)) => self.model.dialled(name, connection),
            Ok(Dialled::Live(connection)) => assert!(self.model.is_connected(name, connection)),
            Err(error) => panic!("{error}"),
        }
    }

    fn send(&mut self, name: Name, which: u8, priority: Priority, size: usize) {
        let Some(connection) = self.connection(name, which) else { return };
        let (id, bytes) = self.model.sent(name, connection, priority, size);
        self.nodes[name].engine.send_message(connection, id, priority, None, bytes.into(), self.now);
    }

    /// The latest connection as a rule, or any other, of any phase.
    fn connection(&self, name: Name, which: u8) -> Option<ConnectionId> {
        let all = self.model.connections(name);
        match which {
            0..200 => self.connected(name).or(all.last().copied()),
            _ => all.get(usize::from(which) % all.len().max(1)).copied(),
        }
    }

    fn connected(&self, name: Name) -> Option<ConnectionId> {
        self.model.connections(name).into_iter().rev().find(|id| self.model.is_connected(name, *id))
    }

    fn remove(&mut self, name: Name) {
        if let Some(peer) = self.nodes[name].peer.take() {
            self.nodes[name].engine.remove_peer(peer, 3, "removed", self.now);
        }
    }

    fn add(&mut self, name: Name) {
        if self.nodes[name].peer.is_none() {
            let peer = PeerConfig { endpoints: vec![self.nodes[1 - name].at], ..peer_config(other(name)) };
            self.nodes[name].peer =
                Some(self.nodes[name].engine.add_peer(peer, self.now).expect("a new peer"));
        }
    }

    fn restart(&mut self, name: Name) {
        let old = &self.nodes[name];
        let (life, place) = (old.life.wrapping_add(1), old.at);
        self.nodes[name] = Node { at: place, ..Node::new(name, life, self.now) };
        self.model.restarted(name);
    }

    fn stream(&mut self, name: Name, choice: u8, flag: bool, input: &mut Input<'_>) {
        if choice == 15 {
            let Some(connection) = self.connection(name, input.byte()) else { return };
            let stream = StreamId(self.nodes[name].opened * 2);
            self.nodes[name].opened += 1;
            let entry = (stream, self.model.name());
            let node = &mut self.nodes[name];
            node.streams.push(entry);
            node.engine.open_stream(connection, stream, flag, input.byte(), StreamName::default());
            if flag {
                node.engine.grant_stream(stream, CREDIT, self.now);
            }
            return;
        }
        let node = &mut self.nodes[name];
        let back = input.below(node.streams.len().clamp(1, 4));
        let Some(&(stream, key)) = node.streams.iter().rev().nth(back) else { return };
        match choice {
            16 | 17 if flag => {
                self.model.finishes(key);
                node.engine.finish_stream(stream);
                node.streams.retain(|(other, _)| *other != stream);
            }
            16 | 17 => {
                let bytes = self.model.writes(key, input.below(20_000));
                node.engine.write_stream(stream, bytes.into());
            }
            _ if flag => {
                node.engine.reset_stream(stream, 5, self.now);
                node.streams.retain(|(other, _)| *other != stream);
            }
            _ => node.engine.stop_stream(stream, 6, self.now),
        }
    }

    /// A raw packet or an unreliable datagram.
    fn post(&mut self, name: Name, raw: bool, input: &mut Input<'_>) {
        let mark = self.model.name().to_be_bytes();
        if raw {
            let addresses = [name, 1 - name].map(|name| key(name as u8).public_key().derived_address());
            let packet = ipv6(addresses[0], addresses[1], 59, &mark);
            self.model.posted(&packet);
            if let Some(peer) = self.nodes[name].peer {
                self.nodes[name].engine.send_packet(peer, packet.into());
            }
        } else if let Some(connection) = self.connection(name, input.byte()) {
            self.model.posted(&mark);
            self.nodes[name].engine.send_datagram(connection, Bytes::copy_from_slice(&mark));
        }
    }

    fn settle(&mut self) {
        for name in 0..2 {
            self.take(name);
            let from = self.nodes[name].at;
            for (to, datagram) in transmits(&mut self.nodes[name].engine, self.now) {
                self.network.send(from, to, datagram, self.now);
            }
            self.take(name);
        }
    }

    fn take(&mut self, name: Name) {
        let Self { nodes, model, now, .. } = self;
        let node = &mut nodes[name];
        while let Some(event) = node.engine.poll_event() {
            match event {
                Event::Connected { connection, initiator, .. } => {
                    model.connected(name, connection, initiator);
                    node.engine.claim(connection);
                }
                Event::Closed { connection, .. } => model.closed(name, connection),
                Event::Message { connection, priority, bytes } => {
                    model.arrived(name, connection, priority, &bytes);
                    node.untaken.push((connection, priority, bytes.len()));
                }
                Event::MessageSettled { connection, message, outcome } => {
                    model.settled(name, connection, message, outcome);
                }
                Event::LaneDrained { connection, priority, bytes } => {
                    model.drained(name, connection, priority, bytes);
                }
                Event::StreamOpened { stream, bidirectional, .. } => {
                    node.engine.grant_stream(stream, CREDIT, *now);
                    if bidirectional {
                        node.streams.push((stream, model.name()));
                    }
                }
                Event::StreamData { stream, bytes } => {
                    model.read(name, stream, &bytes);
                    node.engine.grant_stream(stream, bytes.len() as u64, *now);
                }
                Event::StreamEnd { stream } => model.ended(name, stream, true),
                Event::StreamReset { stream, .. } => model.ended(name, stream, false),
                Event::Packet { packet, .. } => model.received(&packet),
                Event::Datagram { bytes, .. } => model.received(&bytes),
                Event::DialRefused { .. } => panic!("both ends have the same list"),
                Event::PeerUp { .. }
                | Event::PeerRekeyed { .. }
                | Event::PeerMoved { .. }
                | Event::PeerUnanswered { .. }
                | Event::PeerUnreachable { .. }
                | Event::PeerOversized { .. }
                | Event::PeerDown { .. }
                | Event::Stranger { .. }
                | Event::StrangerGone { .. }
                | Event::Announced { .. }
                | Event::Confirmed { .. }
                | Event::Finished { .. }
                | Event::StreamStopped { .. }
                | Event::StreamDrained { .. }
                | Event::Early { .. }
                | Event::StreamFinished { .. } => {}
            }
        }
        if node.reads {
            for (connection, priority, length) in std::mem::take(&mut node.untaken) {
                node.engine.release_messages(connection, priority, length, *now);
            }
        }
    }
}

impl Node {
    fn new(name: Name, life: u8, now: Instant) -> Self {
        let mut engine = engine(config(name as u8, life), now);
        let peer = engine.add_peer(peer_config(other(name)), now).expect("a new peer");
        Self {
            engine,
            life,
            at: at(name as u8),
            peer: Some(peer),
            reads: true,
            untaken: Vec::new(),
            streams: Vec::new(),
            opened: 0,
        }
    }
}

fn other(name: Name) -> u8 {
    1 - name as u8
}

const DIAL: Duration = Duration::from_secs(20);
const CREDIT: u64 = 64 << 10;
/// Most events of one run: longer runs show nothing new.
const HAPPENINGS: usize = 20_000;
/// In milliseconds: around the protocol's own times.
const LONG_WAITS: [u64; 6] = [1_000, 5_400, 16_000, 100_000, 125_000, 200_000];

/// One-way latencies of a host, a LAN, the network at first, a mobile network, a satellite.
const LATENCIES: [Duration; 5] = [
    Duration::from_micros(20),
    Duration::from_micros(150),
    Duration::from_millis(5),
    Duration::from_millis(60),
    Duration::from_millis(300),
];
const REASONS: [GiveUp; 3] = [GiveUp::Cancelled, GiveUp::Replaced, GiveUp::Expired];
