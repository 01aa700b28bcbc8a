//! Cost of a packet in the device, beside its cost in boringtun alone.
//!
//! `cargo bench -p warren-wireguard --bench packets` prints nanoseconds a packet, the least of many rounds in turn (the
//! machine is shared), for 1,420 bytes and for 100.

use std::hint::black_box;
use std::time::{Duration, Instant};

use boringtun::noise::{Tunn, TunnResult};
use warren_wireguard::{Config, Device, Limits, MAX_DATAGRAM, Path, PeerConfig, PeerId, PrivateKey, Sent};
use x25519_dalek::{PublicKey, StaticSecret};

fn main() {
    for length in [1_420, 100] {
        let mut raw = Raw::new();
        let mut devices = Devices::new();
        let packet = packet(length);
        let mut least = [Duration::MAX; 4];
        for _ in 0..ROUNDS {
            let (raw_seal, raw_open) = raw.round(&packet);
            let (send, receive) = devices.round(&packet);
            let round = [raw_seal, send, raw_open, receive];
            least = std::array::from_fn(|at| least[at].min(round[at]));
        }
        let [raw_seal, send, raw_open, receive] = least.map(|batch| batch.as_nanos() as f64 / BATCH as f64);
        println!("{length} bytes\tboringtun encapsulate\t{raw_seal:.0}\tns");
        println!("{length} bytes\tsend\t{send:.0}\tns");
        println!("{length} bytes\tboringtun decapsulate\t{raw_open:.0}\tns");
        println!("{length} bytes\thandle_datagram\t{receive:.0}\tns");
    }
    handshakes();
    flood();
}

/// Average cost of a stranger's initiation while 50,000 a second come, each from an address of its own: with a wrong
/// first MAC, with a right one, and with a false cookie besides.
fn flood() {
    let now = clock();
    let (mut sender, mut receiver) = (device(1, 0, now), device(2, 1_000, now));
    let to = sender.add_peer(peer(2), now).expect("it is new");
    sender.initiate(to, now);
    let mut initiation = Vec::new();
    sender.poll_transmit(&mut initiation, now).expect("an initiation");
    let (mut wrong_mac1, mut with_cookie) = (initiation.clone(), initiation.clone());
    wrong_mac1[116] ^= 1;
    with_cookie[132..].fill(7);
    let mut reply = Vec::new();
    let mut at = now;
    for (name, message) in
        [("wrong mac1", wrong_mac1), ("no cookie", initiation), ("false cookie", with_cookie)]
    {
        let mut all = Duration::ZERO;
        for round in 0..ROUNDS {
            // 50,000 a second.
            at += Duration::from_millis(10);
            let took = timed(|| {
                for number in 0..500u32 {
                    let [_, a, b, c] = (round as u32 * 500 + number).to_be_bytes();
                    let path = Path { remote: ([10, a, b, c], 51_820).into(), local: None };
                    receiver.handle_datagram(path, &mut message.clone(), &mut [0; 256], at);
                }
                while receiver.poll_transmit(&mut reply, at).is_some() {
                    reply.clear();
                }
            });
            all += took;
        }
        let each = all.as_nanos() as f64 / (ROUNDS * 500) as f64 / 1_000.0;
        println!("flood\t{name}\t{each:.2}\tus");
    }
    println!("flood\tcookies sent\t{}", receiver.stats().cookies_sent);
}

/// Cost of each step of a handshake to the end that does it: the median of many.
fn handshakes() {
    let mut steps: [Vec<Duration>; 4] = Default::default();
    for _ in 0..200 {
        let now = clock();
        let (mut sender, mut receiver) = (device(1, 0, now), device(2, 0, now));
        let to = sender.add_peer(peer(2), now).expect("it is new");
        receiver.add_peer(peer(1), now).expect("it is new");
        let took = [
            timed(|| sender.initiate(to, now)),
            timed(|| hand_over(&mut sender, &mut receiver, now)),
            timed(|| hand_over(&mut receiver, &mut sender, now)),
            timed(|| hand_over(&mut sender, &mut receiver, now)),
        ];
        assert!(sender.has_session(to) && receiver.has_session(PeerId(0)));
        steps.iter_mut().zip(took).for_each(|(step, took)| step.push(took));
    }
    for (name, mut step) in ["initiate", "answer", "complete", "confirm"].into_iter().zip(steps) {
        step.sort();
        println!("handshake\t{name}\t{:.0}\tus", step[step.len() / 2].as_nanos() as f64 / 1_000.0);
    }
}

/// Two tunnels of boringtun, as bare as can be.
struct Raw {
    sender: Tunn,
    receiver: Tunn,
    datagrams: Vec<Vec<u8>>,
    plaintext: Vec<u8>,
}

impl Raw {
    fn new() -> Self {
        let (a, b) = (StaticSecret::from([1; 32]), StaticSecret::from([2; 32]));
        let (public_a, public_b) = (PublicKey::from(&a), PublicKey::from(&b));
        let mut sender = Tunn::new(a, public_b, None, None, 1, None);
        let mut receiver = Tunn::new(b, public_a, None, None, 2, None);
        let mut buffers = [[0; 2_048]; 3];
        let [initiation, response, keepalive] = &mut buffers;
        let initiation = written(sender.format_handshake_initiation(initiation, false));
        let response = written(receiver.decapsulate(None, initiation, response));
        let keepalive = written(sender.decapsulate(None, response, keepalive));
        receiver.decapsulate(None, keepalive, &mut [0; 2_048]);
        Self { sender, receiver, datagrams: vec![vec![0; 2_048]; BATCH], plaintext: vec![0; MAX_DATAGRAM] }
    }

