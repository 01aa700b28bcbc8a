//! The queue by itself: its bounds, its pace, its memory.

use std::time::{Duration, Instant};

use warren_testing::Seed;

use super::{
    ANSWERING_COST, Handshake, HandshakeQueue, OPENING_COST, QUEUE_LIMIT, QueueFull, STRANGERS_SHARE, TURN,
    Waiting,
};
use crate::path::Path;
use crate::random::Random;

fn queue(now: Instant) -> HandshakeQueue {
    HandshakeQueue::new(&mut Random::new(Seed::of_this_run().bytes(0)), now)
}

fn waiting<const LENGTH: usize>() -> Waiting<LENGTH> {
    let path = Path { remote: ([192, 0, 2, 1], 51_820).into(), local: None };
    Waiting { path, message: [0; LENGTH], admitted: true }
}

#[test]
fn a_full_queue_takes_no_more_and_an_empty_one_keeps_no_memory() {
    let now = warren_testing::start();
    let mut queue = queue(now);
    for _ in 0..QUEUE_LIMIT {
        assert_eq!(queue.push_initiation(waiting()), Ok(()));
    }
    assert_eq!(queue.push_initiation(waiting()), Err(QueueFull));
    assert_eq!(queue.push_response(waiting()), Ok(()), "answers to ourselves are not crowded out");
    assert!(matches!(queue.pop(now), Some(Handshake::Response(_))), "and come first");
    while queue.pop(now).is_some() {}
    assert_eq!((queue.len(), queue.initiations.capacity()), (0, 0));
    assert_eq!(queue.next_turn(), None);
}

#[test]
fn a_second_holds_a_second_of_work_for_peers_and_a_tenth_for_strangers() {
    for (answered, share) in [(true, 1.0), (false, 1.0 / f64::from(STRANGERS_SHARE))] {
        let start = warren_testing::start();
        let mut now = start;
        let mut queue = queue(start);
        let mut worked = Duration::ZERO;
        while now < start + Duration::from_secs(1) {
            while queue.len() < 100 {
                queue.push_initiation(waiting()).expect("there is room");
            }
            while queue.pop(now).is_some() {
                let cost = if answered { OPENING_COST + ANSWERING_COST } else { OPENING_COST };
                if answered {
                    queue.worked(cost, now)
                } else {
                    queue.wasted(cost, now)
                }
                worked += cost;
            }
            let next = queue.next_turn().expect("something waits");
            assert!(next > now && next <= now + TURN * 2, "{:?}", next - now);
            now = next;
        }
        let expected = Duration::from_secs_f64(share);
        assert!(worked >= expected && worked < expected + TURN * 2, "{worked:?} of {expected:?}");
    }
}

#[test]
fn load_is_remembered_for_a_second_after_a_quarter_second_of_work_has_gone() {
    let now = warren_testing::start();
    let mut queue = queue(now);
    let mut count = 0;
    while !queue.under_load(now) {
        queue.push_initiation(waiting()).expect("there is room");
        count += 1;
    }
    assert_eq!(count, 947, "250 ms of 264 us each");
    while queue.pop(now).is_some() {}
    assert!(queue.under_load(now + Duration::from_millis(999)));
    assert!(!queue.under_load(now + Duration::from_secs(2)));
}
