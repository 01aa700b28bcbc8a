//! Begin and end of connections.

use std::time::Duration;

use warren_quic::{CloseCause, ClosedBy, Event, RefuseCode};
use warren_testing::Link;

use crate::support::*;

#[test]
fn two_nodes_connect_in_one_round_trip_and_a_half() {
    let mut world = strangers(1, latency(20));
    let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
    let dialler =
        world.run_until(Duration::from_secs(1), |world| world.node(address(A)).is_connected(dialled));
    let acceptor =
        world.run_until(Duration::from_secs(1), |world| !world.node(address(B)).connected.is_empty());
    assert_eq!(dialler, Duration::from_millis(40));
    assert_eq!(acceptor, Duration::from_millis(20));
}

#[test]
fn a_lost_hello_is_said_again_as_soon_as_the_path_that_is_known_could_have_answered() {
    let known = |milliseconds| Some(Duration::from_millis(milliseconds));
    for (round_trip, timeout) in [(known(40), 120), (None, 999), (known(0), 3), (known(5_000), 3_000)] {
        let mut world = strangers(1, latency(20));
        world.network.set_links(address(A), address(B), Link::down());
        let dialled = world.with(address(A), |node, now| node.connect_over(B, "test", round_trip, now));
        let timeout = Duration::from_millis(timeout);
        assert_eq!(world.node(address(A)).quic.probe_timeout(dialled), Some(timeout));
        world.run_for(Duration::from_micros(1));
        world.network.unset_links(address(A), address(B));
        let dialler =
            world.run_until(Duration::from_secs(5), |world| world.node(address(A)).is_connected(dialled));
        assert_eq!(dialler + Duration::from_micros(1), timeout + Duration::from_millis(40));
    }
}

#[test]
fn a_handshake_survives_heavy_loss() {
    for seed in 0..40 {
        let link = Link { loss: 0.3, duplicate: 0.1, reorder: 0.2, ..latency(20) };
        let (mut world, a, b) = pair(seed, link);
        world.with(address(A), |node, _| node.send(a, 0, &b"over"[..]));
        world.run_until(Duration::from_secs(60), |world| !world.node(address(B)).messages.is_empty());
        assert_eq!(world.node(address(B)).messages[0].connection, b);
    }
}

#[test]
fn each_end_learns_what_the_other_says_of_itself() {
    let (world, dialled, accepted) =
        pair_with(2, latency(5), config(A, "ledger/2 ledger/1"), config(B, "test other"));
    let hello = |tag, handle| {
        let found = world.node(address(tag)).events.iter().find_map(|(known, event)| match event {
            Event::Connected { hello, protocol } if *known == handle => {
                Some((hello.clone(), protocol.clone()))
            }
            _ => None,
        });
        found.expect("connected")
    };
    let (of_b, protocol) = hello(A, dialled);
    assert_eq!(&*protocol, "test");
    assert_eq!(of_b.incarnation, 1001);
    assert_eq!(of_b.lists.accept, names("test other"));
    assert_eq!(of_b.lists.transports, names("quic/1"));
    assert_eq!(of_b.observed, Some(address(A)));
    let (of_a, protocol) = hello(B, accepted);
    assert_eq!(&*protocol, "test");
    assert_eq!(of_a.incarnation, 1000);
    assert_eq!(of_a.offered(), names("test"));
    assert_eq!(of_a.lists.accept, names("ledger/2 ledger/1"));
    assert_eq!(of_a.observed, Some(address(B)));
}

#[test]
fn a_refusal_tells_the_dialler_why() {
    for (code, cause) in
        [(RefuseCode::Duplicate, CloseCause::Duplicate), (RefuseCode::TooMany, CloseCause::TooMany)]
    {
        let mut world = strangers(3, latency(5));
        world.with(address(B), |node, _| node.policy = Policy::Refuse(code));
        let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
        let took =
            world.run_until(Duration::from_secs(1), |world| world.node(address(A)).closed(dialled).is_some());
        assert_eq!(took, Duration::from_millis(10));
        let closed = world.node(address(A)).closed(dialled).unwrap();
        assert_eq!((closed.by, closed.cause), (ClosedBy::Remote, cause));
        assert!(world.node(address(B)).any_closed().is_none());
        assert_eq!(world.node(address(B)).quic.totals().refused, 1);
    }
}

