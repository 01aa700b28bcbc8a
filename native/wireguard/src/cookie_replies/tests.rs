//! The budgets by themselves.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use warren_testing::Seed;

use super::CookieReplies;
use crate::endpoints::SourceKind;
use crate::random::Random;

fn replies(now: Instant) -> CookieReplies {
    CookieReplies::new(&mut Random::new(Seed::of_this_run().bytes(0)), now)
}

fn remote(number: u32) -> SocketAddr {
    (Ipv4Addr::from_bits(0x0a00_0000 + number), 51_820).into()
}

/// Number of replies to ten thousand messages, each from another address.
fn answered(replies: &mut CookieReplies, source: SourceKind, now: Instant) -> usize {
    let mut answer = |number| {
        let allowed = replies.allows(remote(number), source, now);
        if allowed {
            replies.charge(remote(number), source, now);
        }
        allowed
    };
    (0..10_000).filter(|number| answer(*number)).count()
}

#[test]
fn cookie_replies_are_bounded_and_those_to_peers_and_their_addresses_apart() {
    let start = warren_testing::start();
    let mut replies = replies(start);
    assert_eq!(answered(&mut replies, SourceKind::Unknown, start), 1_000);
    assert_eq!(answered(&mut replies, SourceKind::PeerAddress, start), 1_000);
    assert_eq!(answered(&mut replies, SourceKind::Peer, start), 4_000);
    assert_eq!(answered(&mut replies, SourceKind::Unknown, start + Duration::from_millis(100)), 500);
}

#[test]
fn a_flood_from_a_few_hundred_sources_leaves_cookies_for_the_others() {
    let start = warren_testing::start();
    let mut replies = replies(start);
    let (mut flooded, mut first_tries) = (0, 0);
    for round in 0..50_000u32 {
        let now = start + Duration::from_micros(20) * round;
        let mut ask = |number| {
            let allowed = replies.allows(remote(number), SourceKind::Unknown, now);
            if allowed {
                replies.charge(remote(number), SourceKind::Unknown, now);
            }
            usize::from(allowed)
        };
        flooded += ask(round % 300);
        if round.is_multiple_of(500) {
            first_tries += ask(1_000 + round);
        }
    }
    assert!(flooded <= 300 * 10, "{flooded}");
    assert!(first_tries >= 85, "{first_tries} of 100 newcomers got one at once");
}

#[test]
fn with_an_uplink_replies_take_a_part_of_it_divided_by_address_over_all_ports() {
    let start = warren_testing::start();
    let flood = |address: &dyn Fn(u32) -> SocketAddr, source| {
        let mut replies = replies(start);
        replies.bound(896 * 16, &mut Random::new([7; 32]));
        let sent = |round: &u32| {
            let (from, now) = (address(*round), start + Duration::from_micros(100) * *round);
            let allowed = replies.allows(from, source, now);
            if allowed {
                replies.charge(from, source, now);
            }
            allowed
        };
        (0..100_000).filter(sent).count()
    };
    let ports = |round: u32| SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), (round % 60_000) as u16 + 1));
    let one_address = flood(&ports, SourceKind::Unknown);
    assert!((15..=30).contains(&one_address), "{one_address} of 160 in 10 s to one address");
    let all = flood(&remote, SourceKind::Unknown);
    assert!((75..=90).contains(&all), "{all} of 160 in 10 s to unknown addresses");
    let peers = flood(&ports, SourceKind::Peer);
    assert!((155..=170).contains(&peers), "{peers} of 160 in 10 s to where peers are");
}
