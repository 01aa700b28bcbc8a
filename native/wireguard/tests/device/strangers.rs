//! Keys that are not configured: silence, or one question each.

use std::time::Duration;

use warren_testing::{Link, Node, Seed};
use warren_wireguard::{AddPeerError, Event, Limits, PeerId, Sent};

use crate::node::*;

/// A node that asks about strangers, and a stranger that dials it; the stranger's id for it.
fn stranger(limits: Limits) -> (World, PeerId) {
    let mut world = World::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(20 * MILLISECOND));
    let now = world.now();
    let asking = warren_wireguard::Config { report_strangers: true, limits, ..config(1) };
    world.add(address(1), WireGuard::new(asking, address(1), now));
    world.add(address(2), WireGuard::new(config(2), address(2), now));
    let id = world.with(address(2), dial);
    (world, id)
}

fn dial(node: &mut WireGuard, now: std::time::Instant) -> PeerId {
    let id = node.device.add_peer(peer(key(1).public_key(), Some(address(1))), now).expect("it is new");
    let text = packet(node.device.public_key(), key(1).public_key(), b"let me in");
    assert_eq!(node.send(id, &text, now), Sent::Staged);
    id
}

fn asked(world: &World) -> usize {
    world.node(address(1)).count(|event| matches!(event, Event::Stranger { .. }))
}

#[test]
fn a_stranger_is_asked_about_once_and_answered_when_authorized() {
    let (mut world, _) = stranger(limits());
    world.run_until(SECOND, |world| asked(world) == 1);
    let question = world.node(address(1)).events[0].1;
    assert_eq!(question, Event::Stranger { public_key: key(2).public_key(), endpoint: address(2) });
    world.run_for(SECOND);
    assert!(world.node(address(1)).sent.is_empty(), "silence while nobody has answered");
    let tries = world.node(address(2)).sent_of(INITIATION);
    let id = world.with(address(1), |node, now| node.device.authorize(peer(key(2).public_key(), None), now));
    world.run_for(SECOND);
    assert_eq!(texts(world.node(address(1))), [b"let me in"]);
    let id = id.expect("it waits");
    assert_eq!(world.node(address(1)).device.endpoint(id), Some(address(2)));
    assert_eq!(world.node(address(2)).sent_of(INITIATION), tries, "the one that was held was answered");
}

#[test]
fn the_newest_initiation_is_the_one_that_is_answered() {
    let (mut world, _) = stranger(limits());
    world.run_for(SECOND);
    let now = world.now();
    let mut restarted = WireGuard::new(config(2), address(3), now);
    dial(&mut restarted, now);
    world.remove(address(2));
    world.add(address(3), restarted);
    world.with(address(3), |_, _| ());
    world.run_for(SECOND);
    assert_eq!(asked(&world), 1, "one question a key");
    world
        .with(address(1), |node, now| node.device.authorize(peer(key(2).public_key(), None), now))
        .expect("it waits");
    world.run_for(SECOND);
    assert_eq!(texts(world.node(address(1))), [b"let me in"]);
    assert!(world.node(address(1)).sent.iter().all(|(_, datagram)| datagram.to == address(3)));
}

#[test]
fn adding_the_key_as_a_peer_answers_it_as_well() {
    let (mut world, _) = stranger(limits());
    world.run_for(SECOND);
    world
        .with(address(1), |node, now| node.device.add_peer(peer(key(2).public_key(), None), now))
        .expect("it is new");
    world.run_for(SECOND);
    assert_eq!(texts(world.node(address(1))), [b"let me in"]);
}

#[test]
fn a_question_lapses_is_told_and_is_asked_again_by_the_next_initiation() {
    let (mut world, _) = stranger(limits());
    world.run_for(Duration::from_millis(4_100));
    let gone = Event::StrangerGone { public_key: key(2).public_key() };
    assert_eq!(world.node(address(1)).events.last().map(|(_, event)| *event), Some(gone));
    let late =
        world.with(address(1), |node, now| node.device.authorize(peer(key(2).public_key(), None), now));
    assert_eq!(late, Err(AddPeerError::StrangerGone));
    world.run_for(2 * SECOND);
    assert_eq!(asked(&world), 2);
}

