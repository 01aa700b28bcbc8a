use std::time::Duration;

use bytes::Bytes;
use warren_engine::{ConnectionId, Dialled, Outcome};
use warren_testing::{Link, Rate, Seed};

use crate::world::{DIAL, World, at, bulk, connect, mesh, raw};

#[test]
fn an_urgent_message_overtakes_bulk_queued_to_another_peer() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| config.uplink = Some(50_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    let (to_bulk, _) = connect(&mut world, 0, 1);
    let (to_urgent, _) = connect(&mut world, 0, 2);
    world.with(at(0), |node, now| {
        for _ in 0..100 {
            node.send(to_bulk, 0, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_secs(1));
    for _ in 0..50 {
        let took = urgent(&mut world, to_urgent, 2, 1);
        assert!(took < Duration::from_micros(11_500), "{took:?}: 10 ms of path, and at most a few packets");
        world.run_for(Duration::from_millis(37));
    }
}

#[test]
fn an_urgent_message_overtakes_bulk_of_its_own_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(50_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..100 {
            node.send(ours, 0, bulk(MIB), now);
        }
        let stream = node.open(ours, false, 10, now);
        node.engine.write_stream(stream, bulk(100 * MIB));
    });
    world.run_for(Duration::from_secs(1));
    for _ in 0..50 {
        let took = urgent(&mut world, ours, 1, 11);
        assert!(took < Duration::from_micros(11_500), "{took:?}");
        world.run_for(Duration::from_millis(37));
    }
}

#[test]
fn a_full_higher_lane_starves_the_lanes_below_it() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| config.uplink = Some(20_000_000));
    let (first, _) = connect(&mut world, 0, 1);
    let (second, _) = connect(&mut world, 0, 2);
    world.with(at(0), |node, now| {
        for _ in 0..200 {
            node.send(first, 1, bulk(100_000), now);
            node.send(second, 2, bulk(100_000), now);
        }
    });
    world.run_for(Duration::from_secs(5));
    assert!(world.node(at(2)).received.len() > 100);
    assert_eq!(world.node(at(1)).received.len(), 0);
    world.run_for(Duration::from_secs(15));
    assert_eq!((world.node(at(1)).received.len(), world.node(at(2)).received.len()), (200, 200));
}

#[test]
fn peers_share_a_lane_by_bytes_whatever_the_size_of_their_messages() {
    let mut world = mesh(4, Seed::of_this_run(), |_, config| config.uplink = Some(40_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let sizes = [200, 20_000, MIB];
    for (n, size) in (1..4).zip(sizes) {
        let (connection, _) = connect(&mut world, 0, n);
        let payload = bulk(size);
        world.with(at(0), |node, now| {
            for _ in 0..(20 * MIB / size).min(60_000) {
                node.send(connection, 5, payload.clone(), now);
            }
        });
    }
    world.run_for(Duration::from_secs(4));
    let shares: Vec<u64> = (1..4).map(|n| world.node(at(n)).engine.stats().rx_bytes).collect();
    let mean = shares.iter().sum::<u64>() / 3;
    assert!(shares.iter().all(|share| share.abs_diff(mean) < mean / 10), "{shares:?}");
}

#[test]
fn the_uplink_is_filled_and_not_exceeded() {
    for (rate, span) in [(5_000_000, 4_000), (50_000_000, 2_000), (500_000_000, 200)] {
        let mut world = mesh(3, Seed::of_this_run(), |_, config| config.uplink = Some(rate));
        world.network.set_default(Link::with_latency(Duration::from_millis(5)));
        for n in 1..3 {
            let (connection, back) = connect(&mut world, 0, n);
            let payload = bulk(MIB);
            world.with(at(0), |node, now| {
                node.quiet = true;
                for _ in 0..400 {
                    node.send(connection, 0, payload.clone(), now);
                }
            });
            // Traffic the other way makes acknowledgements, which count as well.
            world.with(at(n), |node, now| node.send(back, 0, payload.clone(), now));
        }
        let span = Duration::from_millis(span);
        world.run_for(span.min(Duration::from_millis(500)));
        let before = world.node(at(0)).sent_bytes;
        world.run_for(span);
        let used = (world.node(at(0)).sent_bytes - before) as f64 * 8.0 / span.as_secs_f64();
        assert!((used / rate as f64 - 1.0).abs() < 0.02, "{used} of {rate} bits a second");
    }
}

#[test]
fn no_burst_exceeds_a_millisecond_of_the_uplink() {
    let rate = 50_000_000;
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(rate));
    // A link of just that rate, with a queue of a millisecond and four packets: whatever bursts is dropped.
    let queue_bytes = (rate / 8 / 1000) as usize + 4 * 1500;
    let link = Link {
        latency: Duration::from_millis(5),
        rate: Some(Rate { bits_per_second: rate, queue_bytes }),
        ..Link::default()
    };
    world.network.set_default(link);
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..30 {
            node.send(ours, 0, bulk(MIB), now);
        }
    });
    world.run_until(Duration::from_secs(10), |world| world.node(at(0)).settled(Outcome::Delivered) == 30);
    assert_eq!(world.network.counters().overflowed, 0);
}

