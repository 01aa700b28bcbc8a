//! Nodes that send all they can to readers who do not keep up.

use std::time::Duration;

use bytes::Bytes;
use warren_engine::{ConnectionId, Outcome};
use warren_testing::{Link, Rate, Seed};

use crate::world::{World, at, connect, mesh};

#[test]
fn a_ring_and_a_full_mesh_of_six_flooding_slow_readers_run_on_at_bounded_memory() {
    for (name, pairs, rate) in [("ring", ring(6), 60_000_000), ("mesh", every_pair(6), 25_000_000)] {
        let mut world = mesh(6, Seed::of_this_run(), |_, config| {
            config.limits.receive_bytes_per_connection = LIMIT;
            config.limits.message_bytes = MIB;
        });
        let link = Link {
            latency: Duration::from_millis(2),
            rate: Some(Rate { bits_per_second: rate, queue_bytes: 100_000 }),
            ..Link::default()
        };
        world.network.set_default(link);
        for &(from, to) in &pairs {
            let (ours, theirs) = connect(&mut world, from, to);
            for (n, connection) in [(from, ours), (to, theirs)] {
                world.with(at(n), |node, now| {
                    node.quiet = true;
                    node.keep_full(connection, 0, 2 * MIB, MIB, now);
                });
            }
        }
        for n in 0..6 {
            world.with(at(n), |node, _| node.reads = false);
        }
        world.run_for(Duration::from_millis(400));
        let mut before = [0; 6];
        for round in 0..2 {
            for _ in 0..4 {
                world.run_for(Duration::from_millis(100));
                for n in 0..6 {
                    // 84 Mbit/s is less than any of them could be sent.
                    world.with(at(n), |node, now| node.read(1, now));
                    check_memory(&world, n, name);
                }
            }
            for n in 0..6u16 {
                let received = world.node(at(n)).received.len();
                let new = received - before[usize::from(n)];
                before[usize::from(n)] = received;
                assert!(new >= 3, "{name}: node {n} received {new} in round {round}");
            }
        }
        for n in 0..6 {
            assert_eq!(world.node(at(n)).closed().len(), 0, "{name}: node {n}");
            assert_eq!(world.node(at(n)).settled(Outcome::Lost), 0, "{name}: node {n}");
        }
    }
}

#[test]
fn a_caller_that_stalls_for_two_seconds_loses_neither_connections_nor_data() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| {
        config.limits.receive_bytes_per_connection = LIMIT;
        config.limits.message_bytes = MIB;
        config.heartbeat = Some(Duration::from_millis(500));
    });
    let rate = Some(Rate { bits_per_second: 100_000_000, queue_bytes: 200_000 });
    world.network.set_default(Link { latency: Duration::from_millis(5), rate, ..Link::default() });
    let mut ends = Vec::new();
    for n in 1..3 {
        let (ours, theirs) = connect(&mut world, 0, n);
        world.with(at(0), |node, now| {
            for _ in 0..15 {
                node.send(ours, 0, Bytes::from(vec![1; MIB]), now);
            }
        });
        world.with(at(n), |node, now| {
            for _ in 0..15 {
                node.send(theirs, 0, Bytes::from(vec![2; MIB]), now);
            }
        });
        ends.push(ours);
    }
    for _ in 0..3 {
        world.run_for(Duration::from_millis(300));
        // Its thread goes on, and its caller takes nothing.
        world.with(at(0), |node, _| node.drains = false);
        world.run_for(Duration::from_secs(2));
        let waiting = world.node(at(0)).engine.stats().queued_events;
        assert!(waiting < 2_000, "{waiting} events");
        world.with(at(0), |node, now| {
            node.drains = true;
            node.drain_events(now);
        });
        // Its thread is its caller's: nothing happens at all.
        world.stall(Duration::from_secs(2));
    }
    world.run_for(Duration::from_secs(30));
    assert_eq!(world.node(at(0)).settled(Outcome::Delivered), 30);
    assert_eq!(world.node(at(0)).received.len(), 30);
    assert_eq!(world.node(at(0)).live(), ends);
}

#[test]
fn a_peer_that_floods_and_marks_everything_255_takes_only_its_room_at_the_receiver() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| {
        config.limits.receive_bytes_per_connection = LIMIT;
        config.limits.message_bytes = MIB;
    });
    let rate = Some(Rate { bits_per_second: 100_000_000, queue_bytes: 200_000 });
    world.network.set_default(Link { latency: Duration::from_millis(5), rate, ..Link::default() });
    let (flood, _) = connect(&mut world, 1, 0);
    let (honest, _) = connect(&mut world, 2, 0);
    world.with(at(0), |node, _| node.reads = false);
    world.with(at(1), |node, now| {
        for _ in 0..30 {
            node.send(flood, 255, Bytes::from(vec![1; MIB]), now);
        }
    });
    world.run_for(Duration::from_secs(4));
    check_memory(&world, 0, "flood");
    assert!(world.node(at(0)).received.len() <= LIMIT / MIB);
    let sent = world.node(at(1)).sent_bytes;
    // Messages that nobody reads are not sent either: the credit of one connection at most.
    assert!(sent < 40 << 20, "{sent}");
    for _ in 0..10 {
        let before = world.node(at(0)).received.len();
        world.with(at(2), |node, now| node.send(honest, 1, Bytes::from(vec![3; 1_000]), now));
        let took = world.run_until(Duration::from_secs(1), |world| world.node(at(0)).received.len() > before);
        assert!(took < Duration::from_millis(10), "{took:?}");
    }
}

fn ring(count: u16) -> Vec<(u16, u16)> {
    (0..count).map(|n| (n, (n + 1) % count)).collect()
}

fn every_pair(count: u16) -> Vec<(u16, u16)> {
    (0..count).flat_map(|from| (from + 1..count).map(move |to| (from, to))).collect()
}

/// Checks the bytes that a node holds of its peers' messages, and the number of its events.
#[track_caller]
fn check_memory(world: &World, n: u16, name: &str) {
    let engine = &world.node(at(n)).engine;
    let events = engine.stats().queued_events;
    assert!(events < 100, "{name}: {events} events wait at node {n}");
    for connection in world.node(at(n)).live() {
        let held = held(world, n, connection);
        assert!(held <= LIMIT, "{name}: {held} bytes held at node {n}");
    }
}

fn held(world: &World, n: u16, connection: ConnectionId) -> usize {
    let stats = world.node(at(n)).engine.connection_stats(connection, world.now());
    stats.map_or(0, |stats| stats.transport.messages_held as usize)
}

const MIB: usize = 1 << 20;
const LIMIT: usize = 2 * MIB;
