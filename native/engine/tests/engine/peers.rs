use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use warren_engine::{Dialled, Ecn, Event, Outcome, Path};
use warren_testing::{Link, Seed};

use crate::world::{Endpoint, World, at, bulk, config, connect, dial, mesh, raw};

#[test]
fn a_day_of_rekeys_under_sparse_traffic_costs_no_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let link = Link { latency: Duration::from_millis(20), loss: 0.01, ..Link::default() };
    world.network.set_default(link);
    let (ours, theirs) = connect(&mut world, 0, 1);
    let mut rng = world.network.seed().rng();
    let mut sent = [0, 0];
    while world.elapsed() < Duration::from_secs(24 * 3600) {
        let n = rng.random_range(0..2usize);
        let connection = [ours, theirs][n];
        world.with(at(n as u16), |node, now| node.send(connection, 0, Bytes::from_static(b"tick"), now));
        sent[n] += 1;
        world.run_for(Duration::from_secs(rng.random_range(1..400)));
    }
    world.run_for(Duration::from_secs(60));
    assert_eq!((world.node(at(0)).live(), world.node(at(1)).live()), (vec![ours], vec![theirs]));
    assert_eq!(world.node(at(1)).received.len(), sent[0]);
    assert_eq!(world.node(at(0)).received.len(), sent[1]);
    let sessions = world.node(at(0)).engine.stats().wireguard.sessions;
    assert!(sessions > 200, "{sessions} sessions in a day");
}

#[test]
fn a_hundred_peers_come_and_go_under_traffic_and_leave_nothing() {
    let mut world = World::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let hub = Endpoint::new(at(0), config(0, world.network.seed()), world.now());
    world.add(at(0), hub);
    let base = world.node(at(0)).engine.stats();
    for round in 0..10u16 {
        let members = 1 + round * 10..11 + round * 10;
        for n in members.clone() {
            let mut node = Endpoint::new(at(n), config(n, world.network.seed()), world.now());
            node.add_peer(0, world.now());
            world.add(at(n), node);
            world.with(at(0), |hub, now| hub.add_peer(n, now));
            let connection = dial(&mut world, n, 0);
            let payload = bulk(50_000);
            world.with(at(n), |node, now| {
                for priority in 0..3 {
                    node.send(connection, priority, payload.clone(), now);
                }
                let stream = node.open(connection, true, 1, now);
                node.engine.write_stream(stream, payload.clone());
            });
        }
        world.run_for(Duration::from_millis(u64::from(round) * 17));
        for connection in world.node(at(0)).live() {
            world.with(at(0), |hub, now| hub.send(connection, 3, bulk(100_000), now));
        }
        world.run_for(Duration::from_millis(30));
        for n in members {
            world.with(at(0), |hub, now| {
                let id = hub.peers.remove(&n).expect("a peer");
                hub.engine.remove_peer(id, 1, "churn", now);
                hub.drain_events(now);
            });
            world.run_for(Duration::from_millis(3));
        }
        world.run_for(Duration::from_secs(1));
    }
    world.run_for(Duration::from_secs(300));
    let stats = world.node(at(0)).engine.stats();
    assert_eq!((stats.peers, stats.connections, stats.streams), (0, 0, 0));
    assert_eq!((stats.pending_connections, stats.queued_events), (base.pending_connections, 0));
    assert_eq!(
        world.node(at(0)).engine.poll_timeout().filter(|(at, _)| *at < world.now() + Duration::from_secs(60)),
        None
    );
    let hub = world.node(at(0));
    assert_eq!(hub.connected().len(), hub.closed().len());
    let sent: usize = [Outcome::Delivered, Outcome::Lost].map(|outcome| hub.settled(outcome)).iter().sum();
    assert!(sent >= 80, "{sent}: every message to a peer settled");
}

#[test]
fn raw_packets_reach_the_peer_and_are_bounded_at_both_ends() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.limits.packet_bytes_per_peer = 100_000);
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let packet = Bytes::from(raw(0, 1, 1_000));
    world.with(at(0), |node, _| {
        let peer = node.peers[&1];
        assert!(node.engine.send_packet(peer, packet.clone()), "waits for the session");
        assert_eq!(sent_and_queued(node), (0, 1));
    });
    world.with(at(0), |node, _| {
        assert_eq!(sent_and_queued(node), (0, 0), "the tunnel has it, and no session");
    });
    world.run_until(Duration::from_secs(1), |world| packets(world.node(at(1))) == 1);
    let taken = world.with(at(0), |node, _| {
        let peer = node.peers[&1];
        let taken = (0..1_000).filter(|_| node.engine.send_packet(peer, packet.clone())).count();
        assert_eq!(sent_and_queued(node), (1, 100));
        taken
    });
    assert_eq!(taken, 100);
    world.run_for(Duration::from_secs(1));
    assert_eq!(packets(world.node(at(1))), 101);
    let peer = world.node(at(0)).peers[&1];
    let stats = world.node(at(0)).engine.peer_stats(peer).expect("a peer");
    assert_eq!((stats.tx_packets, stats.tx_packets_dropped), (101, 900));
    // A caller that takes none.
    world.with(at(1), |node, _| node.drains = false);
    for _ in 0..3 {
        world.with(at(0), |node, _| {
            let peer = node.peers[&1];
            (0..100).for_each(|_| assert!(node.engine.send_packet(peer, packet.clone())));
        });
        world.run_for(Duration::from_secs(1));
    }
    let stats = world.node(at(1)).engine.stats();
    // A packet counts 128 bytes besides its own.
    let kept = 100_000 / 1_128;
    assert_eq!(stats.rx_packets_dropped, 300 - kept as u64);
    world.with(at(1), |node, now| {
        node.drains = true;
        node.drain_events(now);
    });
    assert_eq!(packets(world.node(at(1))), 101 + kept);
}

