//! Everything at random, many times: whatever happened, the tunnel heals once the network does.
//!
//! In a test build each sealed datagram is compared with the tunnel's own idea of which session sealed it.

use std::time::Duration;

use rand_pcg::rand_core::Rng;
use warren_testing::{Link, Seed};
use warren_wireguard::{Event, PeerChanges, PresharedKey};

use crate::node::*;

#[test]
fn two_nodes_find_each_other_again_after_anything_at_all() {
    for seed in 0..60 {
        let mut rng = Seed::or(seed).rng();
        let mut pair = Pair::seeded(seed);
        for _ in 0..120 {
            happen(&mut pair, &mut rng);
        }
        heal(&mut pair, seed);
        for node in [pair.node_a(), pair.node_b()] {
            assert_events_in_order(node, seed);
            assert!(node.events.len() > 5, "seed {seed}: something happened");
        }
    }
}

/// One thing that can happen to a pair of nodes.
fn happen(pair: &mut Pair, rng: &mut impl Rng) {
    let mut pick = |bound: u32| rng.next_u32() % bound;
    match pick(14) {
        0..=3 => drop(pair.send_a(b"a")),
        4..=6 => drop(pair.send_b(b"b")),
        7 => {
            let latency = [1, 20, 200, 2_600, 6_000][pick(5) as usize];
            let loss = [0.0, 0.0, 0.3, 0.9, 1.0][pick(5) as usize];
            let link = Link {
                loss,
                jitter: 10 * MILLISECOND,
                duplicate: 0.05,
                ..Link::with_latency(MILLISECOND * latency)
            };
            pair.world.network.set_default(link);
        }
        8 => {
            let key = Some(PresharedKey::from_bytes([pick(3) as u8; 32]));
            let changes = PeerChanges { preshared_key: Some(key), ..PeerChanges::default() };
            pair.world
                .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes.clone(), now))
                .expect("there");
            pair.world
                .with(pair.b, |node, now| node.device.update_peer(pair.ba, changes, now))
                .expect("there");
        }
        9 => {
            let seconds = [None, Some(5), Some(25)][pick(3) as usize];
            let changes = PeerChanges { persistent_keepalive: Some(seconds), ..PeerChanges::default() };
            pair.world
                .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes, now))
                .expect("there");
        }
        10 => {
            pair.world.with(pair.a, |node, now| node.device.remove_peer(pair.ab, now));
            let again = peer(key(2).public_key(), Some(pair.b));
            pair.ab = pair
                .world
                .with(pair.a, |node, now| node.device.add_peer(again, now))
                .expect("it was removed");
            set_key(pair, None);
        }
        11 => pair.world.stall(Duration::from_millis(u64::from(pick(400_000)))),
        12 => {
            pair.world.with(pair.a, |node, now| node.device.initiate(pair.ab, now));
            pair.world.with(pair.b, |node, now| node.device.initiate(pair.ba, now));
        }
        _ => {
            let pause =
                [5, 50, 4_900, 5_100, 11_000, 16_000, 60_000, 115_000, 181_000, 541_000][pick(10) as usize];
            pair.world.run_for(Duration::from_millis(pause));
        }
    }
    let pause = [0, 3, 30, 300, 3_000][pick(5) as usize];
    pair.world.run_for(Duration::from_millis(pause));
}

fn set_key(pair: &mut Pair, key: Option<PresharedKey>) {
    let changes = PeerChanges { preshared_key: Some(key), ..PeerChanges::default() };
    pair.world
        .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes.clone(), now))
        .expect("there");
    pair.world.with(pair.b, |node, now| node.device.update_peer(pair.ba, changes, now)).expect("there");
}

/// A good network, and packets both ways every second: all of them arrive within the protocol's own patience.
fn heal(pair: &mut Pair, seed: u64) {
    pair.world.network.set_default(Link::with_latency(20 * MILLISECOND));
    for _ in 0..30 {
        pair.send_a(b"healed");
        pair.send_b(b"healed");
        pair.world.run_for(SECOND);
    }
    let before = (pair.node_a().received.len(), pair.node_b().received.len());
    for _ in 0..300 {
        pair.send_a(b"healed");
        pair.send_b(b"healed");
        pair.world.run_for(SECOND);
    }
    let after = (pair.node_a().received.len(), pair.node_b().received.len());
    assert_eq!((after.0 - before.0, after.1 - before.1), (300, 300), "seed {seed}");
}

/// Up before rekeyed and down, down before up again.
fn assert_events_in_order(node: &WireGuard, seed: u64) {
    let mut up = None;
    for (_, event) in &node.events {
        match event {
            Event::Up { peer, .. } => {
                assert_ne!(up, Some(*peer), "seed {seed}: up twice");
                up = Some(*peer);
            }
            Event::Rekeyed { peer } => assert_eq!(up, Some(*peer), "seed {seed}: rekeyed but not up"),
            Event::Down { peer, .. } => {
                if up == Some(*peer) {
                    up = None;
                }
            }
            Event::Moved { .. }
            | Event::Unanswered { .. }
            | Event::Unreachable { .. }
            | Event::Oversized { .. }
            | Event::Stranger { .. }
            | Event::StrangerGone { .. } => {}
        }
    }
}
