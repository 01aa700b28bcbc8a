//! Urgent messages behind bulk over simulated links: their wait, and the goodput of bulk.
#![allow(dead_code, reason = "shared with the example that prints the matrix")]

mod downlink;
mod flood;
mod matrix;
mod naps;
mod neighbour;
mod party;
mod rival;
mod scenario;

use std::time::Duration;

use warren_testing::Buffer;

use downlink::Downlink;
use flood::Flood;
use matrix::becomes;
use neighbour::{Conduct, Neighbour};
use party::at;
use scenario::{Change, Scenario};

#[test]
fn bulk_fills_a_link_and_its_queue_stays_short() {
    for (megabits, round_trip, buffer) in [(100, 10, DEEP), (50, 40, DEEP), (100, 50, SHALLOW)] {
        let link =
            Scenario { span: Duration::from_secs(5), ..Scenario::new("", megabits, round_trip, buffer) };
        let figures = link.run(|_| {});
        assert!(figures.added() < Duration::from_millis(6), "{megabits} {round_trip} {figures:?}");
        assert!(figures.mean_queue < Duration::from_micros(2_500), "{megabits} {round_trip} {figures:?}");
        assert!(figures.goodput > 0.94, "{megabits} {round_trip} {figures:?}");
    }
}

#[test]
fn jitter_is_not_mistaken_for_a_bottleneck() {
    let jitter = Duration::from_millis(5);
    let link = Scenario { jitter, span: Duration::from_secs(5), ..Scenario::new("", 100, 50, DEEP) };
    let figures = link.run(|_| {});
    assert!(figures.added() < Duration::from_millis(6) && figures.goodput > 0.94, "{figures:?}");
}

#[test]
fn a_peer_on_a_path_that_jitters_keeps_its_link_whatever_another_peer_does() {
    let second = Duration::from_secs(1);
    let base = Scenario {
        jitter: Duration::from_millis(10),
        span: Duration::from_secs(5),
        ..Scenario::new("", 20, 50, DEEP)
    };
    for conduct in [
        Conduct::Idle,
        Conduct::Trickle,
        Conduct::Bulk,
        Conduct::Flips(second),
        Conduct::Redials(second),
        Conduct::Lies,
    ] {
        let neighbour = Some(Neighbour::new(20, 50, conduct));
        let figures = Scenario { neighbour, ..base.clone() }.run(|_| {});
        assert!(figures.goodput > 0.9, "{conduct:?} {figures:?}");
        assert!(figures.added() < Duration::from_millis(20), "{conduct:?} {figures:?}");
    }
}

#[test]
fn several_peers_on_paths_that_jitter_fill_their_link() {
    let jitter = Duration::from_millis(10);
    let link =
        Scenario { jitter, bulk_peers: 3, span: Duration::from_secs(3), ..Scenario::new("", 100, 50, DEEP) };
    let figures = link.run(|_| {});
    assert!(figures.added() < Duration::from_millis(15) && figures.goodput > 0.9, "{figures:?}");
}

#[test]
fn jitter_that_begins_late_is_not_mistaken_for_a_bottleneck() {
    let begins = Change {
        jitter: Duration::from_millis(10),
        ..becomes(Duration::from_secs(1), 100, Duration::from_millis(50))
    };
    let link =
        Scenario { changes: vec![begins], span: Duration::from_secs(8), ..Scenario::new("", 100, 50, DEEP) };
    let figures = link.run(|_| {});
    assert!(figures.goodput > 0.75, "{figures:?}");
}

#[test]
fn a_rate_that_halves_leaves_a_queue_for_a_moment_only() {
    let round_trip = Duration::from_millis(10);
    let link = Scenario {
        changes: vec![becomes(Duration::from_secs(2), 50, round_trip)],
        span: Duration::from_secs(6),
        ..Scenario::new("", 100, 10, DEEP)
    };
    let figures = link.run(|_| {});
    assert!(figures.mean_queue < Duration::from_millis(3), "{figures:?}");
    assert!(figures.max_queue < Duration::from_millis(60) && figures.goodput > 0.94, "{figures:?}");
}

#[test]
fn a_path_that_becomes_fast_is_filled_at_once() {
    let fast = Duration::from_micros(300);
    let base = Scenario { span: Duration::from_secs(3), ..Scenario::new("", 100, 50, DEEP) };
    let slow_dial = Some(Duration::from_millis(80));
    let dialled =
        Scenario { round_trip: fast, round_trip_of_dials: slow_dial, warm: Duration::ZERO, ..base.clone() };
    let roamed = Scenario { changes: vec![becomes(Duration::from_secs(1), 100, fast)], ..base };
    for link in [dialled, roamed] {
        let figures = link.run(|_| {});
        assert!(figures.goodput > 0.94, "{figures:?}");
    }
}

