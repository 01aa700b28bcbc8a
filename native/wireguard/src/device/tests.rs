//! The queue of deadlines against a search through all peers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use warren_testing::Seed;

use super::Device;
use crate::config::{Config, Limits, PeerChanges, PeerConfig, PeerId};
use crate::constants::{REJECT_AFTER_MESSAGES, REKEY_AFTER_MESSAGES};
use crate::keys::PrivateKey;
use crate::path::Path;
use crate::random::Random;
use crate::send::Sent;

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

fn address(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 51_820))
}

fn config(number: u8) -> Config {
    let limits = Limits {
        peers: 100,
        pending_authorizations: 3,
        handshakes_per_second: 10,
        staged_bytes_per_peer: 10_000,
    };
    Config {
        private_key: key(number),
        mtu: 1_420,
        max_mtu: 1_420,
        report_strangers: true,
        authorize_timeout: Duration::from_secs(4),
        limits,
        seed: Seed::of_this_run().bytes(number.into()),
    }
}

fn peer(number: u8) -> PeerConfig {
    PeerConfig::new(key(number).public_key(), Some(address(number)))
}

#[test]
fn the_next_deadline_is_the_least_of_all_peers_whatever_happened() {
    let seed = Seed::of_this_run();
    let mut random = Random::new(seed.bytes(0));
    let mut now = warren_testing::start();
    let mut hub = Device::new(config(1), now);
    let mut others: Vec<Device> = (2..2 + PEERS).map(|number| Device::new(config(number), now)).collect();
    let mut ids: Vec<PeerId> = Vec::new();
    for (other, number) in others.iter_mut().zip(2..) {
        ids.push(hub.add_peer(peer(number), now).expect("it is new"));
        other.add_peer(peer(1), now).expect("it is new");
    }
    let mut plaintext = vec![0; 65_535];
    for _ in 0..4_000 {
        now += random.duration(Duration::ZERO, Duration::from_secs(2));
        let at = (random.u32() % u32::from(PEERS)) as usize;
        let mut bytes = Vec::new();
        match random.u32() % 8 {
            0 => drop(hub.send(ids[at], &[0x60; 100], &mut bytes, now)),
            1 => drop(others[at].send(PeerId(0), &[0x60; 100], &mut bytes, now)),
            2 => hub.initiate(ids[at], now),
            3 => {
                let changes = PeerChanges {
                    persistent_keepalive: Some(Some((random.u32() % 40) as u16)),
                    ..PeerChanges::default()
                };
                hub.update_peer(ids[at], changes, now).expect("it is there");
            }
            4 => {
                hub.remove_peer(ids[at], now);
                assert_deadline(&hub);
                ids[at] = hub.add_peer(peer(2 + at as u8), now).expect("it was removed");
            }
            _ => {}
        }
        // Half of what is sent arrives.
        let from_hub = Path { remote: address(1), local: None };
        if !bytes.is_empty() && random.u32().is_multiple_of(2) {
            others[at].handle_datagram(from_hub, &mut bytes.clone(), &mut plaintext, now);
            let path = Path { remote: address(2 + at as u8), local: None };
            hub.handle_datagram(path, &mut bytes, &mut plaintext, now);
        }
        assert_deadline(&hub);
        hub.handle_timeout(now);
        assert!(hub.poll_timeout().is_none_or(|(due, _)| due > now), "what was due is done");
        others.iter_mut().for_each(|other| other.handle_timeout(now));
        let mut bytes = Vec::new();
        while let Some(path) = hub.poll_transmit(&mut bytes, now) {
            if random.u32().is_multiple_of(2) {
                let number = (2..2 + PEERS).find(|number| address(*number) == path.remote).expect("a peer's");
                others[usize::from(number) - 2].handle_datagram(from_hub, &mut bytes, &mut plaintext, now);
            }
            bytes.clear();
        }
        for (other, number) in others.iter_mut().zip(2..) {
            while other.poll_transmit(&mut bytes, now).is_some() {
                let path = Path { remote: address(number), local: None };
                hub.handle_datagram(path, &mut bytes, &mut plaintext, now);
                bytes.clear();
            }
        }
        assert_deadline(&hub);
        while hub.poll_event().is_some() {}
    }
    assert!(hub.stats().sessions > 100, "{:?}", hub.stats());
    for id in ids {
        hub.remove_peer(id, now);
    }
    assert_nothing_left(&hub);
}

