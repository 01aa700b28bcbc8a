//! Datagrams of strangers, liars and broken peers.

use std::time::Duration;

use rand_pcg::rand_core::Rng;
use warren_testing::{Datagram, Link, Node, Seed};
use warren_wireguard::{Config, Event, MAX_DATAGRAM, Path, ReceiveDrops, Sent};

use crate::node::*;

#[test]
fn junk_of_every_size_and_type_is_counted_and_harmless() {
    let mut pair = Pair::connected();
    let mut rng = Seed::of_this_run().rng();
    let receiver = pair.node_a().sent.last().map(|(_, one)| one.bytes[4..8].to_vec()).expect("data was sent");
    let mut plaintext = vec![0; MAX_DATAGRAM];
    let lengths = (0..2_000).chain([4_000, 9_000, 32_767, 65_507, 65_535]);
    for length in lengths {
        for kind in 0..6u8 {
            let mut junk = vec![0; length];
            rng.fill_bytes(&mut junk);
            junk.iter_mut().zip([kind, 0, 0, 0]).for_each(|(byte, start)| *byte = start);
            if kind == DATA && length > 16 {
                // For the live session, with a counter that is now and then extreme.
                junk[4..8].copy_from_slice(&receiver);
                let counter = [u64::MAX, u64::MAX - 8_192, u64::MAX - 8_191, 0, 1 << 60][length % 5];
                junk[8..16].copy_from_slice(&counter.to_le_bytes());
            }
            let path = Path { remote: address(66), local: None };
            let now = pair.world.now();
            let opened = pair
                .world
                .with(pair.b, |node, _| node.device.handle_datagram(path, &mut junk, &mut plaintext, now));
            assert_eq!(opened, None);
        }
    }
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
    assert!(matches!(pair.send_a(b"unimpressed"), Sent::Sealed(_)));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"unimpressed".as_slice()));
    assert!(pair.world.node(pair.b).sent.iter().all(|(_, one)| one.to == pair.a), "junk gets no answer");
}

#[test]
fn every_message_of_a_handshake_survives_the_flip_of_any_bit() {
    let mut pair = Pair::connected();
    pair.send_a(b"data");
    pair.world.run_for(SECOND);
    let log: Vec<Datagram> = [pair.node_a(), pair.node_b()]
        .iter()
        .flat_map(|node| node.sent.iter().map(|(_, one)| one.clone()))
        .collect();
    for original in log {
        for bit in 0..original.bytes.len() * 8 {
            let mut flipped = original.clone();
            flipped.bytes[bit / 8] ^= 1 << (bit % 8);
            flipped.from = address(66);
            pair.world.with(original.to, |node, now| node.handle_datagram(flipped, now));
        }
    }
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
    assert!(matches!(pair.send_a(b"unharmed"), Sent::Sealed(_)));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"unharmed".as_slice()));
}

/// All that a node dropped on receipt, whatever the reason.
fn dropped(node: &WireGuard) -> u64 {
    let ReceiveDrops {
        malformed,
        oversized,
        unknown_index,
        wrong_mac1,
        unauthenticated,
        replayed,
        expired,
        not_ip,
        wrong_source,
        stale_initiations,
        strangers,
        under_load,
        source_limited,
        handshake_overflow,
    } = node.device.stats().received.clone();
    let of_format = malformed + oversized + not_ip + wrong_source;
    let of_keys = unknown_index + wrong_mac1 + unauthenticated + replayed + expired;
    let of_handshakes = stale_initiations + strangers + under_load + source_limited + handshake_overflow;
    of_format + of_keys + of_handshakes
}

/// One message of each type, on its way to its receiver for the first time: initiation, response, cookie reply, data.
fn one_of_each() -> (Pair, Vec<Datagram>) {
    let (mut pair, _) = dialled_under_load();
    let cookie = pair.node_b().sent.iter().find(|(_, one)| one.bytes[0] == COOKIE_REPLY && one.to == pair.a);
    let mut messages = vec![cookie.expect("A was sent one").1.clone()];
    pair.world.run_for(3 * SECOND);
    pair.send_a(b"data");
    let all = [pair.node_a(), pair.node_b()].map(|node| node.sent.clone()).concat();
    for kind in [INITIATION, RESPONSE, DATA] {
        let one = all.iter().rfind(|(_, one)| one.bytes[0] == kind).expect("all were sent");
        messages.push(one.1.clone());
    }
    pair.world.run_for(SECOND);
    (pair, messages)
}

