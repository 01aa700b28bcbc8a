//! Two engines that are connected, one of which sends a load to the other, without sockets.

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use warren_engine::{
    Config, ConnectionId, Dialled, Engine, Event, MessageId, Path, PeerConfig, PrivateKey, StreamId,
    StreamName, TransmitBatch,
};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Load {
    Stream,
    /// Messages of this many bytes.
    Messages(usize),
    /// Unreliable datagrams of 1,200 bytes.
    Datagrams,
}

pub(crate) struct Pair {
    pub(crate) load: Load,
    pub(crate) near: Engine,
    pub(crate) far: Engine,
    pub(crate) batch: TransmitBatch,
    /// Bytes that the far engine gave out.
    pub(crate) received: u64,
    connection: ConnectionId,
    next_message: u64,
    /// Bytes given to the near engine and not yet drained.
    queued: u64,
}

impl Pair {
    /// Engines that turn until they are connected. `turn` carries a batch each way, and says whether it heard of that.
    pub(crate) fn connected(
        load: Load,
        batch: usize,
        now: Instant,
        mut turn: impl FnMut(&mut Self) -> bool,
    ) -> Self {
        let mut pair = Self {
            load,
            near: engine(1, now),
            far: engine(2, now),
            batch: TransmitBatch::with_capacity(batch),
            received: 0,
            connection: ConnectionId(0),
            next_message: 0,
            queued: 0,
        };
        let peer = pair.near.add_peer(remote(2), now).expect("a new peer");
        pair.far.add_peer(remote(1), now).expect("a new peer");
        let dialled = pair.near.connect(peer, None, Duration::from_secs(10), now).expect("a dial");
        let (Dialled::New(connection) | Dialled::Live(connection)) = dialled;
        pair.connection = connection;
        while !turn(&mut pair) {}
        if load == Load::Stream {
            pair.near.open_stream(connection, StreamId(0), false, 0, StreamName::default());
        }
        pair
    }

    /// Keeps 4 MiB queued, as the caller's admission does.
    pub(crate) fn feed(&mut self, now: Instant) {
        while self.queued < QUEUED {
            self.queued += self.give(now);
        }
    }

    fn give(&mut self, now: Instant) -> u64 {
        match self.load {
            Load::Stream => {
                self.near.write_stream(StreamId(0), Bytes::from_static(&PAYLOAD[..1 << 16]));
                1 << 16
            }
            Load::Messages(size) => {
                let (id, bytes) = (MessageId(self.next_message), Bytes::from_static(&PAYLOAD[..size]));
                self.near.send_message(self.connection, id, 0, None, bytes, now);
                self.next_message += 1;
                size as u64
            }
            Load::Datagrams => {
                self.near.send_datagram(self.connection, Bytes::from_static(&PAYLOAD[..DATAGRAM]));
                DATAGRAM as u64
            }
        }
    }

    /// Fills the batch with what the near engine sends.
    pub(crate) fn near_sends(&mut self, now: Instant) {
        self.batch.clear();
        self.near.poll_transmit(&mut self.batch, now);
        if self.load == Load::Datagrams {
            self.queued = self.queued.saturating_sub((self.batch.len() * DATAGRAM) as u64);
        }
    }

    /// Carries the batch to the far engine.
    pub(crate) fn far_takes(&mut self, now: Instant) {
        carry(&mut self.batch, &mut self.far, NEAR, now);
    }

    /// Fills the batch with what the far engine sends.
    pub(crate) fn far_sends(&mut self, now: Instant) {
        self.batch.clear();
        self.far.poll_transmit(&mut self.batch, now);
    }

    /// Carries the batch to the near engine.
    pub(crate) fn near_takes(&mut self, now: Instant) {
        carry(&mut self.batch, &mut self.near, FAR, now);
    }

    /// Hears the near engine's events; whether the connection came up.
    pub(crate) fn hear_near(&mut self) -> bool {
        let mut connected = false;
        while let Some(event) = self.near.poll_event() {
            match event {
                Event::LaneDrained { bytes, .. } | Event::StreamDrained { bytes, .. }
                    if self.load != Load::Datagrams =>
                {
                    self.queued -= bytes;
                }
                Event::Connected { .. } => connected = true,
                Event::Closed { close, .. } => panic!("{:?}: {close:?}", self.load),
                _ => {}
            }
        }
        connected
    }

    /// Hears the far engine's events, and takes what it gives out.
    pub(crate) fn hear_far(&mut self, now: Instant) {
        while let Some(event) = self.far.poll_event() {
            match event {
                Event::Message { connection, priority, bytes } => {
                    self.received += bytes.len() as u64;
                    self.far.release_messages(connection, priority, bytes.len(), now);
                }
                Event::StreamOpened { stream, .. } => self.far.grant_stream(stream, 1 << 20, now),
                Event::StreamData { stream, bytes } => {
                    self.received += bytes.len() as u64;
                    self.far.grant_stream(stream, bytes.len() as u64, now);
                }
                _ => {}
            }
        }
    }
}

/// As GSO and GRO would: each group arrives as one buffer.
fn carry(batch: &mut TransmitBatch, to: &mut Engine, from: u16, now: Instant) {
    for group in &batch.groups {
        let path = Path { remote: ([127, 0, 0, 1], from).into(), local: None };
        let bytes = &mut batch.bytes[group.start..group.start + group.len];
        to.handle_datagrams(path, group.ecn, group.segment, bytes, now);
    }
}

fn engine(n: u64, now: Instant) -> Engine {
    let config = Config { protocols: vec!["load/1".into()].into(), ..Config::new(key(n), n, [n as u8; 32]) };
    Engine::new(config, now).expect("a good configuration")
}

fn remote(n: u64) -> PeerConfig {
    PeerConfig::new(key(n).public_key(), Some(([127, 0, 0, 1], n as u16).into()))
}

fn key(n: u64) -> PrivateKey {
    PrivateKey::generate(&mut rand::rngs::StdRng::seed_from_u64(n))
}

static PAYLOAD: [u8; 1 << 20] = [0x77; 1 << 20];
const QUEUED: u64 = 4 << 20;
const DATAGRAM: usize = 1_200;
const NEAR: u16 = 1;
const FAR: u16 = 2;
