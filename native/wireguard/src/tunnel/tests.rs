//! Two tunnels hand to hand, without a device around them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::{Clock, Completed, Content, Identity, NotOpened, REJECT_AFTER_MESSAGES, Tunnel};
use crate::cookie::{Cookies, has_cookie};
use crate::index_table::TunnelIndex;
use crate::keys::PrivateKey;
use crate::random::Random;

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

fn tunnel(own: u8, other: u8, now: Instant) -> Tunnel {
    let clock = Clock::new(now);
    let identity = Identity::new(key(own), clock, now);
    Tunnel::new(&identity, &key(other).public_key(), None, TunnelIndex(own.into()), clock, None, now)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn after_simultaneous_initiations_the_greater_key_waits_ten_seconds_longer_to_renew() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let (from_one, from_two) =
        (one.initiate(&mut None, now).expect("made"), two.initiate(&mut None, now).expect("made"));
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
        let response = two.answer(&one.initiate(&mut None, now).expect("made"), now).expect("new");
        let keepalive = one.complete(&response, now).expect("awaited").keepalive;
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
    let response = two.answer(&one.initiate(&mut None, now).expect("made"), now).expect("new");
    let Completed { session, keepalive, .. } = one.complete(&response, now + seconds(60)).expect("awaited");
    two.open(&keepalive, &mut [0; 32], now + seconds(60)).expect("authentic");
    let theirs = two.sealing(now + seconds(60)).expect("confirmed").expires();
    assert!(session.expires() <= theirs, "what one seals, two still opens");
}

#[test]
fn at_most_four_handshakes_of_a_peer_go_unfinished_while_a_session_lives() {
    let mut now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let response = two.answer(&one.initiate(&mut None, now).expect("made"), now).expect("new");
    let keepalive = one.complete(&response, now).expect("awaited").keepalive;
    two.open(&keepalive, &mut [0; 32], now).expect("authentic");
    let mut in_use = Vec::new();
    one.seal(&[0x60; 64], &mut in_use, now);
    let mut keepalives = Vec::new();
    for _ in 0..5 {
        now += seconds(5);
        let response = two.answer(&one.initiate(&mut None, now).expect("made"), now).expect("new");
        keepalives.push(one.complete(&response, now).expect("awaited").keepalive);
        assert!(two.sealing(now).is_some());
    }
    assert_eq!(two.sessions.iter().flatten().count(), 5, "one in use, four that wait");
    assert!(two.open(&in_use, &mut [0; 128], now).is_ok(), "the one in use is still there");
    let outcomes = keepalives.iter().map(|keepalive| two.open(keepalive, &mut [0; 32], now).err());
    assert!(outcomes.eq([Some(NotOpened::UnknownSession), None, None, None, None]));
}

#[test]
fn before_there_is_a_session_every_unfinished_handshake_may_still_be_the_one() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let mut keepalives = Vec::new();
    for number in 0..6 {
        let at = now + seconds(5 * number);
        let response = two.answer(&one.initiate(&mut None, at).expect("made"), at).expect("new");
        keepalives.push(one.complete(&response, at).expect("awaited").keepalive);
    }
    let now = now + seconds(30);
    assert!(keepalives.iter().all(|keepalive| two.open(keepalive, &mut [0; 32], now).is_ok()));
}

#[test]
fn the_last_counter_ends_a_session_before_it_is_used_up() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let response = two.answer(&one.initiate(&mut None, now).expect("made"), now).expect("new");
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
    let first = one.initiate(&mut None, now).expect("made");
    let _second_goes_unanswered = one.initiate(&mut None, now + seconds(5)).expect("made");
    let response = two.answer(&first, now + seconds(6)).expect("new");
    one.complete(&response, now + seconds(6)).expect("the one before is still awaited");
    let later = now + seconds(100);
    assert!(!one.fit_for_handshake(later), "boringtun would wipe the session now");
    one.expire(later);
    assert_eq!(one.complete(&response, later).err(), Some(NotOpened::UnknownSession));
    let mut datagram = Vec::new();
    one.seal(&[0x60; 64], &mut datagram, later);
    assert!(two.open(&datagram, &mut [0; 128], later).is_ok());
}

#[test]
fn a_cookie_for_either_of_two_initiations_or_the_response_is_taken_and_returned_for_two_minutes() {
    let from = SocketAddr::from(([192, 0, 2, 1], 51_820));
    let mut random = Random::new([1; 32]);
    for which in 0..3 {
        let now = warren_testing::start();
        let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
        let mut cookies = Cookies::new(&key(2).public_key(), &mut random, now);
        let from_two = two.initiate(&mut None, now).expect("made");
        let response = one.answer(&from_two, now).expect("new");
        let older = one.initiate(&mut None, now + seconds(1)).expect("made");
        let newer = one.initiate(&mut None, now + seconds(2)).expect("made");
        let message: &[u8] = [older.as_slice(), newer.as_slice(), response.as_slice()][which];
        assert!(!has_cookie(message));
        let reply = cookies.reply(message, from, &mut random, now);
        let mut forged = reply;
        forged[40] ^= 1;
        assert_eq!(one.take_cookie(&forged, now + seconds(3)), Err(NotOpened::Unauthenticated));
        assert_eq!(one.take_cookie(&reply, now + seconds(3)), Ok(()));
        let third = one.initiate(&mut None, now + seconds(4)).expect("made");
        assert!(cookies.returned(&third, from, &mut random, now + seconds(4)), "message {which}");
        two.answer(&third, now + seconds(5)).expect("mac2 is none of the handshake's business");
        let later = one.initiate(&mut None, now + seconds(80)).expect("made");
        assert!(has_cookie(&later));
        one.initiated = None;
        let later = one.initiate(&mut None, now + seconds(124)).expect("made");
        assert!(!has_cookie(&later), "the other end's secret has changed");
    }
}

#[test]
fn the_answer_to_the_older_of_two_initiations_is_none_once_the_newer_was_answered() {
    let now = warren_testing::start();
    let (mut one, mut two) = (tunnel(1, 2, now), tunnel(2, 1, now));
    let older = one.initiate(&mut None, now).expect("made");
    let newer = one.initiate(&mut None, now + seconds(1)).expect("made");
    let to_older = two.answer(&older, now + seconds(1)).expect("new");
    let to_newer = two.answer(&newer, now + seconds(1)).expect("new");
    let completed = one.complete(&to_newer, now + seconds(2)).expect("awaited");
    assert_eq!(completed.newer, None);
    assert_eq!(one.complete(&to_older, now + seconds(2)).err(), Some(NotOpened::UnknownSession));
}
