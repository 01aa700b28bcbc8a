//! Whole messages.

use std::time::Duration;

use rand::{Rng, RngExt};
use warren_quic::{Config, GiveUp, Outcome};
use warren_testing::{Link, Seed};

use crate::support::*;

/// Bytes that tell their message and their place.
fn content(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) ^ at >> 8 ^ number.wrapping_mul(97)) as u8).collect()
}

#[test]
fn messages_of_all_sizes_arrive_whole_over_a_bad_path() {
    let sizes = [0, 1, 2, 63, 64, 1000, 1350, 1372, 5000, 65_535, 65_536, 65_537, 300_000, 1 << 20, 16 << 20];
    let link =
        Link { loss: 0.05, reorder: 0.1, duplicate: 0.02, jitter: Duration::from_millis(3), ..latency(10) };
    let (mut world, a, _) = pair(1, link);
    for (number, size) in sizes.into_iter().enumerate() {
        world.with(address(A), |node, _| node.send(a, 10, content(number, size)));
    }
    world.run_until(Duration::from_secs(3600), |world| world.node(address(A)).settled.len() == sizes.len());
    let received = &world.node(address(B)).messages;
    assert_eq!(received.len(), sizes.len());
    for (number, size) in sizes.into_iter().enumerate() {
        assert!(received.iter().any(|message| *message.bytes == content(number, size)), "{size} bytes");
    }
    assert!(world.node(address(A)).settled.values().all(|outcome| *outcome == Outcome::Delivered));
    assert_eq!(
        world.node(address(B)).quic.stats(world.node(address(B)).connected[0].0).unwrap().messages_held,
        0
    );
}

#[test]
fn small_messages_that_share_packets_arrive_in_the_order_in_which_they_were_sent() {
    let (mut world, a, _) = pair(6, latency(1));
    for number in 0..300 {
        world.with(address(A), |node, _| node.send(a, 0, content(number, 200 + number % 100)));
    }
    world.run_until(Duration::from_secs(60), |world| world.node(address(A)).settled.len() == 300);
    let received = &world.node(address(B)).messages;
    for (number, message) in received.iter().enumerate() {
        assert_eq!(*message.bytes, content(number, 200 + number % 100), "message {number}");
    }
    assert_eq!(received.len(), 300);
}

#[test]
fn a_message_too_long_for_the_receiver_is_refused_and_the_rest_goes_on() {
    let small = Config { message_bytes: 100_000, ..config(B, "test") };
    let (mut world, a, b) = pair_with(2, latency(10), config(A, "test"), small);
    let (long, short) = world.with(address(A), |node, _| {
        (node.send(a, 0, content(1, 5 << 20)), node.send(a, 0, content(2, 100_000)))
    });
    world.run_until(Duration::from_secs(10), |world| world.node(address(A)).settled.len() == 2);
    assert_eq!(world.node(address(A)).settled[&long], Outcome::Refused);
    assert_eq!(world.node(address(A)).settled[&short], Outcome::Delivered);
    let sent = world.node(address(A)).quic.stats(a).unwrap();
    assert_eq!(sent.messages_refused, 1);
    assert!(sent.bytes_sent < 2 << 20, "stops sending what is refused: {}", sent.bytes_sent);
    assert_eq!(world.node(address(B)).quic.stats(b).unwrap().messages_too_long, 1);
}

