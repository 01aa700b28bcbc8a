use std::time::Duration;

use bytes::Bytes;
use warren_engine::{CloseCause, ClosedBy, ConnectionId, Outcome};
use warren_testing::{Link, Seed};

use crate::world::{World, at, bulk, connect, dial, mesh};

#[test]
fn a_killed_peer_is_dead_once_data_is_unanswered_for_long_enough() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.heartbeat = None);
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(60));
    world.remove(at(1));
    world.run_for(Duration::from_secs(3_600));
    assert_eq!(world.node(at(0)).live(), [ours], "an idle connection costs nothing and lives on");
    world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"anyone?"), now));
    world.run_for(Duration::from_millis(14_900));
    assert_eq!(world.node(at(0)).live(), [ours]);
    world.run_for(Duration::from_millis(200));
    let closed = world.node(at(0)).closed();
    assert_eq!((closed[0].1.cause, closed[0].1.by), (CloseCause::PeerDead, ClosedBy::Network));
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
}

#[test]
fn a_heartbeat_bounds_how_long_a_dead_peer_goes_unnoticed() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.heartbeat = Some(Duration::from_secs(5)));
    connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(60));
    assert_eq!(world.node(at(0)).live().len(), 1);
    world.remove(at(1));
    world.run_for(Duration::from_secs(5 + 5 + 15 + 1));
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::PeerDead);
}

#[test]
fn with_the_defaults_the_death_of_an_idle_peer_is_known_within_thirty_seconds() {
    for seed in 0..40 {
        let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let dialler = (seed % 2) as u16;
        connect(&mut world, dialler, 1 - dialler);
        world.run_for(Duration::from_millis(1_733 * seed));
        world.remove(at(1));
        world.run_for(Duration::from_secs(25));
        assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::PeerDead, "seed {seed}");
    }
}

#[test]
fn both_ends_of_an_idle_connection_together_exchange_one_heartbeat_an_interval() {
    for one_way in [0, 20, 300] {
        let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
        world.network.set_default(Link::with_latency(Duration::from_millis(one_way)));
        connect(&mut world, 0, 1);
        world.run_for(Duration::from_secs(60));
        let before = world.network.counters().sent;
        world.run_for(Duration::from_secs(3_600));
        let datagrams = world.network.counters().sent - before;
        // 400 questions and answers, less the round trips between them, and 30 renewals of 3 messages each.
        assert!((700..=900).contains(&datagrams), "{datagrams} datagrams over {one_way} ms");
        assert_eq!(world.node(at(0)).live().len(), 1);
    }
}

#[test]
fn a_connection_that_is_used_is_not_asked_and_without_heartbeat_an_idle_one_costs_nothing() {
    for heartbeat in [None, Some(Duration::ZERO), Some(Duration::from_secs(9))] {
        let mut world = mesh(2, Seed::of_this_run(), |_, config| config.heartbeat = heartbeat);
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let (ours, _) = connect(&mut world, 0, 1);
        world.run_for(Duration::from_secs(60));
        let before = world.network.counters().sent;
        for _ in 0..10 {
            world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"used"), now));
            world.run_for(Duration::from_secs(5));
        }
        let used = world.network.counters().sent - before;
        world.run_for(Duration::from_secs(60));
        let before = world.network.counters().sent;
        world.run_for(Duration::from_secs(600));
        let idle = world.network.counters().sent - before;
        // A message, its confirmation and the acknowledgements.
        assert!(used <= 50, "{used} datagrams of 10 messages");
        assert_eq!(idle == 0, heartbeat.is_none_or(|interval| interval.is_zero()), "{idle}");
    }
}

