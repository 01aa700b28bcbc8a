use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use warren_engine::{
    CloseCause, ClosedBy, ConnectionId, Event, Full, GiveUp, LanePolicy, LaneStats, MessageId, Outcome,
};
use warren_testing::{Link, Seed};

use crate::world::{World, at, bulk, connect, long_packets, mesh};

#[test]
fn a_cancelled_64_mib_object_stops_within_a_round_trip() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| {
        config.uplink = Some(100_000_000);
        config.limits.message_bytes = 64 * MIB;
        config.limits.receive_bytes_per_connection = 64 * MIB;
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let (ours, theirs) = connect(&mut world, 0, 1);
    let id = world.with(at(0), |node, now| node.send(ours, 0, bulk(64 * MIB), now));
    world.run_for(Duration::from_secs(2));
    let before = world.node(at(0)).sent_bytes;
    give_up(&mut world, ours, id, GiveUp::Cancelled);
    let took =
        world.run_until(Duration::from_secs(1), |world| world.node(at(0)).settled(Outcome::Cancelled) == 1);
    assert!(took < Duration::from_millis(42), "a round trip of 40 ms: {took:?}");
    world.run_for(Duration::from_secs(1));
    let more = world.node(at(0)).sent_bytes - before;
    assert!(more < 20_000, "{more} bytes left after it was given up");
    let received = world.node(at(1)).engine.connection_stats(theirs, world.now()).expect("live").transport;
    assert_eq!((received.peer_cancelled, received.messages_held), (1, 0));
}

#[test]
fn a_lifetime_ends_in_the_lane_and_on_the_way_and_not_after_delivery() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(10_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        node.lifetime = Some(Duration::from_millis(200));
        node.send(ours, 0, bulk(100_000), now);
        node.send(ours, 0, bulk(MIB), now);
        node.send(ours, 0, bulk(50_000), now);
        node.lifetime = None;
        node.send(ours, 0, bulk(1_000), now);
        node.lifetime = Some(Duration::ZERO);
        node.send(ours, 0, bulk(2_000), now);
    });
    assert_eq!(world.node(at(0)).settled(Outcome::Expired), 1, "its time was over before it came");
    // 100 KB take 80 ms; at 200 ms the second is on its way, and the third waits.
    world.run_for(Duration::from_millis(199));
    assert_eq!(world.node(at(0)).settled(Outcome::Expired), 1);
    world.run_for(Duration::from_millis(50));
    assert_eq!(world.node(at(0)).settled(Outcome::Expired), 3);
    assert_eq!(world.node(at(1)).received, [(0, 100_000), (0, 1_000)]);
    let lane = lane(&world, 0, ours, 0);
    assert_eq!((lane.expired, lane.delivered, lane.queued_messages), (3, 2, 0));
    let received = world.node(at(1)).engine.connection_stats(theirs, world.now()).expect("live").transport;
    assert_eq!((received.peer_expired, received.messages_received), (1, 2));
    world.run_for(Duration::from_secs(1));
    let (wakeup, reason) = world.node(at(0)).engine.poll_timeout().expect("WireGuard's timers");
    assert!(reason != "message lifetime", "{wakeup:?}");
}

