use std::time::Duration;

use bytes::Bytes;
use warren_engine::{Event, GiveUp, Outcome};
use warren_testing::{Link, Seed};

use crate::world::{World, at, bulk, connect, long_packets, mesh};

#[test]
fn messages_of_one_lane_leave_in_the_order_of_admission_one_after_another() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    let (ours, _) = connect(&mut world, 0, 1);
    // Two that end in the same packet may be told in either order: 2,000 bytes do not fit one.
    let sizes: Vec<usize> = (0..300).map(|i| 2_000 + (i * 7919) % 20_000).collect();
    world.with(at(0), |node, now| {
        for &size in &sizes {
            node.send(ours, 3, bulk(size), now);
        }
    });
    world.run_until(Duration::from_secs(20), |world| {
        world.node(at(0)).settled(Outcome::Delivered) == sizes.len()
    });
    let received: Vec<usize> = world.node(at(1)).received.iter().map(|&(_, size)| size).collect();
    assert_eq!(received, sizes);
}

#[test]
fn every_message_settles_once_and_every_byte_drains_once_whatever_the_path_does() {
    for seed in 0..10 {
        let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
        let link = Link {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(3),
            loss: 0.05,
            reorder: 0.05,
            duplicate: 0.05,
            ..Link::default()
        };
        world.network.set_default(link);
        let (ours, _) = connect(&mut world, 0, 1);
        let sizes: Vec<usize> = (0..200).map(|i| (i * 104_729) % 60_000).collect();
        world.with(at(0), |node, now| {
            for (i, &size) in sizes.iter().enumerate() {
                node.send(ours, (i % 5) as u8, bulk(size), now);
            }
        });
        world.run_until(Duration::from_secs(60), |world| {
            world.node(at(0)).settled(Outcome::Delivered) == sizes.len()
        });
        let mut received: Vec<usize> = world.node(at(1)).received.iter().map(|&(_, size)| size).collect();
        let mut expected = sizes.clone();
        received.sort_unstable();
        expected.sort_unstable();
        assert_eq!(received, expected, "seed {seed}");
        let drained = world.node(at(0)).events.iter().map(|(_, event)| match event {
            Event::LaneDrained { bytes, .. } => *bytes,
            _ => 0,
        });
        assert_eq!(drained.sum::<u64>(), sizes.iter().sum::<usize>() as u64, "seed {seed}");
    }
}

#[test]
fn a_waiting_message_given_up_never_leaves() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(10_000_000));
    let (ours, _) = connect(&mut world, 0, 1);
    let ids: Vec<_> =
        (0..10).map(|_| world.with(at(0), |node, now| node.send(ours, 0, bulk(100_000), now))).collect();
    world.with(at(0), |node, now| {
        for &id in &ids[3..] {
            node.engine.cancel_message(ours, id, GiveUp::Cancelled, now);
        }
        node.drain_events(now);
    });
    assert_eq!(world.node(at(0)).settled(Outcome::Cancelled), 7);
    world.run_until(Duration::from_secs(5), |world| world.node(at(0)).settled(Outcome::Delivered) == 3);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(1)).received.len(), 3);
    assert!(world.node(at(0)).sent_bytes < 400_000);
}

#[test]
fn a_message_given_up_on_its_way_stops_costing_and_both_ends_agree_how_it_ended() {
    for delay in [1, 20, 60, 400] {
        let mut world = mesh(2, Seed::exactly(delay), |_, config| config.uplink = Some(50_000_000));
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let (ours, _) = connect(&mut world, 0, 1);
        let (given_up, kept) = world.with(at(0), |node, now| {
            (node.send(ours, 0, bulk(MIB), now), node.send(ours, 0, bulk(1_000), now))
        });
        world.run_for(Duration::from_millis(delay));
        world.with(at(0), |node, now| {
            node.engine.cancel_message(ours, given_up, GiveUp::Cancelled, now);
            node.drain_events(now);
        });
        world.run_until(Duration::from_secs(5), |world| {
            let node = world.node(at(0));
            node.settled(Outcome::Cancelled) + node.settled(Outcome::Delivered) == 2
        });
        let delivered = world.node(at(0)).settled(Outcome::Delivered);
        assert_eq!(world.node(at(1)).received.len(), delivered);
        assert!(
            world.node(at(1)).received.contains(&(0, 1_000)),
            "message {kept:?} behind it is not held up"
        );
        // 1 MiB takes 170 ms at this rate, and slow start some round trips.
        assert_eq!(delivered, if delay < 400 { 1 } else { 2 }, "after {delay} ms");
    }
}