#[test]
fn every_flip_of_a_bit_is_counted_for_one_reason() {
    let (mut pair, messages) = one_of_each();
    for original in messages {
        for bit in 0..original.bytes.len() * 8 {
            let before = dropped(pair.world.node(original.to));
            let mut flipped = original.clone();
            flipped.bytes[bit / 8] ^= 1 << (bit % 8);
            pair.world.with(original.to, |node, now| node.handle_datagram(flipped, now));
            pair.world.run_for(MILLISECOND);
            let counted = dropped(pair.world.node(original.to)) - before;
            assert_eq!(counted, 1, "type {}, bit {bit}", original.bytes[0]);
        }
    }
    let stats = pair.node_b().device.stats();
    assert!(stats.received.wrong_mac1 > 800, "of an initiation's 116 signed bytes and 16 of mac1: {stats:?}");
}

#[test]
fn truncated_lengthened_and_mistyped_messages_are_malformed() {
    let (mut pair, messages) = one_of_each();
    for original in messages {
        let kind = original.bytes[0];
        let mut wrong: Vec<Vec<u8>> = Vec::new();
        let shortest = if kind == DATA { 32 } else { original.bytes.len() };
        (0..shortest).for_each(|length| wrong.push(original.bytes[..length].to_vec()));
        if kind != DATA {
            wrong.extend([1, 2, 100, 1_000, 65_359].map(|more| [&*original.bytes, &vec![0; more]].concat()));
        }
        for reserved in 1..4 {
            let mut bytes = original.bytes.clone();
            bytes[reserved] = 1;
            wrong.push(bytes);
        }
        for other in [0, 5, 64, 255] {
            let mut bytes = original.bytes.clone();
            bytes[0] = other;
            wrong.push(bytes);
        }
        for bytes in wrong {
            let before = pair.world.node(original.to).device.stats().received.clone();
            let datagram = Datagram { bytes, ..original.clone() };
            pair.world.with(original.to, |node, now| node.handle_datagram(datagram, now));
            let expected = ReceiveDrops { malformed: before.malformed + 1, ..before };
            assert_eq!(pair.world.node(original.to).device.stats().received, expected, "type {kind}");
        }
    }
}

#[test]
fn the_longest_datagram_of_udp_is_oversized_as_data_and_malformed_as_anything_else() {
    let mut pair = Pair::connected();
    for (kind, oversized, malformed) in [(DATA, 1, 0), (INITIATION, 1, 1), (RESPONSE, 1, 2), (0, 1, 3)] {
        let mut bytes = vec![0; 65_507];
        bytes[0] = kind;
        let datagram = Datagram { from: address(66), to: pair.b, bytes };
        pair.world.with(pair.b, |node, now| node.handle_datagram(datagram, now));
        let drops = &pair.node_b().device.stats().received;
        assert_eq!((drops.oversized, drops.malformed), (oversized, malformed));
    }
}

#[test]
fn a_wrong_first_mac_is_dropped_before_any_other_work() {
    let (mut pair, messages) = one_of_each();
    for original in messages.into_iter().filter(|one| [INITIATION, RESPONSE].contains(&one.bytes[0])) {
        for loaded in [false, true] {
            if loaded {
                flood(&mut pair);
                pair.world.run_for(10 * MILLISECOND);
            }
            let mut forged = original.clone();
            let mac1 = forged.bytes.len() - 32;
            forged.bytes[mac1] ^= 1;
            let node = pair.world.node(original.to);
            let (before, deadline) = (node.device.stats().clone(), node.poll_timeout());
            let sent = node.sent.len();
            pair.world.with(original.to, |node, now| {
                node.handle_datagram(forged, now);
                let mut expected = before;
                expected.received.wrong_mac1 += 1;
                assert_eq!((node.device.stats(), node.poll_timeout()), (&expected, deadline));
            });
            assert_eq!(pair.world.node(original.to).sent.len(), sent, "and gets no answer");
        }
    }
}

