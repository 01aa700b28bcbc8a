//! Two drivers over loopback: the other node gets whatever one node sends.
#![expect(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "each file of tests uses its part of `node`")]

mod node;

use std::net::SocketAddr;

use warren_engine::{Event, Outcome, PeerConfig};
use warren_io::Offload;

use node::{Node, connected, listen};

#[test]
fn messages_cross_both_ways_over_one_dual_stack_socket() {
    for host in ["127.0.0.1", "::1"] {
        let (a, to_b, mut b, to_a) = connected(Node::on(""), Node::on(""), host);
        let mut a = a;
        a.send(to_b, 0, pattern(3 << 20));
        assert_eq!(*b.receive(), pattern(3 << 20), "over {host}");
        b.send(to_a, 0, pattern(1000));
        assert_eq!(*a.receive(), pattern(1000), "over {host}");
        let outcome = a.wait("MessageSettled", |event| match event {
            Event::MessageSettled { outcome, .. } => Some(*outcome),
            _ => None,
        });
        assert_eq!(outcome, Outcome::Delivered);
    }
}

#[test]
fn messages_that_the_owner_sends_itself_and_those_of_bursts_arrive_in_order() {
    let (a, to_b, mut b, to_a) = connected(Node::on(""), Node::on(""), "127.0.0.1");
    let mut a = a;
    let mut message = 0;
    for round in 0..500u32 {
        // Behind an answer the thread is about to sleep, or sleeps; the others of a burst are its own.
        for part in 0..=round % 5 {
            a.send(to_b, message, (round * 8 + part).to_be_bytes().to_vec());
            message += 1;
        }
        for part in 0..=round % 5 {
            assert_eq!(*b.receive(), (round * 8 + part).to_be_bytes());
        }
        b.send(to_a, u64::from(round), round.to_be_bytes().to_vec());
        assert_eq!(*a.receive(), round.to_be_bytes());
    }
}

#[test]
fn sockets_of_one_family_exchange_with_dual_stack_ones() {
    for (ours, theirs, at) in
        [("0.0.0.0", "", "127.0.0.1"), ("", "127.0.0.1", "127.0.0.1"), ("::1", "", "::1")]
    {
        let (a, to_b, mut b, _) = connected(Node::on(ours), Node::on(theirs), at);
        a.send(to_b, 0, pattern(100_000));
        assert_eq!(*b.receive(), pattern(100_000), "{ours} to {theirs}");
    }
}

#[test]
fn without_offload_every_datagram_is_on_its_own() {
    let plain = |host| Node::with(listen(host, 0), Offload::Off);
    let (a, to_b, mut b, _) = connected(plain(""), plain(""), "127.0.0.1");
    a.send(to_b, 0, pattern(2 << 20));
    assert_eq!(*b.receive(), pattern(2 << 20));
    let (sent, received) = (a.stats(), b.stats());
    assert!(sent.datagrams_sent > 1500, "{sent:?}");
    assert!(
        received.receive_calls * 32 >= received.datagrams_received,
        "32 messages a call at most: {received:?}"
    );
}

#[test]
fn one_end_with_and_one_without_offload_understand_each_other() {
    for (ours, theirs) in [(Offload::Auto, Offload::Off), (Offload::Off, Offload::Auto)] {
        let with = |offload| Node::with(listen("", 0), offload);
        let (a, to_b, mut b, _) = connected(with(ours), with(theirs), "127.0.0.1");
        a.send(to_b, 0, pattern(2 << 20));
        assert_eq!(*b.receive(), pattern(2 << 20), "{ours:?} to {theirs:?}");
    }
}

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
#[test]
fn with_offload_many_datagrams_leave_in_one_call() {
    let (a, to_b, mut b, _) = connected(Node::on(""), Node::on(""), "127.0.0.1");
    a.send(to_b, 0, pattern(4 << 20));
    b.receive();
    let stats = a.stats();
    assert!(stats.datagrams_sent > 5 * stats.send_calls, "{stats:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn replies_leave_from_the_address_that_the_packet_came_to() {
    for theirs in ["", "0.0.0.0"] {
        let acceptor = Node::on(theirs);
        let port = acceptor.port();
        let (a, to_b, mut b, to_a) = connected(Node::on(""), acceptor, "127.0.0.2");
        a.send(to_b, 0, pattern(10));
        b.receive();
        b.send(to_a, 0, pattern(100_000));
        let mut a = a;
        a.receive();
        let peer = warren_engine::PeerId(0);
        let stats = a.driver.call(move |context| context.engine.peer_stats(peer)).unwrap();
        let endpoint = stats.and_then(|stats| stats.endpoint);
        assert_eq!(endpoint, Some(SocketAddr::from(([127, 0, 0, 2], port))), "listening on {theirs:?}");
    }
}

#[test]
fn what_the_system_refuses_to_send_is_counted_by_name_and_not_fatal() {
    let mut a = Node::on("0.0.0.0");
    let b = Node::on("");
    // Nothing leaves the machine: a broadcast needs an option that the socket does not have.
    let peer = a.add(&b, Some(SocketAddr::from(([255, 255, 255, 255], 9))));
    let dialled = a.driver.call(move |context| {
        let timeout = std::time::Duration::from_millis(50);
        context.engine.connect(peer, None, timeout, context.now).is_ok()
    });
    assert_eq!(dialled, Ok(true));
    a.wait("Closed", |event| matches!(event, Event::Closed { .. }).then_some(()));
    let errors: Vec<_> = a.stats().errors().collect();
    let refused: u64 = errors.iter().filter(|(name, _)| name.starts_with("sendError")).map(|(_, n)| n).sum();
    assert!(refused > 0, "{errors:?}");
    assert!(errors.iter().any(|(name, _)| name == "sendErrorEACCES"), "{errors:?}");
}

#[test]
fn an_address_that_the_system_refuses_is_told_and_the_next_is_dialled_at_once() {
    let mut a = Node::on("0.0.0.0");
    let mut b = Node::on("127.0.0.1");
    // A broadcast needs an option that the socket does not have, and the socket is of the other family.
    let refused: Vec<SocketAddr> =
        ["255.255.255.255:9", "[::1]:9"].map(|address| address.parse().unwrap()).into();
    let mut peer = PeerConfig::new(b.key, refused.clone());
    peer.endpoints.push(b.driver.local_address());
    let dialled = a.driver.call(move |context| {
        let peer = context.engine.add_peer(peer, context.now).unwrap();
        context.engine.connect(peer, None, node::PATIENCE, context.now).is_ok()
    });
    assert_eq!(dialled, Ok(true));
    for address in refused {
        let told = a.wait("PeerUnreachable", |event| match event {
            Event::PeerUnreachable { to, error, .. } => Some((*to, *error)),
            Event::PeerUnanswered { .. } => panic!("an attempt was waited for"),
            _ => None,
        });
        assert_eq!(told.0, address);
        assert!(told.1 > 0, "{told:?}");
    }
    let asked = b.wait("Stranger", |event| match event {
        Event::Stranger { public_key, .. } => Some(*public_key),
        _ => None,
    });
    assert_eq!(asked, a.key);
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index % 251) as u8).collect()
}
