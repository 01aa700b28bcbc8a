//! Cost of idle connections: datagrams and bytes in virtual time, and the processor's time of one engine that has them
//! all.
//!
//! `cargo run --release -p warren-engine --example idle [connections] [heartbeat in milliseconds]`

#![allow(dead_code, reason = "shared with the tests, which ask for more")]

#[path = "../tests/engine/world.rs"]
mod world;

use std::env;
use std::time::{Duration, Instant};

use warren_testing::{Link, Seed};

use world::{Endpoint, World, at, config, dial};

fn main() {
    let mut arguments = env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let connections = arguments.next().unwrap_or(1_000);
    let heartbeat = arguments.next().unwrap_or(9_000);
    let mut world = hub(connections as u16, Duration::from_millis(heartbeat));
    world.run_for(HOUR / 6);
    let (sent, bytes) = (world.network.counters().sent, bytes(&world));
    let mut spent = Duration::ZERO;
    let end = world.now() + HOUR;
    while world.now() < end {
        spent += step(&mut world, end);
    }
    let per_hour = |count: u64| count as f64 / connections as f64;
    println!(
        "{connections} idle connections, heartbeat {heartbeat} ms, an hour: {:.1} datagrams and {:.0} bytes a connection, \
         both ends together, IPv4 and UDP headers included; {:.2} s of processor time for all of both ends",
        per_hour(world.network.counters().sent - sent),
        per_hour(self::bytes(&world) - bytes),
        spent.as_secs_f64(),
    );
}

fn hub(connections: u16, heartbeat: Duration) -> World {
    let mut world = World::new(Seed::exactly(1));
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    for n in 0..=connections {
        let mut config = config(n, world.network.seed());
        config.heartbeat = Some(heartbeat);
        config.limits.pending_connections = usize::from(connections);
        let mut node = Endpoint::new(at(n), config, world.now());
        let peers = if n == 0 { 1..=connections } else { 0..=0 };
        peers.for_each(|peer| {
            node.add_peer(peer, world.now());
        });
        world.add(at(n), node);
    }
    for n in 1..=connections {
        dial(&mut world, n, 0);
        world.run_for(Duration::from_millis(9));
    }
    world
}

#[expect(clippy::disallowed_methods, reason = "measures real time")]
fn step(world: &mut World, end: Instant) -> Duration {
    let began = Instant::now();
    world.run_for(Duration::from_secs(60).min(end - world.now()));
    began.elapsed()
}

fn bytes(world: &World) -> u64 {
    world.nodes().map(|(_, node)| node.sent_bytes).sum()
}

const HOUR: Duration = Duration::from_secs(3_600);