#[test]
fn data_is_opened_before_the_handshakes_that_came_with_it() {
    let mut pair = Pair::connected();
    let now = pair.world.now();
    let other = WireGuard::new(config(3), address(3), now);
    pair.world
        .with(pair.b, |node, now| node.device.add_peer(peer(key(3).public_key(), None), now))
        .expect("new");
    pair.world.add(address(3), other);
    let to_b = peer(key(2).public_key(), Some(pair.b));
    let initiation = pair.world.with(address(3), |node, now| {
        let id = node.device.add_peer(to_b, now).expect("it is new");
        node.device.initiate(id, now);
        node.poll_transmit(now).expect("an initiation")
    });
    pair.send_a(b"urgent");
    let data = pair.node_a().sent.last().expect("it was sent").1.clone();
    pair.world.with(pair.b, |node, now| {
        node.handle_datagram(initiation, now);
        assert_eq!(node.device.poll_timeout().map(|(_, reason)| reason), Some("handshakes waiting"));
        node.handle_datagram(data, now);
        assert_eq!(texts(node).last(), Some(&b"urgent".as_slice()));
        assert_eq!(node.device.stats().initiations_answered, 1, "that of A, and not yet this one");
    });
    assert_eq!(pair.node_b().device.stats().initiations_answered, 2, "now, for the batch is over");
    assert_eq!(
        pair.node_b().sent.last().map(|(_, one)| (one.bytes[0], one.to)),
        Some((RESPONSE, address(3)))
    );
}

#[test]
fn nobody_who_is_not_a_peer_gets_more_bytes_than_it_sends() {
    let mut pair = Pair::connected();
    let mut rng = Seed::of_this_run().rng();
    flood(&mut pair);
    let (mut received, mut answered) = (0, 0);
    for _ in 0..20_000 {
        let (kind, length) = [(INITIATION, 148), (RESPONSE, 92), (COOKIE_REPLY, 64), (DATA, 96), (DATA, 32)]
            [(rng.next_u32() % 5) as usize];
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        bytes[..4].copy_from_slice(&[kind, 0, 0, 0]);
        if [INITIATION, RESPONSE].contains(&kind) {
            let mac1 = mac1(&key(2).public_key(), &bytes[..length - 32]);
            bytes[length - 32..length - 16].copy_from_slice(&mac1);
        }
        let from = address(100 + (rng.next_u32() % 100) as u8);
        let before = pair.node_b().sent.len();
        pair.world
            .with(pair.b, |node, now| node.handle_datagram(Datagram { from, to: address(2), bytes }, now));
        let out: usize = pair.node_b().sent[before..].iter().map(|(_, one)| one.bytes.len()).sum();
        assert!(out <= length, "{out} bytes for {length} of type {kind}");
        received += length;
        answered += out;
        if rng.next_u32().is_multiple_of(10) {
            pair.world.run_for(MILLISECOND);
        }
    }
    assert!(answered > 0 && answered < received / 2, "{answered} bytes for {received}");
}

#[test]
fn a_peer_that_begins_a_thousand_handshakes_a_second_is_answered_fifty_times_and_others_as_ever() {
    let mut pair = Pair::connected();
    let third = peer(key(3).public_key(), Some(address(3)));
    let third = pair.world.with(pair.b, |node, now| node.device.add_peer(third, now)).expect("it is new");
    let before = pair.node_b().device.stats().initiations_answered;
    for _ in 0..1_000 {
        // A device of its own for each, with the key of the third.
        let now = pair.world.now();
        let mut own = WireGuard::new(config(3), address(3), now);
        let id = own.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
        own.device.initiate(id, now);
        let initiation = own.poll_transmit(now).expect("an initiation");
        pair.world.with(pair.b, |node, now| node.handle_datagram(initiation, now));
        pair.world.run_for(MILLISECOND);
    }
    let stats = pair.node_b().device.stats();
    let answered = stats.initiations_answered - before;
    assert!((10..=55).contains(&answered), "{answered} in a second");
    assert!(stats.received.stale_initiations + stats.received.under_load > 0, "{stats:?}");
    assert!(format!("{:?}", pair.node_b().device).contains("tunnels: 2"));
    // A has to renew its keys, and does.
    pair.world.run_for(121 * SECOND);
    pair.world.with(pair.b, |node, now| node.device.remove_peer(third, now));
    pair.send_a(b"renews");
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().count(|event| *event == Event::Rekeyed { peer: pair.ba }), 1);
}

