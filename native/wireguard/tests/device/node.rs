//! A device as a node of the virtual network, and what tests need around it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use warren_testing::{Datagram, Link, Node, Outbox, Seed, Simulation};
use warren_wireguard::{
    Config, Device, Event, Limits, MAX_DATAGRAM, Path, PeerConfig, PeerId, PrivateKey, PublicKey, Sent,
};

/// A device with its socket, and a record of all that came out of it.
pub(crate) struct WireGuard {
    pub(crate) device: Device,
    pub(crate) events: Vec<(Instant, Event)>,
    /// Opened packets, and when.
    pub(crate) received: Vec<(Instant, PeerId, Vec<u8>)>,
    /// Datagrams given to the network, and when.
    pub(crate) sent: Vec<(Instant, Datagram)>,
    pub(crate) outbox: Outbox,
    plaintext: Vec<u8>,
}

pub(crate) type World = Simulation<WireGuard>;

impl WireGuard {
    pub(crate) fn new(config: Config, address: SocketAddr, now: Instant) -> Self {
        Self {
            device: Device::new(config, now),
            events: Vec::new(),
            received: Vec::new(),
            sent: Vec::new(),
            outbox: Outbox::new(address),
            plaintext: vec![0; MAX_DATAGRAM],
        }
    }

    /// Sends one packet as an engine would.
    pub(crate) fn send(&mut self, peer: PeerId, packet: &[u8], now: Instant) -> Sent {
        let mut bytes = Vec::new();
        let sent = self.device.send(peer, packet, &mut bytes, now);
        if let Sent::Sealed(path) = sent {
            self.outbox.push(path.remote, &bytes);
        } else {
            assert!(bytes.is_empty(), "nothing is appended but what was sealed");
        }
        sent
    }

    /// Packets that were opened, without their times.
    pub(crate) fn packets(&self) -> Vec<&[u8]> {
        self.received.iter().map(|(_, _, packet)| packet.as_slice()).collect()
    }

    /// Number of events like this.
    pub(crate) fn count(&self, like: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| like(event)).count()
    }

    /// Number of messages of this type that were sent.
    pub(crate) fn sent_of(&self, kind: u8) -> usize {
        self.sent.iter().filter(|(_, datagram)| datagram.bytes[0] == kind).count()
    }

    /// Times at which messages of this type were sent.
    pub(crate) fn times_of(&self, kind: u8) -> Vec<Instant> {
        self.sent.iter().filter(|(_, datagram)| datagram.bytes[0] == kind).map(|(at, _)| *at).collect()
    }

    /// Forgets what came out of it so far.
    pub(crate) fn clear(&mut self) {
        self.events.clear();
        self.received.clear();
        self.sent.clear();
    }

    fn drain_events(&mut self, now: Instant) {
        while let Some(event) = self.device.poll_event() {
            self.events.push((now, event));
        }
    }
}

impl Node for WireGuard {
    fn handle_datagram(&mut self, mut datagram: Datagram, now: Instant) {
        let path = Path { remote: datagram.from, local: Some(datagram.to.ip()) };
        let opened = self.device.handle_datagram(path, &mut datagram.bytes, &mut self.plaintext, now);
        if let Some(opened) = opened {
            self.received.push((now, opened.peer, self.plaintext[..opened.len].to_vec()));
        }
        self.drain_events(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.device.handle_timeout(now);
        self.drain_events(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        self.drain_events(now);
        let datagram = self.outbox.pop().or_else(|| {
            let mut bytes = Vec::new();
            let path = self.device.poll_transmit(&mut bytes, now);
            self.drain_events(now);
            let path = path?;
            Some(self.outbox.datagram(path.remote, bytes))
        })?;
        self.sent.push((now, datagram.clone()));
        Some(datagram)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.device.poll_timeout().map(|(at, _)| at)
    }
}

/// The same key for the same number.
pub(crate) fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

/// The key of one of many.
pub(crate) fn many(number: u16) -> PrivateKey {
    let mut bytes = [0x40; 32];
    bytes[8..10].copy_from_slice(&number.to_le_bytes());
    PrivateKey::from_bytes(bytes)
}

pub(crate) fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 51_820))
}

pub(crate) fn limits() -> Limits {
    Limits {
        peers: 65_536,
        pending_authorizations: 256,
        handshakes_per_second: 1_000,
        staged_bytes_per_peer: 1 << 20,
    }
}

pub(crate) fn config(number: u8) -> Config {
    Config {
        private_key: key(number),
        mtu: 1_420,
        max_mtu: 1_420,
        report_strangers: false,
        authorize_timeout: 4 * SECOND,
        limits: limits(),
        seed: Seed::of_this_run().bytes(number.into()),
    }
}

pub(crate) fn peer(public_key: PublicKey, endpoint: Option<SocketAddr>) -> PeerConfig {
    PeerConfig::new(public_key, endpoint)
}

/// Two nodes that know each other, 20 ms apart; the addresses and the id that each has for the other.
pub(crate) struct Pair {
    pub(crate) world: World,
    pub(crate) a: SocketAddr,
    pub(crate) b: SocketAddr,
    /// B, as A knows it.
    pub(crate) ab: PeerId,
    /// A, as B knows it.
    pub(crate) ba: PeerId,
}

impl Pair {
    pub(crate) fn new() -> Self {
        Pair::with(|_, _| {})
    }

