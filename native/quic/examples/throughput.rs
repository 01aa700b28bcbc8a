//! Rate at which two ends move data in memory, both on one thread: `cargo run --release -p warren-quic --example
//! throughput`.
//!
//! Wall time suffers from whatever else the machine does; the processor's time (Linux) does not.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use warren_quic::{Config, ConnectionHandle, Ecn, Event, PeerTag, Quic, Read, StreamHandle, StreamName};

fn main() {
    let bytes = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(4_u64 << 30);
    for _ in 0..3 {
        report("one stream", bytes, stream(bytes));
        report("messages of 1 MiB", bytes, messages(bytes, 1 << 20));
        report("messages of 16 KiB", bytes, messages(bytes, 16 << 10));
        report("messages of 1 KiB", bytes / 8, messages(bytes / 8, 1 << 10));
    }
}

fn report(what: &str, bytes: u64, run: Run) {
    let rate = |took: Duration| bytes as f64 * 8.0 / took.as_secs_f64() / 1e9;
    println!("{what}\tgoodput\t{:.2}\tGbit/s", rate(run.wall));
    println!("{what}\tgoodput_per_core\t{:.2}\tGbit/s", rate(run.processor));
    println!("{what}\tpacket_both_ends\t{:.0}\tns", run.processor.as_nanos() as f64 / run.packets as f64);
}

/// Cost of a run.
struct Run {
    wall: Duration,
    processor: Duration,
    packets: u64,
}

struct Watch {
    began: Instant,
    processor: Duration,
}

impl Watch {
    fn start() -> Self {
        Self { began: Instant::now(), processor: processor_time() }
    }

    fn stop(self, pair: &Pair) -> Run {
        let processor = processor_time().saturating_sub(self.processor);
        Run { wall: self.began.elapsed(), processor, packets: pair.packets() }
    }
}

/// Time that this thread has had a processor; nothing where Linux does not tell.
fn processor_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|text| text.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn stream(bytes: u64) -> Run {
    let mut pair = Pair::connect();
    let stream = pair
        .sender
        .quic
        .open_stream(pair.sender.connection, false, 0, &StreamName::default())
        .expect("credit at the start");
    let chunk = Bytes::from(vec![7; 256 << 10]);
    let mut left = bytes;
    let watch = Watch::start();
    let mut read = 0;
    while read < bytes {
        let now = Instant::now();
        let room = pair.sender.quic.room(pair.sender.connection) as u64;
        let mut part = chunk.slice(..room.min(left).min(chunk.len() as u64) as usize);
        if let Ok(written) = pair.sender.quic.write_stream(pair.sender.connection, stream, &mut part) {
            left -= written as u64;
        }
        pair.exchange(now);
        read += pair.receiver.read_all();
    }
    watch.stop(&pair)
}

fn messages(bytes: u64, size: usize) -> Run {
    let mut pair = Pair::connect();
    let content = Bytes::from(vec![7; size]);
    let mut current = None;
    let watch = Watch::start();
    while pair.receiver.received < bytes {
        let now = Instant::now();
        let Peer { quic, connection, .. } = &mut pair.sender;
        while quic.room(*connection) > 0 {
            let (message, left) = match &mut current {
                Some(current) => current,
                None => match quic.begin_message(*connection, 0, size) {
                    Some(message) => current.insert((message, content.clone())),
                    None => break,
                },
            };
            let mut part = left.slice(..left.len().min(quic.room(*connection)));
            let written = quic.write_message(*connection, *message, &mut part);
            left.advance(written);
            if left.is_empty() {
                current = None;
            } else if written == 0 {
                break;
            }
        }
        pair.exchange(now);
    }
    watch.stop(&pair)
}

struct Pair {
    sender: Peer,
    receiver: Peer,
}

struct Peer {
    quic: Quic,
    connection: ConnectionHandle,
    stream: Option<StreamHandle>,
    received: u64,
    out: Vec<u8>,
}

impl Pair {
    fn connect() -> Self {
        let mut pair = Self { sender: Peer::new(1), receiver: Peer::new(2) };
        let now = Instant::now();
        pair.sender.connection = pair.sender.quic.connect(PEER, Some(&["bench".into()]), None, None, now);
        while pair.sender.quic.room(pair.sender.connection) == 0 {
            pair.exchange(Instant::now());
        }
        pair
    }

    fn exchange(&mut self, now: Instant) {
        self.sender.send_to(&mut self.receiver, now);
        self.receiver.send_to(&mut self.sender, now);
    }

    fn packets(&self) -> u64 {
        self.sender.quic.stats(self.sender.connection).map_or(1, |stats| stats.datagrams_sent)
    }
}

impl Peer {
    fn new(number: u8) -> Self {
        let config = Config {
            incarnation: number.into(),
            protocols: vec!["bench".into()].into(),
            seed: [number; 32],
            ..Config::default()
        };
        let connection = ConnectionHandle(u32::MAX);
        Self { quic: Quic::new(config), connection, stream: None, received: 0, out: Vec::new() }
    }

    fn send_to(&mut self, other: &mut Self, now: Instant) {
        if self.quic.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.quic.handle_timeout(now);
        }
        self.drain_events(now);
        while let Some(connection) = self.quic.poll_ready(now) {
            self.out.clear();
            if let Some(transmit) = self.quic.poll_transmit(connection, BATCH, &mut self.out, now) {
                for datagram in self.out.chunks(transmit.segment) {
                    other.quic.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(datagram), None, now);
                }
            }
        }
    }

    fn drain_events(&mut self, now: Instant) {
        while let Some((connection, event)) = self.quic.poll_event(now) {
            match event {
                Event::Incoming { .. } => self.quic.accept(connection, None, now),
                Event::Connected { .. } => self.connection = connection,
                Event::StreamOpened { stream, .. } => self.stream = Some(stream),
                Event::Message { priority, bytes } => {
                    self.received += bytes.len() as u64;
                    self.quic.release_messages(connection, priority, bytes.len(), now);
                }
                Event::Closed(closed) => panic!("{closed:?}"),
                _ => {}
            }
        }
    }

    fn read_all(&mut self) -> u64 {
        let Some(stream) = self.stream else { return 0 };
        let mut read = 0;
        while let Read::Data(bytes) = self.quic.read_stream(self.connection, stream, usize::MAX) {
            read += bytes.len() as u64;
        }
        read
    }
}

/// The other end, for both.
const PEER: PeerTag = PeerTag(0);

/// Datagrams asked for at once, as for one GSO call.
const BATCH: usize = 32;