#[test]
fn a_refusal_is_silence_and_leaves_nothing_behind() {
    let (mut world, _) = stranger(limits());
    world.run_until(SECOND, |world| asked(world) == 1);
    world.with(address(1), |node, now| node.device.refuse(&key(2).public_key(), now));
    assert_eq!(world.node(address(1)).device.poll_timeout(), None);
    world.run_for(3 * SECOND);
    assert!(world.node(address(1)).sent.is_empty());
    assert_eq!(world.node(address(1)).count(|event| matches!(event, Event::StrangerGone { .. })), 0);
}

#[test]
fn a_device_that_does_not_ask_ignores_strangers_in_silence() {
    let mut pair = Pair::new();
    let now = pair.world.now();
    let mut unknown = WireGuard::new(config(3), address(3), now);
    dial(&mut unknown, now);
    pair.world.add(address(3), unknown);
    pair.world.with(address(3), |_, _| ());
    pair.world.run_for(SECOND);
    assert!(pair.node_a().sent.is_empty() && pair.node_a().events.is_empty());
    let tries = pair.world.node(address(3)).sent_of(INITIATION) as u64;
    assert_eq!(pair.node_a().device.stats().received.strangers, tries);
    assert_eq!(pair.node_a().device.poll_timeout(), None);
}

#[test]
fn questions_are_bounded_in_number_and_in_openings_a_second() {
    let few = Limits { pending_authorizations: 3, handshakes_per_second: 5, ..limits() };
    let (mut world, _) = stranger(few);
    let now = world.now();
    for number in 10..30 {
        let mut node = WireGuard::new(config(number), address(number), now);
        dial(&mut node, now);
        world.add(address(number), node);
        world.with(address(number), |_, _| ());
    }
    world.run_for(SECOND);
    assert_eq!(asked(&world), 3);
    let tries: usize = world.nodes().map(|(_, node)| node.sent_of(INITIATION)).sum();
    let refused = world.node(address(1)).device.stats().received.strangers;
    // Questions that stand take the newest initiation, which counts as none refused.
    assert!((18..=tries as u64 - 3).contains(&refused), "{refused} of {tries}");
    // The claim of a key costs one Diffie-Hellman; what is bounded is what comes after it.
    world.run_for(Duration::from_secs(60));
    let asked = asked(&world);
    assert!((6..=60).contains(&asked), "{asked}");
}

#[test]
fn a_claimed_key_without_proof_reaches_nobody() {
    let (mut world, _) = stranger(limits());
    // The timestamp is what proves possession: everything before it anyone could make who knows our public key.
    let mut forged = world.node(address(2)).sent.first().expect("an initiation").1.clone();
    world.remove(address(2));
    world.run_for(Duration::from_secs(10));
    let before = asked(&world);
    forged.bytes[100] ^= 1;
    let mac1 = mac1(&key(1).public_key(), &forged.bytes[..116]);
    forged.bytes[116..132].copy_from_slice(&mac1);
    world.with(address(1), |node, now| node.handle_datagram(forged, now));
    assert_eq!(asked(&world), before);
    assert_eq!(world.node(address(1)).device.stats().received.unauthenticated, 1);
}

#[test]
fn an_initiation_that_was_answered_before_its_peer_was_removed_stays_a_replay() {
    let mut pair = Pair::connected();
    let replayed = pair.node_a().sent[0].1.clone();
    pair.world.with(pair.b, |node, now| node.device.remove_peer(pair.ba, now));
    let again =
        pair.world.with(pair.b, |node, now| node.device.add_peer(peer(key(1).public_key(), None), now));
    again.expect("it was removed");
    pair.world.run_for(SECOND);
    pair.world.with(pair.b, |node, now| node.handle_datagram(replayed, now));
    assert_eq!(pair.node_b().device.stats().received.stale_initiations, 1);
    assert_eq!(pair.node_b().sent_of(RESPONSE), 1);
}
