use super::*;

/// Drains; this is the least delay that its packets met.
fn drain(floor: &mut Floor, delay: i64, is_dense: bool, now: &mut Instant) {
    floor.begin_drain(*now, Duration::from_millis(20));
    for waits in [3_000, 0, 5_000] {
        floor.learn(delay + waits, is_dense, *now);
        *now += Duration::from_millis(50);
    }
}

#[test]
fn a_drain_that_left_a_queue_does_not_raise_the_floor() {
    let (mut floor, mut now) = (Floor::default(), warren_testing::start());
    for delay in [1_000, 7_000, 7_200, 30_000] {
        drain(&mut floor, delay, true, &mut now);
    }
    assert_eq!(floor.above(0), 7_200);
    drain(&mut floor, 30_000, true, &mut now);
    assert_eq!(floor.above(0), 30_000, "what two drains in a row tell is the path's");
}

#[test]
fn a_floor_that_rises_is_to_be_looked_for_again_and_one_that_stays_is_not() {
    let (mut floor, mut now) = (Floor::default(), warren_testing::start());
    let mut stable = Vec::new();
    for delay in [1_000, 7_000, 7_200, 6_900] {
        drain(&mut floor, delay, true, &mut now);
        stable.push(floor.is_stable());
    }
    assert_eq!(stable, [false, false, true, true]);
}

#[test]
fn drains_without_jitter_tell_no_floor() {
    let (mut floor, mut now) = (Floor::default(), warren_testing::start());
    drain(&mut floor, 7_000, true, &mut now);
    drain(&mut floor, 7_000, false, &mut now);
    assert_eq!(floor.above(0), 0);
}
