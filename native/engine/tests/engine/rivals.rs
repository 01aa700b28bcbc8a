use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use warren_engine::{CloseCause, Event, Initiator, PeerId};
use warren_testing::{Link, Seed};

use crate::connect::connected;
use crate::world::{World, at, bulk, dial, mesh, restart};

#[test]
fn dialling_twice_at_once_gives_one_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let first = dial(&mut world, 0, 1);
    let second = dial(&mut world, 0, 1);
    world.run_for(Duration::from_secs(5));
    assert_eq!(world.node(at(0)).live(), [first]);
    assert_eq!(world.node(at(1)).live().len(), 1);
    let closed = world.node(at(0)).closed();
    assert_eq!(closed.len(), 1);
    assert_eq!((closed[0].0, closed[0].1.cause), (second, CloseCause::Duplicate));
}

#[test]
fn both_ends_dialling_in_the_same_instant_end_with_the_same_connection() {
    for seed in 0..100 {
        simultaneous_dial(seed, 0.0);
    }
}

#[test]
fn both_ends_dialling_in_the_same_instant_end_with_the_same_connection_on_a_lossy_path() {
    for seed in 0..300 {
        simultaneous_dial(seed, 0.1);
    }
}

#[test]
fn a_mesh_that_dials_itself_in_one_instant_has_one_connection_a_pair() {
    let count = 8;
    for seed in 0..5 {
        let mut world = mesh(count, Seed::exactly(seed), |_, _| {});
        let jitter = Duration::from_millis(5);
        let link = Link { latency: Duration::from_millis(20), jitter, loss: 0.05, ..Link::default() };
        world.network.set_default(link);
        for from in 0..count {
            for to in (0..count).filter(|&to| to != from) {
                dial(&mut world, from, to);
            }
        }
        world.run_for(Duration::from_secs(30));
        check_mesh(&world, count, seed);
    }
}

#[test]
fn a_mesh_whose_nodes_are_killed_and_restarted_at_random_heals() {
    let count = 5;
    for seed in 0..10 {
        let mut world = mesh(count, Seed::exactly(seed), |_, _| {});
        let link = Link { latency: Duration::from_millis(20), loss: 0.02, ..Link::default() };
        world.network.set_default(link);
        let mut rng = Seed::exactly(seed ^ 0xbeef).rng();
        for life in 1..40 {
            let (from, to) = (rng.random_range(0..count), rng.random_range(0..count));
            if from == to {
                restart(&mut world, from, life);
            } else {
                let connection = dial(&mut world, from, to);
                world.with(at(from), |node, now| node.send(connection, 0, bulk(50_000), now));
            }
            world.run_for(Duration::from_millis(rng.random_range(0..300)));
        }
        // A node that lacks a connection dials, as a reconnecting application does; data finds the dead ones.
        for _ in 0..6 {
            for from in 0..count {
                for connection in world.node(at(from)).live() {
                    world.with(at(from), |node, now| node.send(connection, 0, Bytes::from_static(b"?"), now));
                }
            }
            world.run_for(Duration::from_secs(16));
            for from in 0..count {
                for to in (0..count).filter(|&to| to != from) {
                    dial(&mut world, from, to);
                }
            }
            world.run_for(Duration::from_secs(5));
        }
        check_mesh(&world, count, seed);
    }
}

fn simultaneous_dial(seed: u64, loss: f64) {
    let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
    let link = Link {
        latency: Duration::from_millis(20),
        jitter: Duration::from_millis(5),
        loss,
        ..Link::default()
    };
    world.network.set_default(link);
    dial(&mut world, 0, 1);
    world.run_for(Duration::from_millis(seed % 50));
    dial(&mut world, 1, 0);
    let took = world.run_until(Duration::from_secs(40), |world| {
        world.node(at(0)).live().len() == 1 && world.node(at(1)).live().len() == 1
    });
    if loss == 0.0 {
        assert!(took < Duration::from_millis(300), "seed {seed}: {took:?}");
    }
    world.run_for(Duration::from_secs(20));
    let (left, right) = (world.node(at(0)).live(), world.node(at(1)).live());
    assert_eq!((left.len(), right.len()), (1, 1), "seed {seed}");
    assert_ne!(
        connected(&world, 0, left[0]).0,
        connected(&world, 1, right[0]).0,
        "seed {seed}: two connections"
    );
    for n in [0, 1] {
        let causes: Vec<_> = world.node(at(n)).closed().iter().map(|(_, closed)| closed.cause).collect();
        assert!(causes.iter().all(|&cause| cause == CloseCause::Duplicate), "seed {seed}: {causes:?}");
        assert_eq!(world.node(at(n)).connected().len(), 1, "seed {seed}: node {n} saw one that did not last");
    }
    world.with(at(0), |node, now| node.send(left[0], 0, Bytes::from_static(b"same"), now));
    world.run_until(Duration::from_secs(10), |world| world.node(at(1)).received == [(0, 4)]);
}

/// Every pair has one connection, the same on both ends.
fn check_mesh(world: &World, count: u16, seed: u64) {
    for n in 0..count {
        let node = world.node(at(n));
        let mut ends: Vec<(PeerId, Initiator)> = Vec::new();
        for id in node.live() {
            let found = node.events.iter().find_map(|(_, event)| match event {
                Event::Connected { connection, peer, initiator, .. } if *connection == id => {
                    Some((*peer, *initiator))
                }
                _ => None,
            });
            ends.push(found.expect("connected"));
        }
        for other in (0..count).filter(|&other| other != n) {
            let here: Vec<_> = ends.iter().filter(|end| end.0 == node.peers[&other]).collect();
            assert_eq!(here.len(), 1, "seed {seed}: {n} with {other}: {here:?}");
        }
        let stats = node.engine.stats();
        assert_eq!(stats.connections, u64::from(count) - 1, "seed {seed}: node {n}");
    }
    let dialled = |n: u16| {
        let events = &world.node(at(n)).events;
        let live = world.node(at(n)).live();
        let local = events.iter().filter(|(_, event)| {
            matches!(event, Event::Connected { connection, initiator: Initiator::Local, .. } if live.contains(connection))
        });
        local.count()
    };
    let pairs = usize::from(count * (count - 1) / 2);
    assert_eq!((0..count).map(dialled).sum::<usize>(), pairs, "seed {seed}: each pair agrees on who dialled");
}
