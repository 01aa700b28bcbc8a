//! Hostile peers and strangers, built to have a node with an uplink answer all it can.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use blake2::digest::Mac;
use blake2::{Blake2s256, Blake2sMac, Digest};
use bytes::{Bytes, BytesMut};
use warren_netstack::UdpFlow;
use warren_quic::{Ecn, PeerTag, Quic};
use warren_testing::{Datagram, Node, Outbox, Simulation};
use warren_wireguard::{Device, MAX_DATAGRAM, Path, PeerId, PublicKey, Sent};

use crate::world::{Endpoint, at, key, peer_config, tunnel};

pub(crate) type Place = Simulation<Being>;

#[expect(clippy::large_enum_variant, reason = "a handful of them")]
pub(crate) enum Being {
    Node(Endpoint),
    Hostile(Hostile),
}

/// Datagram that a hostile peer sends, each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attack {
    /// A hello under another name.
    Dial,
    /// A hello under another name, and its close.
    DialAndClose,
    /// A packet of a connection that nobody knows.
    Unknown,
    /// A packet of a version that nobody speaks.
    Version,
    /// A packet that asks to be acknowledged.
    Ping,
    /// A message of ten bytes, which is confirmed.
    Message,
    /// An initiation by a key that is known.
    Initiation,
    /// An initiation that opens to nothing, from one of these many ports of one address.
    Port(u16),
    /// The same from another address each time.
    Address,
    /// The same in the name of this peer's endpoint.
    InTheNameOf(u16),
}

/// One that keeps to no rule but those that its packets must keep to be opened.
pub(crate) struct Hostile {
    victim: PublicKey,
    device: Device,
    peer: PeerId,
    flow: UdpFlow,
    quic: Quic,
    connection: Option<warren_quic::ConnectionHandle>,
    attack: Option<(Attack, Duration, Instant)>,
    count: u64,
    plaintext: Vec<u8>,
    outbox: Outbox,
    pub(crate) received: u64,
}

impl Hostile {
    /// The peer of this number of node 0.
    pub(crate) fn new(n: u16, now: Instant) -> Self {
        let mut device = tunnel(n, now);
        let peer = device.add_peer(peer_config(0), now).expect("a new peer");
        let quic = warren_quic::Config {
            protocols: vec!["test/1".into()].into(),
            seed: [n as u8; 32],
            ..warren_quic::Config::default()
        };
        let inner = |n| (key(n).public_key().derived_address(), PORT);
        Self {
            victim: key(0).public_key(),
            device,
            peer,
            flow: UdpFlow::new(inner(n), inner(0)),
            quic: Quic::new(quic),
            connection: None,
            attack: None,
            count: 0,
            plaintext: vec![0; MAX_DATAGRAM],
            outbox: Outbox::new(at(n)),
            received: 0,
        }
    }

    /// Gets a session.
    pub(crate) fn greet(&mut self, now: Instant) {
        self.say(&[0x01; 10], now);
    }

    /// Dials under these protocols at once, and completes none of the dials.
    pub(crate) fn dial(&mut self, protocols: &[Box<str>], now: Instant) {
        for protocol in protocols {
            self.hello(std::slice::from_ref(protocol), false, now);
        }
    }

    /// Attacks so many times a second from now on.
    pub(crate) fn begin(&mut self, attack: Attack, per_second: u32, now: Instant) {
        if matches!(attack, Attack::Ping | Attack::Message) {
            self.connection = Some(self.quic.connect(TAG, Some(&["test/1".into()]), None, None, now));
            self.flush(now);
        }
        self.attack = Some((attack, Duration::from_secs(1) / per_second, now));
    }

    fn act(&mut self, attack: Attack, now: Instant) {
        self.count += 1;
        match attack {
            Attack::Dial => self.hello(&["test/1".into()], false, now),
            Attack::DialAndClose => self.hello(&["test/1".into()], true, now),
            Attack::Unknown => {
                let mut packet = vec![0x40; 1];
                packet.extend(self.count.to_be_bytes());
                packet.resize(100, 7);
                self.say(&packet, now);
            }
            Attack::Version => {
                let mut packet = vec![0xc0, 0x0a, 0x1a, 0x2a, 0x3a, 8];
                packet.extend(self.count.to_be_bytes());
                packet.extend([8, 1, 2, 3, 4, 5, 6, 7, 8]);
                packet.resize(1_200, 0);
                self.say(&packet, now);
            }
            Attack::Ping => {
                if let Some(connection) = self.connection {
                    self.quic.ping(connection);
                    self.flush(now);
                }
            }
            Attack::Message => {
                if let Some(connection) = self.connection
                    && let Some(message) = self.quic.begin_message(connection, 0, 10)
                {
                    self.quic.write_message(connection, message, &mut Bytes::from_static(&[7; 10]));
                    self.flush(now);
                }
            }
            Attack::Initiation => {
                self.device.remove_peer(self.peer, now);
                self.peer = self.device.add_peer(peer_config(0), now).expect("it was removed");
                self.greet(now);
            }
            Attack::Port(ports) => {
                let port = 2_000 + (self.count % u64::from(ports)) as u16;
                self.pretend((Ipv4Addr::new(198, 51, 100, 1), port).into());
            }
            Attack::Address => {
                let address = Ipv4Addr::from_bits(0x0a00_0000 + self.count as u32 % 0x00ff_ffff);
                self.pretend((address, 51_820).into());
            }
            Attack::InTheNameOf(n) => self.pretend(at(n)),
        }
    }

