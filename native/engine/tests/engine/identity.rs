//! One key, several processes: in turn, at once, suspended, and leaving.

use std::time::Duration;

use bytes::Bytes;
use warren_engine::{CloseCause, ConnectionId, Dialled, Event, PeerDownReason};
use warren_testing::{Link, Seed};

use crate::world::{Endpoint, World, at, config, connect, dial, mesh, restart};

#[test]
fn an_older_process_connects_again_after_a_newer_one_with_its_key_was_there() {
    for (one_way, closes) in [(100, true), (100, false), (20_000, true), (20_000, false)] {
        for pause in [0, 300, 5_000, 30_000] {
            let mut world = pair_and_tool(one_way);
            let (daemon, tool) = (1, 2);
            visit(&mut world, daemon, SECOND * 2, true);
            visit(&mut world, tool, SECOND * 2, closes);
            if closes {
                world.with(at(tool), |node, now| node.engine.shutdown(0, "", now));
            }
            world.remove(at(tool));
            world.run_for(Duration::from_millis(pause));
            let took = visit(&mut world, daemon, SECOND * 3, true);
            assert!(took < SECOND * 2, "{one_way} us, closed {closes}, {pause} ms later: {took:?}");
            let again = visit(&mut world, daemon, SECOND * 2, true);
            assert!(again < Duration::from_millis(200), "{again:?}");
        }
    }
}

#[test]
fn two_processes_with_one_key_take_the_peer_from_each_other_and_not_in_a_tight_loop() {
    let mut world = pair_and_tool(100);
    let mut connected = 0;
    let mut dials = [None; 3];
    for _ in 0..600 {
        for n in [1, 2] {
            let node = world.node(at(n));
            if dials[usize::from(n)].is_none_or(|id| node.closed().iter().any(|&(closed, _)| closed == id)) {
                dials[usize::from(n)] = Some(dial_far(&mut world, n));
            }
        }
        world.run_for(Duration::from_millis(100));
        connected = world.node(at(0)).connected().len();
    }
    let initiations = world.node(at(0)).engine.stats().wireguard.initiations_answered;
    assert!(connected >= 10, "each has it some of the time: {connected}");
    assert!(
        connected <= 130 && initiations <= 200,
        "{connected} connections, {initiations} handshakes in 60 s"
    );
}

#[test]
fn a_late_hello_of_a_process_that_is_gone_ends_nothing() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (_, theirs) = connect(&mut world, 1, 0);
    world.with(at(1), |node, now| {
        let id = node.connected()[0];
        node.engine.close(id, 0, "", Duration::ZERO, now);
        node.drain_events(now);
    });
    world.run_for(SECOND);
    assert!(!world.node(at(0)).live().contains(&theirs));
    // Its last hello is under way for three seconds, and the process ends.
    world.network.set_link(at(1), at(0), Link::with_latency(SECOND * 3));
    dial(&mut world, 1, 0);
    restart(&mut world, 1, 77);
    world.network.set_link(at(1), at(0), Link::with_latency(Duration::from_millis(20)));
    let (_, new) = connect(&mut world, 1, 0);
    world.run_for(SECOND * 5);
    assert_eq!(world.node(at(0)).live(), [new]);
}

#[test]
fn a_process_that_wakes_from_a_suspend_is_not_told_that_its_peer_restarted() {
    for restarted in [false, true] {
        for traffic in [false, true] {
            let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
            world.network.set_default(Link::with_latency(Duration::from_millis(20)));
            let (ours, theirs) = connect(&mut world, 0, 1);
            world.run_for(SECOND * 5);
            world.with(at(1), |node, now| node.send(theirs, 0, Bytes::from_static(b"asleep?"), now));
            let suspended = world.remove(at(0)).expect("a node");
            world.run_for(SECOND * 60);
            assert_eq!(world.node(at(1)).closed()[0].1.cause, CloseCause::PeerDead);
            if restarted {
                restart(&mut world, 1, 77);
            }
            world.add(at(0), suspended);
            if traffic {
                world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"awake"), now));
            }
            world.run_until(SECOND * 4, |world| !world.node(at(0)).closed().is_empty());
            let close = world.node(at(0)).closed()[0].1.clone();
            let expected = if restarted { CloseCause::PeerRestarted } else { CloseCause::PeerDead };
            assert_eq!(close.cause, expected, "{}", close.reason);
            if !restarted {
                assert_eq!(close.reason, "the peer no longer knows this connection");
            }
            dial(&mut world, 0, 1);
            world.run_until(SECOND, |world| world.node(at(0)).live().len() == 1);
        }
    }
}

