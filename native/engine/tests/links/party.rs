//! Parties of the simulated network: warren nodes with sources of urgent and bulk messages, and rivals.

#[path = "../shared/nodes.rs"]
mod nodes;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{ConnectionId, Dialled, Ecn, Engine, Event, MessageId, Path, PeerId, TransmitBatch};
use warren_testing::{Datagram, Node, Outbox, Seed};

use crate::downlink::Downlink;
use crate::naps::Naps;
use crate::neighbour::GREETING;
use crate::rival::{RivalReceiver, RivalSender};
use nodes::{configured, peer_config};

pub(crate) use nodes::at;

/// Anything with an address.
#[expect(clippy::large_enum_variant, reason = "a handful of them")]
pub(crate) enum Party {
    Warren(Warren),
    Sender(RivalSender),
    Receiver(RivalReceiver),
}

impl Party {
    pub(crate) fn warren(&mut self) -> &mut Warren {
        match self {
            Self::Warren(warren) => warren,
            Self::Sender(_) | Self::Receiver(_) => panic!("a rival"),
        }
    }
}

impl Node for Party {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        match self {
            Self::Warren(warren) => warren.arrive(datagram, now),
            Self::Sender(rival) => rival.handle(&datagram, now),
            Self::Receiver(rival) => rival.handle(&datagram),
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Warren(warren) => warren.handle_timeout(now),
            Self::Sender(rival) => rival.handle_timeout(now),
            Self::Receiver(_) => {}
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        match self {
            Self::Warren(warren) => warren.poll_transmit(now),
            Self::Sender(rival) => rival.poll_transmit(now),
            Self::Receiver(rival) => rival.poll_transmit(),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Warren(warren) => warren.poll_timeout(),
            Self::Sender(rival) => rival.poll_timeout(),
            Self::Receiver(_) => None,
        }
    }
}

/// A node and the application on it.
pub(crate) struct Warren {
    pub(crate) engine: Engine,
    start: Instant,
    batch: TransmitBatch,
    outbox: Outbox,
    /// Times at which its processor is somebody else's, and the datagrams that came meanwhile.
    pub(crate) naps: Option<Naps>,
    inbox: VecDeque<Datagram>,
    wakes: Option<Instant>,
    /// Queue in which datagrams to it wait first.
    pub(crate) downlink: Option<Downlink>,
    next_message: u64,
    peers: BTreeMap<u16, PeerId>,
    /// Connections by the number of the peer.
    pub(crate) connections: BTreeMap<u16, ConnectionId>,
    accepted: Option<ConnectionId>,
    /// Bytes in the bulk lane of each source.
    bulk: BTreeMap<ConnectionId, u64>,
    /// Connections that get urgent messages in turn, and the instant at which the next is due.
    urgent: Option<(VecDeque<ConnectionId>, Instant)>,
    /// Peer that gets a message of 1 KiB each 20 ms that is not measured, and the instant at which the next is due.
    pub(crate) trickle: Option<(u16, Instant)>,
    /// Peer whose connections get a message as they come up.
    pub(crate) greets: Option<u16>,
    /// A message of bulk.
    pub(crate) payload: Bytes,
    /// Bytes of bulk that came.
    pub(crate) received: u64,
    /// Datagrams that came.
    pub(crate) arrived: u64,
    /// Times from the instant at which an urgent message was due until it was here.
    pub(crate) latencies: Vec<Duration>,
}

impl Warren {
    pub(crate) fn new(n: u16, peers: &[u16], start: Instant, seed: &Seed) -> Self {
        let mut engine = Engine::new(configured(n, u64::from(n) + 1, seed.bytes(u64::from(n))), start)
            .expect("a good configuration");
        let add = |&peer: &u16| (peer, engine.add_peer(peer_config(peer), start).expect("a new peer"));
        let peers = peers.iter().map(add).collect();
        Self {
            engine,
            start,
            batch: TransmitBatch::with_capacity(10),
            outbox: Outbox::new(at(n)),
            naps: None,
            inbox: VecDeque::new(),
            wakes: None,
            downlink: None,
            next_message: 0,
            peers,
            connections: BTreeMap::new(),
            accepted: None,
            bulk: BTreeMap::new(),
            urgent: None,
            trickle: None,
            greets: None,
            payload: Bytes::from(vec![7; 256 << 10]),
            received: 0,
            arrived: 0,
            latencies: Vec::new(),
        }
    }

    pub(crate) fn dial(&mut self, to: u16, now: Instant) {
        let dialled =
            self.engine.connect(self.peers[&to], None, Duration::from_secs(30), now).expect("a dial");
        let (Dialled::New(id) | Dialled::Live(id)) = dialled;
        self.connections.insert(to, id);
        self.settle(now);
    }

    /// Sends bulk to a peer without end, from now on.
    pub(crate) fn begin_bulk(&mut self, to: u16, now: Instant) {
        self.bulk.insert(self.connections[&to], 0);
        self.settle(now);
    }

    /// Sends no more bulk to a peer than what waits.
    pub(crate) fn end_bulk(&mut self, to: u16) {
        self.bulk.remove(&self.connections[&to]);
    }

