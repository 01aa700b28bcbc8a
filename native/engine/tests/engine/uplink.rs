//! Attacks on a node with an uplink: whatever a peer or strangers ask for, other peers' data keeps nine tenths of what
//! it had, and urgent data waits for no more than a datagram of theirs.

use std::time::Duration;

use bytes::Bytes;
use warren_engine::{ConnectionId, Dialled, Event};
use warren_testing::{Link, Seed};

use crate::hostile::{Attack, Being, Hostile, Place};
use crate::world::{DIAL, Endpoint, at, config};

#[test]
fn dials_of_a_peer_take_a_share_of_the_uplink() {
    holds(Attack::Dial, [20, 109, 1_400]);
}

#[test]
fn dials_that_are_closed_at_once_take_a_share_of_the_uplink() {
    holds(Attack::DialAndClose, [20, 109, 1_400]);
}

#[test]
fn packets_of_unknown_connections_and_versions_take_a_share_of_the_uplink() {
    holds(Attack::Unknown, [40, 200, 2_000]);
    holds(Attack::Version, [40, 200, 2_000]);
}

#[test]
fn packets_that_ask_to_be_acknowledged_take_a_share_of_the_uplink() {
    holds(Attack::Ping, [100, 500, 3_000]);
}

#[test]
fn messages_that_are_to_be_confirmed_take_a_share_of_the_uplink() {
    holds(Attack::Message, [100, 500, 2_000]);
}

#[test]
fn initiations_of_a_known_key_take_a_share_of_the_uplink() {
    holds(Attack::Initiation, [10, 50, 500]);
}

#[test]
fn initiations_of_strangers_take_a_share_of_the_uplink() {
    let rates = [1_000, 3_500, 5_000];
    holds(Attack::Port(700), rates);
    holds(Attack::Address, rates);
    holds(Attack::InTheNameOf(3), rates);
}

/// Figures of a place with honest traffic.
struct Figures {
    bulk: u64,
    p99: Duration,
}

fn holds(attack: Attack, rates: [u32; 3]) {
    for (uplink, rates) in [(1_000_000, &rates[..]), (5_000_000, &rates[2..])] {
        let before = run(uplink, None);
        for &rate in rates {
            let attacked = run(uplink, Some((attack, rate)));
            let kept = attacked.bulk as f64 / before.bulk as f64;
            let (was, is) = (before.p99, attacked.p99);
            let told =
                format!("{attack:?} {rate} times a second, {uplink} bit/s: {kept:.3}, {was:?}, {is:?}");
            println!("{told}");
            assert!(kept >= 0.9, "{told}");
            assert!(is <= was + Duration::from_millis(2) + 2 * datagram(uplink), "{told}");
        }
    }
}

/// Time of a full datagram.
fn datagram(uplink: u64) -> Duration {
    Duration::from_nanos(1_480 * 8 * 1_000_000_000 / uplink)
}

fn run(uplink: u64, attack: Option<(Attack, u32)>) -> Figures {
    let mut place = Place::new(Seed::of_this_run());
    place.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let now = place.now();
    for n in 0..2u16 {
        let mut config = config(n, place.network.seed());
        if n == 0 {
            config.uplink = Some(uplink);
        }
        let mut node = Endpoint::new(at(n), config, now);
        for other in (0..4).filter(|&other| other != n) {
            node.add_peer(other, now);
        }
        place.add(at(n), Being::Node(node));
    }
    place.add(at(2), Being::Hostile(Hostile::new(2, now)));
    let connection = place.with(at(0), |being, now| {
        let node = being.node();
        let dialled = node.engine.connect(node.peers[&1], None, DIAL, now).expect("a dial");
        node.drain_events(now);
        match dialled {
            Dialled::New(id) | Dialled::Live(id) => id,
        }
    });
    place.with(at(2), |being, now| being.hostile().greet(now));
    place.run_for(Duration::from_secs(1));
    place.with(at(0), |being, now| being.node().keep_full(connection, 0, 100_000, 2_000, now));
    place.run_for(Duration::from_secs(1));
    if let Some((attack, rate)) = attack {
        place.with(at(2), |being, now| being.hostile().begin(attack, rate, now));
    }
    place.run_for(Duration::from_secs(1));
    measure(&mut place, connection)
}

/// Figures of four seconds, with an urgent message each 20 ms.
fn measure(place: &mut Place, connection: ConnectionId) -> Figures {
    place.with(at(1), |being, _| being.node().events.clear());
    let mut due = Vec::new();
    for index in 0..200u64 {
        due.push(place.now());
        let mut bytes = vec![0; 500];
        bytes[..8].copy_from_slice(&index.to_be_bytes());
        place.with(at(0), |being, now| being.node().send(connection, 255, Bytes::from(bytes), now));
        place.run_for(Duration::from_millis(20));
    }
    let events = place.with(at(1), |being, _| std::mem::take(&mut being.node().events));
    let mut latencies = Vec::new();
    let mut bulk = 0;
    for (came, event) in events {
        match event {
            Event::Message { priority: 255, bytes, .. } => {
                let index = u64::from_be_bytes(*bytes.first_chunk().expect("an index"));
                latencies.push(came - due[index as usize]);
            }
            Event::Message { bytes, .. } => bulk += bytes.len() as u64,
            _ => {}
        }
    }
    latencies.sort_unstable();
    Figures { bulk, p99: latencies[latencies.len() * 99 / 100] }
}
