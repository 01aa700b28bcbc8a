//! The number of datagrams that it takes to connect, and the content of the first.

use std::time::Duration;

use warren_quic::{Config, Lists, MIN_UDP_PAYLOAD, Protocols};

use crate::support::*;

#[test]
fn the_first_flights_are_one_datagram_each_for_eight_names_at_the_smallest_path() {
    let eight = "org.example.ledger/2 org.example.ledger/1 org.example.chat/3 org.example.chat/2 \
                 org.example.blobs/7 org.example.blobs/6 org.example.sync/10 org.example.sync/9";
    for asked in ["org.example.ledger/1 org.example.ledger/2", eight] {
        let end = |tag| Config {
            protocols: Protocols {
                lists: Lists { generation: Some(u64::MAX), ..Protocols::from(names(eight)).lists },
                below: Vec::new(),
            },
            initial_udp_payload: MIN_UDP_PAYLOAD,
            max_udp_payload: MIN_UDP_PAYLOAD,
            ..config(tag, "")
        };
        for seed in 0..20 {
            let seeded = |tag| Config { seed: [seed + tag as u8; 32], ..end(warren_quic::PeerTag(tag)) };
            let mut world = strangers_with(u64::from(seed), latency(20), seeded(0), seeded(1));
            let dialled = world.with(address(A), |node, now| node.connect(B, asked, now));
            world.run_for(Duration::from_millis(19));
            assert_eq!(world.node(address(A)).quic.stats(dialled).unwrap().datagrams_sent, 1, "seed {seed}");
            world.run_for(Duration::from_millis(2));
            let accepted = world.node(address(B)).events[0].0;
            assert_eq!(world.node(address(B)).quic.stats(accepted).unwrap().datagrams_sent, 1, "seed {seed}");
            world.run_for(Duration::from_millis(40));
            assert!(world.node(address(A)).is_connected(dialled));
        }
    }
}

#[test]
fn more_than_a_datagram_of_names_takes_two() {
    let long: String = (0..14).map(|i| format!("{i:0>120} ")).collect();
    let mut world = strangers_with(1, latency(20), config(A, "test"), config(B, "test"));
    let dialled = world.with(address(A), |node, now| node.connect(B, &format!("test {long}"), now));
    world.run_for(Duration::from_millis(19));
    assert_eq!(world.node(address(A)).quic.stats(dialled).unwrap().datagrams_sent, 2);
}

#[test]
fn to_connect_takes_as_many_datagrams_as_before_lists_could_change() {
    let (mut world, a, b) = pair(1, latency(20));
    world.run_for(Duration::from_millis(500));
    let sent = [(A, a), (B, b)]
        .map(|(tag, handle)| world.node(address(tag)).quic.stats(handle).unwrap().datagrams_sent);
    assert_eq!(sent, BEFORE);
}

/// As the build before sent them, over the same links and for half a second after the handshake.
const BEFORE: [u64; 2] = [5, 5];