#[test]
fn acknowledgements_leave_before_data_under_a_full_uplink() {
    let mut world = mesh(3, Seed::of_this_run(), |n, config| config.uplink = (n == 0).then_some(10_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (out, _) = connect(&mut world, 0, 1);
    let (ours, _) = connect(&mut world, 2, 0);
    let payload = bulk(MIB);
    world.with(at(0), |node, now| {
        for _ in 0..50 {
            node.send(out, 255, payload.clone(), now);
        }
    });
    world.run_for(Duration::from_millis(500));
    world.with(at(2), |node, now| node.send(ours, 0, payload, now));
    let took =
        world.run_until(Duration::from_secs(5), |world| world.node(at(2)).settled(Outcome::Delivered) == 1);
    // Slow start from 10 packets: seven round trips of 10 ms.
    assert!(took < Duration::from_millis(150), "{took:?}");
}

#[test]
fn a_peer_behind_a_slow_path_delays_nobody() {
    let mut world = mesh(3, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(10)));
    let (slow, _) = connect(&mut world, 0, 1);
    let (quick, _) = connect(&mut world, 0, 2);
    let crawl = Link {
        latency: Duration::from_millis(100),
        rate: Some(Rate { bits_per_second: 500_000, queue_bytes: 20_000 }),
        ..Link::default()
    };
    world.network.set_link(at(0), at(1), crawl);
    world.with(at(0), |node, now| {
        for _ in 0..20 {
            node.send(slow, 9, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_secs(2));
    for _ in 0..20 {
        let took = urgent(&mut world, quick, 2, 0);
        assert!(took < Duration::from_millis(11), "{took:?}");
    }
}

#[test]
fn an_urgent_message_does_not_wait_for_a_window_that_bulk_fills() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(50)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..8 {
            node.send(ours, 0, bulk(MIB), now);
        }
    });
    // Ten packets of slow start are under way; the first acknowledgement comes after 100 ms.
    world.run_for(Duration::from_millis(10));
    for _ in 0..3 {
        let took = urgent(&mut world, ours, 1, 200);
        assert!(took < Duration::from_millis(51), "{took:?}");
    }
    let bulk = world.node(at(0)).engine.lane_stats(ours, world.now()).expect("live")[0].sent_bytes;
    assert!(bulk < 90_000, "bulk gained nothing by it: {bulk} bytes");
}

#[test]
fn a_peer_takes_one_share_however_many_connections_it_has_and_idle_ones_cost_nothing() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| {
        config.uplink = Some(40_000_000);
        let names: Vec<_> = (0..4).map(|n| format!("test/{n}").into()).collect();
        config.protocols = names.into();
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let many: Vec<_> = (0..4).map(|n| connect_for(&mut world, 0, 1, n)).collect();
    let one = connect_for(&mut world, 0, 2, 0);
    connect_for(&mut world, 0, 2, 1);
    world.with(at(0), |node, now| {
        for _ in 0..12 {
            for &connection in &many {
                node.send(connection, 5, bulk(MIB), now);
            }
            node.send(one, 5, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_secs(4));
    let [many, one] = [1, 2].map(|n| world.node(at(n)).engine.stats().rx_bytes);
    assert!(many.abs_diff(one) < one / 10, "{many} and {one}");
}

#[test]
fn raw_packets_share_the_lowest_lane_by_bytes_however_small_they_are() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| {
        config.uplink = Some(40_000_000);
        config.limits.packet_bytes_per_peer = 64 * MIB;
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (ours, _) = connect(&mut world, 0, 1);
    let packet = Bytes::from(raw(0, 2, 200));
    connect(&mut world, 0, 2);
    world.with(at(0), |node, now| {
        for _ in 0..30 {
            node.send(ours, 0, bulk(MIB), now);
        }
        let peer = node.peers[&2];
        assert!((0..100_000).all(|_| node.engine.send_packet(peer, packet.clone())));
    });
    let before = [1, 2].map(|n| world.node(at(n)).engine.stats().rx_bytes);
    world.with(at(2), |node, _| node.quiet = true);
    world.run_for(Duration::from_secs(3));
    let after = [1, 2].map(|n| world.node(at(n)).engine.stats().rx_bytes);
    let [messages, packets] = [after[0] - before[0], after[1] - before[1]];
    assert!(packets > messages / 2 && packets < messages * 2, "{messages} and {packets}");
}

#[test]
fn lanes_tell_what_they_hold_and_what_became_of_it() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(1_000_000));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..3 {
            node.send(ours, 4, bulk(100_000), now);
        }
    });
    world.run_for(Duration::from_millis(500));
    let stats = world.node(at(0)).engine.connection_stats(ours, world.now()).expect("live");
    let lane = &stats.lanes[0];
    assert_eq!((lane.priority, lane.queued_messages, lane.queued_bytes), (4, 2, 200_000));
    assert_eq!(lane.oldest, Duration::from_millis(500));
    world.run_for(Duration::from_secs(5));
    let stats = world.node(at(0)).engine.connection_stats(ours, world.now()).expect("live");
    let lane = &stats.lanes[0];
    assert_eq!((lane.queued_messages, lane.sent_bytes, lane.delivered), (0, 300_000, 3));
    assert_eq!(lane.oldest, Duration::ZERO);
}

/// Sends 1 KiB and answers how long until it was there.
#[track_caller]
fn urgent(world: &mut World, connection: ConnectionId, to: u16, priority: u8) -> Duration {
    let before = heard(world, to, priority);
    world.with(at(0), |node, now| node.send(connection, priority, Bytes::from_static(&[9; 1024]), now));
    world.run_until(Duration::from_secs(5), |world| heard(world, to, priority) > before)
}

fn heard(world: &World, n: u16, priority: u8) -> usize {
    world.node(at(n)).received.iter().filter(|received| **received == (priority, 1024)).count()
}

fn connect_for(world: &mut World, from: u16, to: u16, protocol: usize) -> ConnectionId {
    let ours = world.with(at(from), |node, now| {
        let protocols = Some(vec![format!("test/{protocol}").into()]);
        match node.engine.connect(node.peers[&to], protocols, DIAL, now).expect("a dial") {
            Dialled::New(id) | Dialled::Live(id) => id,
        }
    });
    world.run_until(Duration::from_secs(10), |world| world.node(at(from)).live().contains(&ours));
    ours
}

const MIB: usize = 1 << 20;
