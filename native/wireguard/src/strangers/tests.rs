//! Questions about strangers, and the records of removed peers.

use std::net::IpAddr;
use std::time::Duration;

use super::{Asked, Departed, Initiated, RemovedPeer, Strangers, TIMESTAMPS_KEPT};
use crate::constants::INITIATION_LENGTH;
use crate::initiation::Timestamp;
use crate::keys::PublicKey;
use crate::path::Path;
use crate::tunnel::{Clock, Stamp};

fn key(number: usize) -> PublicKey {
    let mut bytes = [9; 32];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    PublicKey::from_bytes(bytes)
}

fn stamp(seconds: u64) -> Stamp {
    let now = warren_testing::start();
    Clock::new(now).stamp(None, now + Duration::from_secs(seconds))
}

#[test]
fn timestamps_of_as_many_removed_peers_are_kept_as_there_can_be_peers() {
    for (peers, kept) in [(10, TIMESTAMPS_KEPT), (20_000, 20_000)] {
        let mut departed = Departed::new(peers);
        let past = RemovedPeer { timestamp: Timestamp([1; 12]), initiated: None };
        (0..kept).for_each(|number| departed.remember(key(number), past, stamp(0)));
        assert_eq!(departed.timestamp(&key(0)), past.timestamp);
        departed.remember(key(kept), past, stamp(0));
        assert_eq!(departed.timestamp(&key(0)), Timestamp::default(), "the oldest makes room");
        assert_eq!(departed.take(&key(1)), past);
        assert_eq!(departed.timestamp(&key(1)), Timestamp::default(), "it is a peer again");
    }
}

#[test]
fn initiations_to_removed_peers_are_remembered_for_as_long_as_the_next_could_look_like_a_replay() {
    let mut departed = Departed::new(10);
    let now = warren_testing::start();
    let ahead = RemovedPeer {
        timestamp: Timestamp::default(),
        initiated: Some(Initiated { at: now, stamp: stamp(3_600) }),
    };
    let passed = RemovedPeer {
        timestamp: Timestamp::default(),
        initiated: Some(Initiated { at: now, stamp: stamp(0) }),
    };
    departed.remember(key(1), passed, stamp(0));
    departed.remember(key(2), ahead, stamp(2));
    departed.remember(key(3), passed, stamp(2));
    assert_eq!(departed.take(&key(1)), RemovedPeer::default(), "its time has passed");
    assert_eq!(departed.take(&key(2)), ahead, "the wall clock was set back since");
    assert_eq!(departed.take(&key(3)), RemovedPeer::default());
    (0..10_000).for_each(|number| departed.remember(key(number), ahead, stamp(0)));
    assert_eq!(departed.take(&key(0)), RemovedPeer::default(), "bounded");
    assert_eq!(departed.take(&key(9_999)), ahead);
}

#[test]
fn strangers_of_one_address_leave_three_quarters_of_the_questions_to_others() {
    let now = warren_testing::start();
    let mut strangers = Strangers::new(256, Duration::from_secs(4), 1_000, now);
    let mut number = 0;
    let mut ask = |from: [&str; 2]| {
        let mut asked = 0;
        for turn in 0..300 {
            number += 1;
            let ip: IpAddr = from[turn % 2].parse().expect("an address");
            let path = Path { remote: (ip, turn as u16).into(), local: None };
            let timestamp = Timestamp([1; 12]);
            let outcome = strangers.ask(key(number), path, &[0; INITIATION_LENGTH], timestamp, now);
            asked += usize::from(outcome == Asked::New);
        }
        asked
    };
    assert_eq!(ask(["192.0.2.1", "::ffff:192.0.2.1"]), 64);
    assert_eq!(ask(["2001:db8::1", "2001:db8::ffff:0:0:1"]), 64);
    assert_eq!(ask(["192.0.2.2", "2001:db8:0:1::1"]), 128);
    assert_eq!(ask(["192.0.2.3", "192.0.2.4"]), 0, "there is no more room at all");
}