#[test]
fn a_peer_that_dies_while_it_owes_credit_is_found_dead() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.heartbeat = None);
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(1), |node, now| node.set_reads(false, now));
    world.with(at(0), |node, now| {
        for _ in 0..200 {
            node.send(ours, 0, bulk(1 << 20), now);
        }
    });
    world.run_for(Duration::from_secs(600));
    assert_eq!(world.node(at(0)).live(), [ours], "a reader that pauses costs no connection");
    world.remove(at(1));
    world.run_for(Duration::from_secs(15 + 15 + 15 + 1));
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::PeerDead);
    assert!(world.node(at(0)).settled(Outcome::Lost) > 0);
}

#[test]
fn an_outage_shorter_than_the_limit_costs_no_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.network.set_links(at(0), at(1), Link::down());
    world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"later"), now));
    world.run_for(Duration::from_secs(10));
    world.network.unset_links(at(0), at(1));
    world.run_until(Duration::from_secs(10), |world| world.node(at(1)).received == [(0, 5)]);
    assert_eq!(world.node(at(0)).live(), [ours]);
}

#[test]
fn an_outage_that_began_with_a_full_window_costs_no_connection() {
    for seconds in [3, 8, 10, 13] {
        let mut world = mesh(2, Seed::exactly(seconds), |_, _| {});
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let (ours, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            for _ in 0..20 {
                node.send(ours, 0, bulk(1 << 20), now);
            }
        });
        world.run_for(Duration::from_millis(300));
        assert!(world.node(at(1)).received.len() < 20);
        world.network.set_links(at(0), at(1), Link::down());
        world.run_for(Duration::from_secs(seconds));
        world.network.unset_links(at(0), at(1));
        world.run_until(Duration::from_secs(30), |world| world.node(at(1)).received.len() == 20);
        assert_eq!(world.node(at(0)).live(), [ours], "{seconds} s");
    }
}

#[test]
fn a_path_that_was_bad_is_used_in_full_once_it_is_good() {
    for loss in [0.3, 0.6, 1.0] {
        let mut world = mesh(2, Seed::exactly(7), |_, _| {});
        let latency = Duration::from_millis(5);
        world.network.set_default(Link::with_latency(latency));
        let (ours, _) = connect(&mut world, 0, 1);
        world.network.set_links(at(0), at(1), Link { loss, latency, ..Link::default() });
        world.with(at(0), |node, now| {
            for _ in 0..20 {
                node.send(ours, 0, bulk(1 << 20), now);
            }
        });
        world.run_for(Duration::from_secs(12));
        world.network.unset_links(at(0), at(1));
        world.run_until(Duration::from_secs(20), |world| world.node(at(1)).received.len() == 20);
    }
}

#[test]
fn a_connection_that_only_one_end_knows_makes_way_for_a_redial() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, theirs) = connect(&mut world, 0, 1);
    // The dialler gives up on its own, unheard.
    world.network.set_links(at(0), at(1), Link::down());
    world.with(at(0), |node, now| node.engine.close(ours, 0, "", Duration::ZERO, now));
    world.run_for(Duration::from_secs(5));
    world.network.unset_links(at(0), at(1));
    let anew = dial(&mut world, 0, 1);
    let took = world.run_until(Duration::from_secs(3), |world| world.node(at(0)).live() == [anew]);
    assert!(took < Duration::from_millis(1_500), "{took:?}");
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).live().len(), 1);
    assert!(!world.node(at(1)).live().contains(&theirs));
}

#[test]
fn whom_nothing_reaches_is_dead_though_it_is_heard_all_the_time() {
    let mut world = one_way(Seed::of_this_run(), 0.0);
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    silence(&mut world, 1.0);
    world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"heard?"), now));
    speak_for(&mut world, theirs, Duration::from_millis(14_500));
    assert_eq!(world.node(at(0)).live(), [ours]);
    speak_for(&mut world, theirs, Duration::from_secs(10));
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::PeerDead);
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
}