    /// `change` sees the two configurations of the peers: B as A adds it, A as B adds it.
    pub(crate) fn with(change: impl FnOnce(&mut PeerConfig, &mut PeerConfig)) -> Self {
        Pair::made(Seed::of_this_run(), change)
    }

    /// For tests that run with several seeds.
    pub(crate) fn seeded(seed: u64) -> Self {
        Pair::made(Seed::or(seed), |_, _| {})
    }

    /// For tests that draw seeds from the run's own.
    pub(crate) fn exactly(seed: u64) -> Self {
        Pair::made(Seed::exactly(seed), |_, _| {})
    }

    /// A pair of which A has this configuration, with its usual key.
    pub(crate) fn of(a: Config) -> Self {
        Pair::both(a, config(2))
    }

    /// A pair of these configurations, with their usual keys.
    pub(crate) fn both(a: Config, b: Config) -> Self {
        Pair::between(a, b, Seed::of_this_run(), |_, _| {})
    }

    fn made(seed: Seed, change: impl FnOnce(&mut PeerConfig, &mut PeerConfig)) -> Self {
        Pair::between(config(1), config(2), seed, change)
    }

    fn between(
        config_a: Config,
        config_b: Config,
        seed: Seed,
        change: impl FnOnce(&mut PeerConfig, &mut PeerConfig),
    ) -> Self {
        let (a, b) = (address(1), address(2));
        let mut world = World::new(seed);
        world.network.set_default(Link::with_latency(20 * MILLISECOND));
        let mut to_b = peer(key(2).public_key(), Some(b));
        let mut to_a = peer(key(1).public_key(), Some(a));
        change(&mut to_b, &mut to_a);
        let now = world.now();
        world.add(a, WireGuard::new(config_a, a, now));
        world.add(b, WireGuard::new(config_b, b, now));
        let ab = world.with(a, |node, now| node.device.add_peer(to_b, now)).expect("B is new to A");
        let ba = world.with(b, |node, now| node.device.add_peer(to_a, now)).expect("A is new to B");
        Self { world, a, b, ab, ba }
    }

    /// A pair with a confirmed session that A initiated.
    pub(crate) fn connected() -> Self {
        let mut pair = Pair::new();
        pair.send_a(b"first");
        pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
        pair
    }

    pub(crate) fn send_a(&mut self, text: &[u8]) -> Sent {
        let packet = packet(key(1).public_key(), key(2).public_key(), text);
        self.world.with(self.a, |node, now| node.send(self.ab, &packet, now))
    }

    pub(crate) fn send_b(&mut self, text: &[u8]) -> Sent {
        let packet = packet(key(2).public_key(), key(1).public_key(), text);
        self.world.with(self.b, |node, now| node.send(self.ba, &packet, now))
    }

    pub(crate) fn node_a(&self) -> &WireGuard {
        self.world.node(self.a)
    }

    pub(crate) fn node_b(&self) -> &WireGuard {
        self.world.node(self.b)
    }
}

/// An IPv6 packet between two nodes' own addresses.
pub(crate) fn packet(from: PublicKey, to: PublicKey, text: &[u8]) -> Vec<u8> {
    packet_between(from.derived_address(), to.derived_address(), text)
}

pub(crate) fn packet_between(from: Ipv6Addr, to: Ipv6Addr, text: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(text.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[59, 64]);
    packet.extend_from_slice(&from.octets());
    packet.extend_from_slice(&to.octets());
    packet.extend_from_slice(text);
    packet
}

/// The text of a packet made by [`packet`].
pub(crate) fn text(packet: &[u8]) -> &[u8] {
    &packet[40..]
}

pub(crate) fn texts(node: &WireGuard) -> Vec<&[u8]> {
    node.packets().into_iter().map(text).collect()
}

pub(crate) fn inner(number: u8) -> IpAddr {
    key(number).public_key().derived_address().into()
}

/// The first MAC of a handshake message, made as anyone can who knows the receiver's public key.
pub(crate) fn mac1(receiver: &PublicKey, signed: &[u8]) -> [u8; 16] {
    use blake2::digest::consts::U16;
    use blake2::digest::{FixedOutput, KeyInit, Update};
    use blake2::{Blake2s256, Blake2sMac, Digest};
    let key = Blake2s256::new().chain_update(b"mac1----").chain_update(receiver.as_bytes()).finalize();
    let mut mac = <Blake2sMac<U16> as KeyInit>::new_from_slice(&key).expect("32 bytes");
    Update::update(&mut mac, signed);
    mac.finalize_fixed().into()
}

/// Lets B be flooded with initiations that open to no peer of its.
pub(crate) fn flood(pair: &mut Pair) {
    let now = pair.world.now();
    let mut stranger = WireGuard::new(config(9), address(9), now);
    let id = stranger.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
    stranger.device.initiate(id, now);
    let initiation = stranger.poll_transmit(now).expect("an initiation");
    for _ in 0..5_000 {
        pair.world.with(pair.b, |node, now| node.handle_datagram(initiation.clone(), now));
    }
}

pub(crate) const INITIATION: u8 = 1;
pub(crate) const RESPONSE: u8 = 2;
pub(crate) const COOKIE_REPLY: u8 = 3;
pub(crate) const DATA: u8 = 4;

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);
