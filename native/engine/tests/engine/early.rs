//! Dials whose first flight leaves with the hello.

use std::time::Duration;

use bytes::Bytes;
use warren_engine::{CloseCause, ConnectionId, Dialled, Event, Initiator, Outcome, StreamId};
use warren_testing::{Link, Seed};

use crate::connect::connected;
use crate::world::{DIAL, World, at, bulk, dial, mesh, restart};

#[test]
fn an_answer_is_there_two_round_trips_after_the_dial_began() {
    let mut world = pair(0, 0.0);
    world.with(at(1), |node, _| node.echoes = true);
    let dialled = dial_early(&mut world, 0, 1);
    world.run_until(DIAL, |world| is_given(world, 0));
    assert_eq!(world.elapsed(), 2 * LATENCY, "a round trip of WireGuard");
    world.with(at(0), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
    world.run_until(DIAL, |world| world.node(at(1)).received == [(0, 3)]);
    assert_eq!(world.elapsed(), 3 * LATENCY);
    assert_eq!(world.node(at(1)).live().len(), 1, "the acceptor was told of the connection before");
    world.run_until(DIAL, |world| world.node(at(0)).received == [(0, 3)]);
    assert_eq!(world.elapsed(), 4 * LATENCY);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).live(), [dialled]);
    assert_eq!(world.node(at(0)).settled(Outcome::Delivered), 1);
    assert_eq!((world.node(at(0)).connected().len(), world.node(at(1)).connected().len()), (1, 1));
}

