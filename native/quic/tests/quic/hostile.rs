//! Peers that mean harm, and rubbish.

use std::time::Duration;

use rand::{Rng, RngExt};
use warren_quic::{Config, PeerTag, Quic};
use warren_testing::{Datagram, Node, Seed};

use crate::support::*;

#[test]
fn a_peer_cannot_reach_another_peers_connection() {
    let (mut world, a, b) = pair(1, latency(10));
    world.with(address(A), |node, _| node.send(a, 0, vec![1; 200_000]));
    world.run_for(Duration::from_millis(300));
    // Everything that A sends on its connection, as C would send it.
    let mut stolen = record(&mut world, A, a, 40);
    stolen.extend(record_dial(&mut world));
    assert!(stolen.len() > 10);
    let before = world.node(address(B)).quic.stats(b).unwrap();
    for datagram in &stolen {
        let mut close = datagram.clone();
        if let Some(last) = close.last_mut() {
            *last ^= 1;
        }
        for bytes in [datagram, &close] {
            world.with(address(B), |node, now| node.take(C, bytes, now));
        }
    }
    assert_eq!(world.node(address(B)).quic.stats(b).unwrap().datagrams_received, before.datagrams_received);
    world.run_for(Duration::from_secs(3));
    assert!(world.node(address(B)).closed(b).is_none());
}

#[test]
fn a_peer_cannot_reset_another_peers_connection() {
    let (mut world, a, b) = pair(2, latency(10));
    world.run_for(Duration::from_secs(1));
    // A, restarted, would answer B's packets with a reset that B must believe. Said by C it means nothing.
    let mut restarted = TestNode::new(A, Config { incarnation: 5, ..config(A, "test") });
    let mut resets = Vec::new();
    for datagram in record(&mut world, B, b, 5) {
        restarted.take(B, &datagram, world.now());
        while let Some(reset) = restarted.poll_transmit(world.now()) {
            resets.push(reset.bytes);
        }
    }
    assert!(!resets.is_empty());
    for reset in &resets {
        world.with(address(B), |node, now| node.take(C, reset, now));
    }
    assert!(world.node(address(B)).closed(b).is_none());
    world.with(address(B), |node, now| node.take(A, &resets[0], now));
    assert!(world.node(address(B)).closed(b).is_some());
    let _ = a;
}

#[test]
fn rubbish_does_nothing() {
    let mut rng = Seed::of_this_run().rng();
    let (mut world, a, b) = pair(3, latency(1));
    let real = record(&mut world, A, a, 60);
    let before = world.node(address(B)).quic.totals().violations;
    for round in 0..30_000 {
        let mut bytes = match round % 3 {
            0 => {
                let mut bytes = vec![0; rng.random_range(0..1500)];
                rng.fill_bytes(&mut bytes);
                bytes
            }
            1 => real[rng.random_range(0..real.len())].clone(),
            _ => initial_like(&mut rng),
        };
        for _ in 0..rng.random_range(1..4) {
            if !bytes.is_empty() {
                let at = rng.random_range(0..bytes.len());
                bytes[at] = rng.random();
            }
        }
        if rng.random_bool(0.3) {
            bytes.truncate(rng.random_range(0..=bytes.len()));
        }
        let peer = if rng.random_bool(0.5) { A } else { C };
        world.with(address(B), |node, now| node.take(peer, &bytes, now));
    }
    assert_eq!(world.node(address(B)).quic.totals().violations, before);
    assert!(world.node(address(B)).closed(b).is_none());
    let id = world.with(address(A), |node, _| node.send(a, 0, vec![1; 100_000]));
    world.run_until(Duration::from_secs(20), |world| world.node(address(A)).settled.contains_key(&id));
}

#[test]
fn unknown_quic_versions_are_answered_with_ours() {
    let mut world = strangers(4, latency(1));
    let mut bytes = vec![0; 1200];
    bytes[..7].copy_from_slice(&[0xc0, 0, 0, 0, 1, 8, 1]);
    world.with(address(B), |node, now| {
        node.quic.handle_datagram(A, warren_quic::Ecn::NotEct, bytes[..].into(), None, now);
        let mut out = Vec::new();
        assert_eq!(node.quic.poll_response(&mut out), Some(A));
        assert_eq!(out[1..5], [0; 4], "a version negotiation packet");
        assert_eq!(out[out.len() - 4..], 0x7772_0001_u32.to_be_bytes());
        node.quic.handle_datagram(A, warren_quic::Ecn::NotEct, bytes[..1100].into(), None, now);
        assert_eq!(node.quic.poll_response(&mut out), None, "never longer than what it answers");
    });
}

