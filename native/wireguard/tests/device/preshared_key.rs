//! Pre-shared keys: the right one, the wrong one, and changing it while the tunnel lives.

use std::time::Duration;

use warren_wireguard::{Event, PeerChanges, PresharedKey, PrivateKey, Sent};

use crate::node::*;

fn psk(number: u8) -> Option<PresharedKey> {
    Some(PresharedKey::from_bytes([number; 32]))
}

fn change(pair: &mut Pair, node: u8, new: Option<PresharedKey>) {
    let (at, id) = if node == 1 { (pair.a, pair.ab) } else { (pair.b, pair.ba) };
    let changes = PeerChanges { preshared_key: Some(new), ..PeerChanges::default() };
    pair.world.with(at, |node, now| node.device.update_peer(id, changes, now)).expect("it is there");
}

#[test]
fn the_same_key_on_both_ends_connects() {
    let mut pair = Pair::with(|to_b, to_a| (to_b.preshared_key, to_a.preshared_key) = (psk(9), psk(9)));
    pair.send_a(b"secret");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"secret"]);
}

#[test]
fn different_keys_never_connect_and_leave_no_session() {
    for (ours, theirs) in [(psk(9), psk(8)), (psk(9), None), (None, psk(8))] {
        let mut pair = Pair::with(|to_b, to_a| (to_b.preshared_key, to_a.preshared_key) = (ours, theirs));
        pair.send_a(b"secret");
        pair.world.run_for(Duration::from_secs(300));
        assert!(pair.node_b().received.is_empty());
        for node in [pair.node_a(), pair.node_b()] {
            assert_eq!(node.count(|event| matches!(event, Event::Up { .. } | Event::Rekeyed { .. })), 0);
        }
        assert!(pair.node_a().device.stats().received.unauthenticated > 10, "the responses");
    }
}

#[test]
fn a_key_changed_on_both_ends_takes_effect_at_the_next_handshake_without_a_gap() {
    let mut pair = Pair::connected();
    change(&mut pair, 1, psk(9));
    pair.world.run_for(10 * SECOND);
    assert!(matches!(pair.send_a(b"old session"), Sent::Sealed(_)));
    change(&mut pair, 2, psk(9));
    for _ in 0..300 {
        assert!(matches!(pair.send_a(b"on and on"), Sent::Sealed(_)));
        assert!(matches!(pair.send_b(b"on and on"), Sent::Sealed(_)));
        pair.world.run_for(SECOND);
    }
    assert_eq!((pair.node_a().received.len(), pair.node_b().received.len()), (300, 302));
    assert!(pair.node_a().count(|event| matches!(event, Event::Rekeyed { .. })) >= 2);
}

#[test]
fn a_key_changed_on_one_end_lets_the_old_session_live_for_its_time_only() {
    let mut pair = Pair::connected();
    change(&mut pair, 1, psk(9));
    for _ in 0..170 {
        pair.world.run_for(SECOND);
        assert!(matches!(pair.send_a(b"old session"), Sent::Sealed(_)));
    }
    pair.world.run_for(15 * SECOND);
    assert_eq!(pair.send_a(b"no session"), Sent::Staged);
    pair.world.run_for(60 * SECOND);
    assert_eq!(pair.node_b().received.len(), 171);
    change(&mut pair, 2, psk(9));
    pair.send_a(b"together again");
    pair.world.run_until(6 * SECOND, |world| {
        texts(world.node(address(2))).last() == Some(&b"together again".as_slice())
    });
}

#[test]
fn a_response_under_the_old_key_is_not_accepted_after_the_change() {
    let mut pair = Pair::new();
    pair.send_a(b"staged");
    change(&mut pair, 1, psk(9));
    pair.world.run_for(3 * SECOND);
    assert!(!pair.node_a().device.has_session(pair.ab));
    change(&mut pair, 2, psk(9));
    pair.world.run_for(4 * SECOND);
    assert_eq!(texts(pair.node_b()), [b"staged"]);
}

#[test]
fn changing_a_key_again_and_again_keeps_the_session_and_no_more_than_two_tunnels() {
    let mut pair = Pair::connected();
    for number in 0..50 {
        change(&mut pair, 1, psk(number));
        pair.world.run_for(SECOND);
        assert!(matches!(pair.send_a(b"still"), Sent::Sealed(_)));
        assert!(format!("{:?}", pair.node_a().device).contains("tunnels: 2"));
    }
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().received.len(), 51);
    pair.world.run_for(Duration::from_secs(180));
    assert!(!format!("{:?}", pair.node_a().device).contains("tunnels: 2"), "the old one is gone by now");
}

#[test]
fn no_key_is_in_an_error_an_event_or_a_panic() {
    let secret = key(1).to_base64();
    let texts = [
        PrivateKey::from_base64(&secret[1..]).expect_err("too short").to_string(),
        format!("{:?}", PresharedKey::from_base64(&secret[1..]).expect_err("too short")),
        PrivateKey::try_from(&key(1).as_bytes()[1..]).expect_err("too short").to_string(),
    ];
    let mut pair = Pair::with(|to_b, to_a| (to_b.preshared_key, to_a.preshared_key) = (psk(9), psk(9)));
    pair.send_a(b"secret");
    pair.world.run_for(Duration::from_secs(200));
    let events = format!("{:?} {:?}", pair.node_a().events, pair.node_b().events);
    let mut again = peer(key(2).public_key(), None);
    again.preshared_key = psk(9);
    let refused = pair.world.with(pair.a, |node, now| node.device.add_peer(again, now));
    let panicked = std::panic::catch_unwind(|| -> () {
        panic!("{:?}", (refused, config(1), psk(9), peer(key(2).public_key(), None)))
    });
    let panicked = *panicked.expect_err("it panics").downcast::<String>().expect("a text");
    assert!(panicked.contains("redacted"), "{panicked}");
    for text in texts.into_iter().chain([events, panicked]) {
        assert!(!text.contains(&secret[1..]) && !text.contains(&secret[..40]), "{text}");
        assert!(!text.contains("CQkJ") && !text.contains("9, 9, 9") && !text.contains("1, 1, 1"), "{text}");
    }
}

#[test]
fn no_key_is_ever_printed() {
    let private = key(1);
    let secret = private.to_base64();
    let preshared = PresharedKey::from_bytes([9; 32]);
    let mut pair = Pair::with(|to_b, to_a| (to_b.preshared_key, to_a.preshared_key) = (psk(9), psk(9)));
    pair.send_a(b"secret");
    pair.world.run_for(SECOND);
    let mut config_of_peer = peer(private.public_key(), None);
    config_of_peer.preshared_key = Some(preshared.clone());
    let changes = PeerChanges { preshared_key: Some(Some(preshared.clone())), ..PeerChanges::default() };
    let printed = [
        format!("{private:?} {private:#?}"),
        format!("{preshared:?} {preshared:#?}"),
        format!("{:?}", config(1)),
        format!("{config_of_peer:?} {changes:?}"),
        format!("{:?} {:#?}", pair.node_a().device, pair.node_a().device),
        format!("{:?} {:?}", pair.node_a().device.stats(), pair.node_a().device.peer_stats(pair.ab)),
    ];
    for text in printed {
        assert!(!text.contains(secret.as_str()), "{text}");
        // Bytes in decimal or hexadecimal, and the base64 of the pre-shared key.
        assert!(!text.contains("9, 9, 9") && !text.contains("0909") && !text.contains("CQkJ"), "{text}");
        assert!(!text.contains("1, 1, 1") && !text.contains("010101"), "{text}");
    }
}