#[test]
fn a_replayed_initiation_is_answered_once() {
    let mut pair = Pair::connected();
    let initiation = pair.node_a().sent[0].1.clone();
    for _ in 0..10 {
        let replayed = Datagram { from: address(66), ..initiation.clone() };
        pair.world.with(pair.b, |node, now| node.handle_datagram(replayed, now));
        pair.world.run_for(SECOND);
    }
    assert_eq!(pair.node_b().sent_of(RESPONSE), 1);
    assert_eq!(pair.node_b().device.stats().received.stale_initiations, 10);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
}

#[test]
fn a_packet_longer_than_our_mtu_is_dropped_and_its_peer_told_of_once() {
    let mut pair = Pair::of(Config { mtu: 1_500, ..config(1) });
    pair.send_a(b"first");
    pair.world.run_for(SECOND);
    for _ in 0..3 {
        assert!(matches!(pair.send_a(&[7; 1_460]), Sent::Sealed(_)));
        pair.world.run_for(SECOND);
    }
    pair.send_a(b"last");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"first".as_slice(), b"last"]);
    let node = pair.node_b();
    assert_eq!(node.device.stats().received.oversized, 3);
    assert_eq!(node.count(|event| matches!(event, Event::Oversized { len: 1_500, .. })), 1);
}

#[test]
fn what_no_jumbo_frame_carries_is_opened_only_where_it_came_over_the_loopback() {
    let long = |number| Config { max_mtu: 65_472, ..config(number) };
    let mut pair = Pair::both(long(1), long(2));
    pair.send_a(b"first");
    pair.world.run_for(SECOND);
    for (length, source, opens) in
        [(8_920, "192.0.2.1:1", true), (8_937, "192.0.2.1:1", false), (65_472, "[::1]:1", true)]
    {
        pair.send_a(&vec![7; length - 40]);
        let mut datagram = pair.node_a().sent.last().expect("it was sent").1.clone();
        datagram.from = source.parse().expect("an address");
        let before = pair.node_b().packets().len();
        pair.world.with(pair.b, |node, now| node.handle_datagram(datagram, now));
        assert_eq!(pair.node_b().packets().len() - before, usize::from(opens), "{length} from {source}");
    }
}

#[test]
fn what_is_longer_than_our_mtu_and_not_of_the_peer_tells_of_nobody() {
    let mut pair = Pair::connected();
    let mut long = pair.node_a().sent.last().expect("data was sent").1.clone();
    long.bytes.resize(1_424 + 32 + 1, 0);
    long.bytes[8..16].copy_from_slice(&100u64.to_le_bytes());
    pair.world.with(pair.b, |node, now| node.handle_datagram(long, now));
    assert_eq!(pair.node_b().device.stats().received.unauthenticated, 1);
    assert_eq!(pair.node_b().count(|event| matches!(event, Event::Oversized { .. })), 0);
}

#[test]
fn a_buffer_that_is_too_small_drops_a_datagram_instead_of_ending_the_process() {
    let mut pair = Pair::connected();
    let mut datagram = pair.node_a().sent.last().expect("data was sent").1.clone();
    let path = Path { remote: datagram.from, local: None };
    let now = pair.world.now();
    let opened = pair
        .world
        .with(pair.b, |node, _| node.device.handle_datagram(path, &mut datagram.bytes, &mut [0; 8], now));
    assert_eq!(opened, None);
    assert_eq!(pair.node_b().device.stats().received.oversized, 1);
}

/// A dials B while B is under load; A's second initiation, with its cookie.
fn dialled_under_load() -> (Pair, Datagram) {
    let mut pair = Pair::new();
    pair.send_a(b"through the flood");
    pair.world.run_for(19 * MILLISECOND);
    flood(&mut pair);
    pair.world.run_until(SECOND, |world| world.node(address(1)).sent_of(INITIATION) == 2);
    let retry = pair.node_a().sent.last().expect("the second initiation").1.clone();
    (pair, retry)
}

