//! Handshakes: who may begin them, when, and what comes of it.

use std::time::Duration;

use warren_testing::Link;
use warren_wireguard::{DownReason, Event, PeerChanges, SendDrop, Sent};

use crate::node::*;

#[test]
fn a_packet_starts_a_handshake_and_arrives_after_one_and_a_half_round_trips() {
    let mut pair = Pair::new();
    let began = pair.world.now();
    assert_eq!(pair.send_a(b"hello"), Sent::Staged);
    pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
    assert_eq!(texts(pair.node_b()), [b"hello"]);
    assert_eq!(pair.node_b().received[0].0 - began, 60 * MILLISECOND);
    let up = |node: &WireGuard| {
        node.events.iter().find_map(|(_, event)| match event {
            Event::Up { handshake, .. } => Some(*handshake),
            _ => None,
        })
    };
    assert_eq!(up(pair.node_a()), Some(40 * MILLISECOND));
    assert_eq!(up(pair.node_b()), Some(40 * MILLISECOND));
    assert!(matches!(pair.send_b(b"back"), Sent::Sealed(path) if path.remote == pair.a));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_a()), [b"back"]);
    assert_eq!((pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(INITIATION)), (1, 0));
}

#[test]
fn what_is_staged_leaves_in_order_once_there_is_a_session() {
    let mut pair = Pair::new();
    let all: Vec<Vec<u8>> = (0..100u8).map(|number| vec![number; 1 + usize::from(number)]).collect();
    all.iter().for_each(|one| assert_eq!(pair.send_a(one), Sent::Staged));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), all);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1);
}

#[test]
fn staging_is_bounded_in_bytes_and_drops_the_oldest() {
    let mut pair = Pair::new();
    let numbered = |number: u16| [number.to_be_bytes().as_slice(), &[0; 998]].concat();
    (0..2_000).for_each(|number| assert_eq!(pair.send_a(&numbered(number)), Sent::Staged));
    let stats = pair.node_a().device.peer_stats(pair.ab).expect("it is there");
    assert!(stats.staged_bytes <= limits().staged_bytes_per_peer, "{}", stats.staged_bytes);
    assert_eq!(pair.node_a().device.stats().sent.staged_overflow, stats.staged_dropped);
    pair.world.run_for(SECOND);
    let arrived = texts(pair.node_b());
    assert_eq!(arrived.len() as u64 + stats.staged_dropped, 2_000);
    assert_eq!(arrived[0][..2], (stats.staged_dropped as u16).to_be_bytes());
    assert_eq!(arrived.last().map(|last| &last[..2]), Some(1_999u16.to_be_bytes().as_slice()));
}

#[test]
fn a_responder_stages_and_does_not_initiate_while_it_awaits_the_first_packet() {
    let mut pair = Pair::new();
    pair.send_a(b"from a");
    pair.world.run_until(SECOND, |world| world.node(address(2)).sent_of(RESPONSE) == 1);
    assert_eq!(pair.send_b(b"from b"), Sent::Staged);
    assert!(!pair.node_b().device.has_session(pair.ba));
    pair.world.run_for(SECOND);
    assert_eq!(
        (texts(pair.node_a()), texts(pair.node_b())),
        (vec![b"from b".as_slice()], vec![b"from a".as_slice()])
    );
    assert_eq!(pair.node_b().sent_of(INITIATION), 0);
}

#[test]
fn a_responder_whose_first_packet_never_comes_initiates_after_a_second() {
    let mut pair = Pair::new();
    pair.send_a(b"from a");
    pair.world.run_until(SECOND, |world| world.node(address(2)).sent_of(RESPONSE) == 1);
    pair.world.network.set_link(pair.b, pair.a, Link::down());
    pair.world.network.set_link(pair.a, pair.b, Link::down());
    pair.send_b(b"from b");
    pair.world.run_for(Duration::from_millis(900));
    assert_eq!(pair.node_b().sent_of(INITIATION), 0);
    pair.world.network.unset_links(pair.a, pair.b);
    let took = pair.world.run_until(2 * SECOND, |world| world.node(address(1)).received.len() == 1);
    // The rest of a second, the jitter, and one and a half round trips.
    assert!(took <= Duration::from_millis(100 + 333 + 60), "{took:?}");
}