    /// Ends the connection and makes another.
    pub(crate) fn redial(&mut self, to: u16, now: Instant) {
        self.engine.close(self.connections[&to], 0, "", Duration::ZERO, now);
        self.settle(now);
        self.dial(to, now);
    }

    /// Sends bulk back to the end that dialled, from now on.
    pub(crate) fn begin_answer(&mut self, now: Instant) {
        let accepted = self.accepted.expect("a connection");
        self.bulk.insert(accepted, 0);
        self.settle(now);
    }

    /// Sends an urgent message each 20 ms to one of these peers after the other, from now on.
    pub(crate) fn begin_urgent(&mut self, to: &[u16], now: Instant) {
        self.urgent = Some((to.iter().map(|to| self.connections[to]).collect(), now));
    }

    fn arrive(&mut self, datagram: Datagram, now: Instant) {
        self.arrived += 1;
        let Some(downlink) = &mut self.downlink else {
            return self.handle(datagram, now);
        };
        downlink.push(datagram, now);
        self.leave_downlink(now);
    }

    fn leave_downlink(&mut self, now: Instant) {
        while let Some(datagram) = self.downlink.as_mut().and_then(|downlink| downlink.pop(now)) {
            self.handle(datagram, now);
        }
    }

    fn handle(&mut self, mut datagram: Datagram, now: Instant) {
        if self.sleeps(now) {
            return self.inbox.push_back(datagram);
        }
        let path = Path { remote: datagram.from, local: None };
        let len = datagram.bytes.len();
        self.engine.handle_datagrams(path, Ecn::NotEct, len, &mut datagram.bytes, now);
        self.settle(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.sleeps(now) {
            return;
        }
        for datagram in std::mem::take(&mut self.inbox) {
            self.handle(datagram, now);
        }
        self.leave_downlink(now);
        self.engine.handle_timeout(now);
        while let Some((to, next)) = &mut self.urgent
            && *next <= now
        {
            let due = *next;
            *next += EVERY;
            to.rotate_left(1);
            let connection = to[0];
            let mut bytes = vec![0; URGENT];
            bytes[..8].copy_from_slice(&((due - self.start).as_nanos() as u64).to_be_bytes());
            self.send(connection, 200, Bytes::from(bytes), now);
        }
        while let Some((to, next)) = &mut self.trickle
            && *next <= now
        {
            *next += EVERY;
            let connection = self.connections[to];
            self.send(connection, 100, Bytes::from(vec![0; URGENT]), now);
        }
        self.settle(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        if self.outbox.is_empty() && !self.sleeps(now) {
            self.batch.clear();
            self.engine.poll_transmit(&mut self.batch, now);
            if self.batch.is_empty() {
                self.engine.check_progress().expect("no connection stands still");
            }
            for (path, datagram) in self.batch.datagrams() {
                self.outbox.push(path.remote, datagram);
            }
            self.settle(now);
        }
        self.outbox.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let engine = self.engine.poll_timeout().map(|(at, _)| at);
        let urgent = self.urgent.as_ref().map(|&(_, due)| due);
        let arrival = self.downlink.as_ref().and_then(Downlink::next);
        let trickle = self.trickle.map(|(_, due)| due);
        self.wakes.or_else(|| engine.into_iter().chain(urgent).chain(trickle).chain(arrival).min())
    }

    fn sleeps(&mut self, now: Instant) -> bool {
        self.wakes = self.naps.and_then(|naps| naps.wakes(now));
        self.wakes.is_some()
    }

    fn send(&mut self, connection: ConnectionId, priority: u8, bytes: Bytes, now: Instant) {
        let id = MessageId(self.next_message);
        self.next_message += 1;
        self.engine.send_message(connection, id, priority, None, bytes, now);
    }

    fn settle(&mut self, now: Instant) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Message { connection, priority, bytes } => {
                    if priority == 200 {
                        let due = bytes.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
                        self.latencies.push(now - self.start - Duration::from_nanos(due));
                    } else {
                        self.received += bytes.len() as u64;
                    }
                    self.engine.release_messages(connection, priority, bytes.len(), now);
                }
                Event::LaneDrained { connection, priority: 0, bytes } => {
                    if let Some(queued) = self.bulk.get_mut(&connection) {
                        *queued = queued.saturating_sub(bytes);
                    }
                }
                Event::Connected { connection, peer, .. } => {
                    self.engine.claim(connection);
                    self.accepted = Some(connection);
                    let known = self.peers.iter().find(|&(_, &id)| id == peer);
                    if let Some((&n, _)) = known {
                        self.connections.insert(n, connection);
                        if self.greets == Some(n) {
                            self.send(connection, 0, Bytes::from(vec![3; GREETING]), now);
                        }
                    }
                }
                _ => {}
            }
        }
        for connection in self.bulk.keys().copied().collect::<Vec<_>>() {
            while self.bulk[&connection] < QUEUED {
                *self.bulk.get_mut(&connection).expect("just read") += self.payload.len() as u64;
                let payload = self.payload.clone();
                self.send(connection, 0, payload, now);
            }
        }
    }
}

const URGENT: usize = 1024;
const EVERY: Duration = Duration::from_millis(20);
const QUEUED: u64 = 2 << 20;
