//! Packets of an authenticated peer that means harm, to a node that has an honest peer as well.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{ConnectionId, Dialled, Engine, Event, GiveUp, MessageId, PeerId};

use crate::bare::Bare;
use crate::input::Input;
use crate::meter::{Gauge, inside};
use crate::node::{VICTIM, at, config, engine, expire, give, key, peer_config, transmits};
use crate::wire::{Level, QuicEnd, ipv6, udp};

/// A peer seals what the input says: rubbish, packets with any addresses, warren's own UDP with anything in it, QUIC
/// packets of connections that it dials or is dialled on.
///
/// # Panics
/// When it can speak in another's name, or the honest peer's connection notices anything.
pub fn peers(data: &[u8]) {
    let mut input = Input::new(data);
    let mut scene = Scene::new();
    for _ in 0..MAX_STEPS {
        let Some(choice) = input.step() else { break };
        scene.step(choice, &mut input);
    }
    scene.check_honest();
}

struct Scene {
    victim: Engine,
    honest: Engine,
    hostile: Bare,
    hostile_id: PeerId,
    quic: Option<QuicEnd>,
    /// The honest peer's connection, at the victim and at its own end.
    connections: Option<(ConnectionId, ConnectionId)>,
    dialled: Option<ConnectionId>,
    /// Connections that the hostile peer has with the victim.
    harmed: Vec<ConnectionId>,
    now: Instant,
    next_message: u64,
    /// Messages on the honest connection, as they arrived at the victim.
    received: Vec<Box<[u8]>>,
    reads: bool,
    gauge: Gauge,
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        let mut victim = inside(|| engine(config(VICTIM, 0), now));
        let mut honest = engine(config(HONEST, 0), now);
        victim.add_peer(peer_config(HONEST), now).expect("a new peer");
        let hostile_id = victim.add_peer(peer_config(HOSTILE), now).expect("a new peer");
        let other = honest.add_peer(peer_config(VICTIM), now).expect("a new peer");
        let dialled = honest.connect(other, None, Duration::from_secs(10), now).expect("a dial");
        let Dialled::New(dialled) = dialled else { panic!("there was no connection yet") };
        let mut scene = Self {
            victim,
            honest,
            hostile: Bare::new(HOSTILE, now),
            hostile_id,
            quic: None,
            connections: None,
            dialled: Some(dialled),
            harmed: Vec::new(),
            now,
            next_message: 0,
            received: Vec::new(),
            reads: true,
            gauge: Gauge::new(),
        };
        scene.wait(Duration::from_millis(100));
        assert!(scene.connections.is_some(), "a dial on a perfect network succeeds");
        scene.seal(&ipv6(scene.hostile.address, victim_address(), 59, b"hello"));
        assert!(scene.hostile.has_session(), "a handshake on a perfect network completes");
        scene
    }

    fn step(&mut self, choice: u8, input: &mut Input<'_>) {
        match choice % 16 {
            0 => self.seal(input.bytes()),
            1 => {
                let (source, destination) = (address(input), address(input));
                let mut packet = ipv6(source, destination, input.byte(), input.bytes());
                if choice & 16 != 0 {
                    packet[4] = input.byte();
                    packet[5] = input.byte();
                }
                self.seal(&packet);
            }
            2 if choice & 64 != 0 => {
                // A word of an engine's, of any kind and process.
                let mut word = vec![1, input.byte(), 0, 0, 0, 0, 0, 0, 0, input.byte()];
                word.extend_from_slice(input.bytes());
                word.truncate(word.len() - input.below(2) * input.below(word.len()));
                self.say(&word);
            }
            2 => {
                let ports = if choice & 16 == 0 { QUIC_PORTS } else { (input.word(), input.word()) };
                let mut packet = udp(self.hostile.address, victim_address(), ports, input.bytes());
                if choice & 32 != 0 {
                    let place = input.below(packet.len());
                    packet[place] ^= input.byte();
                }
                self.seal(&packet);
            }
            3 => {
                let mut end = QuicEnd::dialler([input.byte(); 8]);
                if choice & 16 != 0 {
                    let place = input.below(end.own_hello.len());
                    end.own_hello[place] ^= input.byte();
                }
                let hello = end.hello();
                self.quic = Some(end);
                self.say(&hello);
            }
            4 => self.say_with(|end| end.confirmation()),
            5 => {
                let level = input.one_of(&[Level::Data, Level::Initial, Level::Handshake]);
                let frames = input.bytes();
                self.say_with(|end| end.packet(level, frames));
            }
            6 => self.say_with(|end| {
                let frame = end.acknowledgement();
                end.packet(Level::Data, &frame)
            }),
            7 => {
                self.quic = None;
                let peer = self.hostile_id;
                let _ = self.victim.connect(peer, None, Duration::from_secs(3), self.now);
                self.settle();
            }
            8 => self.say_with(|end| end.hello()),
            9 | 10 => self.wait(Duration::from_millis(input.one_of(&WAITS))),
            11 => self.act(input),
            12 => self.reads = !self.reads,
            13 => {
                let bytes = vec![input.byte(); input.below(2_000)];
                self.send_honestly(&bytes);
            }
            14 => {
                let packet = Bytes::copy_from_slice(input.bytes());
                self.victim.send_packet(self.hostile_id, packet);
                self.settle();
            }
            _ => {
                // Bare messages and streams, as they begin.
                let mut frames =
                    crate::wire::stream(u64::from(input.byte()), 0, input.bytes(), choice & 16 != 0);
                frames.extend_from_slice(input.take(usize::from(choice >> 5)));
                self.say_with(|end| end.packet(Level::Data, &frames));
            }
        }
    }

    /// Lets the victim do something meanwhile on the hostile peer's connections.
    fn act(&mut self, input: &mut Input<'_>) {
        let Some(&connection) = self.harmed.get(input.below(self.harmed.len().max(1))) else { return };
        match input.byte() % 4 {
            0 => {
                let id = MessageId(self.next_message);
                self.next_message += 1;
                let bytes = Bytes::from(vec![1; input.below(60_000)]);
                self.victim.send_message(connection, id, input.byte(), None, bytes, self.now);
            }
            1 => {
                let id = MessageId(self.next_message.saturating_sub(1));
                self.victim.cancel_message(connection, id, GiveUp::Cancelled, self.now);
            }
            2 => {
                let bytes = Bytes::from(vec![2; input.below(1_300)]);
                self.victim.send_datagram(connection, bytes);
            }
            _ => self.victim.close(connection, 1, "enough", Duration::from_secs(1), self.now),
        }
        self.settle();
    }

    fn say_with(&mut self, say: impl FnOnce(&mut QuicEnd) -> Vec<u8>) {
        if let Some(end) = &mut self.quic {
            let payload = say(end);
            self.say(&payload);
        }
    }

    /// Sends a QUIC packet as warren's own traffic.
    fn say(&mut self, payload: &[u8]) {
        self.seal(&udp(self.hostile.address, victim_address(), QUIC_PORTS, payload));
    }

    fn seal(&mut self, packet: &[u8]) {
        for datagram in self.hostile.send(packet, self.now) {
            self.gauge.packet_begins();
            inside(|| give(&mut self.victim, at(HOSTILE), &datagram, self.now));
            self.settle();
            self.gauge.packet_ends();
            self.gauge.check_held(STATED);
        }
        self.settle();
    }

    /// Lets everything arrive that is under way.
    fn settle(&mut self) {
        for _ in 0..1_000 {
            let mut moved = false;
            for (to, datagram) in inside(|| transmits(&mut self.victim, self.now)) {
                moved = true;
                if to == at(HONEST) {
                    give(&mut self.honest, at(VICTIM), &datagram, self.now);
                } else if let Some(packet) = self.hostile.take(&datagram, self.now) {
                    self.hear(&packet);
                }
            }
            for (_, datagram) in transmits(&mut self.honest, self.now) {
                moved = true;
                inside(|| give(&mut self.victim, at(HONEST), &datagram, self.now));
            }
            for datagram in self.hostile.drain(self.now) {
                moved = true;
                inside(|| give(&mut self.victim, at(HOSTILE), &datagram, self.now));
            }
            self.take_events();
            if !moved {
                return;
            }
        }
        panic!("nodes that never come to rest");
    }

    /// The hostile peer reads what came to it.
    fn hear(&mut self, packet: &[u8]) {
        let Some(payload) = packet.get(48..).filter(|_| packet[6] == 17) else { return };
        match &mut self.quic {
            Some(end) => end.hear(payload),
            None => self.quic = QuicEnd::acceptor([HOSTILE; 8], payload),
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.honest.poll_event() {
            if let Event::Connected { .. } | Event::Closed { .. } | Event::Message { .. } = event {
                let at_last =
                    matches!(event, Event::Connected { connection, .. } if Some(connection) == self.dialled);
                assert!(at_last, "the honest peer notices: {event:?}");
            }
        }
        let honest = self.connections.map(|(victim, _)| victim);
        while self.reads
            && let Some(event) = inside(|| self.victim.poll_event())
        {
            match event {
                Event::Connected { connection, peer, .. } => {
                    self.victim.claim(connection);
                    if peer == self.hostile_id {
                        self.harmed.push(connection);
                    } else {
                        assert_eq!(self.connections, None, "a second connection in the honest peer's name");
                        self.connections = self.dialled.map(|dialled| (connection, dialled));
                    }
                }
                Event::Message { connection, priority, bytes } => {
                    self.victim.release_messages(connection, priority, bytes.len(), self.now);
                    if Some(connection) == honest {
                        self.received.push(bytes);
                    } else {
                        assert!(self.harmed.contains(&connection));
                    }
                }
                Event::Closed { connection, close } => {
                    assert_ne!(Some(connection), honest, "{close:?}");
                    self.harmed.retain(|harmed| *harmed != connection);
                }
                Event::StreamOpened { stream, .. } => self.victim.grant_stream(stream, 10_000, self.now),
                Event::StreamData { stream, bytes } => {
                    self.victim.grant_stream(stream, bytes.len() as u64, self.now);
                }
                Event::Datagram { connection, .. } => assert_ne!(Some(connection), honest),
                Event::Packet { peer, packet } => {
                    assert_eq!(peer, self.hostile_id);
                    assert_eq!(source_of(&packet), Some(IpAddr::V6(self.hostile.address)), "a stolen source");
                }
                Event::Stranger { .. } => panic!("there is no stranger here"),
                _ => {}
            }
        }
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        self.settle();
        for _ in 0..5_000 {
            let victim = self.victim.poll_timeout().map(|(at, _)| at);
            let honest = self.honest.poll_timeout().map(|(at, _)| at);
            let next = [victim, honest, self.hostile.deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            inside(|| expire(&mut self.victim, self.now));
            expire(&mut self.honest, self.now);
            for datagram in self.hostile.expire(self.now) {
                inside(|| give(&mut self.victim, at(HOSTILE), &datagram, self.now));
            }
            self.settle();
        }
        self.now = self.now.max(end);
    }

    fn send_honestly(&mut self, bytes: &[u8]) {
        let Some((_, connection)) = self.connections else { return };
        let id = MessageId(self.next_message);
        self.next_message += 1;
        self.honest.send_message(connection, id, 9, None, Bytes::copy_from_slice(bytes), self.now);
        self.settle();
    }

    fn check_honest(&mut self) {
        self.reads = true;
        self.take_events();
        self.wait(Duration::from_secs(1));
        self.received.clear();
        self.send_honestly(b"all is well");
        self.wait(Duration::from_secs(6));
        assert!(self.received.iter().any(|bytes| **bytes == *b"all is well"), "the honest peer is cut off");
    }
}

/// An address that is the hostile peer's, another's, or anybody's.
fn address(input: &mut Input<'_>) -> Ipv6Addr {
    match input.byte() % 4 {
        0 => key(HOSTILE).public_key().derived_address(),
        1 => key(HONEST).public_key().derived_address(),
        2 => victim_address(),
        _ => Ipv6Addr::from(u128::from(input.number()) << 64),
    }
}

fn victim_address() -> Ipv6Addr {
    key(VICTIM).public_key().derived_address()
}

fn source_of(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(IpAddr::from(*packet.get(12..)?.first_chunk::<4>()?)),
        6 => Some(IpAddr::from(*packet.get(8..)?.first_chunk::<16>()?)),
        _ => None,
    }
}

/// Bytes that this configuration lets two peers and a few dials hold: messages in all lanes, packets and datagrams,
/// half as much again.
const STATED: usize = 2 * (4 * (128 << 10) + 2 * (16 << 10)) * 3 / 2 + (512 << 10);
const HONEST: u8 = 1;
const HOSTILE: u8 = 2;
const QUIC_PORTS: (u16, u16) = (0x7772, 0x7772);
const MAX_STEPS: usize = 100;
/// In milliseconds.
const WAITS: [u64; 8] = [1, 5, 20, 100, 400, 1_500, 6_000, 20_000];
