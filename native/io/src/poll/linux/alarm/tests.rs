//! The alarm by itself. Nobody can suspend the machine here: that the clock counts suspend is timerfd_create(2)'s word.

use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;

use super::Alarm;

/// Whether it rang within this time.
fn rings(alarm: &Alarm, within: Duration) -> bool {
    let timeout = Timespec { tv_sec: within.as_secs() as i64, tv_nsec: within.subsec_nanos().into() };
    poll(&mut [PollFd::new(alarm.timer(), PollFlags::IN)], Some(&timeout)).expect("a timer can be waited for")
        > 0
}

#[test]
fn it_rings_when_it_was_set_for_and_is_silent_once_it_is_set_anew() {
    let alarm = Alarm::new().expect("a timer");
    assert!(!rings(&alarm, Duration::from_millis(5)), "nobody set it");
    for milliseconds in [30, 1, 60] {
        let after = Duration::from_millis(milliseconds);
        let began = Instant::now();
        alarm.set(after).expect("it can be set");
        assert!(rings(&alarm, Duration::from_secs(60)));
        assert!(began.elapsed() >= after - Duration::from_millis(1));
    }
    alarm.set(Duration::from_secs(3_600)).expect("it can be set");
    assert!(!rings(&alarm, Duration::from_millis(5)));
}
