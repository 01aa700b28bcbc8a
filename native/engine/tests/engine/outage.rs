//! Paths that are cut, slow, or lead nowhere.

use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{CloseCause, Event};
use warren_testing::{Link, Seed};

use crate::restart::Keeper;
use crate::world::{Endpoint, World, at, config, connect, dial, mesh, restart};

#[test]
fn after_a_cut_the_first_message_comes_within_a_second_and_a_half() {
    for one_way in [100, 20_000] {
        for (seed, cut) in (1..).zip([1, 2, 3, 5, 8, 13, 14, 15, 16, 17, 20, 25, 30, 45, 60]) {
            let took = cut_for(seed, one_way, 10, cut);
            assert!(took <= Duration::from_millis(1_500), "{one_way} us, {cut} s: {took:?}");
        }
    }
}

#[test]
fn after_a_cut_in_which_the_session_expired_the_first_message_comes_within_six_seconds() {
    for (seed, age) in (1..).zip([110, 130, 150, 170]) {
        let took = cut_for(seed, 20_000, age, 60);
        assert!(took <= SECOND * 6, "a session of {age} s: {took:?}");
    }
}

#[test]
fn a_dial_over_a_path_far_slower_than_its_estimate_connects() {
    for (one_way, stretch) in [(300, false), (800, false), (300, true), (800, true), (2_000, true)] {
        let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
        let slow = Link::with_latency(Duration::from_millis(one_way));
        world.network.set_default(if stretch { Link::default() } else { slow.clone() });
        if stretch {
            let (ours, _) = connect(&mut world, 0, 1);
            world.with(at(0), |node, now| node.engine.close(ours, 0, "", Duration::ZERO, now));
            world.run_for(SECOND);
            world.network.set_default(slow);
        }
        let before = world.node(at(0)).connected().len();
        dial(&mut world, 0, 1);
        let took = world.run_until(SECOND * 10, |world| world.node(at(0)).connected().len() > before);
        // A round trip of each handshake, and where the path is taken for a fast one, hellos that are given up.
        let limit = Duration::from_millis(4 * one_way) * if stretch { 2 } else { 1 } + SECOND;
        assert!(took <= limit, "{one_way} ms, stretched {stretch}: {took:?}");
        world.run_for(SECOND * 5);
        assert_eq!(world.node(at(0)).live().len(), 1);
        assert_eq!(world.node(at(1)).live().len(), 1);
    }
}

#[test]
fn a_dial_that_failed_leaves_no_tunnel_to_come_up_by_itself() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    world.remove(at(1));
    world.with(at(0), |node, now| {
        node.engine.connect(node.peers[&1], None, SECOND, now).expect("a dial");
        node.drain_events(now);
    });
    world.run_for(SECOND * 2);
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::NoHandshake);
    let mut late = Endpoint::new(at(1), config(1, world.network.seed()), world.now());
    late.add_peer(0, world.now());
    world.add(at(1), late);
    world.run_for(SECOND * 100);
    let up = |event: &(Instant, Event)| matches!(event.1, Event::PeerUp { .. });
    assert!(!world.node(at(0)).events.iter().any(up));
}

#[test]
fn all_peers_of_a_hub_that_restarts_are_back_within_four_seconds() {
    // 500 pass as well, and take minutes: each step of the simulation looks at all nodes.
    let count = 100;
    let mut world = World::new(Seed::exactly(1));
    world.network.set_default(Link::with_latency(Duration::from_micros(100)));
    let mut hub = Endpoint::new(at(0), hub_config(&world, 0), world.now());
    for n in 1..=count {
        hub.add_peer(n, world.now());
    }
    world.add(at(0), hub);
    for n in 1..=count {
        let mut spoke = Endpoint::new(at(n), hub_config(&world, n), world.now());
        spoke.add_peer(0, world.now());
        world.add(at(n), spoke);
        dial(&mut world, n, 0);
        world.run_for(Duration::from_millis(7));
    }
    world.run_for(SECOND * 5);
    assert_eq!(world.node(at(0)).live().len(), usize::from(count));
    let mut keepers: Vec<_> = (1..=count).map(|n| Keeper::of(n, u64::from(n), true)).collect();
    let gone = world.remove(at(0)).expect("a node");
    run_all(&mut world, &mut keepers, SECOND, |_| false);
    world.add(at(0), gone);
    restart(&mut world, 0, 77);
    let back = |world: &World| world.node(at(0)).live().len() == usize::from(count);
    let took = run_all(&mut world, &mut keepers, SECOND * 20, back);
    assert!(took <= SECOND * 4, "{took:?}");
}

