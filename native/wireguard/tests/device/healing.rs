//! Silence of a tunnel after a fault while no application sends: the protocol's bound for each case.
//!
//! A is behind a NAT: its outer address is what the path makes of it, B is where it always was. "Silent" is the longest
//! that an end that has a keepalive to hear waits for it after the fault is over.

use std::net::SocketAddr;
use std::time::Duration;

use warren_testing::Link;

use crate::node::*;

/// Ends that send persistent keepalives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keepalives {
    A,
    B,
    Both,
}

/// A pair that has been up for a while by keepalives alone; `age` moves the fault through the life of a session.
fn idle_pair(keepalives: Keepalives, age: u64) -> Pair {
    let mut pair = Pair::with(|to_b, to_a| {
        to_b.persistent_keepalive = (keepalives != Keepalives::B).then_some(INTERVAL as u16);
        to_a.persistent_keepalive = (keepalives != Keepalives::A).then_some(INTERVAL as u16);
    });
    pair.world.run_for(Duration::from_secs(150 + age));
    pair
}

/// Time until both ends have a session, and one has heard the other by it since now.
fn silence(pair: &mut Pair, limit: Duration) -> Duration {
    let since = pair.world.now();
    let (a, ab, b, ba) = (pair.a, pair.ab, pair.b, pair.ba);
    let heard = |world: &World| {
        [(a, ab), (b, ba)].map(|(at, id)| {
            let device = &world.node(at).device;
            let heard = device.peer_stats(id).and_then(|stats| stats.last_received);
            device.has_session(id) && heard.is_some_and(|at| at > since)
        })
    };
    // A keepalive is not answered: one end hears, the other may send.
    let both_can = |world: &World| {
        heard(world).contains(&true)
            && [(a, ab), (b, ba)].iter().all(|(at, id)| world.node(*at).device.has_session(*id))
    };
    let took = pair.world.run_until(limit, both_can);
    assert!(carries_data(pair), "what both believe in carries data");
    took
}

/// Whether a packet each way arrives at once.
fn carries_data(pair: &mut Pair) -> bool {
    let before = (pair.node_a().received.len(), pair.node_b().received.len());
    pair.send_a(b"from a");
    pair.world.run_for(100 * MILLISECOND);
    pair.send_b(b"from b");
    pair.world.run_for(100 * MILLISECOND);
    (pair.node_a().received.len(), pair.node_b().received.len()) == (before.0 + 1, before.1 + 1)
}

fn restart(pair: &mut Pair, own: u8, keepalives: Keepalives) {
    let now = pair.world.now();
    let (at, other) = if own == 1 { (pair.a, pair.b) } else { (pair.b, pair.a) };
    let mut node = WireGuard::new(config(own), at, now);
    let mut to_other = peer(key(3 - own).public_key(), Some(other));
    let sends = matches!((keepalives, own), (Keepalives::Both, _) | (Keepalives::A, 1) | (Keepalives::B, 2));
    to_other.persistent_keepalive = sends.then_some(INTERVAL as u16);
    let id = node.device.add_peer(to_other, now).expect("it is new");
    *(if own == 1 { &mut pair.ab } else { &mut pair.ba }) = id;
    pair.world.add(at, node);
    pair.world.with(at, |_, _| ());
}

#[test]
fn a_restarted_end_with_a_keepalive_is_back_within_two_round_trips() {
    for (own, keepalives) in
        [(1, Keepalives::A), (2, Keepalives::B), (1, Keepalives::Both), (2, Keepalives::Both)]
    {
        for age in [0, 40, 100] {
            let mut pair = idle_pair(keepalives, age);
            restart(&mut pair, own, keepalives);
            let took = silence(&mut pair, 10 * SECOND);
            assert!(took <= 80 * MILLISECOND, "{own} restarted, {keepalives:?}, at {age}: {took:?}");
        }
    }
}

#[test]
fn a_restarted_end_without_a_keepalive_is_found_by_the_others_next_renewal_of_keys() {
    for (own, keepalives) in [(2, Keepalives::A), (1, Keepalives::B)] {
        for age in [0, 20, 50, 80, 110] {
            let mut pair = idle_pair(keepalives, age);
            restart(&mut pair, own, keepalives);
            // Its keepalives meet nobody's session, and none says so; the first after 120 s asks for new keys.
            let bound = Duration::from_secs(120 + INTERVAL) + 100 * MILLISECOND;
            let took = silence(&mut pair, bound);
            assert!(took <= bound, "{own} restarted, {keepalives:?}, at {age}: {took:?}");
        }
    }
}