#[test]
fn announced_messages_that_never_come_are_bounded() {
    let (mut world, a, b) = pair(5, latency(1));
    let mut begun = 0;
    for round in 0..200_u32 {
        world.with(address(A), |node, _| {
            for lane in 0..=255 {
                begun += usize::from(node.quic.begin_message(a, lane, 16 << 20).is_some());
            }
        });
        world.run_for(Duration::from_millis(u64::from(round % 7)));
    }
    assert!(begun >= 100, "{begun}");
    world.run_for(Duration::from_secs(1));
    let stats = world.node(address(B)).quic.stats(b).unwrap();
    assert!(stats.messages_held <= 64 << 20, "four times what one lane may hold: {stats:?}");
    assert!(stats.messages_waiting > 0);
    assert!(world.node(address(B)).closed(b).is_none());
}

#[test]
fn half_hellos_of_a_peer_make_room_for_whole_ones() {
    let long: String = (0..14).map(|i| format!("a{i:0>120} ")).collect();
    let mut world = strangers(6, latency(1));
    // Only the first packet of each of these hellos arrives.
    for number in 0..50 {
        let mut quic = Quic::new(Config { seed: [number; 32], cid_key: [number; 32], ..config(A, "test") });
        let now = world.now();
        quic.connect(B, Some(&names(&long)), None, None, now);
        let connection = quic.poll_ready(now).unwrap();
        let mut out = Vec::new();
        let transmit = quic.poll_transmit(connection, 8, &mut out, now).unwrap();
        assert!(out.len() > transmit.segment, "more than one packet");
        world.with(address(B), |node, now| node.take(A, &out[..transmit.segment], now));
    }
    let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).is_connected(dialled));
}

#[test]
fn a_storm_of_unknown_packets_is_answered_little() {
    let mut world = strangers(7, latency(1));
    let mut rng = Seed::exactly(7).rng();
    for _ in 0..1000 {
        let mut bytes = vec![0; 1200];
        rng.fill_bytes(&mut bytes);
        bytes[0] = 0x40;
        world.with(address(B), |node, now| node.take(A, &bytes, now));
    }
    assert!(world.node(address(B)).quic.totals().responses <= 2);
    assert!(world.network.counters().sent <= 2);
}

/// Datagrams of a node while it sends messages, taken off the wire.
fn record(
    world: &mut World,
    tag: PeerTag,
    connection: warren_quic::ConnectionHandle,
    count: usize,
) -> Vec<Vec<u8>> {
    let mut seen = Vec::new();
    let now = world.now();
    let node = world.remove(address(tag)).map(|mut node| {
        for number in 0..count {
            node.send(connection, 0, vec![number as u8; 500]);
        }
        while let Some(Datagram { bytes, .. }) = node.poll_transmit(now) {
            seen.push(bytes);
        }
        node
    });
    world.add(address(tag), node.unwrap());
    seen
}

/// First packets of a dialler.
fn record_dial(world: &mut World) -> Vec<Vec<u8>> {
    let mut node = TestNode::new(A, Config { seed: [77; 32], ..config(A, "test") });
    let now = world.now();
    node.connect(B, "test", now);
    std::iter::from_fn(|| node.poll_transmit(now)).map(|datagram| datagram.bytes).collect()
}

/// The head of an Initial packet of our version, and rubbish.
fn initial_like(rng: &mut impl Rng) -> Vec<u8> {
    let mut bytes = vec![0; 1200];
    rng.fill_bytes(&mut bytes);
    bytes[..6].copy_from_slice(&[0xc0, 0x77, 0x72, 0, 1, 8]);
    bytes[14] = 8;
    bytes[23] = 0;
    bytes[24..26].copy_from_slice(&[0x44, 0x90]);
    bytes
}
