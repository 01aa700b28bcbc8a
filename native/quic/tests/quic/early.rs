//! Data that leaves with the hello.

use std::time::Duration;

use warren_quic::{CloseCause, Event, Outcome, RefuseCode};
use warren_testing::Link;

use crate::support::*;

#[test]
fn an_answer_to_what_left_with_the_hello_is_there_after_one_round_trip() {
    let mut world = strangers(1, latency(20));
    let dialled = world.with(address(A), |node, now| node.connect_early(B, "test", "test", &b"ask"[..], now));
    let there = world.run_until(Duration::from_secs(1), |world| !world.node(address(B)).messages.is_empty());
    let accepted = world.node(address(B)).messages[0].connection;
    assert!(world.node(address(B)).is_connected(accepted), "it was told of before");
    world.with(address(B), |node, _| node.send(accepted, 0, &b"answer"[..]));
    let back = world.run_until(Duration::from_secs(1), |world| !world.node(address(A)).messages.is_empty());
    assert_eq!((there, back), (Duration::from_millis(20), Duration::from_millis(20)));
    assert!(world.node(address(A)).is_connected(dialled));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(address(A)).settled.values().collect::<Vec<_>>(), [&Outcome::Delivered]);
    assert_eq!(world.node(address(B)).connected.len(), 1, "it is told of once");
}

#[test]
fn all_of_a_first_flight_arrives_once_whatever_is_lost_doubled_or_overtaken() {
    for seed in 0..60 {
        let link = Link { loss: 0.25, duplicate: 0.1, reorder: 0.2, ..latency(20) };
        let mut world = strangers(seed, link);
        let dialled = world.with(address(A), |node, now| {
            let dialled = node.connect_early(B, "test", "test", &b"0"[..], now);
            for n in 1..40 {
                node.send(dialled, 0, format!("{n} {}", "x".repeat(1000)));
            }
            dialled
        });
        world.run_until(Duration::from_secs(120), |world| world.node(address(A)).settled.len() == 40);
        let arrived = world.node(address(B)).messages.iter().map(|message| message.bytes.to_vec());
        let mut arrived: Vec<_> = arrived.collect();
        arrived.sort();
        arrived.dedup();
        assert_eq!((arrived.len(), world.node(address(B)).messages.len()), (40, 40), "seed {seed}");
        assert!(world.node(address(A)).is_connected(dialled));
    }
}

#[test]
fn a_first_flight_is_bounded_until_the_acceptor_answers() {
    let mut world = strangers(1, latency(20));
    let dialled = world.with(address(A), |node, now| {
        let dialled = node.connect_early(B, "test", "test", &b"first"[..], now);
        node.send(dialled, 0, vec![7; 100_000]);
        dialled
    });
    world.run_for(Duration::from_millis(39));
    let sent = world.node(address(A)).quic.stats(dialled).unwrap().bytes_sent;
    assert!((12_000..15_000).contains(&sent), "{sent}");
    assert_eq!(world.node(address(A)).quic.room(dialled), 0);
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.len() == 2);
}

#[test]
fn where_another_protocol_is_chosen_nothing_of_a_first_flight_is_read() {
    let mut world = strangers_with(1, latency(20), config(A, "a b"), config(B, "a b"));
    let dialled = world.with(address(A), |node, now| node.connect_early(B, "a b", "b", &b"in b"[..], now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).is_connected(dialled));
    let node = world.node(address(A));
    let told =
        node.events.iter().map(|(_, event)| matches!(event, Event::EarlyRejected { by_successor: false }));
    assert_eq!(told.collect::<Vec<_>>(), [true, false], "before the connection is up");
    assert_eq!(&*node.connected[0].1, "a");
    world.with(address(A), |node, _| node.send(dialled, 0, &b"in a"[..]));
    world.run_until(Duration::from_secs(5), |world| !world.node(address(A)).settled.is_empty());
    let arrived = world.node(address(B)).messages.iter().map(|message| message.bytes.to_vec());
    assert_eq!(arrived.collect::<Vec<_>>(), [b"in a"]);
}

#[test]
fn streams_of_a_first_flight_that_is_not_read_are_gone_and_new_ones_work() {
    let mut world = strangers_with(1, latency(20), config(A, "a b"), config(B, "a b"));
    let dialled = world.with(address(A), |node, now| node.connect_early(B, "a b", "b", &b"m"[..], now));
    world.with(address(A), |node, _| {
        for _ in 0..3 {
            let stream = node.quic.open_stream(dialled, true, 0, &Default::default()).unwrap();
            node.quic.write_stream(dialled, stream, &mut (&b"lost"[..]).into()).unwrap();
            node.quic.finish_stream(dialled, stream);
            node.quic.stop_stream(dialled, stream, 7);
        }
    });
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).is_connected(dialled));
    world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(dialled, true, 0, &Default::default()).unwrap();
        node.quic.write_stream(dialled, stream, &mut (&b"there"[..]).into()).unwrap();
        node.send(dialled, 9, &b"after"[..]);
    });
    world.run_until(Duration::from_secs(1), |world| !world.node(address(B)).messages.is_empty());
    let opened = world.node(address(B)).events.iter();
    let opened = opened.filter(|(_, event)| matches!(event, Event::StreamOpened { .. }));
    assert_eq!(opened.count(), 1);
}

#[test]
fn a_refused_duplicate_gives_its_first_flight_back_and_another_refusal_loses_it() {
    for (code, cause, rejected) in [
        (RefuseCode::Duplicate, CloseCause::Duplicate, true),
        (RefuseCode::TooMany, CloseCause::TooMany, false),
    ] {
        let mut world = strangers(3, latency(20));
        world.with(address(B), |node, _| node.policy = Policy::Refuse(code));
        let dialled =
            world.with(address(A), |node, now| node.connect_early(B, "test", "test", &b"ask"[..], now));
        world.run_for(Duration::from_secs(1));
        let node = world.node(address(A));
        assert_eq!(node.closed(dialled).unwrap().cause, cause);
        let told = node
            .events
            .iter()
            .any(|(_, event)| matches!(event, Event::EarlyRejected { by_successor: false }));
        assert_eq!((told, node.settled.len()), (rejected, usize::from(!rejected)));
        assert!(world.node(address(B)).messages.is_empty() && world.node(address(B)).connected.is_empty());
    }
}

#[test]
fn an_acceptor_that_does_not_know_the_session_says_that_a_process_before_it_may_have_read_a_first_flight() {
    let mut world = strangers(1, latency(20));
    world.with(address(B), |node, _| node.session = 8);
    let dialled = world.with(address(A), |node, now| node.connect_early(B, "test", "test", &b"ask"[..], now));
    world.run_for(Duration::from_secs(1));
    let node = world.node(address(A));
    assert!(matches!(node.events[0].1, Event::EarlyRejected { by_successor: true }));
    assert!(node.is_connected(dialled) && world.node(address(B)).messages.is_empty());
}