#[test]
fn a_silence_of_one_way_that_is_shorter_than_the_limit_costs_no_connection() {
    for seed in 0..40 {
        let loss = 0.05;
        let mut world = one_way(Seed::exactly(seed), loss);
        let (ours, theirs) = connect(&mut world, 0, 1);
        world.run_for(Duration::from_millis(700 + 37 * seed));
        silence(&mut world, 1.0);
        world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"heard?"), now));
        speak_for(&mut world, theirs, Duration::from_secs(1 + seed % 14));
        silence(&mut world, loss);
        speak_for(&mut world, theirs, Duration::from_secs(5));
        assert_eq!(world.node(at(0)).live(), [ours], "seed {seed}");
        assert!(world.node(at(1)).received.contains(&(0, 6)), "seed {seed}");
    }
}

#[test]
fn a_path_that_loses_a_third_of_all_packets_for_ten_minutes_costs_no_connection() {
    let mut world = one_way(Seed::of_this_run(), 0.33);
    let (ours, theirs) = connect(&mut world, 0, 1);
    for _ in 0..200 {
        world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"there?"), now));
        speak_for(&mut world, theirs, Duration::from_secs(3));
    }
    assert_eq!(world.node(at(0)).live(), [ours]);
}

#[test]
fn a_silence_of_one_way_that_becomes_an_outage_is_not_held_against_the_peer() {
    let mut world = one_way(Seed::of_this_run(), 0.0);
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    silence(&mut world, 1.0);
    world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"heard?"), now));
    for _ in 0..3 {
        speak_for(&mut world, theirs, Duration::from_secs(3));
        world.network.set_link(at(1), at(0), Link::down());
        speak_for(&mut world, theirs, Duration::from_secs(9));
        world.network.set_link(at(1), at(0), Link::with_latency(LATENCY));
    }
    speak_for(&mut world, theirs, Duration::from_millis(900));
    silence(&mut world, 0.0);
    speak_for(&mut world, theirs, Duration::from_secs(2));
    assert_eq!(world.node(at(0)).live(), [ours], "36 s, of which the peer was heard in 9");
    assert!(world.node(at(1)).received.contains(&(0, 6)));
}

#[test]
fn a_machine_that_sleeps_while_nothing_reaches_its_peer_has_its_connection_when_it_wakes() {
    for slept in [20, 60, 150] {
        let mut world = one_way(Seed::of_this_run(), 0.0);
        let (ours, theirs) = connect(&mut world, 0, 1);
        world.run_for(Duration::from_secs(1));
        silence(&mut world, 1.0);
        world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"heard?"), now));
        speak_for(&mut world, theirs, Duration::from_secs(5));
        world.stall(Duration::from_secs(slept));
        speak_for(&mut world, theirs, Duration::from_secs(3));
        silence(&mut world, 0.0);
        speak_for(&mut world, theirs, Duration::from_secs(3));
        assert_eq!(world.node(at(0)).live(), [ours], "{slept} s");
        assert!(world.node(at(1)).received.contains(&(0, 6)), "{slept} s");
    }
}

/// Two nodes, of which only the first gives up.
fn one_way(seed: Seed, loss: f64) -> World {
    let mut world = mesh(2, seed, |n, config| {
        config.heartbeat = None;
        if n == 1 {
            config.dead_after = Duration::from_secs(3_600);
        }
    });
    world.network.set_default(Link { loss, latency: LATENCY, ..Link::default() });
    world
}

/// Loses this share of the first one's datagrams.
fn silence(world: &mut World, loss: f64) {
    world.network.set_link(at(0), at(1), Link { loss, latency: LATENCY, ..Link::default() });
}

/// Lets the second one say something every 300 ms.
fn speak_for(world: &mut World, theirs: ConnectionId, duration: Duration) {
    let end = world.elapsed() + duration;
    while world.elapsed() < end {
        world.with(at(1), |node, now| node.send(theirs, 0, Bytes::from_static(b"I hear nothing"), now));
        world.run_for(Duration::from_millis(300).min(end - world.elapsed()));
    }
}

const LATENCY: Duration = Duration::from_millis(20);