/// Two devices with a session that the first initiated.
fn connected() -> (Device, Device, Instant) {
    let now = warren_testing::start();
    let (mut one, mut two) = (Device::new(config(1), now), Device::new(config(2), now));
    let two_at_one = one.add_peer(peer(2), now).expect("it is new");
    two.add_peer(peer(1), now).expect("it is new");
    one.initiate(two_at_one, now);
    for _ in 0..2 {
        hand_over(&mut one, 1, &mut two, now);
        hand_over(&mut two, 2, &mut one, now);
    }
    assert!(one.has_session(PeerId(0)) && two.has_session(PeerId(0)));
    (one, two, now)
}

fn hand_over(from: &mut Device, number: u8, to: &mut Device, now: Instant) {
    let mut bytes = Vec::new();
    while from.poll_transmit(&mut bytes, now).is_some() {
        let path = Path { remote: address(number), local: None };
        to.handle_datagram(path, &mut bytes, &mut [0; 2_048], now);
        bytes.clear();
    }
}

#[test]
fn keys_are_renewed_after_two_to_the_sixtieth_messages_by_whichever_end_sent_them() {
    for initiated in [true, false] {
        let (mut one, mut two, now) = connected();
        let now = now + Duration::from_secs(6);
        let device = if initiated { &mut one } else { &mut two };
        let peer = device.peers.get_mut(&PeerId(0)).expect("it is there");
        // The initiator's keepalive has used a number already.
        let sealed = u64::from(initiated);
        peer.sealing(now).expect("a session").sealed_before = REKEY_AFTER_MESSAGES - 1 - sealed;
        let before = device.stats().initiations_sent;
        let sent = device.send(PeerId(0), &[0x60; 64], &mut Vec::new(), now);
        assert!(matches!(sent, Sent::Sealed(_)), "{sent:?}");
        assert_eq!(device.stats().initiations_sent, before, "not yet");
        let sent = device.send(PeerId(0), &[0x60; 64], &mut Vec::new(), now);
        assert!(matches!(sent, Sent::Sealed(_)), "{sent:?}");
        assert_eq!(device.stats().initiations_sent - before, 1);
    }
}

#[test]
fn nothing_is_sealed_once_a_session_has_used_all_its_counters() {
    let (mut one, _, now) = connected();
    let peer = one.peers.get_mut(&PeerId(0)).expect("it is there");
    peer.sealing(now).expect("a session").sealed_before = REJECT_AFTER_MESSAGES - 2;
    let sent = one.send(PeerId(0), &[0x60; 64], &mut Vec::new(), now);
    assert!(matches!(sent, Sent::Sealed(_)), "{sent:?}");
    assert_eq!(one.send(PeerId(0), &[0x60; 64], &mut Vec::new(), now), Sent::Staged);
    assert!(!one.has_session(PeerId(0)));
}

/// Asserts that removed peers left nothing but the timestamps that their old initiations must not repeat.
fn assert_nothing_left(device: &Device) {
    assert_eq!((device.peers.len(), device.by_key.len(), device.deadlines.len()), (0, 0, 0));
    assert_eq!((device.core.indices.len(), device.core.endpoints.len()), (0, 0));
}

fn assert_deadline(device: &Device) {
    let peers = device.by_key.values().filter_map(|id| device.peers[id].timers.next());
    let others = device.strangers.next().into_iter().chain(device.core.handshakes.next_turn());
    let naive = peers.map(|(at, _)| at).chain(others).min();
    assert_eq!(device.poll_timeout().map(|(at, _)| at), naive);
}

const PEERS: u8 = 12;