#[test]
fn a_lost_refusal_is_repeated_when_the_dialler_asks_again() {
    let mut world = strangers(4, latency(5));
    world.with(address(B), |node, _| node.policy = Policy::Refuse(RefuseCode::Duplicate));
    world.network.set_link(address(B), address(A), Link::down());
    let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_for(Duration::from_millis(200));
    world.network.unset_links(address(A), address(B));
    world.run_until(Duration::from_secs(3), |world| world.node(address(A)).closed(dialled).is_some());
    assert!(world.node(address(B)).quic.totals().refused > 1);
}

#[test]
fn a_close_arrives_with_code_and_reason() {
    for code in [0, 1, 255, 256, 70_000, (1 << 62) - 257] {
        let (mut world, a, b) = pair(5, latency(10));
        world.with(address(A), |node, now| node.quic.close(a, code, b"enough", now));
        world.run_until(Duration::from_secs(1), |world| world.node(address(B)).closed(b).is_some());
        for (tag, handle, by) in [(A, a, ClosedBy::Local), (B, b, ClosedBy::Remote)] {
            let closed = world.node(address(tag)).closed(handle).unwrap();
            assert_eq!((closed.by, closed.code, closed.cause), (by, code, CloseCause::Application));
            assert_eq!(closed.reason, b"enough");
        }
    }
}

#[test]
fn a_close_survives_the_loss_of_its_packet() {
    let (mut world, a, b) = pair(6, latency(10));
    world.network.set_default(Link::down());
    world.with(address(A), |node, now| node.quic.close(a, 7, b"", now));
    world.run_for(Duration::from_millis(50));
    world.network.set_default(latency(10));
    world.with(address(B), |node, _| node.quic.ping(b));
    world.run_until(Duration::from_secs(5), |world| world.node(address(B)).closed(b).is_some());
    assert_eq!(world.node(address(B)).closed(b).unwrap().code, 7);
}

#[test]
fn a_close_while_dialling_ends_both_ends() {
    let mut world = strangers(7, latency(10));
    let dialled = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_for(Duration::from_millis(12));
    world.with(address(A), |node, now| node.quic.close(dialled, 9, b"changed my mind", now));
    world.run_until(Duration::from_secs(5), |world| world.node(address(B)).any_closed().is_some());
    assert_eq!(world.node(address(A)).closed(dialled).unwrap().by, ClosedBy::Local);
}

#[test]
fn nothing_of_a_closed_connection_stays() {
    let (mut world, a, _) = pair(8, latency(10));
    world.with(address(A), |node, now| node.quic.close(a, 0, b"", now));
    world.run_for(Duration::from_secs(10));
    for tag in [A, B] {
        let node = world.node(address(tag));
        assert_eq!(node.quic.poll_timeout(), None);
        assert!(node.quic.peer_of(a).is_none());
    }
}

#[test]
fn whom_the_other_end_left_keeps_nothing_of_the_connection() {
    let (mut world, a, b) = pair(8, latency(100));
    world.with(address(A), |node, now| node.quic.close(a, 0, b"", now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(B)).closed(b).is_some());
    world.run_for(Duration::from_millis(1));
    assert!(world.node(address(B)).quic.peer_of(b).is_none());
    assert!(world.node(address(A)).quic.peer_of(a).is_some(), "it repeats its word, where that was lost");
}

#[test]
fn a_hello_of_many_packets_is_put_together() {
    let long = |prefix: &str| -> String { (0..14).map(|i| format!("{prefix}{i:0>120} ")).collect() };
    let offered = format!("{} test", long("a"));
    for seed in 0..10 {
        let link = Link {
            loss: 0.2,
            reorder: 0.4,
            duplicate: 0.2,
            jitter: Duration::from_millis(10),
            ..latency(10)
        };
        let mut world =
            strangers_with(seed, link, config(A, "test"), config(B, &format!("test {}", long("b"))));
        let dialled = world.with(address(A), |node, now| node.connect(B, &offered, now));
        world.run_until(Duration::from_secs(60), |world| {
            world.node(address(A)).is_connected(dialled) && !world.node(address(B)).connected.is_empty()
        });
    }
}

