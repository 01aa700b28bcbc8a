//! Datagrams that wait for their turn, with a driver that measures: here time is what the test says.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use warren_engine::{Ecn, Event, Path, TransmitBatch};
use warren_testing::Seed;

use crate::world::{World, at, mesh, raw};

/// Node 0 with a session with each of its peers.
fn world(peers: u16) -> World {
    let mut world = mesh(peers + 1, Seed::of_this_run(), |_, _| {});
    for n in 1..=peers {
        sealed(&mut world, n, 1);
    }
    world.run_for(Duration::from_secs(1));
    for n in 1..=peers {
        sealed(&mut world, n, 1);
    }
    world.run_for(Duration::from_secs(1));
    world.with(at(0), |node, _| node.events.clear());
    world
}

/// Datagrams with a raw packet each from node `n` to node 0, which it does not get.
fn sealed(world: &mut World, n: u16, count: usize) -> Vec<Vec<u8>> {
    let packet = Bytes::from(raw(n, 0, 1_320));
    world.with(at(n), |node, now| {
        let mut datagrams = Vec::new();
        for _ in 0..count {
            node.engine.send_packet(node.peers[&0], packet.clone());
            let mut batch = TransmitBatch::with_capacity(1);
            node.engine.poll_transmit(&mut batch, now);
            datagrams.push(batch.bytes);
        }
        datagrams
    })
}

fn file(world: &mut World, from: SocketAddr, datagrams: &[Vec<u8>]) {
    let path = Path { remote: from, local: None };
    world.with(at(0), |node, _| {
        for datagram in datagrams {
            node.engine.file(path, Ecn::NotEct, datagram.len(), datagram.clone());
        }
    });
}

/// Works off the datagrams of node 0, until `enough`. Gives the number of packets that it told of each peer, and the
/// time that it took. Those of node 1 are costly.
fn work_off(world: &mut World, enough: impl Fn(&[usize]) -> bool) -> (Vec<usize>, Duration) {
    let mut told = vec![0; 8];
    let mut took = Duration::ZERO;
    while !enough(&told) && world.node(at(0)).engine.has_arrivals() {
        let now = world.now();
        if !world.node(at(0)).engine.may_work_off(now) {
            let due = world.node(at(0)).engine.next_turn().unwrap_or(now);
            world.run_for(due.saturating_duration_since(now).max(CHEAP));
            took += due.saturating_duration_since(now).max(CHEAP);
            continue;
        }
        let turn = world.with(at(0), |node, now| {
            node.engine.work_off(now);
            let mut turn = CHEAP;
            while let Some(event) = node.engine.poll_event() {
                let Event::Packet { peer, .. } = event else { continue };
                let (&n, _) = node.peers.iter().find(|&(_, &id)| id == peer).expect("a peer");
                told[usize::from(n)] += 1;
                turn += if n == 1 { COSTLY } else { CHEAP };
            }
            turn
        });
        world.run_for(turn);
        took += turn;
        world.with(at(0), |node, now| node.engine.charge(turn, now));
    }
    (told, took)
}

#[test]
fn a_peer_whose_packets_are_expensive_keeps_nobody_waiting() {
    let mut world = world(3);
    for round in 0..5 {
        let costly = sealed(&mut world, 1, 400);
        file(&mut world, at(1), &costly);
        for n in 2..4 {
            let cheap = sealed(&mut world, n, 200);
            file(&mut world, at(n), &cheap);
        }
        let (told, took) = work_off(&mut world, |told| told[2] == 200 && told[3] == 200);
        assert_eq!(told[2..4], [200, 200]);
        if round > 0 {
            assert!(took < Duration::from_millis(5), "round {round}: {took:?}, with {} costly ones", told[1]);
        }
    }
    let (told, _) = work_off(&mut world, |_| false);
    assert!(told[1] > 1_000, "what nobody else wants it has: {}", told[1]);
    assert_eq!(world.node(at(0)).engine.stats().rx_overflow, 0);
}

#[test]
fn forgeries_that_name_a_session_neither_delay_nor_displace_what_its_peer_sends() {
    let mut world = world(3);
    let elsewhere = SocketAddr::from(([198, 51, 100, 7], 7));
    let mut forged = sealed(&mut world, 2, 1);
    let last = forged[0].len() - 1;
    forged[0][last] ^= 1;
    let forged = vec![forged[0].clone(); 4_000];
    file(&mut world, elsewhere, &forged);
    for n in 2..4 {
        let honest = sealed(&mut world, n, 300);
        file(&mut world, at(n), &honest);
    }
    let (told, took) = work_off(&mut world, |told| told[2] == 300 && told[3] == 300);
    assert_eq!(told[2..4], [300, 300]);
    assert!(took < 3 * 600 * CHEAP, "{took:?}");
    let stats = world.node(at(0)).engine.stats();
    assert!(stats.rx_overflow > 1_000, "{}", stats.rx_overflow);
}

#[test]
fn what_comes_of_one_peer_alone_is_worked_off_at_once() {
    let mut world = world(2);
    world.with(at(0), |node, now| node.engine.charge(CHEAP, now));
    world.run_for(Duration::from_secs(3));
    let path = Path { remote: at(2), local: None };
    for _ in 0..100 {
        let mut datagram = sealed(&mut world, 2, 1).remove(0);
        world.with(at(0), |node, now| {
            let len = datagram.len();
            assert!(node.engine.handle_at_once(path, Ecn::NotEct, len, &mut datagram, now));
            node.engine.charge(CHEAP, now);
            assert!(!node.engine.has_arrivals());
            assert!(matches!(node.engine.poll_event(), Some(Event::Packet { .. })));
        });
        world.run_for(Duration::from_millis(1));
    }
}

const CHEAP: Duration = Duration::from_micros(2);
const COSTLY: Duration = Duration::from_micros(500);
