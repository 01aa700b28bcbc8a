//! The same seed, the same bytes.

use std::time::Duration;

use warren_quic::Config;
use warren_testing::Link;

use crate::support::*;

#[test]
fn a_run_repeats_to_the_last_byte() {
    assert_eq!(run(1, 1), run(1, 1));
}

#[test]
fn another_seed_or_incarnation_is_another_run() {
    assert_ne!(run(1, 1), run(2, 1));
    assert_ne!(run(1, 1), run(1, 2));
}

fn run(seed: u8, incarnation: u64) -> (u64, u64, u64) {
    let link =
        Link { loss: 0.05, reorder: 0.1, duplicate: 0.05, jitter: Duration::from_millis(5), ..latency(10) };
    let a = Config { seed: [seed; 32], incarnation, ..config(A, "test") };
    let (mut world, a, b) = pair_with(42, link, a, config(B, "test"));
    for number in 0..30 {
        world.with(address(A), |node, _| node.send(a, number, vec![number; 20_000]));
        world.with(address(B), |node, _| node.send(b, number, vec![number; 3_000]));
        world.run_for(Duration::from_millis(30));
    }
    world.run_for(Duration::from_secs(5));
    world.with(address(B), |node, now| node.quic.close(b, 1, b"", now));
    world.run_for(Duration::from_secs(5));
    let stats = world.network.counters();
    (world.node(address(A)).sent, world.node(address(B)).sent, stats.sent)
}
