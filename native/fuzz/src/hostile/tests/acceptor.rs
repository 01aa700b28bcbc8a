//! A hostile peer that the victim dials.

use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{ConnectionId, Dialled, Engine, Event, MessageId};

use crate::bare::Bare;
use crate::hostile::line::Line;
use crate::node::{VICTIM, at, config, engine, expire, give, key, peer_config, transmits};
use crate::wire::{Level, QuicEnd, put, stream, udp};

#[test]
fn an_acceptor_that_never_says_that_it_took_a_dial_costs_no_more_than_one_that_does() {
    let [confirmed, withheld] = [true, false].map(|confirms| Dial::new(confirms).run(MINUTE));
    assert!(confirmed > 500, "{confirmed} datagrams: the connection was used");
    assert!(
        withheld < confirmed + confirmed / 5,
        "{withheld} datagrams, and {confirmed} of one that is confirmed"
    );
}

/// A victim's dial, to an acceptor that acknowledges all that it hears.
struct Dial {
    victim: Engine,
    connection: ConnectionId,
    acceptor: Bare,
    line: Option<Line>,
    /// The acceptor ends the handshake with `HANDSHAKE_DONE`, as it has to.
    confirms: bool,
    is_up: bool,
    sent: u64,
    now: Instant,
}

impl Dial {
    fn new(confirms: bool) -> Self {
        let now = Instant::now();
        let mut victim = engine(config(VICTIM, 0), now);
        let peer = victim.add_peer(peer_config(ACCEPTOR), now).expect("a new peer");
        let dial = victim.connect(peer, None, Duration::from_secs(10), now).expect("a dial");
        let Dialled::New(connection) = dial else { panic!("there was no connection yet") };
        let acceptor = Bare::new(ACCEPTOR, now);
        Self { victim, connection, acceptor, line: None, confirms, is_up: false, sent: 0, now }
    }

    /// Sends two messages a second; gives the number of the victim's datagrams.
    fn run(mut self, duration: Duration) -> u64 {
        let (end, mut due) = (self.now + duration, self.now);
        let mut message = 0;
        while self.now < end {
            self.exchange();
            if self.is_up && self.now >= due {
                due = self.now + Duration::from_millis(500);
                message += 1;
                let bytes = Bytes::from_static(&[1; 2_000]);
                self.victim.send_message(self.connection, MessageId(message), 9, None, bytes, self.now);
                self.exchange();
            }
            self.wait();
        }
        assert!(self.victim.connection_stats(self.connection, self.now).is_some(), "it lives");
        self.sent
    }

    fn exchange(&mut self) {
        for (_, datagram) in transmits(&mut self.victim, self.now) {
            self.sent += 1;
            if let Some(packet) = self.acceptor.take(&datagram, self.now) {
                self.hear(&packet);
            }
        }
        for datagram in self.acceptor.drain(self.now) {
            give(&mut self.victim, at(ACCEPTOR), &datagram, self.now);
        }
        if let Some(line) = self.line.as_mut().filter(|line| line.owes) {
            let frame = line.acknowledgement();
            let packet = line.end.packet(Level::Data, &frame);
            self.say(&packet);
        }
        while let Some(event) = self.victim.poll_event() {
            assert!(!matches!(event, Event::Closed { .. }), "{event:?}");
            self.is_up |= matches!(event, Event::Connected { .. });
        }
    }

    fn hear(&mut self, packet: &[u8]) {
        let Some(payload) = packet.get(48..).filter(|_| packet[6] == 17) else { return };
        if let Some(line) = &mut self.line {
            return line.hear(payload, self.now);
        }
        let mut end = QuicEnd::acceptor([7; 8], payload).expect("a hello");
        let mut frames = stream(CONTROL, 0, &[0], false);
        for kind in [MAX_DATA, MAX_STREAMS_ONE_WAY] {
            put(&mut frames, kind);
            put(&mut frames, 1 << 40);
        }
        if self.confirms {
            put(&mut frames, HANDSHAKE_DONE);
        }
        let answer = [end.hello(), end.confirmation(), end.packet(Level::Data, &frames)];
        self.line = Some(Line::new(end, self.now));
        for payload in answer {
            self.say(&payload);
        }
    }

    fn say(&mut self, payload: &[u8]) {
        let [own, other] = [ACCEPTOR, VICTIM].map(|n| key(n).public_key().derived_address());
        for datagram in self.acceptor.send(&udp(own, other, QUIC_PORTS, payload), self.now) {
            give(&mut self.victim, at(ACCEPTOR), &datagram, self.now);
        }
    }

    fn wait(&mut self) {
        let idle = self.now + Duration::from_millis(10);
        let deadlines = [self.victim.poll_timeout().map(|(at, _)| at), self.acceptor.deadline()];
        let next = deadlines.into_iter().flatten().min().unwrap_or(idle);
        self.now = next.clamp(self.now + Duration::from_micros(1), idle);
        expire(&mut self.victim, self.now);
        for datagram in self.acceptor.expire(self.now) {
            give(&mut self.victim, at(ACCEPTOR), &datagram, self.now);
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const ACCEPTOR: u8 = 1;
const QUIC_PORTS: (u16, u16) = (0x7772, 0x7772);
/// The acceptor's first one-way stream.
const CONTROL: u64 = 3;
/// RFC 9000, section 19.
const MAX_DATA: u64 = 0x10;
const MAX_STREAMS_ONE_WAY: u64 = 0x13;
const HANDSHAKE_DONE: u64 = 0x1e;
