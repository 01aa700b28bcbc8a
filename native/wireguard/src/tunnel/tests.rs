//! Two tunnels hand to hand, without a device around them.

use std::time::{Duration, Instant};

use super::{Clock, Content, Identity, REJECT_AFTER_MESSAGES, Refused, Tunnel};
use crate::index_table::TunnelIndex;
use crate::keys::PrivateKey;

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

fn tunnel(own: u8, other: u8, now: Instant) -> Tunnel {
    let clock = Clock::new(now);
    let identity = Identity::new(key(own), clock, now);
    Tunnel::new(&identity, &key(other).public_key(), None, TunnelIndex(own.into()), clock, now)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn after_simultaneous_initiations_the_greater_key_waits_ten_seconds_longer_to_renew() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let (from_one, from_two) = (one.initiate(now).expect("made"), two.initiate(now).expect("made"));
    let (by_one, by_two) =
        (one.answer(&from_two, now).expect("new"), two.answer(&from_one, now).expect("new"));
    one.complete(&by_two, now).expect("awaited");
    two.complete(&by_one, now).expect("awaited");
    let (greater, lesser) = if key(1).public_key() > key(2).public_key() { (one, two) } else { (two, one) };
    assert!(!lesser.stale_for_sending(now + seconds(119)));
    assert!(lesser.stale_for_sending(now + seconds(120)));
    assert!(!greater.stale_for_sending(now + seconds(129)));
    assert!(greater.stale_for_sending(now + seconds(130)));
    assert!(!greater.stale_for_receiving(now + seconds(174)));
    assert!(greater.stale_for_receiving(now + seconds(175)));
}

#[test]
fn only_an_initiator_renews_and_after_a_plain_handshake_whatever_its_key() {
    for (initiator, responder) in [(1, 2), (2, 1)] {
        let now = warren_testing::start();
        let (mut one, mut two) = (tunnel(initiator, responder, now), tunnel(responder, initiator, now));
        let response = two.answer(&one.initiate(now).expect("made"), now).expect("new");
        let (_, keepalive) = one.complete(&response, now).expect("awaited");
        assert!(two.sealing(now).is_none(), "not before the first datagram");
        let received = two.open(&keepalive, &mut [0; 32], now).expect("authentic");
        assert_eq!((received.content, received.confirmed), (Content::Keepalive, true));
        assert!(one.stale_for_sending(now + seconds(120)) && one.stale_for_receiving(now + seconds(165)));
        assert!(!one.stale_for_sending(now + seconds(119)) && !one.stale_for_receiving(now + seconds(164)));
        assert!(!two.stale_for_sending(now + seconds(179)) && !two.stale_for_receiving(now + seconds(179)));
    }
}

#[test]
fn a_response_long_under_way_gives_no_session_that_outlives_the_other_ends() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let response = two.answer(&one.initiate(now).expect("made"), now).expect("new");
    let (session, keepalive) = one.complete(&response, now + seconds(60)).expect("awaited");
    two.open(&keepalive, &mut [0; 32], now + seconds(60)).expect("authentic");
    let theirs = two.sealing(now + seconds(60)).expect("confirmed").expires();
    assert!(session.expires() <= theirs, "what one seals, two still opens");
}

#[test]
fn at_most_four_handshakes_of_a_peer_go_unfinished_while_a_session_lives() {
    let mut now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let response = two.answer(&one.initiate(now).expect("made"), now).expect("new");
    let (_, keepalive) = one.complete(&response, now).expect("awaited");
    two.open(&keepalive, &mut [0; 32], now).expect("authentic");
    let mut in_use = Vec::new();
    one.seal(&[0x60; 64], &mut in_use, now);
    let mut keepalives = Vec::new();
    for _ in 0..5 {
        now += seconds(5);
        let response = two.answer(&one.initiate(now).expect("made"), now).expect("new");
        keepalives.push(one.complete(&response, now).expect("awaited").1);
        assert!(two.sealing(now).is_some());
    }
    assert_eq!(two.sessions.iter().flatten().count(), 5, "one in use, four that wait");
    assert!(two.open(&in_use, &mut [0; 128], now).is_ok(), "the one in use is still there");
    let outcomes = keepalives.iter().map(|keepalive| two.open(keepalive, &mut [0; 32], now).err());
    assert!(outcomes.eq([Some(Refused::UnknownSession), None, None, None, None]));
}

#[test]
fn before_there_is_a_session_every_unfinished_handshake_may_still_be_the_one() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let mut keepalives = Vec::new();
    for number in 0..6 {
        let at = now + seconds(5 * number);
        let response = two.answer(&one.initiate(at).expect("made"), at).expect("new");
        keepalives.push(one.complete(&response, at).expect("awaited").1);
    }
    let now = now + seconds(30);
    assert!(keepalives.iter().all(|keepalive| two.open(keepalive, &mut [0; 32], now).is_ok()));
}

#[test]
fn the_last_counter_ends_a_session_before_it_is_used_up() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let response = two.answer(&one.initiate(now).expect("made"), now).expect("new");
    one.complete(&response, now).expect("awaited");
    // The keepalive of the handshake was 0.
    one.sealed_before = REJECT_AFTER_MESSAGES - 3;
    let mut datagrams = Vec::new();
    assert_eq!(one.seal(&[0x60; 64], &mut datagrams, now), REJECT_AFTER_MESSAGES - 2);
    assert!(one.sealing(now).is_some());
    assert_eq!(one.seal(&[0x60; 64], &mut datagrams, now), REJECT_AFTER_MESSAGES - 1);
    assert!(one.sealing(now).is_none(), "the next would be REJECT_AFTER_MESSAGES");
}

#[test]
fn a_series_of_initiations_older_than_ninety_seconds_costs_no_session() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let first = one.initiate(now).expect("made");
    let _second_goes_unanswered = one.initiate(now + seconds(5)).expect("made");
    let response = two.answer(&first, now + seconds(6)).expect("new");
    one.complete(&response, now + seconds(6)).expect("the one before is still awaited");
    let later = now + seconds(100);
    assert!(!one.fit_for_handshake(later), "boringtun would wipe the session now");
    one.expire(later);
    assert_eq!(one.complete(&response, later).err(), Some(Refused::UnknownSession));
    let mut datagram = Vec::new();
    one.seal(&[0x60; 64], &mut datagram, later);
    assert!(two.open(&datagram, &mut [0; 128], later).is_ok());
}