#[test]
fn a_goodbye_of_an_older_process_does_not_hurt_the_newer_one() {
    let mut world = pair_and_tool(100);
    let old = dial_far(&mut world, 1);
    world.run_until(SECOND, |world| world.node(at(1)).live() == [old]);
    let new = dial_far(&mut world, 2);
    world.run_until(SECOND * 3, |world| world.node(at(2)).live() == [new]);
    world.with(at(1), |node, now| node.engine.shutdown(0, "", now));
    world.remove(at(1));
    world.with(at(2), |node, now| node.send(new, 0, Bytes::from_static(b"still here"), now));
    world.run_until(SECOND, |world| world.node(at(0)).received == [(0, 10)]);
    world.run_for(SECOND * 30);
    assert_eq!(world.node(at(2)).live(), [new]);
}

/// Nodes 0 and 1, and at 2 another process with 1's key.
fn pair_and_tool(one_way: u64) -> World {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_micros(one_way)));
    let mut config = config(1, world.network.seed());
    config.incarnation = 55;
    config.seed[31] ^= 55;
    let mut tool = Endpoint::new(at(2), config, world.now());
    tool.add_peer(0, world.now());
    world.add(at(2), tool);
    world
}

fn dial_far(world: &mut World, n: u16) -> ConnectionId {
    world.with(at(n), |node, now| {
        let dialled = node.engine.connect(node.peers[&0], None, SECOND * 10, now).expect("a dial");
        node.drain_events(now);
        match dialled {
            Dialled::New(id) | Dialled::Live(id) => id,
        }
    })
}

/// Node `n` connects to 0, says something, and closes; how long it took to be connected.
#[track_caller]
fn visit(world: &mut World, n: u16, limit: Duration, closes: bool) -> Duration {
    let id = dial_far(world, n);
    let took = world.run_until(limit, |world| world.node(at(n)).live().contains(&id));
    let heard = world.node(at(0)).received.len();
    world.with(at(n), |node, now| node.send(id, 0, Bytes::from_static(b"hello"), now));
    world.run_until(SECOND, |world| world.node(at(0)).received.len() > heard);
    if closes {
        world.with(at(n), |node, now| {
            node.engine.close(id, 0, "", SECOND, now);
            node.drain_events(now);
        });
        world.run_for(Duration::from_millis(200));
    }
    took
}
#[test]
fn a_goodbye_makes_the_other_end_begin_with_a_handshake() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (_, theirs) = connect(&mut world, 0, 1);
    world.run_for(SECOND * 30);
    world.with(at(0), |node, now| node.engine.shutdown(4, "done", now));
    world.run_for(Duration::from_millis(50));
    let node = world.node(at(1));
    let close = node.closed()[0];
    assert_eq!((close.0, close.1.cause, close.1.code), (theirs, CloseCause::Application, 4));
    let left = |event: &Event| matches!(event, Event::PeerDown { reason: PeerDownReason::Left, .. });
    assert_eq!(node.events.iter().filter(|(_, event)| left(event)).count(), 1);
    let before = node.engine.stats().tx_datagrams;
    world.run_for(SECOND * 100);
    assert_eq!(world.node(at(1)).engine.stats().tx_datagrams, before, "nobody is called back");
    restart(&mut world, 0, 77);
    dial(&mut world, 1, 0);
    let took = world.run_until(SECOND, |world| world.node(at(1)).live().len() == 1);
    assert!(took <= Duration::from_millis(100), "{took:?}");
}

#[test]
fn a_removed_peer_is_told_so_and_may_come_back_at_once() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    connect(&mut world, 0, 1);
    world.run_for(SECOND * 30);
    world.with(at(0), |node, now| {
        let peer = node.peers[&1];
        node.engine.remove_peer(peer, 0, "", now);
        node.add_peer(1, now);
    });
    world.run_for(Duration::from_millis(50));
    dial(&mut world, 1, 0);
    let took = world.run_until(SECOND, |world| world.node(at(1)).live().len() == 1);
    assert!(took <= Duration::from_millis(100), "{took:?}");
}

const SECOND: Duration = Duration::from_secs(1);
