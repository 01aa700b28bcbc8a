//! A peer whose device said that it closes.

use std::time::Duration;

use warren_testing::{Datagram, Link};
use warren_wireguard::{DownReason, Event, MAX_DATAGRAM, Opened, Path, Sent};

use crate::node::*;

fn leave(pair: &mut Pair) {
    pair.world.with(pair.a, |node, now| node.device.left(pair.ab, now));
}

/// Hands A a datagram of B's, and gives the packet that it opened.
fn open(pair: &mut Pair, mut datagram: Datagram) -> Option<Opened> {
    let path = Path { remote: datagram.from, local: None };
    pair.world.with(pair.a, |node, now| {
        node.device.handle_datagram(path, &mut datagram.bytes, &mut vec![0; MAX_DATAGRAM], now)
    })
}

/// The last datagram that B sent.
fn last_of_b(pair: &Pair) -> Datagram {
    pair.node_b().sent.last().expect("it sent").1.clone()
}

#[test]
fn after_a_goodbye_nothing_is_sealed_nothing_is_dialled_and_what_is_late_still_opens() {
    let mut pair = Pair::connected();
    pair.world.run_for(5 * SECOND);
    pair.send_b(b"late");
    let late = last_of_b(&pair);
    pair.world.remove(pair.b);
    leave(&mut pair);
    leave(&mut pair);
    let downs = |event: &Event| matches!(event, Event::Down { reason: DownReason::Left, .. });
    pair.world.with(pair.a, |_, _| ());
    assert_eq!(pair.node_a().count(downs), 1);
    assert!(!pair.node_a().device.has_session(pair.ab));
    assert!(open(&mut pair, late).is_some());
    let before = pair.node_a().sent.len();
    pair.world.run_for(300 * SECOND);
    assert_eq!(pair.node_a().sent.len(), before, "not a word");
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Down { .. })), 1);
}

#[test]
fn what_is_sent_after_a_goodbye_waits_for_a_session_with_who_is_there_now() {
    let mut pair = Pair::connected();
    pair.world.run_for(SECOND);
    let now = pair.world.now();
    let mut reborn = WireGuard::new(config(2), pair.b, now);
    pair.ba = reborn.device.add_peer(peer(key(1).public_key(), None), now).expect("it is new");
    pair.world.add(pair.b, reborn);
    leave(&mut pair);
    assert_eq!(pair.send_a(b"to who is there now"), Sent::Staged);
    let took = pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
    assert_eq!(took, 60 * MILLISECOND);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Up { .. })), 2);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Rekeyed { .. })), 0);
}

#[test]
fn a_persistent_keepalive_goes_on_trying_after_a_goodbye() {
    let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
    pair.world.run_for(5 * SECOND);
    pair.world.remove(pair.b);
    leave(&mut pair);
    let before = pair.node_a().sent_of(INITIATION);
    pair.world.run_for(Duration::from_secs(600));
    assert!(pair.node_a().sent_of(INITIATION) > before + 50);
}

#[test]
fn a_late_goodbye_of_an_old_session_is_told_from_one_of_the_new() {
    let mut pair = Pair::connected();
    pair.world.run_for(SECOND);
    // Sealed under the first session, and held up.
    pair.world.network.set_link(pair.b, pair.a, Link::down());
    pair.send_b(b"goodbye");
    let late = last_of_b(&pair);
    pair.world.network.unset_links(pair.a, pair.b);
    pair.world.run_for(120 * SECOND);
    pair.send_a(b"renews");
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Rekeyed { .. })), 1);
    assert!(!open(&mut pair, late).expect("it opens still").current);
    pair.send_b(b"goodbye");
    let fresh = last_of_b(&pair);
    assert!(open(&mut pair, fresh).expect("it opens").current);
}

#[test]
fn a_goodbye_says_nothing_of_a_session_that_was_made_since() {
    let mut pair = Pair::connected();
    pair.world.run_for(SECOND);
    // B is there anew and has dialled; its first packet is on its way when the goodbye of before is read.
    let now = pair.world.now();
    let mut reborn = WireGuard::new(config(2), pair.b, now);
    pair.ba = reborn.device.add_peer(peer(key(1).public_key(), Some(pair.a)), now).expect("it is new");
    pair.world.add(pair.b, reborn);
    pair.send_b(b"here again");
    pair.world.run_for(50 * MILLISECOND);
    leave(&mut pair);
    pair.world.run_for(50 * MILLISECOND);
    assert_eq!(texts(pair.node_a()).last(), Some(&b"here again".as_slice()));
    assert!(matches!(pair.send_a(b"welcome"), Sent::Sealed(_)));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"welcome"]);
    let initiations = pair.node_a().sent_of(INITIATION);
    assert_eq!(initiations, 1, "A did not dial");
}

#[test]
fn both_ends_know_the_round_trip_of_their_handshake_and_when_they_were_last_heard() {
    let mut pair = Pair::new();
    assert_eq!(pair.node_a().device.handshake_round_trip(pair.ab), None);
    assert_eq!(pair.node_a().device.last_received(pair.ab), None);
    pair.send_a(b"first");
    pair.world.run_for(SECOND);
    let (a, b) = (pair.node_a(), pair.node_b());
    assert_eq!(a.device.handshake_round_trip(pair.ab), Some(40 * MILLISECOND));
    assert_eq!(b.device.handshake_round_trip(pair.ba), Some(40 * MILLISECOND));
    assert_eq!(b.device.last_received(pair.ba), Some(b.received[0].0));
}
