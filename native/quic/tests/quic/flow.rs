//! Bytes in flight, and the few that wait below the owner's scheduler.

use std::time::Duration;

use warren_quic::ConnectionHandle;
use warren_testing::{Link, Rate};

use crate::support::*;

#[test]
fn a_fast_path_without_loss_is_filled_and_not_overfilled() {
    let rate = Rate { bits_per_second: 1_000_000_000, queue_bytes: 64 << 20 };
    let (mut world, a, _) = pair(1, Link { rate: Some(rate), ..latency(1) });
    let (goodput, flying, unsent) = measure(&mut world, a, Duration::from_millis(1500));
    assert!(goodput > 900e6, "{goodput}");
    assert!(flying <= 600 << 10, "{flying}");
    assert!(unsent <= 20_000, "{unsent}");
}

#[test]
fn a_long_fat_path_is_filled() {
    let rate = Rate { bits_per_second: 200_000_000, queue_bytes: 8 << 20 };
    let (mut world, a, _) = pair(2, Link { rate: Some(rate), ..latency(50) });
    let (goodput, flying, _) = measure(&mut world, a, Duration::from_secs(8));
    assert!(goodput > 150e6, "{goodput}");
    // Twice what the path holds, 2.5 MB.
    assert!(flying < 6 << 20, "{flying}");
}

#[test]
fn a_path_with_loss_does_not_pile_up_what_was_written() {
    for seed in 0..3 {
        let rate = Rate { bits_per_second: 100_000_000, queue_bytes: 100_000 };
        let link = Link { rate: Some(rate), loss: 0.01, jitter: Duration::from_micros(200), ..latency(5) };
        let (mut world, a, _) = pair(seed, link);
        let (goodput, _, unsent) = measure(&mut world, a, Duration::from_secs(5));
        // CUBIC by itself, which takes each loss for congestion, moves some 10 Mbit/s here.
        assert!(goodput > 70e6, "{goodput}");
        // It includes lost data that waits to leave again: at most one batch of segments.
        assert!(unsent <= 96 << 10, "{unsent}");
    }
}

#[test]
fn random_loss_does_not_shrink_what_flies() {
    for seed in 0..3 {
        let (mut world, a, _) = pair(seed, Link { loss: 0.02, ..latency(25) });
        world.with(address(A), |node, _| node.send_many(a, 0, 10, vec![1; 1 << 20]));
        world.run_until(Duration::from_secs(3), |world| world.node(address(B)).messages.len() == 10);
    }
}

#[test]
fn an_idle_connection_costs_nothing() {
    let (mut world, a, b) = pair(3, latency(10));
    world.with(address(A), |node, _| node.send(a, 0, vec![1; 1 << 20]));
    world.run_for(Duration::from_secs(10));
    let sent = world.network.counters().sent;
    for (tag, connection) in [(A, a), (B, b)] {
        assert_eq!(world.node(address(tag)).quic.poll_timeout(), None);
        assert!(world.node(address(tag)).quic.room(connection) > 10_000);
    }
    world.run_for(Duration::from_secs(86_400));
    assert_eq!(world.network.counters().sent, sent);
    let id = world.with(address(A), |node, _| node.send(a, 0, vec![1; 1 << 20]));
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.contains_key(&id));
}

#[test]
fn a_sender_whose_last_packets_are_lost_goes_on_by_itself() {
    for seed in 0..20 {
        let (mut world, a, _) = pair(seed, latency(10));
        world.with(address(A), |node, _| node.send(a, 0, vec![1; 60_000]));
        world.network.set_default(Link::down());
        world.run_for(Duration::from_millis(5 + seed));
        world.network.set_default(Link { loss: 0.3, ..latency(10) });
        world.run_until(Duration::from_secs(20), |world| world.node(address(A)).settled.len() == 1);
    }
}

#[test]
fn a_path_that_becomes_fast_is_used_at_once() {
    for (seed, slow) in [5, 30, 150].into_iter().enumerate() {
        let (mut world, a, _) = pair(seed as u64, latency(slow));
        world.run_for(Duration::from_secs(1));
        world.network.set_default(Link::with_latency(Duration::from_micros(100)));
        for size in [50_000, 1 << 20] {
            let id = world.with(address(A), |node, _| node.send(a, 0, vec![1; size]));
            let delivered = |world: &World| world.node(address(A)).settled.contains_key(&id);
            world.run_until(Duration::from_millis(50), delivered);
        }
    }
}

#[test]
fn a_connection_made_through_loss_stands_at_no_time_still() {
    for seed in 0..30 {
        let mut world = strangers(seed, Link { loss: 0.6, ..latency(20) });
        let a = world.with(address(A), |node, now| node.connect(B, "test", now));
        world.run_for(Duration::from_secs(20));
        world.network.set_default(latency(1));
        world.run_until(Duration::from_secs(120), |world| world.node(address(A)).is_connected(a));
        let id = world.with(address(A), |node, _| node.send(a, 0, vec![1; 50_000]));
        // A probe that backed off may be what goes on.
        world.run_until(Duration::from_secs(120), |world| world.node(address(A)).settled.contains_key(&id));
    }
}

/// Sends messages without end. Gives the bits delivered a second, and the most bytes that flew and that waited unsent.
fn measure(world: &mut World, connection: ConnectionHandle, time: Duration) -> (f64, u64, u64) {
    let size = 256 << 10;
    let mut most = (0, 0);
    let step = Duration::from_millis(2);
    for _ in 0..time.as_millis() / step.as_millis() {
        if world.node(address(A)).queued(connection) < 40 {
            world.with(address(A), |node, _| node.send_many(connection, 0, 100, vec![1; size]));
        }
        world.run_for(step);
        let stats = world.node(address(A)).quic.stats(connection).unwrap();
        most = (most.0.max(stats.in_flight), most.1.max(stats.unsent));
    }
    let bits = world.node(address(B)).messages.len() * size * 8;
    (bits as f64 / time.as_secs_f64(), most.0, most.1)
}