    fn round(&mut self, packet: &[u8]) -> (Duration, Duration) {
        let Self { sender, receiver, datagrams, plaintext } = self;
        let mut lengths = [0; BATCH];
        let sealing = timed(|| {
            for (datagram, length) in datagrams.iter_mut().zip(&mut lengths) {
                *length = written(sender.encapsulate(black_box(packet), datagram)).len();
            }
        });
        let opening = timed(|| {
            for (datagram, length) in datagrams.iter().zip(lengths) {
                let opened = receiver.decapsulate(None, &datagram[..length], plaintext);
                assert!(matches!(opened, TunnResult::WriteToTunnelV6(..)));
            }
        });
        (sealing, opening)
    }
}

/// Two devices with a session, and a thousand other peers each.
struct Devices {
    sender: Device,
    receiver: Device,
    peer: PeerId,
    now: Instant,
    datagrams: Vec<u8>,
    plaintext: Vec<u8>,
}

impl Devices {
    fn new() -> Self {
        let now = clock();
        let mut devices = Self {
            sender: device(1, 1_000, now),
            receiver: device(2, 1_000, now),
            peer: PeerId(0),
            now,
            datagrams: Vec::with_capacity(BATCH * 2_048),
            plaintext: vec![0; MAX_DATAGRAM],
        };
        devices.peer = devices.sender.add_peer(peer(2), now).expect("it is new");
        devices.receiver.add_peer(peer(1), now).expect("it is new");
        devices.sender.initiate(devices.peer, now);
        for _ in 0..3 {
            hand_over(&mut devices.sender, &mut devices.receiver, now);
            hand_over(&mut devices.receiver, &mut devices.sender, now);
        }
        assert!(devices.sender.has_session(devices.peer));
        devices
    }

    fn round(&mut self, packet: &[u8]) -> (Duration, Duration) {
        let Self { sender, receiver, peer, now, datagrams, plaintext } = self;
        datagrams.clear();
        let sealing = timed(|| {
            for _ in 0..BATCH {
                let sent = sender.send(*peer, black_box(packet), datagrams, *now);
                assert!(matches!(sent, Sent::Sealed(_)));
            }
        });
        let length = datagrams.len() / BATCH;
        let opening = timed(|| {
            for datagram in datagrams.chunks_mut(length) {
                let opened = receiver.handle_datagram(path(1), datagram, plaintext, *now);
                assert!(opened.is_some());
            }
        });
        (sealing, opening)
    }
}

fn hand_over(from: &mut Device, to: &mut Device, now: Instant) {
    let mut datagram = Vec::new();
    while from.poll_transmit(&mut datagram, now).is_some() {
        let _nothing_inside = to.handle_datagram(path(1), &mut datagram, &mut [0; 2_048], now);
        datagram.clear();
    }
    to.handle_timeout(now);
}

fn device(number: u8, others: u16, now: Instant) -> Device {
    let limits = Limits {
        peers: 65_536,
        pending_authorizations: 0,
        handshakes_per_second: 0,
        staged_bytes_per_peer: 0,
    };
    let config = Config {
        private_key: PrivateKey::from_bytes([number; 32]),
        mtu: 1_420,
        max_mtu: 1_420,
        report_strangers: false,
        authorize_timeout: Duration::ZERO,
        limits,
        seed: [number; 32],
    };
    let mut device = Device::new(config, now);
    for other in 0..others {
        let mut bytes = [200; 32];
        bytes[8..10].copy_from_slice(&other.to_le_bytes());
        let public_key = PrivateKey::from_bytes(bytes).public_key();
        device.add_peer(PeerConfig { public_key, ..peer(9) }, now).expect("it is new");
    }
    device
}

fn peer(number: u8) -> PeerConfig {
    PeerConfig::new(PrivateKey::from_bytes([number; 32]).public_key(), Some(path(number).remote))
}

fn path(number: u8) -> Path {
    Path { remote: ([127, 0, 0, number], 51_820).into(), local: None }
}

/// An IPv6 packet from the first node's derived address.
fn packet(length: usize) -> Vec<u8> {
    let mut packet = vec![0; length];
    packet[0] = 0x60;
    packet[4..6].copy_from_slice(&((length - 40) as u16).to_be_bytes());
    let source = PrivateKey::from_bytes([1; 32]).public_key().derived_address();
    packet[8..24].copy_from_slice(&source.octets());
    packet
}

fn written<'a>(result: TunnResult<'a>) -> &'a [u8] {
    match result {
        TunnResult::WriteToNetwork(bytes) => bytes,
        other => panic!("nothing to send: {other:?}"),
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = clock();
    work();
    clock() - began
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn clock() -> Instant {
    Instant::now()
}

const BATCH: usize = 64;
const ROUNDS: usize = 400;
