//! Datagrams of anyone who can reach the socket, to a node with one peer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use warren_engine::{Ecn, Engine, Event, PeerId, PublicKey};

use crate::bare::Bare;
use crate::input::Input;
use crate::meter::{Gauge, inside};
use crate::node::{VICTIM, at, config, engine, expire, give, key, path, peer_config, transmits};
use crate::wire::{ipv6, mac1};

/// Strangers send what the input says: rubbish, messages with a good first MAC, what was overheard, whole or altered.
///
/// # Panics
/// When somebody unauthenticated gets more bytes than it sent, state is kept for it beyond the limits, or the peer can
/// no longer get through afterwards.
pub fn strangers(data: &[u8]) {
    let mut input = Input::new(data);
    let mut scene = Scene::new();
    for _ in 0..MAX_STEPS {
        let Some(choice) = input.step() else { break };
        scene.step(choice, &mut input);
    }
    scene.check_peer();
}

struct Scene {
    victim: Engine,
    peer: Bare,
    peer_id: PeerId,
    /// A stranger whose key the victim does not know, until it says yes.
    stranger: Bare,
    now: Instant,
    /// Datagrams that passed on the network, the latest last.
    heard: Vec<Vec<u8>>,
    /// Bytes from and to each address.
    traffic: BTreeMap<SocketAddr, (usize, usize)>,
    /// Addresses from which a key was proved that the victim has as a peer.
    authenticated: BTreeSet<SocketAddr>,
    peers: Vec<PeerId>,
    asking: BTreeSet<PublicKey>,
    received: Vec<Vec<u8>>,
    gauge: Gauge,
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        let mut victim = inside(|| engine(config(VICTIM, 0), now));
        let peer_id = victim.add_peer(peer_config(PEER), now).expect("a new peer");
        let mut scene = Self {
            victim,
            peer: Bare::new(PEER, now),
            peer_id,
            stranger: Bare::new(STRANGER, now),
            now,
            heard: Vec::new(),
            traffic: BTreeMap::new(),
            authenticated: BTreeSet::from([at(PEER)]),
            peers: vec![peer_id],
            asking: BTreeSet::new(),
            received: Vec::new(),
            gauge: Gauge::new(),
        };
        scene.peer_sends(0, true);
        assert!(scene.peer.has_session(), "a handshake on a perfect network completes");
        scene
    }

    fn step(&mut self, choice: u8, input: &mut Input<'_>) {
        let from = source(input.byte());
        match choice % 12 {
            0 => {
                let bytes = input.bytes().to_vec();
                let segment = input.below(200);
                self.give(from, &bytes, segment);
            }
            1 | 2 => {
                let (kind, length) = input.one_of(&[(1, 148), (2, 92), (3, 64), (4, 96)]);
                let mut message = vec![kind, 0, 0, 0];
                message.extend_from_slice(input.bytes());
                message.resize(length, 0);
                if kind < 3 {
                    mac1(&mut message, &key(VICTIM).public_key());
                }
                self.give(from, &message, 0);
            }
            3..6 => self.replay(from, choice & 16 != 0, input),
            6 => {
                let Some(one) = self.pick(input) else { return };
                let mut train = one.repeat(1 + input.below(64));
                train.truncate(65_000);
                self.give(from, &train, one.len());
            }
            7 => {
                let train = vec![input.byte(); input.below(65_508)];
                self.give(from, &train, input.below(2_000));
            }
            8 => self.wait(Duration::from_millis(input.one_of(&WAITS))),
            9 => self.answer(choice & 16 != 0),
            10 => {
                let sent = self.stranger.send(&packet(&self.stranger, 0), self.now);
                self.deliver(at(STRANGER), sent, choice & 16 == 0);
            }
            _ => self.peer_sends(1, choice & 16 == 0),
        }
    }

    /// Something overheard, with a few bytes changed, from wherever.
    fn replay(&mut self, from: SocketAddr, good_mac: bool, input: &mut Input<'_>) {
        let Some(mut message) = self.pick(input) else { return };
        for _ in 0..input.byte() % 4 {
            let place = input.below(message.len());
            message[place] ^= input.byte();
        }
        if input.byte() % 8 == 1 {
            message.truncate(input.below(message.len()));
        }
        if good_mac && matches!(message.first(), Some(1 | 2)) {
            mac1(&mut message, &key(VICTIM).public_key());
        }
        self.give(from, &message, 0);
    }

    fn pick(&self, input: &mut Input<'_>) -> Option<Vec<u8>> {
        let back = input.below(self.heard.len());
        self.heard.get(self.heard.len() - 1 - back).cloned()
    }

    fn give(&mut self, from: SocketAddr, bytes: &[u8], segment: usize) {
        self.traffic.entry(from).or_default().0 += bytes.len();
        let mut bytes = bytes.to_vec();
        self.gauge.packet_begins();
        inside(|| self.victim.handle_datagrams(path(from), Ecn::NotEct, segment, &mut bytes, self.now));
        self.settle();
        self.gauge.packet_ends();
        self.gauge.check_held(STATED);
    }

    /// Passes on what the genuine others sent, or loses it.
    fn deliver(&mut self, from: SocketAddr, datagrams: Vec<Vec<u8>>, arrives: bool) {
        for datagram in datagrams {
            self.overhear(&datagram);
            if arrives {
                self.give(from, &datagram, 0);
            }
        }
    }

    /// Lets the victim answer, and those it answers answer again.
    fn settle(&mut self) {
        loop {
            let answers = self.hear_answers();
            self.take_events();
            if answers.is_empty() {
                break;
            }
            for (from, datagram) in answers {
                self.overhear(&datagram);
                self.traffic.entry(from).or_default().0 += datagram.len();
                inside(|| give(&mut self.victim, from, &datagram, self.now));
            }
        }
        assert_eq!(self.victim.stats().peers, self.peers.len() as u64);
    }

    fn hear_answers(&mut self) -> Vec<(SocketAddr, Vec<u8>)> {
        // An address that the last datagram authenticated may be answered.
        for peer in &self.peers {
            let stats = self.victim.peer_stats(*peer);
            self.authenticated.extend(stats.and_then(|stats| stats.endpoint));
        }
        let mut answers = Vec::new();
        for (to, datagram) in inside(|| transmits(&mut self.victim, self.now)) {
            self.overhear(&datagram);
            let (received, sent) = self.traffic.entry(to).or_default();
            *sent += datagram.len();
            assert!(
                sent <= received || self.authenticated.contains(&to),
                "{sent} bytes to {to}, who sent {received}"
            );
            for end in [&mut self.peer, &mut self.stranger] {
                if end.at == to {
                    self.received.extend(end.take(&datagram, self.now));
                    answers.extend(end.drain(self.now).into_iter().map(|answer| (to, answer)));
                }
            }
        }
        answers
    }

    fn overhear(&mut self, datagram: &[u8]) {
        if self.heard.len() == HEARD_KEPT {
            self.heard.remove(0);
        }
        self.heard.push(datagram.to_vec());
    }

    fn take_events(&mut self) {
        while let Some(event) = inside(|| self.victim.poll_event()) {
            match event {
                Event::Stranger { public_key, .. } => {
                    assert!(self.asking.insert(public_key), "the same question twice");
                    assert_eq!(public_key, key(STRANGER).public_key(), "a key that nobody here holds");
                    assert!(self.asking.len() <= 2, "more questions than the limit");
                }
                Event::StrangerGone { public_key } => {
                    assert!(self.asking.remove(&public_key), "a question that was not asked is gone");
                }
                Event::Packet { packet, .. } => self.received.push(packet.to_vec()),
                Event::Connected { .. } | Event::Message { .. } | Event::StreamOpened { .. } => {
                    panic!("{event:?}, and nobody here speaks QUIC")
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, yes: bool) {
        let Some(public_key) = self.asking.pop_first() else { return };
        if yes {
            let peer = self.victim.authorize(peer_config(STRANGER), self.now).expect("it waits");
            self.peers.push(peer);
        } else {
            self.victim.refuse(&public_key, self.now);
        }
        self.settle();
    }

    fn wait(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let victim = self.victim.poll_timeout().map(|(at, _)| at);
            let next = [victim, self.peer.deadline(), self.stranger.deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            inside(|| expire(&mut self.victim, self.now));
            self.settle();
            let sent = self.peer.expire(self.now);
            self.deliver(at(PEER), sent, true);
            let sent = self.stranger.expire(self.now);
            self.deliver(at(STRANGER), sent, true);
        }
        self.now = end;
    }

    fn peer_sends(&mut self, mark: u8, arrives: bool) {
        let sent = self.peer.send(&packet(&self.peer, mark), self.now);
        self.deliver(at(PEER), sent, arrives);
        self.settle();
    }

    /// Asserts that the peer's packets arrive whatever was done, after one handshake at most.
    fn check_peer(&mut self) {
        let expected = packet(&self.peer, 77);
        for _ in 0..40 {
            self.received.retain(|packet| *packet == expected);
            if !self.received.is_empty() {
                return;
            }
            self.peer_sends(77, true);
            self.wait(Duration::from_millis(500));
        }
        let stats = self.victim.peer_stats(self.peer_id);
        panic!("the peer does not get through any more: {stats:?} {:?}", self.victim.stats().wireguard);
    }
}

fn packet(from: &Bare, mark: u8) -> Vec<u8> {
    ipv6(from.address, key(VICTIM).public_key().derived_address(), 59, &[mark; 16])
}

/// Addresses of those who know nothing, and of those who know something.
fn source(choice: u8) -> SocketAddr {
    match choice % 6 {
        0 => at(PEER),
        1 => at(STRANGER),
        2 => SocketAddr::new(at(PEER).ip(), 7),
        3 => SocketAddr::new(IpAddr::from([0x2001, 0xdb8, 0, u16::from(choice), 0, 0, 0, 1]), 9),
        _ => SocketAddr::from(([198, 51, 100, choice], 53)),
    }
}

/// Two peers, questions about strangers, and the filters of a flood.
const STATED: usize = 256 << 10;
const PEER: u8 = 1;
const STRANGER: u8 = 2;
const MAX_STEPS: usize = 100;
const HEARD_KEPT: usize = 64;
/// In milliseconds: around the protocol's own times.
const WAITS: [u64; 8] = [1, 20, 400, 1_100, 5_400, 11_000, 125_000, 200_000];