#[test]
fn unread_messages_hold_the_sender_and_none_is_lost() {
    let small = Config { message_bytes: 1 << 20, receive_bytes_per_connection: 2 << 20, ..config(B, "test") };
    let (mut world, a, b) = pair_with(3, latency(5), config(A, "test"), small);
    world.with(address(B), |node, _| node.releases = false);
    world.with(address(A), |node, _| {
        for number in 0..40 {
            node.send(a, 0, content(number, 500_000));
        }
    });
    world.run_for(Duration::from_secs(10));
    let held = world.node(address(B)).messages.len();
    assert_eq!(held, 4, "2 MiB hold four of them");
    assert_eq!(world.node(address(A)).settled.len(), 4);
    assert!(world.node(address(A)).quic.stats(a).unwrap().bytes_sent < 10 << 20);
    let mut released = 0;
    for _ in 0..200 {
        world.with(address(B), |node, now| {
            while released < node.messages.len() {
                node.quic.release_messages(b, 0, node.messages[released].bytes.len(), now);
                released += 1;
            }
        });
        world.run_for(Duration::from_millis(100));
    }
    let received = &world.node(address(B)).messages;
    assert_eq!(received.len(), 40);
    assert!((0..40).all(|number| *received[number].bytes == content(number, 500_000)), "in order");
}

#[test]
fn empty_messages_that_nobody_reads_are_bounded() {
    let small = Config { message_bytes: 1 << 17, receive_bytes_per_connection: 1 << 17, ..config(B, "test") };
    let (mut world, a, b) = pair_with(4, latency(1), config(A, "test"), small);
    world.with(address(B), |node, _| node.releases = false);
    world.with(address(A), |node, _| node.send_many(a, 0, 5000, Vec::new()));
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.node(address(B)).messages.len(), (1 << 17) / 512 + 1);
    world.with(address(B), |node, now| node.quic.release_messages(b, 0, 0, now));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(address(B)).messages.len(), (1 << 17) / 512 + 2);
}

#[test]
fn messages_given_up_end_the_same_at_both_ends_whatever_the_reason() {
    let mut by_reason = [0; 3];
    for seed in 0..30 {
        let link = Link { loss: 0.02, jitter: Duration::from_millis(2), reorder: 0.01, ..latency(10) };
        // Little room, and a reader who sleeps now and then: messages wait at the receiver, some of them whole.
        let small =
            Config { message_bytes: 1 << 18, receive_bytes_per_connection: 1 << 18, ..config(B, "test") };
        let (mut world, a, b) = pair_with(seed, link, config(A, "test"), small);
        let mut rng = Seed::exactly(seed).rng();
        let count = 80;
        for number in 0..count {
            let size = rng.random_range(0..150_000);
            let id =
                world.with(address(A), |node, _| node.send(a, (number % 3) as u8, content(number, size)));
            world.run_for(Duration::from_millis(rng.random_range(0..90)));
            if rng.random_bool(0.5) {
                let victim = rng.random_range(id.saturating_sub(5)..=id);
                let reason =
                    [GiveUp::Cancelled, GiveUp::Replaced, GiveUp::Expired][rng.random_range(0..3usize)];
                world.with(address(A), |node, _| node.give_up(a, victim, reason));
            }
            if rng.random_bool(0.1) {
                let releases = !world.node(address(B)).releases;
                world.with(address(B), |node, now| node.set_releases(b, releases, now));
            }
        }
        world.with(address(B), |node, now| node.set_releases(b, true, now));
        world.run_until(Duration::from_secs(120), |world| world.node(address(A)).settled.len() == count);
        let sender = world.node(address(A)).quic.stats(a).unwrap();
        let receiver = world.node(address(B)).quic.stats(b).unwrap();
        let sent = [sender.messages_cancelled, sender.messages_replaced, sender.messages_expired];
        assert_eq!(sender.messages_delivered, receiver.messages_received, "seed {seed}");
        assert_eq!(
            sent,
            [receiver.peer_cancelled, receiver.peer_replaced, receiver.peer_expired],
            "seed {seed}"
        );
        assert!(sender.messages_delivered > 0, "seed {seed}: {sender:?} {receiver:?}");
        assert_eq!(receiver.messages_held, 0, "seed {seed}");
        let delivered =
            world.node(address(A)).settled.values().filter(|outcome| **outcome == Outcome::Delivered).count();
        assert_eq!(delivered, world.node(address(B)).messages.len(), "seed {seed}");
        by_reason.iter_mut().zip(sent).for_each(|(sum, count)| *sum += count);
    }
    assert!(by_reason.iter().all(|count| *count > 30), "{by_reason:?}");
}

