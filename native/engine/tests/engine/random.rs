use std::collections::BTreeMap;
use std::time::Duration;

use rand::{Rng, RngExt};
use warren_engine::{ConnectionId, Event, GiveUp, Outcome, StreamId};
use warren_testing::{Link, Rate, Seed};

use crate::world::{World, at, bulk, connect, mesh};

#[test]
fn the_same_seed_gives_the_same_bytes() {
    // boringtun draws its ephemeral keys itself, so what is compared is everything but the sealed contents: how many
    // bytes left, when, and what was told.
    let run = |seed| {
        let mut world = scramble(seed);
        world.run_for(Duration::from_secs(30));
        let told = |n| {
            let node = world.node(at(n));
            let start = node.events.first().map(|(at, _)| *at);
            let events: Vec<_> = node
                .events
                .iter()
                .map(|(at, event)| format!("{:?} {event:?}", start.map(|start| *at - start)))
                .collect();
            (events, node.sent_bytes, node.received.clone())
        };
        (told(0), told(1), world.network.counters())
    };
    for seed in 0..5 {
        let (first, second) = (run(seed), run(seed));
        assert_eq!(first.2, second.2, "seed {seed}");
        assert_eq!(first.0, second.0, "seed {seed}");
        assert_eq!(first.1, second.1, "seed {seed}");
    }
    assert_ne!(run(1).2, run(2).2);
}

#[test]
fn whatever_two_engines_do_every_message_settles_and_every_admitted_byte_drains() {
    for seed in 0..40 {
        let mut world = scramble(seed);
        world.network.set_default(Link::with_latency(Duration::from_millis(5)));
        world.run_for(Duration::from_secs(120));
        for n in [0, 1] {
            let stats = world.node(at(n)).engine.stats();
            for connection in world.node(at(n)).live() {
                let figures = world.node(at(n)).engine.connection_stats(connection, world.now());
                let unsettled = figures.map(|figures| figures.unsettled_messages);
                assert_eq!(unsettled, Some(0), "seed {seed}: node {n} {connection:?} {stats:?}");
            }
            check_books(&world, n, seed);
        }
    }
}

/// A random minute of two engines on a bad path.
fn scramble(seed: u64) -> World {
    let mut world = mesh(2, Seed::exactly(seed), |n, config| {
        config.limits.streams_per_connection = 20;
        config.limits.receive_bytes_per_connection = 300_000;
        config.limits.message_bytes = 100_000;
        config.uplink = (n == 0 && seed.is_multiple_of(2)).then_some(20_000_000);
    });
    let mut link = Link {
        latency: Duration::from_millis(5),
        jitter: Duration::from_millis(2),
        loss: 0.02,
        reorder: 0.02,
        duplicate: 0.02,
        ..Link::default()
    };
    world.network.set_default(link.clone());
    let mut rng = Seed::exactly(seed ^ 0xfeed).rng();
    let mut connections = connect(&mut world, 0, 1);
    for step in 0..400 {
        let n: u16 = rng.random_range(0..2);
        let connection = if n == 0 { connections.0 } else { connections.1 };
        act(&mut world, n, connection, &mut rng);
        world.run_for(Duration::from_micros(rng.random_range(0..20_000)));
        change_path(&mut world, &mut link, &mut rng);
        if step % 150 == 149 {
            let grace = Duration::from_millis(rng.random_range(0..2_000));
            // A close is said once: an idle end that misses it has no reason to ask.
            world.network.set_default(Link { loss: 0.0, ..link.clone() });
            world.with(at(n), |node, now| {
                node.engine.close(connection, 0, "", grace, now);
                node.drain_events(now);
            });
            world.run_until(Duration::from_secs(60), |world| {
                world.node(at(0)).live().is_empty() && world.node(at(1)).live().is_empty()
            });
            world.network.set_default(link.clone());
            connections = connect(&mut world, 0, 1);
        }
    }
    world
}

/// Now and then the way takes longer or less time, or another rate bounds it; or the machine stands still for a moment.
fn change_path(world: &mut World, link: &mut Link, rng: &mut impl Rng) {
    match rng.random_range(0..100u32) {
        0..4 => {
            let micros = [50, 500, 5_000, 20_000, 80_000][rng.random_range(0..5usize)];
            link.latency = Duration::from_micros(micros);
            link.jitter = link.latency / 3;
        }
        4..6 => {
            let megabits = [None, Some(2), Some(20), Some(200)][rng.random_range(0..4usize)];
            let rate = |megabits: u64| Rate { bits_per_second: megabits * 1_000_000, queue_bytes: 256 << 10 };
            link.rate = megabits.map(rate);
        }
        6 => return world.stall(Duration::from_millis(rng.random_range(1..500))),
        _ => return,
    }
    world.network.set_default(link.clone());
}

fn act(world: &mut World, n: u16, connection: ConnectionId, rng: &mut impl Rng) {
    let choice = rng.random_range(0..100u32);
    let size = 1 + (rng.random_range(0.0..1.0f64).powi(4) * 99_000.0) as usize;
    let priority = rng.random_range(0..6u8) * 40;
    world.with(at(n), |node, now| {
        let streams: Vec<StreamId> = node.streams.iter().copied().collect();
        let stream = (!streams.is_empty()).then(|| streams[size % streams.len()]);
        match (choice, stream) {
            (0..50, _) => {
                node.send(connection, priority, bulk(size), now);
            }
            (50..60, _) => {
                let id = node.send(connection, priority, bulk(size), now);
                node.cancels.push(id);
            }
            (60..66, _) => {
                for id in std::mem::take(&mut node.cancels) {
                    node.engine.cancel_message(connection, id, GiveUp::Cancelled, now);
                }
            }
            (66..76, _) => {
                node.open(connection, size.is_multiple_of(2), priority, now);
            }
            (76..88, Some(stream)) => node.engine.write_stream(stream, bulk(size)),
            (88..91, Some(stream)) => node.engine.finish_stream(stream),
            (91..93, Some(stream)) => node.engine.reset_stream(stream, 1, now),
            (93..95, Some(stream)) => node.engine.stop_stream(stream, 2, now),
            (95..98, Some(stream)) => node.engine.set_stream_priority(stream, priority),
            _ => {
                node.engine.send_datagram(connection, bulk(size.min(1_000)));
            }
        }
        node.drain_events(now);
    });
}

/// Each message settled exactly once, and each lane drained just what was admitted to it.
fn check_books(world: &World, n: u16, seed: u64) {
    let node = world.node(at(n));
    let mut drained: BTreeMap<(ConnectionId, u8), u64> = BTreeMap::new();
    let mut settled: BTreeMap<u64, Outcome> = BTreeMap::new();
    for (_, event) in &node.events {
        match event {
            Event::LaneDrained { connection, priority, bytes } => {
                *drained.entry((*connection, *priority)).or_default() += bytes;
            }
            Event::MessageSettled { message, outcome, .. } => {
                let before = settled.insert(message.0, *outcome);
                assert_eq!(before, None, "seed {seed}: {message:?} settled twice");
            }
            _ => {}
        }
    }
    assert_eq!(settled.len() as u64, node.messages_sent(), "seed {seed}: node {n}");
    let expected: BTreeMap<_, _> =
        node.admitted.iter().filter(|(_, bytes)| **bytes > 0).map(|(at, bytes)| (*at, *bytes)).collect();
    assert_eq!(drained, expected, "seed {seed}: node {n}");
}
