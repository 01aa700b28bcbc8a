//! Work of the hot paths in figures that repeat: a fixed number of datagrams from one engine to another, in virtual
//! time.
//!
//! `cargo run --release -p warren-engine --example costs LOAD ROUNDS` prints the datagrams that carried the load, and
//! the allocations while they did; `scripts/costs.mjs` counts instructions too, and compares both with their bounds.
#![expect(unsafe_code, reason = "an allocator that counts has no safe interface")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use warren_engine::{
    Config, ConnectionId, Dialled, Engine, Event, MessageId, Path, PeerConfig, PrivateKey, StreamId,
    StreamName, TransmitBatch,
};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let load = match arguments.next().as_deref() {
        Some("stream") => Load::Stream,
        Some("messages") => Load::Messages(1 << 20),
        Some("small") => Load::Messages(200),
        Some("datagrams") => Load::Datagrams,
        other => panic!("no such load: {other:?}; there are stream, messages, small and datagrams"),
    };
    let rounds: u32 = arguments.next().expect("the number of rounds").parse().expect("a number");
    let mut pair = Pair::connected(load);
    for _ in 0..WARM {
        pair.round();
    }
    let (datagrams, allocations) = (pair.datagrams, ALLOCATIONS.load(Ordering::Relaxed));
    for _ in 0..rounds {
        pair.round();
    }
    println!(
        "{} datagrams, {} allocations",
        pair.datagrams - datagrams,
        ALLOCATIONS.load(Ordering::Relaxed) - allocations
    );
}

#[derive(Clone, Copy, PartialEq)]
enum Load {
    Stream,
    /// Messages of this many bytes.
    Messages(usize),
    /// Unreliable datagrams of 1,200 bytes.
    Datagrams,
}

struct Pair {
    load: Load,
    near: Engine,
    far: Engine,
    batch: TransmitBatch,
    now: Instant,
    connection: ConnectionId,
    next_message: u64,
    /// Bytes given to the near engine and not yet drained.
    queued: u64,
    /// Datagrams that left the near engine.
    datagrams: u64,
}

impl Pair {
    fn connected(load: Load) -> Self {
        let now = start();
        let mut pair = Self {
            load,
            near: engine(1, now),
            far: engine(2, now),
            batch: TransmitBatch::with_capacity(44),
            now,
            connection: ConnectionId(0),
            next_message: 0,
            queued: 0,
            datagrams: 0,
        };
        let peer = pair.near.add_peer(remote(2), now).expect("a new peer");
        pair.far.add_peer(remote(1), now).expect("a new peer");
        let dialled = pair.near.connect(peer, None, Duration::from_secs(10), now).expect("a dial");
        let (Dialled::New(connection) | Dialled::Live(connection)) = dialled;
        pair.connection = connection;
        while !pair.turn() {}
        if load == Load::Stream {
            pair.near.open_stream(connection, StreamId(0), false, 0, StreamName::default());
        }
        pair
    }

    fn round(&mut self) {
        while self.queued < QUEUED {
            self.queued += self.give();
        }
        self.turn();
    }

    /// Gives the near engine something to send.
    fn give(&mut self) -> u64 {
        match self.load {
            Load::Stream => {
                self.near.write_stream(StreamId(0), Bytes::from_static(&PAYLOAD[..1 << 16]));
                1 << 16
            }
            Load::Messages(size) => {
                let (id, bytes) = (MessageId(self.next_message), Bytes::from_static(&PAYLOAD[..size]));
                self.near.send_message(self.connection, id, 0, None, bytes, self.now);
                self.next_message += 1;
                size as u64
            }
            Load::Datagrams => {
                self.near.send_datagram(self.connection, Bytes::from_static(&PAYLOAD[..1_200]));
                1_200
            }
        }
    }

    /// One batch each way, a tenth of a millisecond later; whether the connection came up.
    fn turn(&mut self) -> bool {
        self.now += Duration::from_micros(100);
        self.near.handle_timeout(self.now);
        self.far.handle_timeout(self.now);
        self.batch.clear();
        self.near.poll_transmit(&mut self.batch, self.now);
        self.datagrams += self.batch.len() as u64;
        if self.load == Load::Datagrams {
            self.queued = self.queued.saturating_sub(self.batch.len() as u64 * 1_200);
        }
        carry(&mut self.batch, &mut self.far, NEAR, self.now);
        self.hear_far();
        self.batch.clear();
        self.far.poll_transmit(&mut self.batch, self.now);
        carry(&mut self.batch, &mut self.near, FAR, self.now);
        self.hear_near()
    }

    fn hear_near(&mut self) -> bool {
        let mut connected = false;
        while let Some(event) = self.near.poll_event() {
            match event {
                Event::LaneDrained { bytes, .. } | Event::StreamDrained { bytes, .. }
                    if self.load != Load::Datagrams =>
                {
                    self.queued -= bytes;
                }
                Event::Connected { .. } => connected = true,
                Event::Closed { close, .. } => panic!("{close:?}"),
                _ => {}
            }
        }
        connected
    }

    fn hear_far(&mut self) {
        while let Some(event) = self.far.poll_event() {
            match event {
                Event::Message { connection, priority, bytes } => {
                    self.far.release_messages(connection, priority, bytes.len(), self.now);
                }
                Event::StreamOpened { stream, .. } => self.far.grant_stream(stream, 1 << 20, self.now),
                Event::StreamData { stream, bytes } => {
                    self.far.grant_stream(stream, bytes.len() as u64, self.now);
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
    let config = Config { protocols: vec!["costs/1".into()].into(), ..Config::new(key(n), n, [n as u8; 32]) };
    Engine::new(config, now).expect("a good configuration")
}

fn remote(n: u64) -> PeerConfig {
    PeerConfig::new(key(n).public_key(), Some(([127, 0, 0, 1], n as u16).into()))
}

fn key(n: u64) -> PrivateKey {
    PrivateKey::generate(&mut rand::rngs::StdRng::seed_from_u64(n))
}

#[expect(clippy::disallowed_methods, reason = "an instant to count from: time is virtual after it")]
fn start() -> Instant {
    Instant::now()
}

/// Counts what is allocated, and what is moved to grow.
struct Counting;

// SAFETY: all is the system allocator's work; the counter touches none of its memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static PAYLOAD: [u8; 1 << 20] = [0x77; 1 << 20];
/// As the caller's admission keeps queued.
const QUEUED: u64 = 4 << 20;
/// Rounds until every queue and table has its size.
const WARM: u32 = 300;
const NEAR: u16 = 1;
const FAR: u16 = 2;