#[test]
fn a_message_that_waits_whole_at_the_receiver_can_still_be_given_up() {
    let small = Config { message_bytes: 1 << 17, receive_bytes_per_connection: 1 << 17, ..config(B, "test") };
    let (mut world, a, b) = pair_with(8, latency(10), config(A, "test"), small);
    world.with(address(B), |node, _| node.releases = false);
    let ids: Vec<_> =
        world.with(address(A), |node, _| (0..3).map(|n| node.send(a, 0, content(n, 100_000))).collect());
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.node(address(A)).quic.stats(a).unwrap().in_flight, 0, "all is acknowledged");
    assert_eq!(world.node(address(B)).quic.stats(b).unwrap().messages_waiting, 2);
    world.with(address(A), |node, _| node.give_up(a, ids[1], GiveUp::Expired));
    let took = world.run_until(Duration::from_secs(1), |world| {
        world.node(address(A)).settled.get(&ids[1]) == Some(&Outcome::GivenUp(GiveUp::Expired))
    });
    assert!(took <= Duration::from_millis(46), "{took:?}");
    let receiver = world.node(address(B)).quic.stats(b).unwrap();
    assert_eq!((receiver.peer_expired, receiver.messages_waiting), (1, 1));
    world.with(address(B), |node, now| node.set_releases(b, true, now));
    world.run_until(Duration::from_secs(1), |world| world.node(address(A)).settled.len() == 3);
    assert_eq!(world.node(address(B)).messages.len(), 2);
}

#[test]
fn cancelling_frees_what_was_held_for_the_message() {
    let small = Config { message_bytes: 1 << 20, receive_bytes_per_connection: 1 << 20, ..config(B, "test") };
    let slow = Link {
        rate: Some(warren_testing::Rate { bits_per_second: 1_000_000, queue_bytes: 30_000 }),
        ..latency(5)
    };
    let (mut world, a, b) = pair_with(5, slow, config(A, "test"), small);
    let first = world.with(address(A), |node, _| node.send(a, 0, content(1, 1 << 20)));
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.node(address(B)).quic.stats(b).unwrap().messages_held, 1 << 20);
    world.with(address(A), |node, _| node.cancel(a, first));
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.len() == 1);
    assert_eq!(world.node(address(A)).settled[&first], Outcome::GivenUp(GiveUp::Cancelled));
    assert_eq!(world.node(address(B)).quic.stats(b).unwrap().messages_held, 0);
    let second = world.with(address(A), |node, _| node.send(a, 0, content(2, 1000)));
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.contains_key(&second));
}

#[test]
fn what_a_dying_connection_did_not_confirm_is_lost() {
    let (mut world, a, b) = pair(6, latency(50));
    let ids: Vec<_> =
        world.with(address(A), |node, _| (0..5).map(|n| node.send(a, 0, content(n, 1000))).collect());
    world.run_for(Duration::from_millis(10));
    world.with(address(B), |node, now| node.quic.close(b, 1, b"", now));
    world.run_for(Duration::from_secs(1));
    assert!(ids.iter().all(|id| world.node(address(A)).settled[id] == Outcome::Lost));
}

#[test]
fn many_small_messages_pass_quickly() {
    let (mut world, a, _) = pair(7, latency(1));
    let mut rng = Seed::exactly(7).rng();
    let total = 20_000;
    world.with(address(A), |node, _| {
        (0..total).for_each(|_| {
            let mut bytes = vec![0; 200];
            rng.fill_bytes(&mut bytes);
            node.send(a, 5, bytes);
        });
    });
    let took =
        world.run_until(Duration::from_secs(60), |world| world.node(address(A)).settled.len() == total);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
