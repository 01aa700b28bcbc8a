use std::time::Duration;

use bytes::Bytes;
use warren_engine::{CloseCause, ClosedBy, Event, MessageId, Outcome};
use warren_testing::{Link, Seed};

use crate::world::{at, bulk, connect, dial, mesh};

#[test]
fn ten_mebibytes_sent_and_closed_at_once_arrive_over_a_lossy_path() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let link = Link { latency: Duration::from_millis(25), loss: 0.02, ..Link::default() };
    world.network.set_default(link);
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..10 {
            node.send(ours, 0, bulk(MIB), now);
        }
        node.engine.close(ours, 7, "that was all", Duration::from_secs(60), now);
        node.send(ours, 0, Bytes::from_static(b"too late"), now);
    });
    world.run_until(Duration::from_secs(60), |world| {
        world.node(at(1)).closed().len() == 1 && world.node(at(0)).closed().len() == 1
    });
    assert_eq!(world.node(at(1)).received, vec![(0, MIB); 10]);
    assert_eq!(
        (world.node(at(0)).settled(Outcome::Delivered), world.node(at(0)).settled(Outcome::Lost)),
        (10, 1)
    );
    let (id, close) = world.node(at(1)).closed()[0];
    assert_eq!(
        (id, close.by, close.code, close.reason.as_str()),
        (theirs, ClosedBy::Remote, 7, "that was all")
    );
    assert_eq!(close.cause, CloseCause::Application);
    assert_eq!(world.node(at(0)).closed()[0].1.by, ClosedBy::Local);
}

#[test]
fn a_stream_written_finished_and_closed_arrives_whole() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let link = Link { latency: Duration::from_millis(25), loss: 0.02, ..Link::default() };
    world.network.set_default(link);
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        let finished = node.open(ours, false, 0, now);
        node.engine.write_stream(finished, bulk(MIB));
        node.engine.finish_stream(finished);
        let open = node.open(ours, true, 0, now);
        node.engine.write_stream(open, bulk(MIB));
        node.engine.close(ours, 0, "", Duration::from_secs(60), now);
    });
    world.run_until(Duration::from_secs(60), |world| world.node(at(1)).closed().len() == 1);
    assert_eq!(world.node(at(1)).stream_bytes, 2 * MIB as u64);
}

#[test]
fn the_lanes_of_a_device_and_a_peer_are_those_of_all_connections_they_had() {
    let mut world = mesh(3, Seed::of_this_run(), |_, _| {});
    let pairs = [connect(&mut world, 0, 1).0, connect(&mut world, 0, 2).0];
    let figures = |world: &crate::world::World| {
        let node = world.node(at(0));
        let sum = |lanes: Vec<warren_engine::LaneStats>| {
            lanes.iter().map(|lane| (lane.priority, lane.delivered, lane.sent_bytes)).collect::<Vec<_>>()
        };
        let peer = node.engine.peer_lanes(node.peers[&1], world.now()).expect("a peer");
        (sum(node.engine.device_lanes(world.now())), sum(peer))
    };
    for (number, &connection) in pairs.iter().enumerate() {
        world.with(at(0), |node, now| {
            node.send(connection, 3, bulk(1_000), now);
            node.send(connection, 4 + number as u8, bulk(500), now);
        });
    }
    world.run_for(Duration::from_secs(1));
    let before = figures(&world);
    assert_eq!(before.0.iter().map(|lane| (lane.0, lane.1)).collect::<Vec<_>>(), [(3, 2), (4, 1), (5, 1)]);
    assert_eq!(before.1.iter().map(|lane| (lane.0, lane.1)).collect::<Vec<_>>(), [(3, 1), (4, 1)]);
    world.with(at(0), |node, now| node.engine.close(pairs[0], 0, "", Duration::ZERO, now));
    world.run_for(Duration::from_secs(1));
    assert_eq!(figures(&world), before, "they never go back");
    let peer = world.node(at(0)).peers[&1];
    world.with(at(0), |node, now| node.engine.remove_peer(peer, 0, "", now));
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).engine.device_lanes(world.now()).len(), 3);
    assert!(world.node(at(0)).engine.peer_lanes(peer, world.now()).is_none());
}

