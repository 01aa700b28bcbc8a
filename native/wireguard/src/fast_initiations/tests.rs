//! Times at which initiations leave that all want to leave at once.

use std::time::Duration;

use super::FastInitiations;
use crate::random::Random;

/// Counts, second by second, how many of `count` initiations leave, if each may be put off for 5 s.
fn seconds(count: u32) -> Vec<u32> {
    let now = warren_testing::start();
    let mut random = Random::new([3; 32]);
    let mut fast = FastInitiations::new(now);
    let mut seconds = vec![0; 11];
    for _ in 0..count {
        let turn = fast.admit(now + Duration::from_secs(5), &mut random, now).unwrap_or(now);
        seconds[(turn - now).as_secs() as usize] += 1;
    }
    seconds
}

#[test]
fn a_thousand_leave_at_once_and_five_thousand_more_in_their_turn() {
    assert_eq!(seconds(1_000), [1_000, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let turns = seconds(6_000);
    assert!(turns[0] >= 1_999 && turns[1..5].iter().all(|turns| *turns == 1_000), "{turns:?}");
}

#[test]
fn whoever_had_to_wait_for_more_than_five_seconds_leaves_in_the_five_after_them() {
    let turns = seconds(60_000);
    assert_eq!(turns.iter().sum::<u32>(), 60_000, "nobody starves");
    let late = &turns[5..10];
    assert!(late.iter().all(|turns| (10_000..12_000).contains(turns)), "as WireGuard has them: {turns:?}");
}

#[test]
fn those_that_are_no_fast_ones_any_more_wait_no_longer_than_their_jitter() {
    let now = warren_testing::start();
    let mut random = Random::new([3; 32]);
    let mut fast = FastInitiations::new(now);
    let latest = now + Duration::from_secs(1);
    for _ in 0..10_000 {
        if let Some(turn) = fast.admit(latest, &mut random, now) {
            assert!(turn > now && turn <= latest + Duration::from_millis(333));
        }
    }
}