#[test]
fn lists_too_long_for_a_hello_end_the_dial_at_once() {
    let mut world = strangers(9, latency(10));
    let offered: String = (0..60).map(|i| format!("{i:0>200} ")).collect();
    let dialled = world.with(address(A), |node, now| node.connect(B, &offered, now));
    assert_eq!(world.node(address(A)).closed(dialled).unwrap().by, ClosedBy::Local);
    assert!(world.node(address(A)).quic.peer_of(dialled).is_none());
}

#[test]
fn many_connections_between_two_nodes_live_side_by_side() {
    let mut world = strangers(10, latency(3));
    let handles: Vec<_> =
        (0..50).map(|_| world.with(address(A), |node, now| node.connect(B, "test", now))).collect();
    world.run_for(Duration::from_secs(1));
    for (at, handle) in handles.iter().enumerate() {
        assert!(world.node(address(A)).is_connected(*handle));
        world.with(address(A), |node, _| node.send(*handle, 0, vec![at as u8; 100]));
    }
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(address(B)).messages.len(), 50);
    world.with(address(A), |node, _| node.quic.forget_peer(B));
    assert!(handles.iter().all(|handle| world.node(address(A)).quic.peer_of(*handle).is_none()));
}

#[test]
fn an_abandoned_connection_says_nothing_until_it_is_spoken_to() {
    let (mut world, a, b) = pair(11, latency(3));
    world.run_for(Duration::from_secs(1));
    world.with(address(A), |node, _| node.quic.abandon(a));
    world.run_for(Duration::from_secs(5));
    assert!(world.node(address(B)).closed(b).is_none());
    world.with(address(B), |node, _| node.send(b, 0, &b"hello?"[..]));
    world.run_for(Duration::from_millis(6));
    assert_eq!(world.node(address(B)).closed(b).unwrap().cause, CloseCause::Reset);
    assert!(world.node(address(A)).closed(a).is_none());
}

#[test]
fn a_closed_connection_repeats_its_word_for_ten_seconds_at_most_whatever_round_trips_it_had() {
    let (mut world, a, b) = pair(12, latency(4_000));
    world.run_for(Duration::from_secs(30));
    assert!(world.node(address(A)).quic.probe_timeout(a).unwrap() > Duration::from_secs(5));
    world.network.set_default(Link { loss: 1.0, ..latency(4_000) });
    world.with(address(A), |node, now| node.quic.close(a, 7, b"enough", now));
    world.run_for(Duration::from_millis(9_900));
    assert!(world.node(address(A)).quic.peer_of(a).is_some());
    world.run_for(Duration::from_millis(200));
    assert!(world.node(address(A)).quic.peer_of(a).is_none());
    assert!(world.node(address(B)).closed(b).is_none());
}

#[test]
fn the_closed_connections_of_a_peer_are_bounded_and_each_says_its_word() {
    let mut world = strangers(13, latency(300));
    let dial = |world: &mut World| world.with(address(A), |node, now| node.connect(B, "test", now));
    let handles: Vec<_> = (0..40).map(|_| dial(&mut world)).collect();
    world.run_for(Duration::from_secs(3));
    for &handle in &handles {
        world.with(address(A), |node, now| node.quic.close(handle, 7, b"enough", now));
    }
    let node = world.node(address(A));
    let remain: Vec<_> = handles.iter().map(|&handle| node.quic.peer_of(handle).is_some()).collect();
    assert_eq!(remain, [vec![false; 8], vec![true; 32]].concat());
    world.run_for(Duration::from_millis(400));
    let told = world.node(address(B)).events.iter().filter(|(_, event)| matches!(event, Event::Closed(_)));
    assert_eq!(told.count(), 40);
}