#[test]
fn a_close_without_grace_loses_what_was_not_delivered_and_says_so() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(25)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..5 {
            node.send(ours, 0, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_millis(30));
    world.with(at(0), |node, now| {
        node.engine.close(ours, 3, "enough", Duration::ZERO, now);
        node.drain_events(now);
    });
    let node = world.node(at(0));
    assert_eq!(node.settled(Outcome::Lost), 5);
    assert!(
        matches!(node.events.last(), Some((_, Event::Closed { .. }))),
        "the last event of the connection"
    );
    assert_eq!(drained(node), 5 * MIB as u64, "every admitted byte is given back");
    world.run_for(Duration::from_secs(1));
    let (_, close) = world.node(at(1)).closed()[0];
    assert_eq!((close.by, close.code, close.reason.as_str()), (ClosedBy::Remote, 3, "enough"));
}

#[test]
fn a_dial_during_a_graceful_close_gets_a_new_connection() {
    for loss in [0.0, 0.1] {
        let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
        let link = Link { latency: Duration::from_millis(20), loss, ..Link::default() };
        world.network.set_default(link);
        let (ours, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| {
            node.send(ours, 0, bulk(MIB), now);
            node.engine.close(ours, 0, "", Duration::from_secs(30), now);
        });
        let anew = dial(&mut world, 0, 1);
        world.run_until(Duration::from_secs(30), |world| world.node(at(0)).live() == [anew]);
        assert_eq!(world.node(at(1)).received, [(0, MIB)]);
    }
}

#[test]
fn a_graceful_close_gives_up_when_its_grace_is_over() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, _) = connect(&mut world, 0, 1);
    world.network.set_links(at(0), at(1), Link::down());
    world.with(at(0), |node, now| {
        node.send(ours, 0, bulk(10), now);
        node.engine.close(ours, 0, "", Duration::from_secs(5), now);
    });
    world.run_for(Duration::from_millis(4_999));
    assert!(world.node(at(0)).closed().is_empty());
    world.run_for(Duration::from_millis(2));
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::Application);
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
}

#[test]
fn removing_a_peer_tells_it_why_even_on_a_lossy_path() {
    let mut told = 0;
    for seed in 0..20 {
        let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
        let (ours, theirs) = connect(&mut world, 0, 1);
        world.network.set_default(Link { loss: 0.3, ..Link::default() });
        world.with(at(0), |node, now| {
            node.send(ours, 0, bulk(MIB), now);
            let peer = node.peers[&1];
            node.engine.remove_peer(peer, 9, "revoked", now);
            node.drain_events(now);
        });
        let closed = world.node(at(0)).closed();
        assert_eq!((closed[0].0, closed[0].1.cause), (ours, CloseCause::PeerRemoved));
        assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
        world.run_for(Duration::from_secs(1));
        let there = world.node(at(1)).closed();
        if let [(id, close)] = there[..] {
            let reason = (id, close.by, close.code, close.reason.as_str());
            let is_reason = reason == (theirs, ClosedBy::Remote, 9, "revoked");
            assert!(
                is_reason || close.cause == CloseCause::PeerDead,
                "without its reason, it is gone at least"
            );
            told += u32::from(is_reason);
        }
        let stats = world.node(at(0)).engine.stats();
        assert_eq!((stats.peers, stats.connections, stats.pending_connections), (0, 0, 0));
    }
    assert!(told >= 17, "0.3^3 of the farewells are lost, here {} of 20", 20 - told);
}

#[test]
fn a_removed_peer_added_again_connects_again() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        let peer = node.peers[&1];
        node.engine.remove_peer(peer, 0, "", now);
        node.drain_events(now);
        node.add_peer(1, now);
    });
    world.run_for(Duration::from_secs(1));
    connect(&mut world, 0, 1);
}