#[test]
fn first_initiations_are_a_quarter_three_quarters_one_two_then_five_seconds_apart_jittered_and_end_after_ninety()
 {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::down());
    pair.send_a(b"into the void");
    pair.world.run_for(Duration::from_secs(600));
    let times = pair.node_a().times_of(INITIATION);
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (at, gap) in gaps.iter().enumerate() {
        let (least, jitter) =
            [(250, 83), (750, 250), (1_000, 333), (2_000, 333)].get(at).unwrap_or(&(5_000, 333));
        let jittered = Duration::from_millis(*least)..=Duration::from_millis(least + jitter + 1);
        assert!(jittered.contains(gap), "{gaps:?}");
    }
    assert!(gaps[4..].iter().any(|gap| *gap != gaps[4]), "there is jitter");
    assert!((20..=22).contains(&times.len()), "{}", times.len());
    let node = pair.node_a();
    assert_eq!(
        node.count(|event| matches!(event, Event::Down { reason: DownReason::HandshakeTimeout, .. })),
        1
    );
    let attempts = node.events.iter().filter_map(|(_, event)| match event {
        Event::Unanswered { attempt, .. } => Some(*attempt),
        _ => None,
    });
    assert!(attempts.eq(1..=times.len() as u32), "each when the next was due, the last when it gave up");
    assert_eq!(node.device.stats().sent.staged_expired, 1);
    assert!(node.events.iter().all(|(at, _)| *at <= times[0] + Duration::from_secs(90)));
}

#[test]
fn a_new_packet_after_giving_up_dials_again() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::down());
    pair.send_a(b"lost");
    pair.world.run_for(Duration::from_secs(100));
    pair.world.network.set_default(Link::default());
    pair.send_a(b"found");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"found"]);
}

#[test]
fn dialling_again_and_again_makes_one_dial() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::down());
    for _ in 0..40 {
        pair.world.with(pair.a, |node, now| node.device.initiate(pair.ab, now));
        pair.world.run_for(100 * MILLISECOND);
    }
    // At 0, 0.25, 1, 2 s and their jitter, and not at 4 s yet.
    assert_eq!(pair.node_a().sent_of(INITIATION), 4);
}

#[test]
fn dialling_a_peer_with_a_live_session_does_nothing() {
    let mut pair = Pair::connected();
    pair.world.run_for(60 * SECOND);
    pair.world.with(pair.a, |node, now| node.device.initiate(pair.ab, now));
    pair.world.with(pair.b, |node, now| node.device.initiate(pair.ba, now));
    pair.world.run_for(SECOND);
    assert_eq!((pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(INITIATION)), (1, 0));
}

#[test]
fn without_an_endpoint_packets_are_refused_until_the_peer_has_come() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = Vec::new());
    assert_eq!(pair.send_a(b"where to?"), Sent::Dropped(SendDrop::NoEndpoint));
    assert_eq!(pair.node_a().device.poll_timeout(), None);
    pair.send_b(b"here I am");
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
    assert!(matches!(pair.send_a(b"there"), Sent::Sealed(_)));
}

#[test]
fn a_new_endpoint_is_used_by_the_next_initiation() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![address(9)]);
    pair.send_a(b"hello");
    pair.world.run_until(6 * SECOND, |world| {
        world.node(address(1)).count(|event| matches!(event, Event::Unanswered { attempt: 1, .. })) == 1
    });
    let changes = PeerChanges { endpoints: Some(vec![pair.b]), ..PeerChanges::default() };
    let changed = pair.world.with(pair.a, |node, now| node.device.update_peer(pair.ab, changes, now));
    assert_eq!(changed, Ok(()));
    pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
}

#[test]
fn a_round_trip_longer_than_the_retry_never_costs_the_session() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::with_latency(3 * SECOND));
    for number in 0..600u16 {
        pair.send_a(&number.to_be_bytes());
        pair.world.run_for(SECOND);
    }
    pair.world.run_for(10 * SECOND);
    // Some may come twice where two initiations were answered.
    let arrived: std::collections::BTreeSet<&[u8]> = texts(pair.node_b()).into_iter().collect();
    assert_eq!(arrived.len(), 600);
    assert!(pair.node_b().received.len() < 650, "{}", pair.node_b().received.len());
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Down { .. })), 0);
}

#[test]
fn a_restarted_peer_is_heard_at_once_even_if_simulated_time_ran_far_ahead() {
    let mut pair = Pair::connected();
    pair.world.run_for(Duration::from_secs(30 * 86_400));
    pair.send_a(b"before");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"before".as_slice()));
    let now = pair.world.now();
    let mut reborn = WireGuard::new(config(1), pair.a, now);
    pair.ab = reborn.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
    pair.world.add(pair.a, reborn);
    pair.send_a(b"after");
    pair.world.run_for(100 * MILLISECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"after".as_slice()));
    assert!(matches!(pair.send_b(b"welcome"), Sent::Sealed(_)));
    pair.world.run_for(100 * MILLISECOND);
    assert_eq!(texts(pair.node_a()), [b"welcome"]);
    assert_eq!(pair.node_b().device.stats().received.stale_initiations, 0);
}

