//! The rate of a device: what may leave now of data and of control.

use std::time::{Duration, Instant};

use crate::bucket::{Bucket, datagrams};
use crate::ids::Priority;
use crate::overhead::{IPV6_UDP, WIREGUARD, ip_udp};

/// A rate of outer bytes: UDP payload, UDP and IP headers.
///
/// Data may leave while the bucket is above zero, and takes it below by less than one datagram. Control never waits for
/// data, but only goes into a bounded debt. The bucket holds at most one millisecond of link time, or two datagrams
/// where that is more.
#[derive(Debug)]
pub(crate) struct Uplink {
    nanoseconds_per_gigabyte: u128,
    bucket: Bucket,
    burst: Duration,
    datagram: Duration,
    grain: Duration,
    debt: Duration,
    /// Lanes at or below this priority wait for `data_deadline`, so that a packet which comes in does not wake the loop
    /// for a single datagram of theirs.
    resting: Option<Priority>,
}

impl Uplink {
    pub(crate) fn new(bits_per_second: u64, mtu: u16, now: Instant) -> Self {
        let rate = u128::from(bits_per_second.max(MIN_RATE));
        let mut uplink = Self {
            nanoseconds_per_gigabyte: 8 * GIGA * GIGA / rate,
            bucket: Bucket::empty(now),
            burst: Duration::ZERO,
            datagram: Duration::ZERO,
            grain: Duration::ZERO,
            debt: Duration::ZERO,
            resting: None,
        };
        let datagram = uplink.time_of(usize::from(mtu) + WIREGUARD + IPV6_UDP);
        uplink.datagram = datagram;
        uplink.burst = BURST.max(2 * datagram);
        uplink.grain = (BURST / 2).max(datagram);
        uplink.debt = DEBT.max(16 * datagram);
        uplink.bucket = Bucket::full(uplink.burst, now);
        uplink
    }

    /// Full datagrams of data that may leave now; the last may take the bucket below zero.
    pub(crate) fn allowance(&self, now: Instant) -> usize {
        datagrams(self.bucket.holds(self.burst, now), self.datagram)
    }

    /// The same for a lane: one that has used the bucket up comes back when several datagrams fit, a higher one when
    /// one does.
    pub(crate) fn allowance_of(&mut self, lane: Priority, now: Instant) -> usize {
        if now >= self.data_deadline() {
            self.resting = None;
        } else if self.resting.is_some_and(|resting| lane <= resting) {
            return 0;
        }
        let allowance = self.allowance(now);
        if allowance == 0 {
            self.resting.get_or_insert(lane);
        }
        allowance
    }

    /// Whether control may leave now.
    pub(crate) fn admits_control(&self, now: Instant) -> bool {
        self.bucket.even() < now + self.debt
    }

    /// Deadline of data: a little above even, so that one wake-up serves half a millisecond of link time.
    pub(crate) fn data_deadline(&self) -> Instant {
        self.bucket.even() + self.grain
    }

    /// Deadline of control.
    pub(crate) fn control_deadline(&self) -> Instant {
        self.bucket.even().checked_sub(self.debt).unwrap_or(self.bucket.even()) + Duration::from_nanos(1)
    }

    /// Charges the uplink for a datagram that left.
    pub(crate) fn charge(&mut self, udp_payload: usize, ipv6: bool, now: Instant) {
        let bytes = udp_payload + ip_udp(ipv6);
        self.bucket.take(self.time_of(bytes), self.burst, now);
    }

    fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_nanos((bytes as u128 * self.nanoseconds_per_gigabyte / GIGA) as u64)
    }
}

const GIGA: u128 = 1_000_000_000;
/// Below this a single datagram would take more than ten seconds.
const MIN_RATE: u64 = 1_000;
/// The design's bound on a burst: 1 ms of link time.
const BURST: Duration = Duration::from_millis(1);
/// Debt of control at most. Acknowledgements of a saturated 50 Mbit/s link take 2 % of it.
const DEBT: Duration = Duration::from_millis(10);

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::overhead::IPV4_UDP;

    #[test]
    fn data_fills_the_rate_and_no_window_of_time_carries_more() {
        for rate in [10_000, 1_000_000, 50_000_000, 10_000_000_000] {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(rate);
            let mut now = start();
            let mut uplink = uplink(rate, now);
            let bits_of = |bytes: usize| (bytes + IPV4_UDP) as f64 * 8.0;
            let (began, mut sent) = (now, Vec::new());
            while sent.len() < 5_000 {
                for _ in 0..uplink.allowance(now) {
                    let bytes = rng.random_range(60..1_452);
                    uplink.charge(bytes, false, now);
                    sent.push((now, bits_of(bytes)));
                }
                now = now.max(uplink.data_deadline());
            }
            let total: f64 = sent.iter().map(|(_, bits)| bits).sum();
            let fair = (now - began).as_secs_f64() * rate as f64;
            let most = (rate as f64 / 1_000.0).max(bits_of(1_452) * 2.0) + bits_of(1_452);
            assert!(total > 0.98 * fair && total < 1.001 * fair + most, "{total} of {fair} at {rate}");
            for first in (0..sent.len()).step_by(97) {
                let mut bits = 0.0;
                for &(at, each) in &sent[first..sent.len().min(first + 200)] {
                    bits += each;
                    let elapsed = (at - sent[first].0).as_secs_f64();
                    assert!(
                        bits <= elapsed * rate as f64 + most * 1.01,
                        "{bits} bits in {elapsed} s at {rate}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_lane_that_used_the_bucket_up_waits_for_several_datagrams_and_a_higher_one_for_one() {
        let mut now = start();
        let mut uplink = uplink(50_000_000, now);
        while uplink.allowance_of(3, now) > 0 {
            uplink.charge(1_452, false, now);
        }
        let deadline = uplink.data_deadline();
        now = deadline - BURST / 4;
        assert_eq!((uplink.allowance_of(3, now), uplink.allowance_of(2, now)), (0, 0));
        assert_eq!(uplink.allowance_of(4, now), 2);
        assert_eq!(uplink.allowance_of(3, deadline), 3);
    }

    #[test]
    fn what_was_not_used_is_no_credit_for_more_than_a_burst() {
        let now = start();
        let uplink = uplink(50_000_000, now);
        // 1 ms at 237 us each, and the last may take the bucket below zero.
        assert_eq!(uplink.allowance(now), 5);
        assert_eq!(uplink.allowance(now + Duration::from_secs(1)), 5);
    }

    #[test]
    fn control_goes_into_a_bounded_debt_that_data_pays_off() {
        let now = start();
        let mut uplink = uplink(50_000_000, now);
        let mut datagrams = 0;
        while uplink.admits_control(now) {
            uplink.charge(1_452, false, now);
            datagrams += 1;
        }
        // 10 ms of debt and 1 ms of burst at 237 us each.
        assert!((45..50).contains(&datagrams), "{datagrams}");
        assert_eq!(uplink.allowance(now), 0);
        assert!(uplink.admits_control(uplink.control_deadline()));
        assert!(!uplink.admits_control(uplink.control_deadline() - Duration::from_nanos(1)));
        assert!(uplink.allowance(uplink.data_deadline()) > 0);
        assert!(uplink.data_deadline() - now > Duration::from_millis(10));
    }

    fn uplink(rate: u64, now: Instant) -> Uplink {
        Uplink::new(rate, 1420, now)
    }

    #[expect(clippy::disallowed_methods, reason = "an `Instant` can be had in no other way")]
    fn start() -> Instant {
        Instant::now() + Duration::from_secs(1_000_000)
    }
}
