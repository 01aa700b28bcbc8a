use super::*;

/// Number of yields in a second that happen, and of all, if each takes `took`, with so much work between them.
fn yields(took: Duration, work: Duration) -> (u32, u32) {
    let start = Instant::now();
    let mut now = start;
    let mut cost = Cost::default();
    let (mut happened, mut all) = (0, 0);
    while now < start + Duration::from_secs(1) {
        if cost.allows(now) {
            cost.add(now, now + took);
            now += took;
            happened += 1;
        }
        now += work;
        all += 1;
    }
    (happened, all)
}

#[test]
fn a_thread_beside_others_that_sleep_yields_each_time() {
    let (happened, all) = yields(Duration::from_micros(10), Duration::from_micros(40));
    assert_eq!(happened, all);
}

#[test]
fn a_turn_of_another_thread_now_and_then_changes_nothing() {
    let start = Instant::now();
    let mut cost = Cost::default();
    for turn in 0..1_000_u32 {
        let before = start + Duration::from_micros(100) * turn;
        assert!(cost.allows(before), "{turn}");
        let took = if turn % 100 == 50 { Duration::from_millis(3) } else { Duration::from_micros(1) };
        cost.add(before, before + took);
    }
}

#[test]
fn a_thread_beside_one_that_never_sleeps_loses_a_tenth_of_its_time() {
    let took = Duration::from_millis(3);
    let (happened, _) = yields(took, Duration::from_micros(50));
    assert!(took * happened < Duration::from_millis(130), "{happened}");
    assert!(happened > 7, "it looks again each time: {happened}");
}
