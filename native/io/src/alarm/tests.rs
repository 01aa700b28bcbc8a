//! The alarm by itself. Nobody can suspend the machine here: that the clock counts suspend is timerfd_create(2)'s word.

use std::sync::Arc;
use std::time::{Duration, Instant};

use polling::{Events, Poller};

use super::Alarm;

/// Waits for the alarm alone, without a timeout of the poller's own, and says how long it took.
fn wait(poller: &Poller, alarm: &mut Alarm) -> Duration {
    let mut events = Events::new();
    let began = Instant::now();
    poller.wait(&mut events, None).expect("it rings");
    assert_eq!(events.iter().map(|event| event.key).collect::<Vec<_>>(), [1]);
    alarm.rang();
    began.elapsed()
}

#[test]
fn it_rings_once_when_it_was_set_for() {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let mut alarm = Alarm::new(Arc::clone(&poller), 1).expect("a timer");
    for milliseconds in [30, 1, 60] {
        let after = Duration::from_millis(milliseconds);
        alarm.set(after);
        assert!(wait(&poller, &mut alarm) >= after - Duration::from_millis(1));
        let mut events = Events::new();
        poller.wait(&mut events, Some(Duration::from_millis(5))).expect("nothing happens");
        assert!(events.is_empty(), "it was heard, and is silent");
    }
}

#[test]
fn the_earliest_setting_stands() {
    let poller = Arc::new(Poller::new().expect("a poller"));
    let mut alarm = Alarm::new(Arc::clone(&poller), 1).expect("a timer");
    alarm.set(Duration::from_secs(3_600));
    alarm.set(Duration::from_millis(20));
    alarm.set(Duration::from_secs(7_200));
    assert!(wait(&poller, &mut alarm) < Duration::from_secs(1_800));
}
