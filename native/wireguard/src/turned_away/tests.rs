//! The memory by itself.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use warren_testing::Seed;

use super::TurnedAway;
use crate::random::Random;

fn memory(now: Instant) -> TurnedAway {
    TurnedAway::new(&mut Random::new(Seed::of_this_run().bytes(0)), now)
}

fn remote(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0a00_0000 + number), 51_820).into()
}

#[test]
fn who_was_turned_away_is_known_for_six_seconds_and_forgotten_after_twelve() {
    let start = warren_testing::start();
    let seconds = |seconds| start + Duration::from_secs(seconds);
    for first in 0..12 {
        let mut turned_away = memory(start);
        // Others keep the generations going.
        let mut others = (100..).map(remote);
        for second in 0..30 {
            turned_away.insert(others.next().expect("there are many"), seconds(second));
            if second == first {
                turned_away.insert(remote(1), seconds(second));
            }
            let known = turned_away.contains(remote(1), seconds(second));
            assert!(known || second < first || second >= first + 6, "{first} {second}");
            assert!(!known || (first..first + 12).contains(&second), "{first} {second}");
        }
    }
}

#[test]
fn nobody_is_known_after_a_silence_and_its_memory_is_given_back() {
    let start = warren_testing::start();
    let mut turned_away = memory(start);
    assert!(!turned_away.contains(remote(1), start));
    turned_away.insert(remote(1), start);
    assert!(turned_away.contains(remote(1), start));
    assert!(turned_away.contains("[::ffff:10.0.0.1]:51820".parse().expect("an address"), start));
    assert!(!turned_away.contains("10.0.0.1:51821".parse().expect("an address"), start));
    assert!(!turned_away.contains(remote(1), start + Duration::from_secs(12)));
    turned_away.release(start + Duration::from_secs(11));
    assert!(turned_away.contains(remote(1), start));
    turned_away.release(start + Duration::from_secs(12));
    assert!(!turned_away.contains(remote(1), start));
}

#[test]
fn of_a_flood_of_fifty_thousand_a_second_few_are_taken_for_somebody_who_came_back() {
    let start = warren_testing::start();
    let mut turned_away = memory(start);
    let mut taken = 0;
    for number in 0..600_000 {
        let now = start + Duration::from_micros(20) * number;
        taken += u32::from(number >= 300_000 && turned_away.contains(remote(number), now));
        turned_away.insert(remote(number), now);
    }
    assert!(taken < 300_000 * 4 / 100, "{taken} of 300,000");
}
