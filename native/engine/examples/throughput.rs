//! Rate at which two engines move bytes to each other on one core, without sockets.
//!
//! `cargo run --release -p warren-engine --example throughput [seconds] [datagrams per batch] [which load, 0 to 2]`

use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::SeedableRng;
use warren_engine::{
    Config, ConnectionId, Dialled, Engine, Event, MessageId, Path, PeerConfig, PrivateKey, StreamId,
    StreamName, TransmitBatch,
};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let seconds = arguments.next().unwrap_or(3);
    let batch = arguments.next().unwrap_or(64);
    println!("{batch} datagrams a batch, {seconds} s each, both ends on one core");
    let loads = [Load::Messages(1 << 20), Load::Messages(1_000), Load::Stream];
    let only = arguments.next();
    for load in
        loads.into_iter().enumerate().filter(|(n, _)| only.is_none_or(|only| only == *n)).map(|it| it.1)
    {
        Pair::connected(batch).run(load, Duration::from_secs(seconds as u64));
    }
}

#[derive(Clone, Copy, Debug)]
enum Load {
    /// Messages of this many bytes.
    Messages(usize),
    Stream,
}

struct Pair {
    near: Engine,
    far: Engine,
    batch: TransmitBatch,
    connection: ConnectionId,
    next_message: u64,
    /// Bytes given to the near engine and not yet drained.
    queued: u64,
    received: u64,
    stages: Stages,
}

#[derive(Default)]
struct Stages {
    send: Duration,
    receive: Duration,
    acknowledge: Duration,
    absorb: Duration,
    application: Duration,
    datagrams: u64,
    acknowledgements: u64,
    groups: u64,
}

impl Pair {
    fn connected(batch: usize) -> Self {
        let now = clock();
        let mut pair = Self {
            near: engine(1, now),
            far: engine(2, now),
            batch: TransmitBatch::with_capacity(batch),
            connection: ConnectionId(0),
            next_message: 0,
            queued: 0,
            received: 0,
            stages: Stages::default(),
        };
        let peer = pair.near.add_peer(remote(2), now).expect("a new peer");
        pair.far.add_peer(remote(1), now).expect("a new peer");
        let dialled = pair.near.connect(peer, None, Duration::from_secs(10), now).expect("a dial");
        let (Dialled::New(connection) | Dialled::Live(connection)) = dialled;
        pair.connection = connection;
        while !pair.turn(Load::Messages(0)) {}
        pair
    }

    fn run(mut self, load: Load, duration: Duration) {
        if let Load::Stream = load {
            self.near.open_stream(self.connection, StreamId(0), false, 0, StreamName::default());
        }
        let warm = clock() + Duration::from_millis(300);
        while clock() < warm {
            self.feed(load);
            self.turn(load);
        }
        let (began, before, cpu) = (clock(), self.received, cpu_seconds());
        self.stages = Stages::default();
        while clock() < began + duration {
            self.feed(load);
            self.turn(load);
        }
        let elapsed = clock() - began;
        let bits = (self.received - before) as f64 * 8.0;
        let stages = &self.stages;
        let each = |time: Duration| time.as_nanos() as f64 / stages.datagrams as f64;
        let cpu = cpu_seconds() - cpu;
        println!("{load:?}\tgoodput\t{:.2}\tGbit/s", bits / elapsed.as_secs_f64() / 1e9);
        println!("{load:?}\tper_core\t{:.2}\tGbit/s of CPU time", bits / cpu / 1e9);
        println!("{load:?}\tcpu\t{:.0}\tns a datagram, both ends", cpu * 1e9 / stages.datagrams as f64);
        println!(
            "  ns a datagram: send {:.0}, receive {:.0}, acknowledge {:.0}, take acknowledgements {:.0}, application {:.0}; \
             {:.1} datagrams a group, {:.2} acknowledgements a datagram",
            each(stages.send),
            each(stages.receive),
            each(stages.acknowledge),
            each(stages.absorb),
            each(stages.application),
            stages.datagrams as f64 / stages.groups as f64,
            stages.acknowledgements as f64 / stages.datagrams as f64,
        );
    }

    /// Keeps 4 MiB queued, as the caller's admission does.
    fn feed(&mut self, load: Load) {
        let began = clock();
        while self.queued < 4 << 20 {
            match load {
                Load::Messages(size) => {
                    let bytes = Bytes::from_static(&PAYLOAD[..size]);
                    self.near.send_message(
                        self.connection,
                        MessageId(self.next_message),
                        0,
                        None,
                        bytes,
                        began,
                    );
                    self.next_message += 1;
                    self.queued += size as u64;
                }
                Load::Stream => {
                    self.near.write_stream(StreamId(0), Bytes::from_static(&PAYLOAD[..1 << 16]));
                    self.queued += 1 << 16;
                }
            }
        }
        self.stages.application += clock() - began;
    }

    /// One batch each way; whether the connection came up.
    fn turn(&mut self, load: Load) -> bool {
        let now = clock();
        self.near.handle_timeout(now);
        self.far.handle_timeout(now);
        let began = clock();
        self.batch.clear();
        self.near.poll_transmit(&mut self.batch, now);
        let sent = clock();
        carry(&mut self.batch, &mut self.far, NEAR, now);
        let received = clock();
        self.stages.send += sent - began;
        self.stages.receive += received - sent;
        self.stages.datagrams += self.batch.len() as u64;
        self.stages.groups += self.batch.groups.len() as u64;
        let mut connected = self.drain_far(now);
        let drained = clock();
        self.batch.clear();
        self.far.poll_transmit(&mut self.batch, now);
        let acknowledged = clock();
        carry(&mut self.batch, &mut self.near, FAR, now);
        let absorbed = clock();
        self.stages.acknowledge += acknowledged - drained;
        self.stages.absorb += absorbed - acknowledged;
        self.stages.acknowledgements += self.batch.len() as u64;
        while let Some(event) = self.near.poll_event() {
            match event {
                Event::LaneDrained { bytes, .. } | Event::StreamDrained { bytes, .. } => self.queued -= bytes,
                Event::Connected { .. } => connected = true,
                Event::Closed { close, .. } => panic!("{load:?}: {close:?}"),
                _ => {}
            }
        }
        self.stages.application += (drained - received) + (clock() - absorbed);
        connected
    }

    fn drain_far(&mut self, now: Instant) -> bool {
        let mut connected = false;
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
                Event::Connected { .. } => connected = true,
                _ => {}
            }
        }
        connected
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
    let config = Config { protocols: vec!["throughput/1".into()], ..Config::new(key(n), n, [n as u8; 32]) };
    Engine::new(config, now).expect("a good configuration")
}

fn remote(n: u64) -> PeerConfig {
    PeerConfig::new(key(n).public_key(), Some(([127, 0, 0, 1], n as u16).into()))
}

fn key(n: u64) -> PrivateKey {
    PrivateKey::generate(&mut rand::rngs::StdRng::seed_from_u64(n))
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn clock() -> Instant {
    Instant::now()
}

/// CPU time of this process in seconds, to 10 ms: a measure that a busy machine does not distort.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> =
        stat.split_whitespace().skip(13).take(2).map(|it| it.parse().expect("ticks")).collect();
    (fields[0] + fields[1]) / 100.0
}

static PAYLOAD: [u8; 1 << 20] = [0x77; 1 << 20];
const NEAR: u16 = 1;
const FAR: u16 = 2;