#[test]
fn bulk_the_other_way_is_not_mistaken_for_a_queue_of_ours() {
    let link = Scenario { both_ways: true, span: Duration::from_secs(5), ..Scenario::new("", 100, 50, DEEP) };
    let figures = link.run(|_| {});
    assert!(figures.added() < Duration::from_millis(5) && figures.goodput > 0.9, "{figures:?}");
}

#[test]
fn connections_that_begin_one_by_one_do_not_take_each_other_for_the_path() {
    let eight = Scenario {
        bulk_peers: 8,
        stagger: Duration::from_millis(500),
        span: Duration::from_secs(4),
        ..Scenario::new("", 100, 10, DEEP)
    };
    let figures = eight.run(|_| {});
    assert!(figures.added() < Duration::from_millis(8) && figures.goodput > 0.94, "{figures:?}");
    assert!(figures.least > 0.05, "{figures:?}");
}

#[test]
fn bulk_to_five_peers_delays_an_urgent_message_to_a_sixth_by_little() {
    let link = Scenario::new("", 100, 50, DEEP);
    let six = Scenario { bulk_peers: 5, urgent_alone: true, span: Duration::from_secs(4), ..link };
    let figures = six.run(|_| {});
    assert!(figures.added() < Duration::from_millis(6) && figures.goodput > 0.94, "{figures:?}");
}

#[test]
fn beside_a_cubic_flow_bulk_keeps_a_share_and_the_figures_tell_whose_the_queue_is() {
    let link = Scenario::new("", 20, 20, Buffer::Packets(200));
    let alone = Scenario { span: Duration::from_secs(5), ..link.clone() }.run(|_| {});
    assert_eq!(alone.foreign, [], "{alone:?}");
    let rival = Some(Duration::from_secs(2));
    let figures =
        Scenario { rival, warm: Duration::from_secs(6), span: Duration::from_secs(20), ..link }.run(|_| {});
    // A quarter of a fair share is an eighth of the link.
    assert!(figures.goodput > 0.125 && figures.rival > 0.125, "{figures:?}");
    assert!(figures.foreign.len() > 20, "{figures:?}");
    let told = scenario::percentile(&figures.foreign, 0.5);
    assert!(told > figures.mean_queue / 2 && told < figures.mean_queue * 2, "{told:?} {figures:?}");
}

#[test]
fn nodes_that_all_flood_each_other_delay_an_urgent_message_by_little() {
    let flood = Flood { nodes: 5, span: Duration::from_secs(3), ..Flood::new("", 20) };
    let figures = flood.run(|_| {});
    assert!(figures.p99 < Duration::from_millis(6) && figures.goodput > 0.94, "{figures:?}");
    assert!(figures.up.mean + figures.down.mean < Duration::from_millis(3), "{figures:?}");
}

/// All flood all, so that each knows its rate only from packets that are far apart.
#[test]
fn a_node_whose_downlink_was_slow_gets_its_share_again() {
    let flood = Flood { nodes: 4, ..Flood::new("", 20) };
    let slow = 3;
    let mut run = flood::Run::new(&flood, &|_| {});
    let set_downlink = |run: &mut flood::Run<'_>, bits_per_second| {
        let downlink = Downlink::new(flood.router(bits_per_second));
        run.world.with(at(slow), |node, _| node.warren().downlink = Some(downlink));
    };
    let received = |run: &mut flood::Run<'_>| [slow, 0].map(|n| run.received_by(n) as f64);
    let share = |run: &mut flood::Run<'_>| {
        let [own, other] = received(run);
        run.world.run_for(Duration::from_secs(2));
        let [own_after, other_after] = received(run);
        (own_after - own) / (other_after - other)
    };
    set_downlink(&mut run, 1_000_000);
    run.begin_bulk();
    run.world.run_for(Duration::from_secs(6));
    let before = share(&mut run);
    set_downlink(&mut run, flood.bits_per_second);
    run.world.run_for(Duration::from_secs(2));
    let after = share(&mut run);
    assert!(before < 0.2 && after > 0.5, "{before:.2} {after:.2}");
}

/// Behind the longer queue the rate has fallen to a thirtieth before the queue is known for a foreign one.
#[test]
fn a_foreign_flow_that_fills_the_queue_leaves_a_share_to_bulk() {
    let links = [Scenario::new("", 100, 20, DEEP), Scenario { seed: 6, ..Scenario::new("", 20, 50, DEEP) }];
    for link in links {
        let rival = Some(Duration::from_secs(5));
        let (warm, span) = (Duration::from_secs(8), Duration::from_secs(30));
        let figures = Scenario { rival, warm, span, ..link }.run(|_| {});
        assert!(figures.goodput > 0.125 && figures.rival > 0.125, "{figures:?}");
    }
}

const DEEP: Buffer = Buffer::Packets(1_000);
const SHALLOW: Buffer = Buffer::Packets(30);
