//! A socket that only fails, in virtual time: its cost, and its end.

use std::time::{Duration, Instant};

use super::{Cure, FAILS_FOR, Trouble};

/// Reads whenever it may until the trouble is given up: gives the time of each cure, and the number of reads.
fn suffer(begin: Instant) -> (Vec<(Duration, Cure)>, u32) {
    let (mut now, mut reads, mut cures) = (begin, 0, Vec::new());
    let mut trouble = Trouble::new(now);
    loop {
        reads += 1;
        match trouble.failed(now) {
            Cure::Wait => {}
            cure => cures.push((now - begin, cure)),
        }
        if cures.last().is_some_and(|(_, cure)| *cure == Cure::GiveUp) {
            return (cures, reads);
        }
        now = trouble.quiet_until().max(now + Duration::from_micros(4));
    }
}

#[test]
fn a_socket_that_only_fails_is_read_ever_less_bound_anew_and_given_up() {
    let (cures, reads) = suffer(Instant::now());
    assert!(reads < 60, "{reads} reads");
    let (last, bound) = cures.split_last().expect("it ends");
    assert!(bound.len() >= 2 && bound.iter().all(|(_, cure)| *cure == Cure::Bind), "{cures:?}");
    assert_eq!(last.1, Cure::GiveUp);
    assert!((FAILS_FOR..FAILS_FOR + Duration::from_secs(1)).contains(&last.0), "{cures:?}");
}

#[test]
fn reports_about_datagrams_that_did_not_arrive_never_silence_a_socket() {
    let begin = Instant::now();
    let (mut now, mut reads) = (begin, 0);
    let mut trouble = Trouble::new(now);
    while now < begin + 3 * FAILS_FOR {
        trouble.reported(now);
        reads += 1;
        now = trouble.quiet_until().max(now + Duration::from_micros(4));
        assert!(now - begin < Duration::from_secs(60));
    }
    // One a millisecond, and those of the beginning.
    assert!((25_000..31_000).contains(&reads), "{reads} reads");
    assert_eq!(trouble.failed(now), Cure::Wait);
}
