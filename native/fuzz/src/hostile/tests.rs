//! Every attack at a node in virtual time, beside an honest peer.

mod acceptor;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{ConnectionId, DialRefusal, Dialled, Engine, Event, Limits, MessageId, PeerConfig};

use super::{ATTACKS, Attack, Hostile, Victim};
use crate::meter::{Gauge, inside};
use crate::node::{VICTIM, at, config, engine, expire, give, key, peer_config, transmits};

/// A part of the attacks: the parts run at the same time.
macro_rules! parts {
    ($($name:ident: $part:literal),*) => {
        $(#[test]
        fn $name() {
            for attack in ATTACKS.iter().skip($part).step_by(3) {
                Arena::new(attack).attack();
            }
        })*
    };
}

parts! {
    no_attack_makes_packets_dear_or_is_kept_beyond_the_limits_or_stops_an_honest_peer: 0,
    nor_does_another: 1,
    nor_a_third: 2
}

#[test]
fn a_hello_altered_on_its_way_is_told_to_the_acceptor_four_times_a_second() {
    let attack = ATTACKS.iter().find(|attack| attack.name == "hellos-altered").expect("it is in the table");
    let mut arena = Arena::new(attack);
    arena.attack();
    let differed = arena.victim.stats().transport.lists_differ;
    assert!(differed > 10, "{differed} handshakes");
    assert!((1..=16).contains(&arena.differed), "{} events of {differed}", arena.differed);
}

struct Arena {
    attack: &'static Attack,
    victim: Engine,
    honest: Engine,
    hostile: Hostile,
    /// The honest peer's, at its own end.
    connection: ConnectionId,
    /// Events of dials that were refused since the ends saw different hellos.
    differed: u64,
    /// Messages of the honest peer's that arrived.
    received: u64,
    sent: u64,
    now: Instant,
}

impl Arena {
    fn new(attack: &'static Attack) -> Self {
        let now = Instant::now();
        let limits = Limits { peers: 80, ..config(VICTIM, 0).limits };
        let mut victim = inside(|| {
            engine(
                warren_engine::Config { authorize: false, max_mtu: 8_920, limits, ..config(VICTIM, 0) },
                now,
            )
        });
        let mut honest = engine(config(1, 0), now);
        inside(|| {
            victim.add_peer(peer_config(1), now).expect("a new peer");
            for n in std::iter::once(2).chain(100..164) {
                victim.add_peer(PeerConfig::new(key(n).public_key(), None), now).expect("a new peer");
            }
        });
        let other = honest.add_peer(peer_config(VICTIM), now).expect("a new peer");
        let dialled = honest.connect(other, None, Duration::from_secs(10), now).expect("a dial");
        let Dialled::New(connection) = dialled else { panic!("there was no connection yet") };
        let hostile = Hostile::new(attack, 1, None, now);
        let mut arena =
            Self { attack, victim, honest, hostile, connection, differed: 0, received: 0, sent: 0, now };
        arena.settle();
        arena
    }

    fn attack(&mut self) {
        let mut gauge = Gauge::new();
        let (mut packets, mut allocations, mut bytes) = (0, 0, 0);
        for turn in 0..TURNS {
            self.hostile.strike(self.now);
            let datagrams = self.hostile.take_datagrams();
            for (source, datagram) in &datagrams {
                gauge.packet_begins();
                inside(|| give(&mut self.victim, port(*source), datagram, self.now));
                self.settle_victim();
                let work = gauge.packet_ends();
                // The burst that may come at once is over by then.
                if turn >= TURNS / 2 {
                    packets += 1;
                    allocations += work.allocations;
                    bytes += work.bytes;
                }
            }
            self.now += if datagrams.is_empty() { 20 * PAUSE } else { PAUSE };
            inside(|| expire(&mut self.victim, self.now));
            self.settle();
            if turn % 50 == 0 {
                self.send_honestly();
            }
            gauge.check_held(STATED);
        }
        for _ in 0..20 {
            self.wait(Duration::from_millis(100));
        }
        let name = self.attack.name;
        assert_eq!(self.received, self.sent, "{name}: messages of the honest peer's are missing");
        let packets = packets.max(1);
        let (allocations, bytes) = (allocations / packets, bytes / packets);
        assert!(allocations <= MEAN_ALLOCATIONS, "{name}: {allocations} allocations a packet");
        assert!(bytes <= MEAN_BYTES, "{name}: {bytes} bytes allocated a packet");
    }

    fn send_honestly(&mut self) {
        self.sent += 1;
        let id = MessageId(self.sent);
        self.honest.send_message(self.connection, id, 9, None, Bytes::from_static(b"all is well"), self.now);
        self.settle();
    }

    fn wait(&mut self, duration: Duration) {
        self.now += duration;
        inside(|| expire(&mut self.victim, self.now));
        expire(&mut self.honest, self.now);
        self.settle();
    }

    fn settle(&mut self) {
        for _ in 0..1_000 {
            let mut moved = self.settle_victim();
            for (_, datagram) in transmits(&mut self.honest, self.now) {
                moved = true;
                inside(|| give(&mut self.victim, at(1), &datagram, self.now));
            }
            while self.honest.poll_event().is_some() {}
            if !moved {
                return;
            }
        }
        panic!("nodes that never come to rest");
    }

    /// Lets the victim send and tell; whether there was anything to send.
    fn settle_victim(&mut self) -> bool {
        let sent = inside(|| transmits(&mut self.victim, self.now));
        let moved = !sent.is_empty();
        for (to, datagram) in sent {
            if to == at(1) {
                give(&mut self.honest, at(VICTIM), &datagram, self.now);
            } else {
                self.hostile.handle_datagram(to.port() - PORTS, &datagram, self.now);
            }
        }
        self.take_events();
        moved
    }

    fn take_events(&mut self) {
        while let Some(event) = inside(|| self.victim.poll_event()) {
            let reads = self.attack.victim != Victim::Ignores;
            inside(|| match event {
                Event::Connected { connection, .. } => self.victim.claim(connection),
                Event::Message { connection, priority, bytes } => {
                    if *bytes == *b"all is well" {
                        self.received += 1;
                        self.victim.release_messages(connection, priority, bytes.len(), self.now);
                    } else if reads {
                        self.victim.release_messages(connection, priority, bytes.len(), self.now);
                    }
                }
                Event::DialRefused { refusal, .. } => {
                    self.differed += u64::from(refusal.why == DialRefusal::ListsDiffer);
                }
                Event::StreamOpened { stream, .. } if reads => {
                    self.victim.grant_stream(stream, 10_000, self.now);
                }
                Event::StreamData { stream, bytes } if reads => {
                    self.victim.grant_stream(stream, bytes.len() as u64, self.now);
                }
                _ => {}
            });
        }
    }
}

/// The address of the hostile peer's socket of this number.
fn port(source: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 2], PORTS + source))
}

/// The sum of this configuration's limits, for 66 peers of which one sends as it likes, and of closed connections.
const STATED: usize = 2 << 20;
const PORTS: u16 = 2_000;
const TURNS: u32 = 400;
/// 130 messages in a packet take 120, a dial 140.
const MEAN_ALLOCATIONS: u64 = 200;
const MEAN_BYTES: u64 = 128 << 10;
/// About 25 Mbit/s of full packets.
const PAUSE: Duration = Duration::from_micros(460);