#[test]
fn a_restarted_end_without_a_keepalive_that_had_dialled_is_found_when_the_session_expires() {
    for age in [0, 30, 60, 90, 120, 150] {
        // B dials, for it has something to say; only A keeps the path open, and never renews a session that B began.
        let mut pair = Pair::with(|_, to_a| to_a.endpoints = vec![address(1)]);
        pair.send_b(b"first");
        pair.world.run_for(SECOND);
        let changes = warren_wireguard::PeerChanges {
            persistent_keepalive: Some(Some(INTERVAL as u16)),
            ..warren_wireguard::PeerChanges::default()
        };
        pair.world
            .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes, now))
            .expect("it is there");
        pair.world.run_for(Duration::from_secs(age));
        restart(&mut pair, 2, Keepalives::A);
        let bound = Duration::from_secs(180 + INTERVAL) + 100 * MILLISECOND;
        let took = silence(&mut pair, bound);
        assert!(took <= bound, "at {age}: {took:?}");
    }
}

#[test]
fn a_new_outer_port_of_the_end_with_a_keepalive_is_learned_from_its_next_one() {
    for keepalives in [Keepalives::A, Keepalives::Both] {
        for age in [0, 7, 30, 99] {
            let mut pair = idle_pair(keepalives, age);
            rebind(&mut pair, 40_000);
            // Both ends have sessions all the time: what counts is that B knows where to send.
            let moved = |world: &World| {
                world.node(address(2)).device.endpoint(pair.ba).map(|at| at.port()) == Some(40_000)
            };
            let took = pair.world.run_until(Duration::from_secs(INTERVAL + 1), moved);
            assert!(
                took <= Duration::from_secs(INTERVAL) + 20 * MILLISECOND,
                "{keepalives:?}, at {age}: {took:?}"
            );
            assert!(carries_data(&mut pair));
        }
    }
}

#[test]
fn a_new_outer_port_of_the_end_without_a_keepalive_is_learned_when_it_sends() {
    let mut pair = idle_pair(Keepalives::B, 0);
    rebind(&mut pair, 40_000);
    pair.world.run_for(SECOND);
    // B cannot know: what it sends goes to a port that is closed, until A says something.
    pair.send_a(b"here");
    pair.world.run_for(SECOND);
    assert!(carries_data(&mut pair));
}

#[test]
fn an_outage_is_over_one_interval_after_the_network_is_back_however_long_it_was() {
    for keepalives in EACH {
        for outage in [30, 100, 600, 10_800] {
            for age in [0, 45, 110] {
                let mut pair = idle_pair(keepalives, age);
                pair.world.network.set_default(Link::down());
                pair.world.run_for(Duration::from_secs(outage));
                pair.world.network.set_default(Link::with_latency(20 * MILLISECOND));
                // A keepalive is due every interval; a dial is repeated every 5 s, and after 90 s begins anew an
                // interval later.
                let bound = Duration::from_secs(INTERVAL) + Duration::from_millis(333 + 100);
                let took = silence(&mut pair, bound);
                assert!(took <= bound, "{keepalives:?}, {outage} s at {age}: {took:?}");
            }
        }
    }
}

#[test]
fn answers_follow_a_peer_that_roams_back_and_forth() {
    let mut pair = Pair::connected();
    let home = pair.a;
    for turn in 0..20u16 {
        let port = if turn % 2 == 0 { 40_000 + turn } else { home.port() };
        rebind(&mut pair, port);
        pair.send_a(b"from elsewhere");
        pair.world.run_for(20 * MILLISECOND);
        assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a), "turn {turn}");
        let before = pair.node_a().received.len();
        pair.send_b(b"answer");
        pair.world.run_for(20 * MILLISECOND);
        assert_eq!(pair.node_a().received.len(), before + 1, "turn {turn}");
    }
    // A packet that was overheard and comes again from elsewhere moves nobody.
    let overheard = pair.node_a().sent.last().expect("it sent").1.clone();
    let replayed = warren_testing::Datagram { from: address(66), ..overheard };
    pair.world.with(pair.b, |node, now| warren_testing::Node::handle_datagram(node, replayed, now));
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
    assert_eq!(pair.node_a().sent_of(INITIATION), 1, "one session saw it all");
}

/// Moves A to another port; datagrams to the old one are lost.
fn rebind(pair: &mut Pair, port: u16) {
    let mut node = pair.world.remove(pair.a).expect("it is there");
    pair.a = SocketAddr::new(pair.a.ip(), port);
    node.outbox.from = pair.a;
    pair.world.add(pair.a, node);
    pair.world.with(pair.a, |_, _| ());
}

const INTERVAL: u64 = 25;

const EACH: [Keepalives; 3] = [Keepalives::A, Keepalives::B, Keepalives::Both];