    fn hello(&mut self, protocols: &[Box<str>], closes: bool, now: Instant) {
        let dial = self.quic.connect(TAG, Some(protocols), None, None, now);
        self.flush(now);
        if closes {
            self.quic.close(dial, 0, b"", now);
            self.flush(now);
        }
        self.quic.abandon(dial);
    }

    /// An initiation whose sender knows the public key, and nothing else.
    fn pretend(&mut self, from: SocketAddr) {
        let mut message = vec![1, 0, 0, 0];
        while message.len() < 116 {
            let word = self.count.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(message.len() as u32);
            message.extend(word.to_le_bytes());
        }
        message.truncate(116);
        let mac1_key =
            Blake2s256::new().chain_update(b"mac1----").chain_update(self.victim.as_bytes()).finalize();
        let mut mac1 =
            Blake2sMac::<blake2::digest::consts::U16>::new_from_slice(&mac1_key).expect("32 bytes");
        mac1.update(&message);
        message.extend(mac1.finalize().into_bytes());
        message.resize(148, 0);
        self.outbox.push_from(from, at(0), &message);
    }

    fn say(&mut self, payload: &[u8], now: Instant) {
        let mut packet = self.flow.header(0, payload).to_vec();
        packet.extend_from_slice(payload);
        let mut bytes = Vec::new();
        if let Sent::Sealed(path) = self.device.send(self.peer, &packet, &mut bytes, now) {
            self.outbox.push(path.remote, &bytes);
        }
    }

    fn flush(&mut self, now: Instant) {
        while self.quic.poll_event(now).is_some() {}
        while let Some(handle) = self.quic.poll_ready(now) {
            let mut payloads = Vec::new();
            while let Some(transmit) = self.quic.poll_transmit(handle, 8, &mut payloads, now) {
                for payload in std::mem::take(&mut payloads).chunks(transmit.segment) {
                    self.say(payload, now);
                }
            }
            while self.quic.poll_event(now).is_some() {}
        }
        let mut answer = Vec::new();
        while self.quic.poll_response(&mut answer).is_some() {
            answer.clear();
        }
    }
}

impl Being {
    pub(crate) fn node(&mut self) -> &mut Endpoint {
        match self {
            Self::Node(node) => node,
            Self::Hostile(_) => panic!("a hostile one"),
        }
    }

    pub(crate) fn hostile(&mut self) -> &mut Hostile {
        match self {
            Self::Hostile(hostile) => hostile,
            Self::Node(_) => panic!("a node"),
        }
    }
}

impl Node for Being {
    fn handle_datagram(&mut self, mut datagram: Datagram, now: Instant) {
        let hostile = match self {
            Self::Node(node) => return node.handle_datagram(datagram, now),
            Self::Hostile(hostile) => hostile,
        };
        hostile.received += 1;
        let path = Path { remote: datagram.from, local: None };
        let opened = hostile.device.handle_datagram(path, &mut datagram.bytes, &mut hostile.plaintext, now);
        if let (Some(opened), Some(_)) = (opened, hostile.connection) {
            let payload = &hostile.plaintext[warren_netstack::HEADER_LEN..opened.len];
            hostile.quic.handle_datagram(TAG, Ecn::NotEct, BytesMut::from(payload), None, now);
            hostile.flush(now);
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        let hostile = match self {
            Self::Node(node) => return node.handle_timeout(now),
            Self::Hostile(hostile) => hostile,
        };
        hostile.device.handle_timeout(now);
        hostile.quic.handle_timeout(now);
        hostile.flush(now);
        while let Some((attack, every, next)) = &mut hostile.attack
            && *next <= now
        {
            *next += *every;
            let attack = *attack;
            hostile.act(attack, now);
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        match self {
            Self::Node(node) => node.poll_transmit(now),
            Self::Hostile(hostile) => hostile.outbox.pop().or_else(|| {
                let mut bytes = Vec::new();
                let path = hostile.device.poll_transmit(&mut bytes, now)?;
                Some(hostile.outbox.datagram(path.remote, bytes))
            }),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Node(node) => node.poll_timeout(),
            Self::Hostile(hostile) => {
                let rooms = [hostile.device.poll_timeout(), hostile.quic.poll_timeout()];
                let rooms = rooms.into_iter().flatten().map(|(at, _)| at);
                rooms.chain(hostile.attack.map(|(_, _, next)| next)).min()
            }
        }
    }
}

/// The only peer that it has.
const TAG: PeerTag = PeerTag(0);
/// Port of QUIC inside the tunnel.
const PORT: u16 = 0x7772;
