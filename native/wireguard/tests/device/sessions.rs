//! Sessions: how long they live, what replaces them, what they let through.

use std::time::Duration;

use warren_testing::{Link, Node};
use warren_wireguard::{DownReason, Event, SendDrop, Sent};

use crate::node::*;

#[test]
fn a_day_of_sparse_traffic_both_ways_loses_nothing_and_renews_keys_every_two_minutes() {
    let mut pair = Pair::connected();
    let minutes = 24 * 60;
    for minute in 0..minutes {
        pair.world.run_for(30 * SECOND);
        assert!(matches!(pair.send_a(b"tick"), Sent::Sealed(_)), "minute {minute}");
        pair.world.run_for(30 * SECOND);
        assert!(matches!(pair.send_b(b"tock"), Sent::Sealed(_)), "minute {minute}");
    }
    pair.world.run_for(SECOND);
    assert_eq!((pair.node_a().received.len(), pair.node_b().received.len()), (minutes, minutes + 1));
    let initiations = pair.node_a().sent_of(INITIATION);
    assert!((570..=720).contains(&initiations), "{initiations}");
    assert_eq!(pair.node_b().sent_of(INITIATION), 0, "a responder never renews");
    for node in [pair.node_a(), pair.node_b()] {
        assert_eq!(node.count(|event| matches!(event, Event::Up { .. })), 1);
        assert_eq!(node.count(|event| matches!(event, Event::Down { .. })), 0);
        assert_eq!(node.count(|event| matches!(event, Event::Rekeyed { .. })), initiations - 1);
    }
}

#[test]
fn an_initiator_that_only_receives_renews_before_the_session_is_refused() {
    let mut pair = Pair::connected();
    pair.world.network.set_default(Link::default());
    let began = pair.world.now();
    let mut sent = 0;
    while pair.node_a().sent_of(INITIATION) < 2 {
        // Often enough that its keepalives are the only thing the initiator sends.
        assert!(matches!(pair.send_b(b"one way"), Sent::Sealed(_)));
        sent += 1;
        pair.world.run_for(SECOND);
        assert!(pair.world.now() - began < Duration::from_secs(170));
    }
    assert_eq!(pair.node_a().received.len(), sent);
}

#[test]
fn nothing_is_sealed_under_a_session_older_than_three_minutes() {
    let mut pair = Pair::connected();
    pair.world.run_for(Duration::from_secs(179));
    assert!(pair.node_b().device.has_session(pair.ba));
    pair.world.run_for(SECOND);
    assert!(!pair.node_b().device.has_session(pair.ba));
    assert_eq!(pair.send_b(b"too late"), Sent::Staged);
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_a()).last(), Some(&b"too late".as_slice()), "by a session of its own");
}

#[test]
fn an_unused_session_expires_with_one_event_and_then_nothing_is_left_to_wait_for() {
    let mut pair = Pair::connected();
    pair.world.run_for(Duration::from_secs(200));
    for node in [pair.node_a(), pair.node_b()] {
        assert_eq!(node.count(|event| matches!(event, Event::Down { reason: DownReason::Expired, .. })), 1);
        assert_eq!(node.device.poll_timeout().map(|(_, reason)| reason), Some("wiping of idle keys"));
    }
    pair.world.run_for(Duration::from_secs(400));
    for node in [pair.node_a(), pair.node_b()] {
        assert_eq!(node.device.poll_timeout(), None);
        assert!(format!("{:?}", node.device).contains("tunnels: 0"));
    }
}

#[test]
fn a_datagram_of_an_expired_session_is_refused() {
    let mut pair = Pair::connected();
    pair.world.run_for(Duration::from_secs(179));
    pair.send_a(b"arrives too late");
    pair.world.stall(2 * SECOND);
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"first"]);
    assert_eq!(pair.node_b().device.stats().received.expired, 1);
}

#[test]
fn a_session_made_in_a_tunnel_left_alone_for_minutes_is_not_born_expired() {
    for gap in [170, 181, 300, 444, 449, 451, 520, 535, 539, 541, 700] {
        let mut pair = Pair::connected();
        pair.world.run_for(Duration::from_secs(gap));
        pair.send_a(b"again");
        for _ in 0..50 {
            pair.world.run_for(SECOND);
            assert!(matches!(pair.send_b(b"and back"), Sent::Sealed(_)), "gap {gap}");
        }
        pair.world.run_for(SECOND);
        assert_eq!(pair.node_a().received.len(), 50, "gap {gap}");
        assert_eq!(pair.node_b().received.len(), 2, "gap {gap}");
    }
}

#[test]
fn the_hundredth_unanswered_handshake_of_a_peer_evicts_no_session_in_use() {
    let mut pair = Pair::connected();
    // Only data of the old session arrives, whatever the peer's newer responses were.
    for number in 0..100 {
        let now = pair.world.now();
        let mut other_self = WireGuard::new(config(1), pair.a, now);
        let id = other_self.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
        other_self.device.initiate(id, now);
        let initiation = other_self.poll_transmit(now).expect("an initiation");
        pair.world.with(pair.b, |node, now| node.handle_datagram(initiation, now));
        pair.world.run_for(SECOND);
        assert!(matches!(pair.send_b(b"still here"), Sent::Sealed(_)), "after {number}");
    }
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().device.stats().initiations_answered, 101);
    assert_eq!(pair.node_a().received.len(), 100);
}

