//! What an urgent message waits for behind bulk, and what bulk gets, over simulated links.
#![allow(dead_code, reason = "shared with the example that prints the matrix")]

mod party;
mod rival;
mod scenario;

use std::time::Duration;

use scenario::Scenario;
use warren_testing::Buffer;

const DEEP: Buffer = Buffer::Packets(1_000);
const SHALLOW: Buffer = Buffer::Packets(30);

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
fn bulk_the_other_way_is_not_mistaken_for_a_queue_of_ours() {
    let link = Scenario { both_ways: true, span: Duration::from_secs(5), ..Scenario::new("", 100, 50, DEEP) };
    let figures = link.run(|_| {});
    assert!(figures.added() < Duration::from_millis(5) && figures.goodput > 0.9, "{figures:?}");
}