#[test]
fn a_peer_cannot_reach_another_peers_connection_or_speak_in_its_name() {
    let mut world = mesh(3, Seed::of_this_run(), |_, _| {});
    let (ours, _) = connect(&mut world, 0, 1);
    connect(&mut world, 2, 0);
    // Node 2 claims node 1's inner address, on QUIC's ports.
    let mut forged = raw(1, 0, 600);
    forged[6] = 17;
    forged[40..44].copy_from_slice(&[0x77, 0x72, 0x77, 0x72]);
    let before = world.node(at(0)).engine.stats();
    world.with(at(2), |node, _| {
        let peer = node.peers[&0];
        node.engine.send_packet(peer, Bytes::from(forged));
    });
    world.run_for(Duration::from_secs(1));
    let after = world.node(at(0)).engine.stats();
    assert_eq!(after.wireguard.received.wrong_source, before.wireguard.received.wrong_source + 1);
    // Its own address, but no valid UDP: counted, and nothing else.
    let mut malformed = raw(2, 0, 600);
    malformed[6] = 17;
    malformed[40..44].copy_from_slice(&[0x77, 0x72, 0x77, 0x72]);
    world.with(at(2), |node, _| {
        let peer = node.peers[&0];
        node.engine.send_packet(peer, Bytes::from(malformed));
    });
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).engine.stats().malformed_packets, 1);
    assert!(world.node(at(0)).live().contains(&ours));
    assert_eq!(packets(world.node(at(0))), 0);
}

#[test]
fn a_peer_that_moves_keeps_its_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, _) = connect(&mut world, 0, 1);
    let mut node = world.remove(at(0)).expect("node 0");
    node.outbox.from = at(7);
    world.add(at(7), node);
    world.with(at(7), |node, now| node.send(ours, 0, Bytes::from_static(b"moved"), now));
    world.run_until(Duration::from_secs(1), |world| {
        world.node(at(1)).received == [(0, 5)] && world.node(at(7)).settled(Outcome::Delivered) == 1
    });
    let moved = |event: &Event| matches!(event, Event::PeerMoved { to, .. } if *to == at(7));
    assert!(world.node(at(1)).events.iter().any(|(_, event)| moved(event)));
}

#[test]
fn a_peer_cannot_fill_the_memory_of_a_caller_that_takes_no_events() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| {
        config.limits.packet_bytes_per_peer = 100_000;
        config.limits.pending_connections = 8;
    });
    let (_, theirs) = connect(&mut world, 0, 1);
    let (mut place, mut ours) = (1, theirs);
    world.with(at(0), |node, _| node.drains = false);
    for round in 0..300u16 {
        // Another place, another connection, packets, datagrams, messages and streams of nothing.
        let mut node = world.remove(at(place)).expect("node 1");
        place = 10 + round;
        node.outbox.from = at(place);
        world.add(at(place), node);
        world.with(at(place), |node, now| {
            let peer = node.peers[&0];
            for _ in 0..20 {
                node.engine.send_packet(peer, Bytes::from(raw(1, 0, 48)));
                node.engine.send_datagram(ours, Bytes::new());
                node.send(ours, 0, Bytes::new(), now);
                let stream = node.open(ours, false, 0, now);
                node.engine.finish_stream(stream);
            }
            if round % 3 == 2 {
                node.engine.close(ours, 0, "", Duration::ZERO, now);
                let dialled = node.engine.connect(peer, None, Duration::from_secs(1), now);
                if let Ok(Dialled::New(dialled)) = dialled {
                    ours = dialled;
                }
            }
            node.drain_events(now);
        });
        world.run_for(Duration::from_millis(50));
    }
    let queued = world.node(at(0)).engine.stats().queued_events;
    // 781 packets and 781 datagrams of 128 bytes at least, and for each of 9 connections 256 streams and its messages.
    assert!(queued < 5_000, "{queued} events");
    world.with(at(0), |node, now| {
        node.drains = true;
        node.drain_events(now);
    });
    assert_eq!(world.node(at(0)).engine.stats().queued_events, 0);
}

#[test]
fn garbage_and_mutilated_datagrams_do_no_harm() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.authorize = true);
    let (ours, _) = connect(&mut world, 0, 1);
    let mut rng = world.network.seed().rng();
    for round in 0..2_000 {
        let mut bytes = vec![0u8; rng.random_range(0..2_000)];
        rng.fill(&mut bytes[..]);
        if let Some(first) = bytes.first_mut() {
            *first %= 6;
        }
        if bytes.len() > 4 {
            bytes[1..4].fill(0);
        }
        world.with(at(0), |node, now| {
            let path = Path { remote: at(round % 3), local: None };
            let segment = if round % 5 == 0 { 100 } else { bytes.len() };
            node.engine.handle_datagrams(path, Ecn::Ce, segment, &mut bytes, now);
            node.drain_events(now);
        });
    }
    world.with(at(0), |node, now| node.send(ours, 0, Bytes::from_static(b"alive"), now));
    world.run_until(Duration::from_secs(1), |world| world.node(at(1)).received == [(0, 5)]);
}

fn packets(node: &Endpoint) -> usize {
    node.events.iter().filter(|(_, event)| matches!(event, Event::Packet { .. })).count()
}

/// Raw packets to the second node that left, and that wait for their turn.
fn sent_and_queued(node: &Endpoint) -> (u64, u64) {
    let stats = node.engine.peer_stats(node.peers[&1]).expect("a peer");
    (stats.tx_packets, stats.queued_packets)
}
