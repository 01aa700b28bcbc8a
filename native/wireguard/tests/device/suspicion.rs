//! A session that is live but goes unanswered: initiations beside it, how far apart, and what ends them.

use std::time::{Duration, Instant};

use warren_testing::Link;
use warren_wireguard::{Event, PeerId, Sent};

use crate::node::*;

fn suspect(pair: &mut Pair) {
    pair.world.with(pair.a, |node, now| node.device.suspect(pair.ab, now));
}

/// Times of A's initiations after `since`, in milliseconds from there.
fn initiations(pair: &Pair, since: Instant) -> Vec<u128> {
    let times = pair.node_a().times_of(INITIATION).into_iter().filter(|at| *at >= since);
    times.map(|at| (at - since).as_millis()).collect()
}

#[test]
fn initiations_beside_a_suspected_session_are_one_two_four_then_five_seconds_apart() {
    let mut pair = Pair::connected();
    pair.world.run_for(5 * SECOND);
    pair.world.network.set_default(Link::down());
    let since = pair.world.now();
    for _ in 0..20 {
        suspect(&mut pair);
        pair.world.run_for(SECOND);
        assert!(matches!(pair.send_a(b"unanswered"), Sent::Sealed(_)), "the session is not given up");
    }
    let times = initiations(&pair, since);
    assert_eq!(times[0], 0, "the first at once");
    let gaps: Vec<u128> = times.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(gaps.len() >= 4, "{gaps:?}");
    for (gap, least) in gaps.iter().zip([1_000, 2_000, 4_000, 5_000, 5_000]) {
        assert!((least..=least + 334).contains(gap), "{gaps:?}");
    }
}

#[test]
fn a_suspicion_soon_after_an_initiation_waits_until_a_second_after_it() {
    let mut pair = Pair::connected();
    let last = pair.node_a().times_of(INITIATION)[0];
    suspect(&mut pair);
    pair.world.run_for(2 * SECOND);
    assert_eq!(initiations(&pair, last), [0, 1_000]);
}

#[test]
fn a_restarted_peer_has_a_new_session_one_round_trip_after_the_suspicion() {
    let mut pair = Pair::connected();
    pair.world.run_for(5 * SECOND);
    let now = pair.world.now();
    let mut reborn = WireGuard::new(config(2), pair.b, now);
    pair.ba = reborn.device.add_peer(peer(key(1).public_key(), None), now).expect("it is new");
    pair.world.add(pair.b, reborn);
    pair.send_a(b"lost");
    suspect(&mut pair);
    let renewed =
        |world: &World| world.node(address(1)).count(|event| matches!(event, Event::Rekeyed { .. })) == 1;
    let took = pair.world.run_until(SECOND, renewed);
    assert_eq!(took, 40 * MILLISECOND);
    pair.send_a(b"heard");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"heard"]);
    assert_eq!(initiations(&pair, now).len(), 1, "and there it ends");
}

#[test]
fn anything_that_comes_in_under_a_session_ends_the_suspicion() {
    let mut pair = Pair::connected();
    pair.world.run_for(5 * SECOND);
    let since = pair.world.now();
    // A's datagrams are lost, B's are not.
    pair.world.network.set_link(pair.a, pair.b, Link::down());
    suspect(&mut pair);
    pair.world.run_for(500 * MILLISECOND);
    pair.send_b(b"still here");
    pair.world.run_for(30 * SECOND);
    assert_eq!(initiations(&pair, since), [0]);
    assert_eq!(pair.node_a().device.poll_timeout().map(|(_, reason)| reason), Some("session expiry"));
}

#[test]
fn what_ends_a_suspicion_does_not_end_a_renewal_that_was_due() {
    let mut pair = Pair::connected();
    pair.world.run_for(121 * SECOND);
    pair.world.network.set_link(pair.a, pair.b, Link::down());
    let since = pair.world.now();
    pair.send_a(b"renews");
    pair.world.run_for(100 * MILLISECOND);
    suspect(&mut pair);
    pair.world.run_for(1_500 * MILLISECOND);
    pair.send_b(b"still here");
    pair.world.run_for(10 * SECOND);
    let times = initiations(&pair, since);
    assert_eq!(times[0], 0);
    assert!((1_000..=1_334).contains(&times[1]), "hurried by the suspicion: {times:?}");
    assert!((times[1] + 5_000..=times[1] + 5_334).contains(&times[2]), "and calm again: {times:?}");
}

#[test]
fn a_packet_that_has_no_session_hurries_a_dial_that_was_a_mere_keepalives() {
    let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
    pair.world.network.set_default(Link::down());
    let since = pair.world.now();
    pair.world.run_for(SECOND);
    assert_eq!(initiations(&pair, since), [0], "nobody waits");
    pair.send_a(b"somebody waits");
    pair.world.run_for(100 * MILLISECOND);
    let times = initiations(&pair, since);
    assert_eq!(times, [0, 1_000]);
    pair.world.run_for(SECOND);
    let gap = initiations(&pair, since)[2] - 1_000;
    assert!((750..=1_000).contains(&gap), "{gap}");
}

/// A hub that dials so many silent peers at once; how many initiations left in each second after that.
fn silent_crowd(count: u16, seconds: usize) -> (WireGuard, Vec<usize>) {
    let mut now = warren_testing::start();
    let mut hub = WireGuard::new(config(1), address(1), now);
    let ids: Vec<PeerId> = (0..count)
        .map(|number| {
            let there = std::net::SocketAddr::new(address(7).ip(), number);
            hub.device.add_peer(peer(many(number).public_key(), Some(there)), now).expect("it is new")
        })
        .collect();
    ids.iter().for_each(|id| hub.device.initiate(*id, now));
    let mut sent = vec![0; seconds];
    let began = now;
    let mut bytes = Vec::new();
    while now < began + SECOND * seconds as u32 {
        hub.device.handle_timeout(now);
        while hub.device.poll_transmit(&mut bytes, now).is_some() {
            sent[(now - began).as_secs() as usize] += 1;
            bytes.clear();
        }
        while hub.device.poll_event().is_some() {}
        now = hub.device.poll_timeout().map_or(now + MILLISECOND, |(at, _)| at.max(now));
    }
    (hub, sent)
}

#[test]
fn five_hundred_silent_peers_are_all_dialled_as_fast_as_one() {
    let (hub, sent) = silent_crowd(500, 4);
    // At 0, 0.25, 1, 2 s and their jitter.
    assert_eq!(sent[0], 1_000);
    assert!(sent.iter().sum::<usize>() >= 1_500, "{sent:?}");
    assert_eq!(hub.device.stats().initiations_put_off, 0);
}

#[test]
fn four_thousand_silent_peers_make_no_more_than_a_thousand_fast_initiations_a_second() {
    let (hub, sent) = silent_crowd(4_000, 12);
    // The first of each are no fast ones, nor are those after 5 s.
    assert!(sent[0] <= 4_000 + 2_000, "{sent:?}");
    assert!(sent[1..5].iter().all(|count| (900..=1_100).contains(count)), "{sent:?}");
    assert!(hub.device.stats().initiations_put_off > 0);
    let slow = Duration::from_secs(5);
    assert!(sent[5..].iter().all(|count| *count <= 1_100 + 4_000 / slow.as_secs() as usize * 2), "{sent:?}");
}