#[test]
fn a_peer_that_lost_its_keys_is_dialled_once_data_went_unanswered_for_fifteen_seconds() {
    let mut pair = Pair::connected();
    let now = pair.world.now();
    let mut reborn = WireGuard::new(config(2), pair.b, now);
    reborn.device.add_peer(peer(key(1).public_key(), None), now).expect("it is new");
    pair.world.add(pair.b, reborn);
    assert!(matches!(pair.send_a(b"lost"), Sent::Sealed(_)));
    let took = pair.world.run_until(16 * SECOND, |world| world.node(address(1)).sent_of(INITIATION) == 2);
    assert!((15 * SECOND..=Duration::from_millis(15_333)).contains(&took), "{took:?}");
    pair.world.run_for(SECOND);
    pair.send_a(b"heard");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"heard"]);
}

#[test]
fn handshakes_get_through_a_network_that_loses_a_third() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link {
        loss: 0.33,
        reorder: 0.1,
        duplicate: 0.1,
        ..Link::with_latency(20 * MILLISECOND)
    });
    for _ in 0..100 {
        pair.send_a(b"once");
        pair.world.run_for(SECOND);
    }
    let arrived = pair.node_b().received.len();
    assert!((30..100).contains(&arrived), "{arrived}");
}

#[test]
fn a_peer_removed_and_added_again_at_once_connects_at_once_however_often() {
    let mut pair = Pair::connected();
    pair.world.network.set_default(Link::with_latency(MILLISECOND));
    for round in 0..100u8 {
        pair.world.with(pair.a, |node, now| node.device.remove_peer(pair.ab, now));
        let to_b = peer(key(2).public_key(), Some(pair.b));
        let added = pair.world.with(pair.a, |node, now| node.device.add_peer(to_b, now));
        pair.ab = added.expect("it was removed");
        pair.send_a(&[round]);
        let arrived = |world: &World| texts(world.node(address(2))).last() == Some(&[round].as_slice());
        let took = pair.world.run_until(SECOND, arrived);
        assert!(took <= 28 * MILLISECOND, "round {round}: {took:?}");
    }
    let (sent, answered) = (pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(RESPONSE));
    assert_eq!((sent, answered), (101, 101));
    assert_eq!(pair.node_b().device.stats().received.stale_initiations, 0);
}

#[test]
fn a_peer_removed_and_added_again_by_both_ends_at_once_connects_at_once() {
    let mut pair = Pair::connected();
    for round in 0..50u8 {
        pair.world.with(pair.a, |node, now| node.device.remove_peer(pair.ab, now));
        pair.world.with(pair.b, |node, now| node.device.remove_peer(pair.ba, now));
        let (to_a, to_b) = (peer(key(1).public_key(), Some(pair.a)), peer(key(2).public_key(), Some(pair.b)));
        pair.ab = pair.world.with(pair.a, |node, now| node.device.add_peer(to_b, now)).expect("removed");
        pair.ba = pair.world.with(pair.b, |node, now| node.device.add_peer(to_a, now)).expect("removed");
        pair.send_a(&[round]);
        pair.send_b(&[round]);
        let has = |world: &World, at| texts(world.node(address(at))).last() == Some(&[round].as_slice());
        let took = pair.world.run_until(SECOND, |world| has(world, 1) && has(world, 2));
        assert!(took <= 85 * MILLISECOND, "round {round}: {took:?}");
    }
}

#[test]
fn a_device_opened_again_with_its_key_at_once_is_heard_at_once_and_soon_if_its_first_try_is_refused() {
    for refused in [false, true] {
        let mut pair = Pair::connected();
        let now = pair.world.now();
        let mut again = WireGuard::new(config(1), pair.a, now);
        pair.ab = again.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
        pair.world.add(pair.a, again);
        // The first timestamp of a new process may be one that the peer has seen already.
        if refused {
            pair.world.network.set_link(pair.a, pair.b, Link::down());
        }
        pair.send_a(b"again");
        pair.world.run_for(MILLISECOND);
        pair.world.network.unset_links(pair.a, pair.b);
        let arrived = |world: &World| texts(world.node(address(2))).last() == Some(&b"again".as_slice());
        let took = pair.world.run_until(SECOND, arrived);
        let limit = if refused { 250 + 83 + 60 } else { 60 };
        assert!(took <= Duration::from_millis(limit), "refused: {refused}; {took:?}");
        assert_eq!(pair.node_b().device.stats().received.stale_initiations, 0);
    }
}
