//! Engines in a virtual network, each with a small application that keeps what it hears.

#[path = "../shared/nodes.rs"]
mod nodes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::transport::Transport;
use warren_engine::{
    Closed, Config, ConnectionId, Dialled, Ecn, Engine, Event, MessageId, Outcome, Path, PeerId, Priority,
    Quic, StreamId, StreamName, TransmitBatch,
};
use warren_testing::{Datagram, Node, Outbox, Seed, Simulation};
use warren_wireguard::Device;

use nodes::configured;

pub(crate) use nodes::{at, key, peer_config};

pub(crate) type World<T = Quic> = Simulation<Endpoint<T>>;

/// An engine, and an application that takes everything at once unless told otherwise.
pub(crate) struct Endpoint<T: Transport = Quic> {
    pub(crate) engine: Engine<T>,
    /// Everything the engine told, oldest first, but what `quiet` leaves out.
    pub(crate) events: Vec<(Instant, Event)>,
    /// Takes messages, and gives streams credit, as they come.
    pub(crate) reads: bool,
    /// Claims connections as they come.
    pub(crate) claims: bool,
    /// Sends every message back on its connection.
    pub(crate) echoes: bool,
    /// Keeps no bulky events (messages, stream data): only counts them.
    pub(crate) quiet: bool,
    pub(crate) received: Vec<(Priority, usize)>,
    pub(crate) stream_bytes: u64,
    /// Takes events at all.
    pub(crate) drains: bool,
    /// Messages that it has not read yet.
    unread: Vec<(ConnectionId, Priority, usize)>,
    kept_full: BTreeMap<(ConnectionId, Priority), Window>,
    /// Lifetime of the messages that it sends.
    pub(crate) lifetime: Option<Duration>,
    /// Bytes of messages handed in, by lane.
    pub(crate) admitted: BTreeMap<(ConnectionId, Priority), u64>,
    /// Streams that it opened or was told of.
    pub(crate) streams: BTreeSet<StreamId>,
    /// Messages to be cancelled some time.
    pub(crate) cancels: Vec<MessageId>,
    /// Ids of the peers, by their numbers.
    pub(crate) peers: BTreeMap<u16, PeerId>,
    next_message: u64,
    next_stream: u64,
    batch: TransmitBatch,
    /// ECN field of the outer header as routers leave it.
    pub(crate) marked: Ecn,
    pub(crate) outbox: Outbox,
    /// Outer bytes sent, IPv4 and UDP headers included.
    pub(crate) sent_bytes: u64,
}

/// A lane that is kept full with copies of a message.
struct Window {
    bytes: usize,
    /// Not admitted, or drained.
    left: usize,
    message: Bytes,
}

impl Endpoint {
    pub(crate) fn new(address: SocketAddr, config: Config, now: Instant) -> Self {
        Self::with(address, Engine::new(config, now).expect("a good configuration"))
    }
}

impl<T: Transport> Endpoint<T> {
    pub(crate) fn with(address: SocketAddr, engine: Engine<T>) -> Self {
        Self {
            engine,
            events: Vec::new(),
            reads: true,
            claims: true,
            echoes: false,
            quiet: false,
            received: Vec::new(),
            stream_bytes: 0,
            drains: true,
            unread: Vec::new(),
            kept_full: BTreeMap::new(),
            lifetime: None,
            admitted: BTreeMap::new(),
            streams: BTreeSet::new(),
            cancels: Vec::new(),
            peers: BTreeMap::new(),
            next_message: 0,
            next_stream: 0,
            batch: TransmitBatch::with_capacity(16),
            marked: Ecn::NotEct,
            outbox: Outbox::new(address),
            sent_bytes: 0,
        }
    }

    pub(crate) fn add_peer(&mut self, n: u16, now: Instant) -> PeerId {
        let id = self.engine.add_peer(peer_config(n), now).expect("a new peer");
        self.peers.insert(n, id);
        id
    }

    pub(crate) fn send(
        &mut self,
        connection: ConnectionId,
        priority: Priority,
        bytes: Bytes,
        now: Instant,
    ) -> MessageId {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        *self.admitted.entry((connection, priority)).or_default() += bytes.len() as u64;
        self.engine.send_message(connection, id, priority, self.lifetime, bytes, now);
        self.drain_events(now);
        id
    }

    /// Whether it takes messages as they come; if so, those it has not read yet are read now.
    pub(crate) fn set_reads(&mut self, reads: bool, now: Instant) {
        self.reads = reads;
        if reads {
            self.read(usize::MAX, now);
        }
    }

    /// Reads so many of the messages that wait.
    pub(crate) fn read(&mut self, count: usize, now: Instant) {
        let count = count.min(self.unread.len());
        for (connection, priority, bytes) in self.unread.drain(..count).collect::<Vec<_>>() {
            self.engine.release_messages(connection, priority, bytes, now);
        }
        self.drain_events(now);
    }

