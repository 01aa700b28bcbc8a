use std::time::Duration;

use warren_testing::start;

use super::InVain;

/// Seconds counted at the last of these looks, in milliseconds; the peer is heard `ago` before each.
fn counted(looks: impl IntoIterator<Item = u64>, ago: u64) -> u32 {
    let since = start();
    let at = |millis: u64| since + Duration::from_millis(millis);
    let mut vain = InVain::default();
    looks
        .into_iter()
        .map(|look| vain.count(since, at(look.saturating_sub(ago)), at(look)))
        .last()
        .unwrap_or(0)
}

#[test]
fn each_second_in_which_the_peer_is_heard_counts_however_the_looks_fall() {
    assert_eq!(counted((1..=20).map(|n| n * 1_000), 10), 20);
    assert_eq!(counted((1..=20).map(|n| n * 990), 10), 19);
    assert_eq!(counted((1..=200).map(|n| n * 100), 10), 20);
    assert_eq!(counted((1..=14).map(|n| n * 1_400), 10), 14, "one a look");
}

#[test]
fn a_second_in_which_nothing_is_heard_does_not_count() {
    let since = start();
    let mut vain = InVain::default();
    let heard = since + Duration::from_millis(500);
    for n in 1..60 {
        assert_eq!(vain.count(since, heard, since + Duration::from_secs(n)), 1);
    }
}

#[test]
fn a_long_sleep_counts_as_one_second() {
    assert_eq!(counted([1_000, 2_000, 90_000, 90_500, 91_000], 10), 4);
}

#[test]
fn an_acknowledgement_begins_the_count_anew() {
    let since = start();
    let mut vain = InVain::default();
    let at = |seconds: u64| since + Duration::from_secs(seconds);
    for n in 1..5 {
        assert_eq!(vain.count(since, at(n), at(n)), n as u32);
    }
    assert_eq!(vain.count(at(5), at(6), at(6)), 1);
}
