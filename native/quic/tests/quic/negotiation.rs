//! The protocol that a pair speaks, and the answer when there is none.

use std::time::Duration;

use warren_quic::{Choice, CloseCause, ClosedBy, Protocols, choose};

use crate::support::*;

#[test]
fn whoever_dials_the_choice_is_the_same() {
    for one in LISTS {
        for other in LISTS {
            let there = negotiate(one, other);
            let back = negotiate(other, one);
            assert_eq!(there, back, "{one} and {other}");
            assert_eq!(there, choice(one, other));
        }
    }
}

#[test]
fn without_a_common_protocol_both_know_and_the_dialler_learns_what_is_accepted() {
    let mut world = strangers_with(1, latency(5), config(A, "new"), config(B, "old older"));
    let dialled = world.with(address(A), |node, now| node.connect(B, "new newer", now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).closed(dialled).is_some());
    let closed = world.node(address(A)).closed(dialled).unwrap();
    assert_eq!((closed.by, closed.cause), (ClosedBy::Remote, CloseCause::NoProtocol));
    assert_eq!(String::from_utf8_lossy(&closed.reason), "accepts old, older");
    assert_eq!(world.node(address(B)).quic.totals().no_protocol, 1);
    assert_eq!(closed.accepts, names("old older"));
    assert!(world.node(address(B)).connected.is_empty());
}

#[test]
fn a_dialler_learns_that_nothing_is_accepted() {
    let mut world = strangers_with(1, latency(5), config(A, "new"), config(B, ""));
    let dialled = world.with(address(A), |node, now| node.connect(B, "new", now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).closed(dialled).is_some());
    let closed = world.node(address(A)).closed(dialled).unwrap();
    assert_eq!(closed.cause, CloseCause::NoProtocol);
    assert_eq!(String::from_utf8_lossy(&closed.reason), "accepts none");
}

#[test]
fn accepted_protocols_change_for_connections_to_come() {
    let (mut world, a, b) = pair(2, latency(5));
    world.with(address(B), |node, _| node.quic.set_protocols(None, Some(names("next").into())));
    let again = world.with(address(A), |node, now| node.connect(B, "test", now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).closed(again).is_some());
    assert_eq!(world.node(address(A)).closed(again).unwrap().cause, CloseCause::NoProtocol);
    assert!(world.node(address(A)).closed(a).is_none() && world.node(address(B)).closed(b).is_none());
}

fn choice(one: &str, other: &str) -> Option<Box<str>> {
    let [one, other] = [one, other].map(|list| Protocols::from(names(list)).lists);
    choose(&one, &other, None).and_then(Choice::spoken).map(Box::from)
}

/// Dials with `offered` someone who accepts `accepted`.
fn negotiate(offered: &str, accepted: &str) -> Option<Box<str>> {
    let mut world = strangers_with(3, latency(1), config(A, offered), config(B, accepted));
    let dialled = world.with(address(A), |node, now| node.connect(B, offered, now));
    world.run_for(Duration::from_secs(1));
    let (a, b) = (world.node(address(A)), world.node(address(B)));
    match a.connected.first() {
        Some((_, protocol)) => {
            assert_eq!(*protocol, b.connected[0].1);
            Some(protocol.clone())
        }
        None => {
            assert_eq!(a.closed(dialled).unwrap().cause, CloseCause::NoProtocol);
            None
        }
    }
}

const LISTS: [&str; 9] = ["a", "b", "a b", "b a", "a b c", "c b a", "c d", "x", "d b"];