#[test]
fn a_long_answer_to_a_first_flight_stands_still_nowhere() {
    for lost in [false, true] {
        let mut world = pair(9, 0.0);
        let dialled = dial_early(&mut world, 0, 1);
        world.run_until(DIAL, |world| is_given(world, 0));
        world.with(at(0), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
        world.run_until(DIAL, |world| world.node(at(1)).received == [(0, 3)]);
        let began = world.elapsed();
        // Until the dialler is heard with the acceptor's connection ID, QUIC lets three times as much leave as came.
        world.with(at(1), |node, now| node.send(node.live()[0], 0, bulk(300_000), now));
        if lost {
            world.network.set_links(at(1), at(0), Link::down());
            world.run_for(Duration::from_millis(300));
            world.network.set_links(at(1), at(0), Link::with_latency(LATENCY));
        }
        world.run_until(DIAL, |world| world.node(at(0)).received == [(0, 300_000)]);
        let most = Duration::from_millis(if lost { 1_500 } else { 300 });
        assert!(world.elapsed() - began < most, "{:?}", world.elapsed() - began);
    }
}

#[test]
fn without_that_an_answer_takes_a_round_trip_more() {
    let mut world = pair(0, 0.0);
    world.with(at(1), |node, _| node.echoes = true);
    let dialled = dial(&mut world, 0, 1);
    world.run_until(DIAL, |world| world.node(at(0)).live() == [dialled]);
    world.with(at(0), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
    world.run_until(DIAL, |world| !world.node(at(0)).received.is_empty());
    assert_eq!(world.elapsed(), 6 * LATENCY);
    assert!(!is_given(&world, 0));
}

#[test]
fn of_two_ends_that_dial_at_once_one_is_heard_with_its_hello_and_the_other_half_a_round_trip_later() {
    for seed in 0..5 {
        let mut world = pair(seed, 0.0);
        let dialled = [dial_early(&mut world, 0, 1), dial_early(&mut world, 1, 0)];
        world.run_until(DIAL, |world| is_given(world, 0) && is_given(world, 1));
        for (n, dialled) in [0, 1].into_iter().zip(dialled) {
            world.with(at(n), |node, now| {
                node.send(dialled, 5, Bytes::from(vec![n as u8; 9]), now);
                let stream = node.open(dialled, true, 0, now);
                node.engine.write_stream(stream, Bytes::from_static(b"stream"));
                node.engine.finish_stream(stream);
            });
        }
        let heard = |world: &World, n: u16| !world.node(at(n)).received.is_empty();
        world.run_until(DIAL, |world| heard(world, 0) || heard(world, 1));
        assert_eq!(world.elapsed(), 3 * LATENCY, "an answer to the survivor is there after two round trips");
        world.run_until(DIAL, |world| heard(world, 0) && heard(world, 1));
        assert_eq!(world.elapsed(), 4 * LATENCY);
        world.run_for(Duration::from_secs(5));
        for (n, dialled) in [0, 1].into_iter().zip(dialled) {
            let node = world.node(at(n));
            assert_eq!(node.live(), [dialled], "each end keeps the one that it has");
            assert!(node.closed().is_empty());
            assert_eq!((&node.received[..], node.stream_bytes), (&[(5, 9)][..], 6), "once each");
        }
    }
}

#[test]
fn an_end_that_dials_early_goes_on_with_the_dial_of_one_that_does_not() {
    for (early, plain) in [(0, 1), (1, 0)] {
        let mut world = pair(3, 0.0);
        let dialled = dial_early(&mut world, early, plain);
        dial(&mut world, plain, early);
        world.run_until(DIAL, |world| is_given(world, early));
        world.with(at(early), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
        world.run_for(Duration::from_secs(5));
        assert_eq!(world.node(at(early)).live(), [dialled]);
        assert_eq!(world.node(at(plain)).live().len(), 1);
        assert_eq!(world.node(at(plain)).received, [(0, 3)]);
        assert_eq!(world.node(at(early)).settled(Outcome::Delivered), 1);
    }
}

#[test]
fn a_dial_that_went_on_with_one_that_the_peer_gave_up_is_told_as_this_ends_own() {
    let mut went_on = 0;
    for late in 0..16 {
        let mut world = pair(3, 0.0);
        let ours = dial_early(&mut world, 1, 0);
        let theirs = dial(&mut world, 0, 1);
        world.run_until(DIAL, |world| is_given(world, 1));
        world.run_for(LATENCY / 4 * late);
        let is_up =
            |world: &World| !world.node(at(0)).live().is_empty() || world.node(at(1)).live() == [ours];
        if is_up(&world) {
            break;
        }
        world.with(at(0), |node, now| node.engine.close(theirs, 0, "", Duration::ZERO, now));
        world.run_until(DIAL, |world| world.node(at(1)).live() == [ours]);
        assert_eq!(connected(&world, 1, ours).0, Initiator::Local, "{late}");
        went_on += 1;
    }
    assert!(went_on > 0);
}

#[test]
fn a_dial_that_waits_for_another_is_not_given_to_be_ended_when_the_peers_dial_is_up() {
    for (n, other) in [(0, 1), (1, 0)] {
        for late in 0..30 {
            let mut world = pair(5, 0.0);
            // There is a session, so that a dial that begins leaves at once.
            let first = dial(&mut world, n, other);
            world.run_until(DIAL, |world| world.node(at(n)).live() == [first]);
            world.with(at(n), |node, now| node.engine.close(first, 0, "", Duration::ZERO, now));
            world.run_for(Duration::from_secs(1));
            dial(&mut world, other, n);
            world.run_for(Duration::from_millis(2 * late));
            if world.node(at(n)).live().is_empty() {
                dial(&mut world, n, other);
                let early = dial_early(&mut world, n, other);
                world.run_for(Duration::from_secs(5));
                assert!(!is_given(&world, n) || world.node(at(n)).live() == [early], "{n}, {late}");
            }
            assert_eq!(world.node(at(n)).live().len(), 1);
        }
    }
}

#[test]
fn whatever_is_lost_of_a_first_flight_all_of_it_arrives_once_and_in_order() {
    for seed in 0..150 {
        let mut world = pair(seed, 0.15);
        let both = seed % 3 > 0;
        let mut dialled = vec![(0, dial_early(&mut world, 0, 1))];
        world.run_for(Duration::from_millis(seed % 50));
        if both {
            dialled.push((1, dial_early(&mut world, 1, 0)));
        }
        for &(n, _) in &dialled {
            world.run_until(DIAL, |world| is_given(world, n) || !world.node(at(n)).live().is_empty());
        }
        for &(n, dialled) in &dialled {
            world.with(at(n), |node, now| {
                for number in 0..20 {
                    let message = Bytes::from(vec![number; 100 * usize::from(number) + 10]);
                    node.send(dialled, number / 10, message, now);
                }
                let stream = node.open(dialled, false, 1, now);
                (0..50).for_each(|_| node.engine.write_stream(stream, bulk(500)));
                node.engine.finish_stream(stream);
            });
        }
        let messages = 20 * dialled.len();
        let settled = |world: &World, n| world.node(at(n)).settled(Outcome::Delivered);
        world.run_until(Duration::from_secs(60), |world| settled(world, 0) + settled(world, 1) >= messages);
        world.run_for(Duration::from_secs(5));
        for &(n, dialled) in &dialled {
            let (node, other) = (world.node(at(n)), world.node(at(1 - n)));
            assert_eq!(node.live(), [dialled], "seed {seed}");
            let lengths =
                |lane| other.received.iter().filter(move |(priority, _)| *priority == lane).map(|it| it.1);
            for lane in [0u8, 1] {
                let mut lengths: Vec<_> = lengths(lane).collect();
                lengths.sort_unstable();
                let sent = (0..10).map(|n| 100 * (usize::from(lane) * 10 + n) + 10);
                assert_eq!(lengths, sent.collect::<Vec<_>>(), "seed {seed}");
            }
            assert_eq!(other.stream_bytes, 25_000, "seed {seed}");
        }
    }
}

#[test]
fn what_was_given_up_or_stopped_before_a_first_flight_was_refused_stays_so() {
    // The greater key's dial survives, so that one end's first flight is refused.
    let mut world = pair(7, 0.0);
    let dialled = [dial_early(&mut world, 0, 1), dial_early(&mut world, 1, 0)];
    world.run_until(DIAL, |world| is_given(world, 0) && is_given(world, 1));
    let mut streams: Vec<(u16, StreamId)> = Vec::new();
    for (n, dialled) in [0, 1].into_iter().zip(dialled) {
        world.with(at(n), |node, now| {
            let cancelled = node.send(dialled, 0, bulk(700), now);
            node.send(dialled, 0, bulk(300), now);
            let reset = node.open(dialled, false, 0, now);
            node.engine.write_stream(reset, bulk(50));
            let stopped = node.open(dialled, true, 0, now);
            node.engine.write_stream(stopped, bulk(60));
            node.cancels.push(cancelled);
            streams.extend([(n, reset), (n, stopped)]);
        });
    }
    world.run_for(Duration::from_millis(5));
    for (n, dialled) in [0, 1].into_iter().zip(dialled) {
        world.with(at(n), |node, now| {
            let message = node.cancels.pop().expect("one was sent");
            node.engine.cancel_message(dialled, message, warren_engine::GiveUp::Cancelled, now);
            let own: Vec<_> = streams.iter().filter(|(of, _)| *of == n).map(|(_, stream)| *stream).collect();
            node.engine.reset_stream(own[0], 3, now);
            node.engine.stop_stream(own[1], 4, now);
        });
    }
    world.run_for(Duration::from_secs(5));
    let refused = [0, 1].into_iter().find(|&n| {
        let told = |(_, event): &(_, Event)| {
            matches!(event, Event::MessageSettled { outcome: Outcome::Cancelled, .. })
        };
        world.node(at(n)).events.iter().any(told) && world.node(at(1 - n)).received == [(0, 300)]
    });
    let refused = refused.expect("one end's flight was read by nobody");
    let node = world.node(at(refused));
    assert_eq!((node.settled(Outcome::Delivered), node.settled(Outcome::Cancelled)), (1, 1));
    let other = world.node(at(1 - refused));
    assert_eq!(other.stream_bytes, 60);
    let drained = |(_, event): &(_, Event)| match event {
        Event::LaneDrained { bytes, .. } => *bytes,
        _ => 0,
    };
    assert_eq!(node.events.iter().map(drained).sum::<u64>(), 1_000, "each byte drains once");
}

#[test]
fn what_a_process_read_before_it_died_reaches_no_process_after_it() {
    let mut world = pair(4, 0.0);
    let dialled = dial_early(&mut world, 0, 1);
    world.run_until(DIAL, |world| is_given(world, 0));
    world.with(at(0), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
    world.network.set_links(at(1), at(0), Link::down());
    world.run_until(DIAL, |world| !world.node(at(1)).received.is_empty());
    restart(&mut world, 1, 99);
    world.network.set_links(at(1), at(0), Link::with_latency(LATENCY));
    world.run_for(Duration::from_secs(20));
    assert!(world.node(at(1)).received.is_empty());
    let closed = world.node(at(0)).closed();
    assert_eq!((closed.len(), closed[0].0, closed[0].1.cause), (1, dialled, CloseCause::PeerRestarted));
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
}

#[test]
fn an_outage_of_seconds_in_the_middle_of_a_first_flight_loses_nothing() {
    for (from, to) in [(0, 1), (1, 0)] {
        let mut world = pair(5, 0.0);
        let dialled = dial_early(&mut world, 0, 1);
        world.run_until(DIAL, |world| is_given(world, 0));
        world.with(at(0), |node, now| node.send(dialled, 0, Bytes::from_static(b"ask"), now));
        world.network.set_links(at(from), at(to), Link::down());
        world.run_for(Duration::from_secs(3));
        world.network.set_links(at(from), at(to), Link::with_latency(LATENCY));
        world.run_for(Duration::from_secs(7));
        assert_eq!(world.node(at(0)).live(), [dialled]);
        assert_eq!(world.node(at(1)).received, [(0, 3)]);
    }
}

#[test]
fn nothing_leaves_early_where_two_protocols_may_come_of_a_dial() {
    let lists = |_, config: &mut warren_engine::Config| {
        config.protocols = vec!["test/2".into(), "test/1".into()].into();
    };
    let mut world = mesh(2, Seed::exactly(6), lists);
    dial_early(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    assert!(!is_given(&world, 0) && world.node(at(0)).live().len() == 1);
}

#[test]
fn a_peer_that_has_been_silent_for_long_gets_a_hello_alone() {
    let mut world = pair(8, 0.0);
    let (first, _) = crate::world::connect(&mut world, 0, 1);
    world.with(at(0), |node, now| node.engine.close(first, 0, "", Duration::ZERO, now));
    world.run_for(Duration::from_secs(60));
    dial_early(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    assert!(!is_given(&world, 0) && world.node(at(0)).live().len() == 1);
    // Heard a moment ago.
    let live = world.node(at(0)).live()[0];
    world.with(at(0), |node, now| node.engine.close(live, 0, "", Duration::ZERO, now));
    world.run_for(Duration::from_secs(1));
    dial_early(&mut world, 0, 1);
    assert!(is_given(&world, 0));
}

fn pair(seed: u64, loss: f64) -> World {
    let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
    let jitter = if loss > 0.0 { Duration::from_millis(5) } else { Duration::ZERO };
    world.network.set_default(Link {
        latency: LATENCY,
        jitter,
        loss,
        duplicate: loss / 2.0,
        ..Link::default()
    });
    world
}

pub(crate) fn dial_early(world: &mut World, from: u16, to: u16) -> ConnectionId {
    let dialled = world.with(at(from), |node, now| {
        let dialled = node.engine.connect_early(node.peers[&to], None, DIAL, now).expect("a dial");
        node.drain_events(now);
        dialled
    });
    match dialled {
        Dialled::New(id) | Dialled::Live(id) => id,
    }
}

/// The engine gave a dial to its caller before it is up.
fn is_given(world: &World, n: u16) -> bool {
    world.node(at(n)).events.iter().any(|(_, event)| matches!(event, Event::Early { .. }))
}

/// One way.
const LATENCY: Duration = Duration::from_millis(20);