#[test]
fn under_load_only_those_who_return_a_cookie_are_answered_and_they_retry_at_once() {
    let (mut pair, _) = dialled_under_load();
    let to_the_flood = pair.node_b().sent.iter().filter(|(_, one)| one.to == address(9)).count();
    assert!((1..10).contains(&to_the_flood), "one source of thousands gets few cookies: {to_the_flood}");
    assert_eq!(pair.node_b().sent_of(RESPONSE), 0);
    let times = pair.node_a().times_of(INITIATION);
    let waited = times[1] - times[0];
    assert!(
        (60 * MILLISECOND..=373 * MILLISECOND).contains(&waited),
        "a round trip and the jitter: {waited:?}"
    );
    flood(&mut pair);
    pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
    assert_eq!(pair.node_a().sent_of(INITIATION), 2);
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
}

#[test]
fn under_load_our_own_dials_are_not_made_to_wait() {
    let mut pair = Pair::new();
    pair.send_b(b"out");
    flood(&mut pair);
    pair.world.run_for(30 * MILLISECOND);
    flood(&mut pair);
    let took = pair.world.run_until(SECOND, |world| !world.node(address(1)).received.is_empty());
    assert_eq!(took, 30 * MILLISECOND);
}

#[test]
fn a_cookie_is_good_for_its_address_and_port_only() {
    let (mut pair, retry) = dialled_under_load();
    assert_ne!(retry.bytes[132..], [0; 16], "it carries mac2");
    flood(&mut pair);
    let mut elsewhere = retry.clone();
    elsewhere.from.set_port(4_242);
    let before = pair.node_b().sent_of(COOKIE_REPLY);
    pair.world.with(pair.b, |node, now| node.handle_datagram(elsewhere, now));
    assert_eq!(pair.node_b().sent_of(COOKIE_REPLY), before + 1, "another port has to show itself anew");
    assert_eq!(pair.node_b().sent_of(RESPONSE), 0);
    pair.world.with(pair.b, |node, now| node.handle_datagram(retry, now));
    pair.world.run_for(10 * MILLISECOND);
    assert_eq!(pair.node_b().sent_of(RESPONSE), 1);
}

#[test]
fn a_cookie_is_good_for_two_minutes_only() {
    let (mut pair, retry) = dialled_under_load();
    pair.world.network.set_link(pair.a, pair.b, Link::down());
    pair.world.remove(pair.a);
    pair.world.run_for(Duration::from_secs(121));
    flood(&mut pair);
    let before = pair.node_b().sent_of(COOKIE_REPLY);
    pair.world.with(pair.b, |node, now| node.handle_datagram(retry, now));
    assert_eq!(pair.node_b().sent_of(COOKIE_REPLY), before + 1);
}

#[test]
fn a_forged_cookie_reply_changes_nothing() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::down());
    pair.send_a(b"hello");
    let index = pair.node_a().sent[0].1.bytes[4..8].to_vec();
    let mut forged = vec![0x55; 64];
    forged[..4].copy_from_slice(&[COOKIE_REPLY, 0, 0, 0]);
    forged[4..8].copy_from_slice(&index);
    let datagram = Datagram { from: address(66), to: pair.a, bytes: forged };
    pair.world.with(pair.a, |node, now| node.handle_datagram(datagram, now));
    pair.world.run_for(4 * SECOND);
    let sent = &pair.node_a().sent;
    assert!(sent[1].0 - sent[0].0 >= 250 * MILLISECOND, "no try was hurried");
    assert!(sent.iter().all(|(_, one)| one.bytes[132..] == [0; 16]), "and none carries a cookie");
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
}

#[test]
fn a_low_order_ephemeral_key_is_refused() {
    let mut pair = Pair::new();
    pair.send_a(b"hello");
    let mut initiation = pair.node_a().sent[0].1.clone();
    initiation.bytes[8..40].fill(0);
    let mac1 = mac1(&key(2).public_key(), &initiation.bytes[..116]);
    initiation.bytes[116..132].copy_from_slice(&mac1);
    pair.world.with(pair.b, |node, now| node.handle_datagram(initiation, now));
    assert_eq!(pair.node_b().device.stats().received.unauthenticated, 1);
    assert!(pair.node_b().sent.is_empty());
}