#[test]
fn packets_are_padded_to_sixteen_bytes_but_never_beyond_the_mtu() {
    let mut pair = Pair::connected();
    let lengths = [1usize, 7, 8, 9, 1_368, 1_369, 1_376, 1_380];
    for length in lengths {
        assert!(matches!(pair.send_a(&vec![7; length]), Sent::Sealed(_)));
    }
    let sealed: Vec<usize> =
        pair.node_a().sent.iter().rev().take(lengths.len()).map(|(_, one)| one.bytes.len()).collect();
    let expected = lengths.iter().rev().map(|length| (length + 40).next_multiple_of(16).min(1_420) + 32);
    assert!(sealed.into_iter().eq(expected));
    pair.world.run_for(SECOND);
    let arrived: Vec<usize> = texts(pair.node_b())[1..].iter().map(|text| text.len()).collect();
    assert_eq!(arrived, lengths, "opened to their true length");
    assert_eq!(pair.send_a(&[7; 1_381]), Sent::Dropped(SendDrop::Oversized));
    let empty = pair.world.with(pair.a, |node, now| node.send(pair.ab, &[], now));
    assert_eq!(empty, Sent::Dropped(SendDrop::Empty));
}

#[test]
fn a_replayed_datagram_is_dropped_and_counted() {
    let mut pair = Pair::connected();
    pair.world.network.set_default(Link { duplicate: 1.0, ..Link::with_latency(MILLISECOND) });
    (0..100).for_each(|_| assert!(matches!(pair.send_a(b"once"), Sent::Sealed(_))));
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().received.len(), 101);
    assert_eq!(pair.node_b().device.stats().received.replayed, 100);
}

#[test]
fn the_replay_window_holds_the_newest_1024_packets_and_no_more() {
    for (overtaken_by, opens) in [(1_023, true), (1_024, false), (5_000, false)] {
        let mut pair = Pair::connected();
        pair.world.network.set_link(pair.a, pair.b, Link::down());
        pair.send_a(b"late");
        let late = pair.node_a().sent.last().expect("it was sent").1.clone();
        pair.world.network.unset_links(pair.a, pair.b);
        (0..overtaken_by).for_each(|_| assert!(matches!(pair.send_a(b"early"), Sent::Sealed(_))));
        pair.world.run_for(SECOND);
        assert_eq!(pair.node_b().received.len(), 1 + overtaken_by);
        pair.world.with(pair.b, |node, now| node.handle_datagram(late, now));
        let got = texts(pair.node_b()).last() == Some(&b"late".as_slice());
        assert_eq!(got, opens, "overtaken by {overtaken_by}");
        assert_eq!(pair.node_b().device.stats().received.replayed, u64::from(!opens));
    }
}

#[test]
fn datagrams_that_overtake_each_other_all_arrive() {
    let mut pair = Pair::connected();
    pair.world.network.set_default(Link { jitter: 50 * MILLISECOND, ..Link::with_latency(MILLISECOND) });
    (0..1_000).for_each(|_| assert!(matches!(pair.send_a(b"any order"), Sent::Sealed(_))));
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().received.len(), 1_001, "the window holds 1,024");
}

#[test]
fn a_session_follows_its_peer_to_another_address_and_answers_from_the_local_one() {
    let mut pair = Pair::connected();
    let moved = address(7);
    let mut node = pair.world.remove(pair.a).expect("it is there");
    node.outbox.from = moved;
    pair.world.add(moved, node);
    let id = pair.ab;
    let text = packet(key(1).public_key(), key(2).public_key(), b"moved");
    pair.world.with(moved, |node, now| node.send(id, &text, now));
    pair.world.run_for(SECOND);
    let moves: Vec<Event> = pair
        .node_b()
        .events
        .iter()
        .map(|(_, event)| *event)
        .filter(|event| matches!(event, Event::Moved { .. }))
        .collect();
    assert_eq!(moves, [Event::Moved { peer: pair.ba, from: Some(pair.a), to: moved }]);
    let sent = pair.send_b(b"found you");
    assert!(
        matches!(sent, Sent::Sealed(path) if path.remote == moved && path.local == Some(pair.b.ip())),
        "{sent:?}"
    );
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.world.node(moved)), [b"found you"]);
}

#[test]
fn a_datagram_that_does_not_authenticate_moves_nobody() {
    let mut pair = Pair::connected();
    pair.send_a(b"real");
    let mut forged = pair.node_a().sent.last().expect("it was sent").1.clone();
    forged.from = address(66);
    *forged.bytes.last_mut().expect("a tag") ^= 1;
    pair.world.with(pair.b, |node, now| node.handle_datagram(forged.clone(), now));
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
    assert_eq!(pair.node_b().device.stats().received.unauthenticated, 1);
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"first".as_slice(), b"real"]);
}

#[test]
fn an_authenticated_datagram_that_is_no_ip_packet_is_counted_and_not_delivered() {
    let mut pair = Pair::connected();
    let a = pair.ab;
    for junk in [vec![0; 40], vec![0x45; 10], vec![0x60; 30], vec![0xff; 1_000]] {
        pair.world.with(pair.a, |node, now| node.send(a, &junk, now));
    }
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().device.stats().received.not_ip, 4);
    assert_eq!(pair.node_b().received.len(), 1);
}