    /// Sends messages of this size for ever, so many bytes ahead of what drains.
    pub(crate) fn keep_full(
        &mut self,
        connection: ConnectionId,
        priority: Priority,
        window: usize,
        size: usize,
        now: Instant,
    ) {
        let window = Window { bytes: window, left: window, message: bulk(size) };
        self.kept_full.insert((connection, priority), window);
        self.fill(connection, priority, now);
    }

    fn fill(&mut self, connection: ConnectionId, priority: Priority, now: Instant) {
        let Some(window) = self.kept_full.get_mut(&(connection, priority)) else { return };
        while window.left >= window.message.len() {
            window.left -= window.message.len();
            let id = MessageId(self.next_message);
            self.next_message += 1;
            self.engine.send_message(connection, id, priority, None, window.message.clone(), now);
        }
    }

    pub(crate) fn messages_sent(&self) -> u64 {
        self.next_message
    }

    pub(crate) fn open(
        &mut self,
        connection: ConnectionId,
        bidirectional: bool,
        priority: Priority,
        now: Instant,
    ) -> StreamId {
        let id = StreamId(self.next_stream);
        self.next_stream += 2;
        self.streams.insert(id);
        self.engine.open_stream(connection, id, bidirectional, priority, StreamName::default());
        if bidirectional && self.reads {
            self.engine.grant_stream(id, GRANT, now);
        }
        id
    }

    pub(crate) fn connected(&self) -> Vec<ConnectionId> {
        let connected = self.events.iter().filter_map(|(_, event)| match event {
            Event::Connected { connection, .. } => Some(*connection),
            _ => None,
        });
        connected.collect()
    }

    pub(crate) fn closed(&self) -> Vec<(ConnectionId, &Closed)> {
        let closed = self.events.iter().filter_map(|(_, event)| match event {
            Event::Closed { connection, close } => Some((*connection, close)),
            _ => None,
        });
        closed.collect()
    }

    /// Connected and not closed.
    pub(crate) fn live(&self) -> Vec<ConnectionId> {
        let closed = self.closed();
        self.connected().into_iter().filter(|id| closed.iter().all(|(gone, _)| gone != id)).collect()
    }

    pub(crate) fn settled(&self, outcome: Outcome) -> usize {
        let settled = |event: &&(Instant, Event)| matches!(event.1, Event::MessageSettled { outcome: it, .. } if it == outcome);
        self.events.iter().filter(settled).count()
    }

    pub(crate) fn drain_events(&mut self, now: Instant) {
        while self.drains
            && let Some(event) = self.engine.poll_event()
        {
            self.hear(&event, now);
            let bulky = matches!(
                event,
                Event::Message { .. }
                    | Event::StreamData { .. }
                    | Event::LaneDrained { .. }
                    | Event::StreamDrained { .. }
            );
            if !(self.quiet && bulky) {
                self.events.push((now, event));
            }
        }
    }

    fn hear(&mut self, event: &Event, now: Instant) {
        match event {
            Event::Message { connection, priority, bytes } => {
                self.received.push((*priority, bytes.len()));
                if self.reads {
                    self.engine.release_messages(*connection, *priority, bytes.len(), now);
                } else {
                    self.unread.push((*connection, *priority, bytes.len()));
                }
                if self.echoes {
                    let id = MessageId(self.next_message);
                    self.next_message += 1;
                    self.engine.send_message(
                        *connection,
                        id,
                        *priority,
                        None,
                        Bytes::copy_from_slice(bytes),
                        now,
                    );
                }
            }
            Event::StreamOpened { stream, .. } => {
                self.streams.insert(*stream);
                if self.reads {
                    self.engine.grant_stream(*stream, GRANT, now);
                }
            }
            Event::StreamData { stream, bytes } => {
                self.stream_bytes += bytes.len() as u64;
                if self.reads {
                    self.engine.grant_stream(*stream, bytes.len() as u64, now);
                }
            }
            Event::LaneDrained { connection, priority, bytes } => {
                if let Some(window) = self.kept_full.get_mut(&(*connection, *priority)) {
                    window.left += *bytes as usize;
                    assert!(window.left <= window.bytes, "more drained than was admitted");
                    self.fill(*connection, *priority, now);
                }
            }
            Event::Connected { connection, .. } if self.claims => self.engine.claim(*connection),
            Event::DialRefused { peer, refusal } => {
                if let Some(chosen) = &refusal.chosen {
                    let dialled = self.engine.connect(*peer, Some(vec![chosen.clone()]), DIAL, now);
                    dialled.expect("a peer that dialled can be dialled");
                }
            }
            _ => {}
        }
    }
}