#[test]
fn a_message_over_the_senders_limit_is_dropped_and_one_over_the_receivers_is_refused() {
    let mut world = mesh(2, Seed::of_this_run(), |n, config| {
        config.limits.message_bytes = if n == 0 { 2 * MIB } else { MIB };
    });
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        node.send(ours, 0, bulk(2 * MIB + 1), now);
        node.send(ours, 0, bulk(MIB + 1), now);
        node.send(ours, 0, bulk(MIB), now);
    });
    world.run_until(Duration::from_secs(5), |world| world.node(at(0)).settled(Outcome::Delivered) == 1);
    assert_eq!(world.node(at(0)).settled(Outcome::Dropped), 2);
    assert_eq!(world.node(at(1)).received, [(0, MIB)]);
}

#[test]
fn a_reader_that_pauses_holds_the_sender_and_loses_nothing() {
    let limit = 4 * MIB;
    let mut world = mesh(2, Seed::of_this_run(), |_, config| {
        config.limits.receive_bytes_per_connection = limit;
        config.limits.message_bytes = MIB;
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.with(at(1), |node, _| node.reads = false);
    world.with(at(0), |node, now| {
        for _ in 0..100 {
            node.send(ours, 0, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_secs(30));
    let held: usize = world.node(at(1)).received.iter().map(|&(_, size)| size).sum();
    assert!(held <= limit, "{held} bytes held");
    assert_eq!(world.node(at(0)).live(), [ours]);
    // Another lane is not held up by it.
    world.with(at(0), |node, now| node.send(ours, 200, Bytes::from_static(b"urgent"), now));
    world.run_until(Duration::from_secs(1), |world| world.node(at(1)).received.contains(&(200, 6)));
    world.with(at(1), |node, now| {
        node.reads = true;
        for (priority, size) in node.received.clone() {
            node.engine.release_messages(theirs, priority, size, now);
        }
        node.drain_events(now);
    });
    world.run_until(Duration::from_secs(60), |world| world.node(at(0)).settled(Outcome::Delivered) == 101);
    assert_eq!(world.node(at(1)).received.len(), 101);
}

#[test]
fn ten_thousand_queued_bulk_messages_and_a_paused_reader_do_not_hold_up_an_urgent_one() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| {
        config.limits.receive_bytes_per_connection = MIB;
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(1), |node, _| node.reads = false);
    let payload = bulk(10_000);
    world.with(at(0), |node, now| {
        for _ in 0..10_000 {
            node.send(ours, 1, payload.clone(), now);
        }
    });
    world.run_for(Duration::from_secs(5));
    for _ in 0..5 {
        let before = world.node(at(1)).received.len();
        world.with(at(0), |node, now| node.send(ours, 9, Bytes::from_static(b"urgent"), now));
        let took = world.run_until(Duration::from_secs(1), |world| world.node(at(1)).received.len() > before);
        assert!(took < Duration::from_millis(20), "{took:?}");
        assert_eq!(world.node(at(1)).received.last(), Some(&(9, 6)));
    }
}

#[test]
fn unreliable_datagrams_arrive_and_are_bounded() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, _| {
        let most = node.engine.max_datagram_size(ours);
        assert!(most > 1_100, "{most}");
        assert!(node.engine.send_datagram(ours, bulk(most)));
        assert!(!node.engine.send_datagram(ours, bulk(most + 1)));
        let taken = (0..1_000).filter(|_| node.engine.send_datagram(ours, bulk(1_000))).count();
        assert!(taken < 100, "{taken}");
        assert_eq!(node.engine.stats().tx_datagrams_dropped, 1 + 1_000 - taken as u64);
    });
    world.run_for(Duration::from_secs(1));
    let datagrams =
        world.node(at(1)).events.iter().filter(|(_, event)| matches!(event, Event::Datagram { .. }));
    assert!(datagrams.count() > 10);
}

#[test]
fn eight_datagrams_wait_however_long_they_are() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| long_packets(config));
    let (ours, _) = connect(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    let arrived = |world: &World| {
        let events = world.node(at(1)).events.iter();
        events.filter(|(_, event)| matches!(event, Event::Datagram { .. })).count()
    };
    for round in 1..=3 {
        let taken = world.with(at(0), |node, _| {
            let most = node.engine.max_datagram_size(ours);
            assert!(most > 64 * 1024 / 8, "{most}");
            (0..20).filter(|_| node.engine.send_datagram(ours, bulk(most))).count()
        });
        assert_eq!(taken, 8);
        world.run_for(Duration::from_secs(1));
        assert_eq!(arrived(&world), 8 * round);
    }
}

const MIB: usize = 1 << 20;