fn hub_config(world: &World, n: u16) -> warren_engine::Config {
    let mut config = config(n, world.network.seed());
    config.limits.pending_connections = 1_000;
    config
}

fn run_all(
    world: &mut World,
    keepers: &mut [Keeper],
    limit: Duration,
    holds: impl Fn(&World) -> bool,
) -> Duration {
    let began = world.now();
    while world.now() < began + limit && !holds(world) {
        world.run_for(Duration::from_millis(10));
        for keeper in &mut *keepers {
            keeper.tend(world, 0);
        }
    }
    world.now() - began
}

/// A connection with traffic whose path is cut, `age` seconds after its session was made, for `cut` seconds; how long
/// after that the first message comes.
fn cut_for(seed: u64, one_way: u64, age: u64, cut: u64) -> Duration {
    let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_micros(one_way)));
    connect(&mut world, 0, 1);
    let mut keeper = Keeper::of(0, seed, true);
    keeper.run(&mut world, 1, SECOND * age as u32 + Duration::from_millis(seed * 37), |_| false);
    world.network.set_links(at(0), at(1), Link::down());
    keeper.run(&mut world, 1, SECOND * cut as u32, |_| false);
    let heard = world.node(at(1)).received.len();
    world.network.unset_links(at(0), at(1));
    let mended = world.now();
    keeper.run(&mut world, 1, SECOND * 20, |world| world.node(at(1)).received.len() > heard);
    world.now() - mended
}

#[test]
fn a_message_that_waits_alone_comes_as_soon_after_a_cut() {
    for (seed, cut) in (1..).zip([2, 7, 12, 14]) {
        let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let (ours, _) = connect(&mut world, 0, 1);
        world.run_for(SECOND * 10);
        world.network.set_links(at(0), at(1), Link::down());
        world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"later"), now));
        world.run_for(SECOND * cut);
        world.network.unset_links(at(0), at(1));
        let took = world.run_until(SECOND * 5, |world| world.node(at(1)).received.len() == 1);
        assert!(took <= Duration::from_millis(1_500), "{cut} s: {took:?}");
    }
}

#[test]
fn what_was_lost_in_a_cut_is_sent_again_though_the_peer_was_heard_since() {
    for (seed, cut) in (1..).zip([6, 8, 10, 12, 13]) {
        let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
        let link = Link::with_latency(Duration::from_millis(20));
        world.network.set_default(link.clone());
        let (ours, _) = connect(&mut world, 0, 1);
        let say = |world: &mut World| {
            world.with(at(0), |node, now| node.send(ours, 0, Bytes::from(vec![0; 64]), now));
            world.run_for(SECOND / 20);
        };
        (0..20).for_each(|_| say(&mut world));
        // Data that arrives just before the cut is acknowledged after it, and nothing that was sent since.
        world.network.set_link(at(1), at(0), Link::down());
        say(&mut world);
        world.network.set_link(at(0), at(1), Link::down());
        (0..cut * 20).for_each(|_| say(&mut world));
        let heard = world.node(at(1)).received.len();
        world.network.unset_links(at(0), at(1));
        let took = world.run_until(SECOND * 30, |world| world.node(at(1)).received.len() > heard);
        assert!(took <= Duration::from_millis(1_500), "{cut} s: {took:?}");
    }
}

const SECOND: Duration = Duration::from_secs(1);