impl<T: Transport> Node for Endpoint<T> {
    fn handle_datagram(&mut self, mut datagram: Datagram, now: Instant) {
        let path = Path { remote: datagram.from, local: None };
        let len = datagram.bytes.len();
        self.engine.handle_datagrams(path, self.marked, len, &mut datagram.bytes, now);
        self.drain_events(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.drain_events(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        if self.outbox.is_empty() {
            self.batch.clear();
            self.engine.poll_transmit(&mut self.batch, now);
            if self.batch.is_empty() {
                self.engine.check_progress().expect("no connection stands still");
            }
            for group in &self.batch.groups {
                assert!(group.len <= 65_000 && group.len.div_ceil(group.segment) <= 64);
            }
            for (path, datagram) in self.batch.datagrams() {
                self.sent_bytes += datagram.len() as u64 + 28;
                self.outbox.push(path.remote, datagram);
            }
            self.drain_events(now);
        }
        self.outbox.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.engine.poll_timeout().map(|(at, _)| at)
    }
}

/// Packets as long as jumbo frames carry.
pub(crate) fn long_packets(config: &mut Config) {
    config.max_mtu = 8_920;
    config.first_hop = Some(|_| Some(8_972));
}

/// A configuration as a device would have it.
pub(crate) fn config(n: u16, seed: &Seed) -> Config {
    let life = seed.bytes(u64::from(n));
    let incarnation = u64::from_le_bytes(life[..8].try_into().expect("8 bytes")) ^ u64::from(n);
    configured(n, incarnation, life)
}

/// A tunnel as a device would have it, without the rest of one.
pub(crate) fn tunnel(n: u16, now: Instant) -> Device {
    let config = warren_wireguard::Config {
        private_key: key(n),
        mtu: 1420,
        max_mtu: 1420,
        report_strangers: false,
        authorize_timeout: Duration::from_secs(4),
        limits: warren_wireguard::Limits {
            peers: 10,
            pending_authorizations: 10,
            handshakes_per_second: 100,
            staged_bytes_per_peer: 100_000,
        },
        seed: [n as u8; 32],
    };
    Device::new(config, now)
}

/// Puts a new life of a node under its address: the same key and peers, and nothing else of the old one.
pub(crate) fn restart(world: &mut World, n: u16, life: u64) {
    let mut config = config(n, world.network.seed());
    config.incarnation = life;
    config.seed[31] ^= life as u8;
    let mut endpoint = Endpoint::new(at(n), config, world.now());
    let peers: Vec<u16> = world.node(at(n)).peers.keys().copied().collect();
    for other in peers {
        endpoint.add_peer(other, world.now());
    }
    world.add(at(n), endpoint);
}

/// Nodes 0 to `count`, each a peer of every other.
pub(crate) fn mesh(count: u16, seed: Seed, adjust: impl Fn(u16, &mut Config)) -> World {
    let mut world = World::new(seed);
    for n in 0..count {
        let mut config = config(n, world.network.seed());
        adjust(n, &mut config);
        let mut endpoint = Endpoint::new(at(n), config, world.now());
        for other in (0..count).filter(|&other| other != n) {
            endpoint.add_peer(other, world.now());
        }
        world.add(at(n), endpoint);
    }
    world
}

pub(crate) fn dial<T: Transport>(world: &mut World<T>, from: u16, to: u16) -> ConnectionId {
    let dialled = world.with(at(from), |node, now| {
        let dialled = node.engine.connect(node.peers[&to], None, DIAL, now).expect("a dial");
        node.drain_events(now);
        dialled
    });
    match dialled {
        Dialled::New(id) | Dialled::Live(id) => id,
    }
}

/// Dials, and waits until both ends are connected; answers both ids.
#[track_caller]
pub(crate) fn connect<T: Transport>(
    world: &mut World<T>,
    from: u16,
    to: u16,
) -> (ConnectionId, ConnectionId) {
    let before = world.node(at(to)).connected().len();
    let ours = dial(world, from, to);
    world.run_until(Duration::from_secs(10), |world| {
        world.node(at(from)).live().contains(&ours) && world.node(at(to)).connected().len() > before
    });
    (ours, *world.node(at(to)).connected().last().expect("a connection"))
}

pub(crate) fn bulk(len: usize) -> Bytes {
    Bytes::from((0..len).map(|i| (i % 251) as u8).collect::<Vec<_>>())
}

/// An IPv6 packet without next header between the derived addresses.
pub(crate) fn raw(from: u16, to: u16, len: usize) -> Vec<u8> {
    let mut packet = vec![0; len];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&(len as u16 - 40).to_be_bytes());
    packet[6] = 59;
    packet[8..24].copy_from_slice(&key(from).public_key().derived_address().octets());
    packet[24..40].copy_from_slice(&key(to).public_key().derived_address().octets());
    packet
}

const GRANT: u64 = 1 << 20;
pub(crate) const DIAL: Duration = Duration::from_secs(10);