#[test]
fn a_shutdown_closes_every_connection_at_both_ends() {
    let mut world = mesh(4, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    for n in 1..4 {
        connect(&mut world, 0, n);
    }
    world.with(at(0), |node, now| {
        node.engine.shutdown(5, "going home", now);
        node.drain_events(now);
    });
    assert_eq!(world.node(at(0)).closed().len(), 3);
    world.run_for(Duration::from_secs(1));
    for n in 1..4 {
        let (_, close) = world.node(at(n)).closed()[0];
        assert_eq!((close.code, close.reason.as_str()), (5, "going home"));
    }
}

#[test]
fn a_graceful_close_ends_when_all_is_delivered_however_many_others_wait() {
    const NODES: u16 = 24;
    let mut world = mesh(NODES, Seed::of_this_run(), |_, _| {});
    let connections: Vec<_> = (1..NODES).map(|to| connect(&mut world, 0, to).0).collect();
    for to in 1..NODES - 1 {
        world.network.set_link(at(0), at(to), Link::down());
    }
    world.with(at(0), |node, now| {
        for &connection in &connections {
            node.send(connection, 0, bulk(10_000), now);
            node.engine.close(connection, 0, "", Duration::from_secs(30), now);
        }
    });
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).closed().len(), 1, "the one whose link is up");
    for to in 1..NODES - 1 {
        world.network.set_link(at(0), at(to), Link::default());
    }
    world.run_for(Duration::from_secs(10));
    assert_eq!(world.node(at(0)).closed().len(), usize::from(NODES) - 1);
    assert_eq!(world.node(at(0)).settled(Outcome::Delivered), usize::from(NODES) - 1);
}

#[test]
fn a_message_on_a_connection_that_is_gone_settles_as_lost() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        node.engine.close(ours, 0, "", Duration::ZERO, now);
        node.drain_events(now);
        let id = node.send(ours, 4, bulk(10), now);
        assert_eq!(id, MessageId(0));
    });
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 1);
}

#[test]
fn a_graceful_close_delivers_ours_while_the_other_end_still_sends() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let link = Link { latency: Duration::from_millis(25), loss: 0.02, ..Link::default() };
    world.network.set_default(link);
    let (ours, theirs) = connect(&mut world, 0, 1);
    for (n, connection) in [(0, ours), (1, theirs)] {
        world.with(at(n), |node, now| node.send(connection, 0, bulk(MIB), now));
    }
    world.run_for(Duration::from_millis(1));
    world.with(at(0), |node, now| node.engine.close(ours, 0, "", Duration::from_secs(30), now));
    world.run_until(Duration::from_secs(60), |world| world.node(at(1)).closed().len() == 1);
    assert_eq!(world.node(at(1)).received, [(0, MIB)]);
    // The other direction is not the closer's promise: it ends with the connection.
    assert_eq!(world.node(at(1)).settled(Outcome::Delivered) + world.node(at(1)).settled(Outcome::Lost), 1);
    dial(&mut world, 0, 1);
    world.run_for(Duration::from_secs(2));
    assert_eq!(world.node(at(0)).live().len(), 1);
}

fn drained(node: &crate::world::Endpoint) -> u64 {
    let drained = node.events.iter().map(|(_, event)| match event {
        Event::LaneDrained { bytes, .. } => *bytes,
        _ => 0,
    });
    drained.sum()
}

#[test]
fn a_close_after_the_session_expired_still_reaches_the_other_end() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.heartbeat = None);
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(600));
    world.with(at(0), |node, now| {
        node.engine.close(ours, 3, "late", Duration::ZERO, now);
        node.drain_events(now);
    });
    world.run_for(Duration::from_secs(1));
    let closed = world.node(at(1)).closed();
    assert_eq!((closed[0].0, closed[0].1.by, closed[0].1.code), (theirs, ClosedBy::Remote, 3));
}

#[test]
fn a_close_that_waits_for_the_uplink_leaves_before_the_connection_is_forgotten() {
    for (uplink, waited) in [(1_000_000, 0), (1_000_000, 5), (1_000_000, 40), (100_000, 5), (100_000, 80)] {
        let mut world =
            mesh(2, Seed::exactly(waited), |n, config| config.uplink = (n == 0).then_some(uplink));
        world.network.set_default(Link { latency: Duration::ZERO, ..Link::default() });
        let (ours, _) = connect(&mut world, 0, 1);
        world.run_for(Duration::from_millis(waited));
        world.with(at(0), |node, now| {
            node.send(ours, 0, bulk(MIB), now);
        });
        world.run_for(Duration::from_micros(250));
        world.with(at(0), |node, now| node.engine.close(ours, 1, "panic", Duration::ZERO, now));
        world.run_for(Duration::from_secs(20));
        let closed = world.node(at(1)).closed();
        let ends: Vec<_> = closed.iter().map(|(_, it)| (it.by, it.code)).collect();
        assert_eq!(ends, [(ClosedBy::Remote, 1)], "{uplink} bit/s, closed after {waited} ms: {closed:?}");
    }
}

const MIB: usize = 1 << 20;
