//! Stamps while the wall clock is set on and back.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::super::{Clock, Identity, Stamp, Tunnel};
use crate::index_table::TunnelIndex;
use crate::initiation::{Opener, field};
use crate::keys::PrivateKey;

thread_local! {
    /// Time by which the wall clock of this thread is ahead of the system's.
    pub(super) static SET_ON_BY: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

thread_local! {
    /// Tests that run side by side are processes of their own.
    static NEWEST: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

pub(super) fn newest() -> Duration {
    NEWEST.with(Cell::get)
}

pub(super) fn note(stamp: Duration) {
    NEWEST.with(|cell| cell.set(cell.get().max(stamp)));
}

fn set_on_by(hours: u32) {
    SET_ON_BY.with(|cell| cell.set(HOUR * hours));
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

struct Dialler {
    identity: Identity,
    clock: Clock,
}

impl Dialler {
    fn new(now: Instant) -> Self {
        let clock = Clock::new(now);
        Self { identity: Identity::new(key(1), clock, now), clock }
    }

    fn tunnel(&self, last: Option<Stamp>, now: Instant) -> Tunnel {
        Tunnel::new(&self.identity, &key(2).public_key(), None, TunnelIndex(7), self.clock, last, now)
    }
}

/// As a peer has it: a tunnel that cannot stamp as the wall clock has it is replaced.
fn fit(dialler: &Dialler, tunnel: &mut Tunnel, last: Option<Stamp>, now: Instant) -> bool {
    let fit = tunnel.can_stamp(last, now);
    if !fit {
        *tunnel = dialler.tunnel(last, now);
        assert!(tunnel.can_stamp(last, now));
    }
    fit
}

/// The timestamp of an initiation, in whole hours from the system's wall clock, and as bytes that compare like times.
fn stamped(tunnel: &mut Tunnel, last: &mut Option<Stamp>, now: Instant) -> (i64, [u8; 12]) {
    let initiation = tunnel.initiate(last, now).expect("made");
    let opener = Opener::new(&key(2));
    let claim = opener.claim(&initiation).unwrap_or_else(|_| panic!("it opens"));
    let stamp =
        Opener::prove(&claim, &initiation, &opener.shared(&key(1).public_key())).expect("it is proven").0;
    let seconds = u64::from_be_bytes(field(&stamp, 0)) - (1 << 62) - 10;
    let ahead = seconds as i64 - super::system_clock().as_secs() as i64;
    ((ahead as f64 / 3_600.0).round() as i64, stamp)
}

/// An instant of a clock that is not simulated.
fn honest() -> Instant {
    warren_testing::start() - warren_testing::AHEAD
}

#[test]
fn a_wall_clock_that_is_put_right_is_used_by_the_next_initiation_of_the_same_dial() {
    let now = honest();
    let dialler = Dialler::new(now);
    let mut tunnel = dialler.tunnel(None, now);
    let mut last = None;
    assert!(fit(&dialler, &mut tunnel, last, now));
    let before = stamped(&mut tunnel, &mut last, now);
    assert_eq!(before.0, 0);
    set_on_by(5);
    let later = now + Duration::from_millis(250);
    assert!(!fit(&dialler, &mut tunnel, last, later));
    assert_eq!(stamped(&mut tunnel, &mut last, later).0, 5);
    set_on_by(0);
}

#[test]
fn a_tunnel_in_simulated_time_stays_as_it_is_however_slowly_that_passes() {
    let now = warren_testing::start();
    let dialler = Dialler::new(now);
    let (mut tunnel, mut last) = (dialler.tunnel(None, now), None);
    let first = stamped(&mut tunnel, &mut last, now).1;
    set_on_by(1);
    let later = now + Duration::from_millis(250);
    assert!(fit(&dialler, &mut tunnel, last, later));
    assert!(stamped(&mut tunnel, &mut last, later).1 > first);
    set_on_by(0);
}

#[test]
fn stamps_to_a_peer_rise_though_the_wall_clock_is_set_back_and_those_to_others_follow_it() {
    let now = honest();
    set_on_by(9);
    let dialler = Dialler::new(now);
    let (mut tunnel, mut last) = (dialler.tunnel(None, now), None);
    let mut newest = stamped(&mut tunnel, &mut last, now).1;
    set_on_by(3);
    for step in 1..200 {
        let at = now + Duration::from_millis(25 * step);
        let kept = fit(&dialler, &mut tunnel, last, at);
        assert!(kept, "the one it has is as far ahead as the last stamp");
        let (hours, stamp) = stamped(&mut tunnel, &mut last, at);
        assert_eq!(hours, 9);
        assert!(stamp > newest, "step {step}");
        newest = stamp;
        if step % 50 == 0 {
            tunnel = dialler.tunnel(last, at);
        }
    }
    assert_eq!(
        stamped(&mut dialler.tunnel(None, now), &mut None, now).0,
        3,
        "another peer has seen none of them"
    );
    set_on_by(0);
}

#[test]
fn a_device_that_is_opened_anew_after_the_wall_clock_was_set_back_does_not_fall_behind_itself() {
    let now = honest();
    set_on_by(20);
    let before = stamped(&mut Dialler::new(now).tunnel(None, now), &mut None, now).1;
    set_on_by(0);
    let after = stamped(&mut Dialler::new(now).tunnel(None, now), &mut None, now).1;
    assert!(after > before);
}

const HOUR: Duration = Duration::from_secs(3_600);
