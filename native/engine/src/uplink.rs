use std::time::{Duration, Instant};

use crate::config::Config;

/// A token bucket over outer bytes (UDP payload, UDP and IP headers), told as the instant when it is even.
///
/// Data may leave while the bucket is above zero, and takes it below by less than one datagram. Control never waits for
/// data, but only goes into a bounded debt. The bucket holds at most one millisecond of link time, or two datagrams
/// where that is more.
#[derive(Debug)]
pub(crate) struct Uplink {
    nanoseconds_per_gigabyte: u128,
    /// When the bucket is (or was) exactly empty.
    even: Instant,
    burst: Duration,
    datagram: Duration,
    grain: Duration,
    debt: Duration,
}

impl Uplink {
    pub(crate) fn new(config: &Config, now: Instant) -> Option<Self> {
        let bits_per_second = config.uplink?;
        let rate = u128::from(bits_per_second.max(MIN_RATE));
        let mut uplink = Self {
            nanoseconds_per_gigabyte: 8 * GIGA * GIGA / rate,
            even: now,
            burst: Duration::ZERO,
            datagram: Duration::ZERO,
            grain: Duration::ZERO,
            debt: Duration::ZERO,
        };
        let datagram = uplink.time_of(usize::from(config.mtu) + WIREGUARD_OVERHEAD + IPV6_UDP);
        uplink.datagram = datagram;
        uplink.burst = BURST.max(2 * datagram);
        uplink.grain = (BURST / 2).max(datagram);
        uplink.debt = DEBT.max(16 * datagram);
        uplink.even = now.checked_sub(uplink.burst).unwrap_or(now);
        Some(uplink)
    }

    /// Full datagrams of data that may leave now; the last may take the bucket below zero.
    pub(crate) fn allowance(&self, now: Instant) -> usize {
        let available = now.saturating_duration_since(self.even);
        if available.is_zero() {
            return 0;
        }
        (available.as_nanos() / self.datagram.as_nanos().max(1)) as usize + 1
    }

    /// Whether control may leave now.
    pub(crate) fn admits_control(&self, now: Instant) -> bool {
        self.even < now + self.debt
    }

    /// When to come back for data: a little above even, so that one wake-up serves half a millisecond of link time.
    pub(crate) fn data_deadline(&self) -> Instant {
        self.even + self.grain
    }

    /// When to come back for control.
    pub(crate) fn control_deadline(&self) -> Instant {
        self.even.checked_sub(self.debt).unwrap_or(self.even) + Duration::from_nanos(1)
    }

    /// A datagram left.
    pub(crate) fn charge(&mut self, udp_payload: usize, ipv6: bool, now: Instant) {
        let bytes = udp_payload + if ipv6 { IPV6_UDP } else { IPV4_UDP };
        self.even = self.even.max(now.checked_sub(self.burst).unwrap_or(now)) + self.time_of(bytes);
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
/// How far control may outrun the rate. Acknowledgements of a saturated 50 Mbit/s link take 2 % of it.
const DEBT: Duration = Duration::from_millis(10);
const IPV4_UDP: usize = 28;
const IPV6_UDP: usize = 48;
/// Data header and tag (whitepaper section 5.4.6).
const WIREGUARD_OVERHEAD: usize = 32;
