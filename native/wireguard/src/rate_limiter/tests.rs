//! The buckets against a list of the times at which each source took.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use warren_testing::Seed;

use super::{BUCKETS, RateLimit, RateLimiter};
use crate::random::Random;

fn limiter() -> RateLimiter {
    let rate = RateLimit { interval: Duration::from_millis(50), burst: 5 };
    RateLimiter::new(rate, &mut Random::new(Seed::of_this_run().bytes(0)))
}

#[test]
fn a_source_gets_its_burst_and_then_twenty_a_second() {
    let mut now = warren_testing::start();
    let mut limiter = limiter();
    let source = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    let mut taken = 0;
    for _ in 0..10_000 {
        if limiter.allows(source, 0, now) {
            limiter.charge(source, 0, now);
            taken += 1;
        }
        now += Duration::from_millis(1);
    }
    assert!((200..=205).contains(&taken), "{taken} in 10 s");
}

#[test]
fn an_ipv6_source_is_its_network_and_a_mapped_address_is_ipv4() {
    let now = warren_testing::start();
    let mut limiter = limiter();
    let host = |last: u16| IpAddr::from(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, last));
    (0..5).for_each(|last| limiter.charge(host(last), 0, now));
    assert!(!limiter.allows(host(99), 0, now), "the /64 has used its burst");
    assert!(limiter.allows(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1).into(), 0, now), "another /64");
    let v4 = Ipv4Addr::new(192, 0, 2, 7);
    (0..5).for_each(|_| limiter.charge(v4.into(), 0, now));
    assert!(!limiter.allows(v4.to_ipv6_mapped().into(), 0, now));
}

#[test]
fn a_hundred_thousand_sources_take_no_more_room_than_one() {
    let now = warren_testing::start();
    let mut limiter = limiter();
    assert_eq!(limiter.buckets.capacity(), 0, "nothing before the first charge");
    for source in 0..100_000u32 {
        limiter.charge(Ipv4Addr::from_bits(source).into(), 0, now);
    }
    assert_eq!(limiter.buckets.len(), BUCKETS);
    assert!(limiter.buckets.capacity() < 2 * BUCKETS);
}

#[test]
fn ports_are_told_apart_where_they_count() {
    let now = warren_testing::start();
    let mut limiter = limiter();
    let source = IpAddr::from(Ipv4Addr::new(192, 0, 2, 1));
    (0..5).for_each(|_| limiter.charge(source, 1, now));
    assert!(!limiter.allows(source, 1, now));
    let others = (2..102).filter(|port| limiter.allows(source, *port, now)).count();
    assert!(others >= 98, "{others} of 100, but for those that share its bucket");
}