#[test]
fn both_ends_count_alike_however_messages_end() {
    let mut ended = [0; 4];
    for seed in 0..12 {
        let mut world = mesh(2, Seed::exactly(seed), |_, config| {
            config.limits.message_bytes = 100_000;
            config.limits.receive_bytes_per_connection = 200_000;
            config.uplink = seed.is_multiple_of(2).then_some(20_000_000);
        });
        let link = Link {
            latency: Duration::from_millis(10),
            jitter: Duration::from_millis(3),
            loss: 0.03,
            reorder: 0.03,
            ..Link::default()
        };
        world.network.set_default(link);
        let (ours, theirs) = connect(&mut world, 0, 1);
        let mut rng = Seed::exactly(seed ^ 0xbeef).rng();
        let mut sent = Vec::new();
        for _ in 0..150 {
            let (priority, size) = (rng.random_range(0..3u8), rng.random_range(0..80_000));
            let lifetime = rng.random_bool(0.3).then(|| Duration::from_millis(rng.random_range(0..120)));
            sent.push(world.with(at(0), |node, now| {
                node.lifetime = lifetime;
                node.send(ours, priority, bulk(size), now)
            }));
            world.run_for(Duration::from_micros(rng.random_range(0..30_000)));
            if rng.random_bool(0.3) {
                let victim = sent[sent.len() - 1 - rng.random_range(0..sent.len().min(6))];
                let reason = if rng.random_bool(0.5) { GiveUp::Cancelled } else { GiveUp::Replaced };
                give_up(&mut world, ours, victim, reason);
            }
            if rng.random_bool(0.1) {
                let reads = !world.node(at(1)).reads;
                world.with(at(1), |node, now| node.set_reads(reads, now));
            }
        }
        world.with(at(1), |node, now| node.set_reads(true, now));
        world.run_for(Duration::from_secs(60));
        let [sender, receiver] = [(0, ours), (1, theirs)].map(|(n, connection)| {
            world.node(at(n)).engine.connection_stats(connection, world.now()).expect("live")
        });
        assert_eq!(sender.unsettled_messages, 0, "seed {seed}");
        let quic = sender.transport;
        assert_eq!(
            [quic.messages_delivered, quic.messages_cancelled, quic.messages_replaced, quic.messages_expired],
            [
                receiver.transport.messages_received,
                receiver.transport.peer_cancelled,
                receiver.transport.peer_replaced,
                receiver.transport.peer_expired
            ],
            "seed {seed}"
        );
        let sum = |count: fn(&LaneStats) -> u64| sender.lanes.iter().map(count).sum::<u64>();
        assert_eq!(sum(|lane| lane.delivered), quic.messages_delivered, "seed {seed}");
        assert_eq!(sum(|lane| lane.delivery.count()), quic.messages_delivered, "seed {seed}");
        let all = [
            sum(|lane| lane.delivered),
            sum(|lane| lane.cancelled),
            sum(|lane| lane.replaced),
            sum(|lane| lane.expired),
        ];
        assert_eq!(all.iter().sum::<u64>(), sent.len() as u64, "seed {seed}");
        assert_eq!(world.node(at(1)).received.len() as u64, quic.messages_delivered, "seed {seed}");
        let ways =
            [quic.messages_delivered, quic.messages_cancelled, quic.messages_replaced, quic.messages_expired];
        ended.iter_mut().zip(ways).for_each(|(sum, count)| *sum += count);
    }
    assert!(ended.iter().all(|&count| count > 8), "all ways were met on the wire: {ended:?}");
}

#[test]
fn a_full_lane_drops_the_oldest_that_have_not_begun_or_the_newest() {
    for (full, expected) in [(Full::DropOldest, [0, 7, 8, 9]), (Full::DropNewest, [0, 1, 2, 3])] {
        let mut world = mesh(2, Seed::of_this_run(), |_, config| {
            config.uplink = Some(1_000_000);
            config.lanes = vec![policy(7, full, 30_000, None)];
        });
        let (ours, _) = connect(&mut world, 0, 1);
        world.with(at(0), |node, now| node.send(ours, 7, bulk(10_000), now));
        world.run_for(Duration::from_millis(20));
        world.with(at(0), |node, now| {
            for extra in 1..10 {
                node.send(ours, 7, bulk(10_000 + extra - 9), now);
            }
        });
        let lane = lane(&world, 0, ours, 7);
        assert!(lane.queued_bytes <= 30_000, "{full:?}: {lane:?}");
        assert_eq!((lane.dropped, lane.queued_messages), (6, 3), "{full:?}");
        assert_eq!(world.node(at(0)).settled(Outcome::Dropped), 6, "{full:?}");
        // One alone may be longer than the bound, and the others make room for it or stand in its way.
        world.run_for(Duration::from_secs(2));
        world.with(at(0), |node, now| node.send(ours, 7, bulk(40_000), now));
        world.run_for(Duration::from_secs(2));
        let sizes: Vec<usize> = world.node(at(1)).received.iter().map(|&(_, size)| size).collect();
        let wanted: Vec<usize> =
            expected.iter().map(|&n| if n == 0 { 10_000 } else { 10_000 + n - 9 }).collect();
        assert_eq!(sizes, [&wanted[..], &[40_000]].concat(), "{full:?}");
        let drained = world.node(at(0)).events.iter().map(|(_, event)| match event {
            Event::LaneDrained { bytes, .. } => *bytes,
            _ => 0,
        });
        let admitted = world.node(at(0)).admitted[&(ours, 7)];
        assert_eq!(drained.sum::<u64>(), admitted, "{full:?}");
    }
}

