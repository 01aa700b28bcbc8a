//! Packets as long as the path carries (RFC 8899): searched, found, bounded by both ends, and given up where the path
//! changes.

use std::sync::Arc;
use std::time::Duration;

use warren_quic::{Config, ConnectionHandle, FirstHop, PeerTag};
use warren_testing::Link;

use crate::support::*;

#[test]
fn a_connection_finds_what_its_path_carries() {
    for (mtu, least) in [(usize::from(JUMBO), JUMBO), (4000, 3960), (1500, 1460), (1372, 1372)] {
        let (mut world, a, b) = over(mtu, searching(A, JUMBO), searching(B, JUMBO));
        send(&mut world, A, a, 2_000_000);
        send(&mut world, B, b, 2_000_000);
        world.run_for(Duration::from_secs(5));
        for (tag, connection) in [(A, a), (B, b)] {
            let found = used(&mut world, tag, connection);
            assert!((least..=mtu as u16).contains(&found), "{found} bytes over {mtu}");
            assert_eq!(world.node(address(tag)).settled.len(), 1, "over {mtu}");
        }
    }
}

#[test]
fn bulk_finds_all_that_a_loopback_carries_in_four_round_trips() {
    let (mut world, a, b) = over(65_507, searching(A, LOOPBACK), searching(B, LOOPBACK));
    send(&mut world, A, a, 200_000);
    send(&mut world, B, b, 200_000);
    world.run_for(Duration::from_millis(90));
    assert_eq!([used(&mut world, A, a), used(&mut world, B, b)], [LOOPBACK; 2]);
}

#[test]
fn it_is_found_without_bulk_too() {
    let (mut world, a, b) = over(65_507, searching(A, LOOPBACK), searching(B, LOOPBACK));
    world.run_for(Duration::from_secs(1));
    assert_eq!([used(&mut world, A, a), used(&mut world, B, b)], [LOOPBACK; 2]);
}

#[test]
fn a_short_connection_within_a_host_sends_no_long_packet_and_waits_for_none() {
    let (mut world, a, b) = over(65_507, searching(A, LOOPBACK), searching(B, LOOPBACK));
    for (from, connection) in [(A, a), (B, b)] {
        let began = world.now();
        send(&mut world, from, connection, 1_000);
        world.run_until(Duration::from_secs(1), |world| world.node(address(from)).settled.len() == 1);
        // A round trip, and the longest that an acknowledgement is put off.
        assert!(world.now() - began < Duration::from_millis(23), "{:?}", world.now() - began);
    }
    assert_eq!([used(&mut world, A, a), used(&mut world, B, b)], [1372; 2]);
}

#[test]
fn what_flies_within_a_host_does_not_grow_as_its_packets_do() {
    for (payload, packets) in [(JUMBO, 20), (LOOPBACK, 6)] {
        let (mut world, a, _) = pair_with(41, latency(0), searching(A, payload), searching(B, payload));
        send(&mut world, A, a, 16_000_000);
        world.run_until(Duration::from_secs(30), |world| world.node(address(A)).settled.len() == 1);
        let window = world.node(address(A)).quic.stats(a).expect("a live connection").window;
        assert_eq!(window, packets * u64::from(payload));
    }
}

#[test]
fn what_the_first_hop_does_not_carry_is_not_tried() {
    let config = |tag, first_hop: fn(std::net::SocketAddr) -> Option<u16>| Config {
        first_hop: Some(FirstHop(Arc::new(first_hop))),
        ..searching(tag, JUMBO)
    };
    for (first_hop, expected) in [(None, 1372), (Some(1372), 1372), (Some(900), 1372), (Some(3000), 3000)] {
        let hop = match first_hop {
            None => |_| None,
            Some(1372) => |_| Some(1372),
            Some(900) => |_| Some(900),
            Some(_) => |_| Some(3000),
        };
        let (mut world, a, _) = over(JUMBO.into(), config(A, hop), searching(B, JUMBO));
        world.run_for(Duration::from_secs(5));
        assert_eq!(used(&mut world, A, a), expected, "first hop {first_hop:?}");
    }
}

#[test]
fn nobody_sends_more_than_the_other_end_takes() {
    // An end of a build that searches for nothing takes 1,372 bytes.
    let (mut world, a, b) = over(JUMBO.into(), searching(A, JUMBO), config(B, "test"));
    send(&mut world, A, a, 500_000);
    send(&mut world, B, b, 500_000);
    world.run_for(Duration::from_secs(5));
    for (tag, connection) in [(A, a), (B, b)] {
        assert_eq!(used(&mut world, tag, connection), 1372);
        assert_eq!(world.node(address(tag)).settled.len(), 1);
    }
}

#[test]
fn a_path_that_carries_less_from_now_on_is_found_out_and_searched_again() {
    let (mut world, a, _) = over(JUMBO.into(), searching(A, JUMBO), searching(B, JUMBO));
    world.run_for(Duration::from_secs(1));
    assert_eq!(used(&mut world, A, a), JUMBO);
    world.network.set_default(Link { mtu: 1400, ..latency(10) });
    send(&mut world, A, a, 300_000);
    let sent = world.now();
    world.run_until(Duration::from_secs(30), |world| world.node(address(A)).settled.len() == 1);
    let took = world.now() - sent;
    assert!(took < Duration::from_secs(5), "{took:?} until a message was through");
    world.network.set_default(latency(10));
    for _ in 0..40 {
        send(&mut world, A, a, 10_000);
        world.run_for(Duration::from_secs(1));
    }
    assert_eq!(used(&mut world, A, a), JUMBO);
}

#[test]
fn the_longest_packets_flow_as_shorter_ones_do() {
    let took = |payload| {
        let config = |tag| Config { initial_udp_payload: payload, ..searching(tag, payload) };
        let (mut world, a, _) = over(65_507, config(A), config(B));
        let sent = world.now();
        send(&mut world, A, a, 16_000_000);
        world.run_until(Duration::from_secs(30), |world| world.node(address(A)).settled.len() == 1);
        world.now() - sent
    };
    let ordinary = took(1372);
    for payload in [JUMBO, 16_000, 40_000, 65_400] {
        let longer = took(payload);
        assert!(
            longer < ordinary * 3 / 2,
            "{payload} bytes: {longer:?}, and {ordinary:?} with ordinary packets"
        );
    }
}

/// A node that searches up to this payload.
fn searching(tag: PeerTag, payload: u16) -> Config {
    Config {
        max_udp_payload: payload,
        first_hop: Some(FirstHop(Arc::new(|_| Some(u16::MAX)))),
        message_bytes: 16 << 20,
        ..config(tag, "test")
    }
}

fn over(mtu: usize, a: Config, b: Config) -> (World, ConnectionHandle, ConnectionHandle) {
    pair_with(41, Link { mtu, ..latency(10) }, a, b)
}

fn send(world: &mut World, from: PeerTag, connection: ConnectionHandle, bytes: usize) {
    world.with(address(from), |node, _| node.send(connection, 0, vec![7; bytes]));
}

fn used(world: &mut World, tag: PeerTag, connection: ConnectionHandle) -> u16 {
    world.node(address(tag)).quic.stats(connection).expect("a live connection").mtu
}

/// UDP payload of a packet of 8,920 bytes.
const JUMBO: u16 = 8872;
/// UDP payload of a packet of 65,472 bytes.
const LOOPBACK: u16 = 65_424;
