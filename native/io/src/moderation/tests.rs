use std::time::{Duration, Instant};

use super::Moderation;
use crate::stats::IoStats;

/// Whether reading is put off after a tenth of a second in which each wake-up, one every `every` microseconds, reads
/// and sends so many datagrams.
fn pauses(every: u64, received: u64, sent: u64) -> bool {
    let mut now = Instant::now();
    let mut moderation = Moderation::new(now);
    let mut stats = IoStats::default();
    let mut pause = None;
    for _ in 0..100_000 / every {
        now += Duration::from_micros(every);
        stats.datagrams_received += received;
        stats.datagrams_sent += sent;
        pause = moderation.pause(&stats, now);
    }
    pause.is_some()
}

#[test]
fn datagrams_gather_where_bulk_comes_one_by_one() {
    assert!(pauses(120, 1, 0), "100 Mbit/s");
    assert!(pauses(240, 2, 0), "the same while it is moderated");
    assert!(!pauses(600, 1, 0), "20 Mbit/s: two never come within a pause");
}

#[test]
fn a_dialogue_is_not_slowed_down() {
    assert!(!pauses(80, 1, 1), "each datagram is answered");
    assert!(!pauses(120, 1, 4), "who sends bulk reads acknowledgements");
}

#[test]
fn what_comes_in_batches_is_read_at_once() {
    assert!(!pauses(250, 100, 8), "4 Gbit/s");
}

#[test]
fn it_ends_with_the_bulk() {
    let mut now = Instant::now();
    let mut moderation = Moderation::new(now);
    let mut stats = IoStats::default();
    for _ in 0..1_000 {
        now += Duration::from_micros(100);
        stats.datagrams_received += 1;
        moderation.pause(&stats, now);
    }
    assert!(moderation.pause(&stats, now).is_some());
    now += Duration::from_millis(20);
    stats.datagrams_received += 1;
    assert!(moderation.pause(&stats, now).is_none(), "the first datagram after a silence is the end of it");
}