#[test]
fn a_full_lane_may_close_its_connection() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| {
        config.uplink = Some(1_000_000);
        config.lanes = vec![policy(3, Full::Close, 30_000, None)];
    });
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..4 {
            node.send(ours, 3, bulk(10_000), now);
        }
    });
    world.run_for(Duration::from_secs(1));
    let (near, far) = (world.node(at(0)).closed(), world.node(at(1)).closed());
    assert_eq!((near.len(), far.len()), (1, 1));
    assert_eq!((near[0].0, near[0].1.by, near[0].1.cause), (ours, ClosedBy::Local, CloseCause::LaneFull));
    assert_eq!((far[0].0, far[0].1.by, far[0].1.cause), (theirs, ClosedBy::Remote, CloseCause::Application));
    assert_eq!(far[0].1.reason, "lane 3 is full");
    assert_eq!(world.node(at(0)).settled(Outcome::Lost), 4);
    let lanes = world.node(at(0)).engine.lane_stats(ours, world.now()).expect("kept for those who ask now");
    assert_eq!(lanes.iter().map(|lane| (lane.priority, lane.lost)).collect::<Vec<_>>(), [(3, 4)]);
}

#[test]
fn the_rate_of_a_lane_holds_over_all_connections_and_leaves_the_rest_to_those_below() {
    let mut world = mesh(3, Seed::of_this_run(), |_, config| {
        config.uplink = Some(50_000_000);
        config.lanes = vec![policy(9, Full::Wait, 0, Some(10_000_000))];
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (first, _) = connect(&mut world, 0, 1);
    let (second, _) = connect(&mut world, 0, 2);
    world.with(at(0), |node, now| {
        for _ in 0..20 {
            node.send(first, 9, bulk(MIB), now);
            node.send(second, 9, bulk(MIB), now);
            node.send(first, 2, bulk(MIB), now);
        }
    });
    world.run_for(Duration::from_millis(500));
    let sent = |world: &World| {
        let high = lane(world, 0, first, 9).sent_bytes + lane(world, 0, second, 9).sent_bytes;
        [high, lane(world, 0, first, 9).sent_bytes, lane(world, 0, first, 2).sent_bytes]
    };
    let before = sent(&world);
    world.run_for(Duration::from_secs(2));
    let after = sent(&world);
    let mbits = |at: usize| (after[at] - before[at]) as f64 * 8.0 / 2.0 / 1e6;
    let (rated, share, rest) = (mbits(0), mbits(1), mbits(2));
    // Payload is some 91 % of what the buckets count.
    assert!((8.8..10.0).contains(&rated), "{rated}");
    assert!((0.4 * rated..0.6 * rated).contains(&share), "{share} of {rated}");
    assert!((34.0..38.0).contains(&rest), "{rest}");
}

#[test]
fn the_rate_of_a_lane_holds_where_a_packet_has_more_than_it_allows_in_seconds() {
    for rate in [100_000, 1_000_000, 20_000_000] {
        let mut world = mesh(2, Seed::of_this_run(), |_, config| {
            long_packets(config);
            config.lanes = vec![policy(9, Full::Wait, 0, Some(rate))];
        });
        let (ours, _) = connect(&mut world, 0, 1);
        world.run_for(Duration::from_secs(1));
        world.with(at(0), |node, now| {
            assert!(node.engine.max_datagram_size(ours) > 8_000);
            for _ in 0..10 {
                node.send(ours, 9, bulk(MIB), now);
            }
        });
        for tenth in 1..=30 {
            world.run_for(Duration::from_millis(100));
            let sent = (lane(&world, 0, ours, 9).sent_bytes * 8) as f64;
            let fair = rate as f64 * f64::from(tenth) / 10.0;
            // Three datagrams at first, and one in time.
            let most = 4.0 * 1_452.0 * 8.0;
            assert!(sent < fair + most && sent > 0.85 * fair - most, "{sent} bits of {fair} at {rate}");
        }
    }
}

#[test]
fn lanes_tell_how_long_messages_waited_and_how_long_delivery_took() {
    let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(8_000_000));
    world.network.set_default(Link::with_latency(Duration::from_millis(50)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(0), |node, now| {
        for _ in 0..10 {
            node.send(ours, 4, bulk(100_000), now);
        }
        node.send(ours, 200, Bytes::from_static(b"urgent"), now);
    });
    world.run_for(Duration::from_secs(5));
    let (bulk, urgent) = (lane(&world, 0, ours, 4), lane(&world, 0, ours, 200));
    assert_eq!((bulk.waited.count(), bulk.delivery.count(), urgent.delivery.count()), (10, 10, 1));
    let milliseconds = |duration: Duration| duration.as_millis();
    // Each takes some 107 ms, and the tenth begins after nine and a slow start.
    assert!((900..1_500).contains(&milliseconds(bulk.waited.max())), "{:?}", bulk.waited);
    assert!((1_050..1_700).contains(&milliseconds(bulk.delivery.max())), "{:?}", bulk.delivery);
    assert!(milliseconds(urgent.waited.max()) < 5, "{:?}", urgent.waited);
    // There and back, and what QUIC had of the bulk.
    assert!((100..115).contains(&milliseconds(urgent.delivery.max())), "{:?}", urgent.delivery);
}

#[test]
fn what_drained_is_told_rarely_and_a_small_window_never_runs_dry() {
    let rate = 50_000_000;
    for window in [20_000, 100_000, 4 * MIB] {
        let mut world = mesh(2, Seed::of_this_run(), |_, config| config.uplink = Some(rate));
        world.network.set_default(Link::with_latency(Duration::from_millis(1)));
        let (ours, _) = connect(&mut world, 0, 1);
        // A caller who fills its window again whenever it is told of room.
        world.with(at(0), |node, now| node.keep_full(ours, 0, window, 10_000, now));
        world.run_for(Duration::from_secs(1));
        let told = |world: &World| {
            let drained = world.node(at(0)).events.iter();
            drained.filter(|(_, event)| matches!(event, Event::LaneDrained { .. })).count()
        };
        let (before, bytes) = (told(&world), lane(&world, 0, ours, 0).sent_bytes);
        world.run_for(Duration::from_secs(2));
        let (times, bytes) = (told(&world) - before, lane(&world, 0, ours, 0).sent_bytes - bytes);
        assert!(bytes as f64 * 8.0 / 2.0 > 0.88 * rate as f64, "{window}: {bytes} bytes in two seconds");
        let most = if window < MIB { 3_000 } else { 240 };
        assert!(times < most, "{window}: told {times} times in two seconds");
    }
}

fn policy(priority: u8, full: Full, max_queued_bytes: u64, rate: Option<u64>) -> LanePolicy {
    LanePolicy { priority, full, max_queued_bytes, rate }
}

fn give_up(world: &mut World, connection: ConnectionId, message: MessageId, reason: GiveUp) {
    world.with(at(0), |node, now| {
        node.engine.cancel_message(connection, message, reason, now);
        node.drain_events(now);
    });
}

#[track_caller]
fn lane(world: &World, n: u16, connection: ConnectionId, priority: u8) -> LaneStats {
    let lanes = world.node(at(n)).engine.lane_stats(connection, world.now()).expect("a connection");
    lanes.into_iter().find(|lane| lane.priority == priority).expect("a lane that was used")
}

const MIB: usize = 1 << 20;
