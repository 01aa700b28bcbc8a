//! Nodes that lose their memory.

use std::time::Duration;

use warren_quic::{CloseCause, ClosedBy, Config, Event, StreamName};
use warren_testing::Link;

use crate::support::*;

#[test]
fn a_restarted_node_says_that_it_knows_nothing() {
    let (mut world, a, _) = pair(1, latency(10));
    world.run_for(Duration::from_secs(1));
    world.add(address(B), TestNode::new(B, Config { incarnation: 2, ..config(B, "test") }));
    world.with(address(A), |node, _| node.send(a, 0, &b"still there?"[..]));
    let took = world.run_until(Duration::from_secs(5), |world| world.node(address(A)).closed(a).is_some());
    assert_eq!(took, Duration::from_millis(20));
    let closed = world.node(address(A)).closed(a).unwrap();
    assert_eq!((closed.by, closed.cause), (ClosedBy::Network, CloseCause::Reset));
    assert_eq!(world.node(address(A)).quic.totals().resets_received, 1);
    assert!(world.node(address(A)).quic.peer_of(a).is_none());
}

#[test]
fn a_node_with_another_reset_key_cannot_end_a_connection() {
    let (mut world, a, _) = pair(2, latency(10));
    world.run_for(Duration::from_secs(1));
    world.add(
        address(B),
        TestNode::new(B, Config { incarnation: 2, reset_key: [99; 32], ..config(B, "test") }),
    );
    let sent = world.now();
    world.with(address(A), |node, _| node.send(a, 0, &b"still there?"[..]));
    world.run_for(Duration::from_secs(30));
    assert!(world.node(address(A)).closed(a).is_none());
    assert_eq!(world.node(address(A)).quic.unanswered_since(a), Some(sent), "and that is no answer either");
}

#[test]
fn a_restarted_dialler_is_known_by_its_incarnation() {
    let (mut world, _, b) = pair(3, latency(10));
    world.add(address(A), TestNode::new(A, Config { incarnation: 77, seed: [9; 32], ..config(A, "test") }));
    let again = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).is_connected(again));
    let incarnations: Vec<_> = world
        .node(address(B))
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Incoming { hello, .. } => Some(hello.incarnation),
            _ => None,
        })
        .collect();
    assert_eq!(incarnations, [1000, 77]);
    world.with(address(B), |node, _| node.quic.abandon(b));
    world.run_for(Duration::from_secs(5));
    assert!(world.node(address(A)).closed(again).is_none(), "the new connection is another");
}

#[test]
fn silence_is_measured_from_the_first_unanswered_packet() {
    let (mut world, a, _) = pair(4, latency(10));
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.node(address(A)).quic.unanswered_since(a), None, "an idle connection waits for nothing");
    world.network.set_default(Link::down());
    let sent = world.now();
    world.with(address(A), |node, _| node.send(a, 0, &b"hello?"[..]));
    world.run_for(Duration::from_secs(20));
    assert_eq!(world.node(address(A)).quic.unanswered_since(a), Some(sent));
    world.network.set_default(latency(10));
    world.run_until(Duration::from_secs(60), |world| {
        world.node(address(A)).quic.unanswered_since(a).is_none()
    });
}

#[test]
fn a_path_that_carries_less_than_it_promised_is_found_out() {
    let (mut world, a, b) = pair(5, Link { mtu: 1300, ..latency(10) });
    world.with(address(A), |node, _| node.send(a, 0, vec![1; 300_000]));
    world.run_until(Duration::from_secs(30), |world| world.node(address(A)).settled.len() == 1);
    assert_eq!(world.node(address(A)).quic.stats(a).unwrap().mtu, 1200);
    world.network.set_default(latency(10));
    for _ in 0..200 {
        world.with(address(A), |node, _| node.send(a, 0, vec![1; 10_000]));
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(world.node(address(A)).quic.stats(a).unwrap().mtu, 1372);
    assert!(world.node(address(B)).closed(b).is_none());
}

#[test]
fn nodes_of_different_mtu_agree_on_the_less() {
    let small = Config { initial_udp_payload: 1232, max_udp_payload: 1232, ..config(B, "test") };
    let (mut world, a, b) = pair_with(6, Link { mtu: 1232, ..latency(10) }, config(A, "test"), small);
    for (tag, connection) in [(A, a), (B, b)] {
        world.with(address(tag), |node, _| node.send(connection, 0, vec![1; 100_000]));
    }
    world.run_for(Duration::from_secs(5));
    for (tag, connection) in [(A, a), (B, b)] {
        assert_eq!(world.node(address(tag)).settled.len(), 1);
        assert_eq!(world.node(address(tag)).quic.stats(connection).unwrap().mtu, 1232);
    }
}

#[test]
fn ten_thousand_streams_that_are_reset_and_stopped_at_once_pass_as_fast_as_their_credit_comes() {
    let (mut world, a, b) = pair(31, latency(100));
    // What stops them stands behind bulk.
    world.with(address(B), |node, _| node.send_many(b, 0, 200, vec![7; 50_000]));
    let (mut opened, mut seen) = (0, 0);
    for _ in 0..4_000 {
        world.with(address(A), |node, _| {
            while let Some(stream) = node.quic.open_stream(a, false, 0, &StreamName::default()) {
                opened += 1;
                if opened % 2 == 0 {
                    node.quic.reset_stream(a, stream, 5);
                }
            }
        });
        world.run_for(Duration::from_millis(5));
        world.with(address(B), |node, _| {
            let streams: Vec<_> = node.events.drain(..).collect();
            for (_, event) in streams {
                match event {
                    Event::StreamOpened { stream, .. } => {
                        seen += 1;
                        node.quic.stop_stream(b, stream, 5);
                    }
                    Event::Closed(closed) => panic!("{closed:?}"),
                    _ => {}
                }
            }
        });
        if opened >= 10_000 {
            break;
        }
    }
    assert!(opened >= 10_000, "{opened} were opened, {seen} seen");
    world.run_for(Duration::from_secs(5));
    assert!(world.node(address(A)).any_closed().is_none() && world.node(address(B)).any_closed().is_none());
    assert_eq!(world.node(address(A)).messages.len(), 200);
}

#[test]
fn confirmations_that_are_not_heard_for_ten_seconds_cost_no_connection() {
    let (mut world, a, b) = pair(32, latency(20));
    world.with(address(A), |node, _| node.send_many(a, 0, 20_000, vec![7; 1]));
    world.run_for(Duration::from_millis(100));
    world.network.set_link(address(B), address(A), Link::down());
    world.run_for(Duration::from_secs(10));
    let came = world.node(address(B)).messages.len();
    assert!(came < 20_000, "{came}");
    world.network.set_link(address(B), address(A), latency(20));
    world.run_until(Duration::from_secs(60), |world| world.node(address(B)).messages.len() == 20_000);
    world.run_for(Duration::from_secs(2));
    assert!(world.node(address(A)).closed(a).is_none() && world.node(address(B)).closed(b).is_none());
}
