//! Standstill: whatever the path does, pending data leaves at once. Every world asserts that no connection stands
//! still, whenever an engine has nothing to send.

use std::net::SocketAddr;
use std::time::Duration;

use warren_engine::{Config, ConnectionId, Full, LanePolicy, Outcome, PeerConfig};
use warren_testing::{Link, Rate, Seed};

use crate::world::{Endpoint, World, at, bulk, config, connect, dial, key, mesh};

#[test]
fn what_is_sent_after_the_path_became_fast_arrives_at_once() {
    for slow in [3, 15, 60, 150] {
        for size in [2_000, 10_000, 50_000, 400_000] {
            let mut world = World::pair(slow, |_| {});
            world.become_fast();
            world.send(size);
        }
    }
}

#[test]
fn it_does_over_a_stream_too() {
    for slow in [15, 100] {
        let mut world = World::pair(slow, |_| {});
        world.become_fast();
        world.write(50_000);
    }
}

#[test]
fn it_does_within_a_host_where_nobody_paces() {
    for slow in [15, 100] {
        let mut world = World::new(Seed::or(1));
        let place = |n: u16| SocketAddr::from(([127, 0, 0, 1], 1000 + n));
        for n in [0, 1] {
            let mut endpoint = Endpoint::new(place(n), config(n, world.network.seed()), world.now());
            let peer = PeerConfig::new(key(1 - n).public_key(), Some(place(1 - n)));
            let id = endpoint.engine.add_peer(peer, world.now()).expect("a new peer");
            endpoint.peers.insert(1 - n, id);
            world.add(place(n), endpoint);
        }
        world.network.set_default(Link::with_latency(Duration::from_millis(slow)));
        let peer = world.node(place(0)).peers[&1];
        world.with(place(0), |node, now| {
            node.engine.connect(peer, None, Duration::from_secs(10), now).expect("a dial");
            node.drain_events(now);
        });
        world.run_until(Duration::from_secs(10), |world| !world.node(place(0)).connected().is_empty());
        world.run_for(Duration::from_secs(1));
        let connection = world.node(place(0)).connected()[0];
        world.network.set_default(FAST());
        for (sent, size) in [10_000, 50_000, 1_000_000].into_iter().enumerate() {
            world.with(place(0), |node, now| node.send(connection, 0, bulk(size), now));
            world.run_until(SOON, |world| world.node(place(0)).settled(Outcome::Delivered) > sent);
        }
    }
}

#[test]
fn a_path_that_becomes_fast_in_mid_life_is_used_at_once() {
    for slow in [15, 60] {
        for size in [4_000, 50_000, 1_000_000] {
            let mut world = World::pair(slow, |_| {});
            for _ in 0..10 {
                world.send_within(size, Duration::from_secs(20));
            }
            world.become_fast();
            world.send(size);
            world.write(size);
        }
    }
}

#[test]
fn a_path_that_becomes_fast_while_data_flows_carries_the_rest() {
    let mut world = World::pair(60, |_| {});
    for _ in 0..6 {
        world.with(at(0), |node, now| node.send(node.live()[0], 0, bulk(300_000), now));
    }
    world.run_for(Duration::from_millis(400));
    world.become_fast();
    // Packets on their way are overtaken, and taken for lost: the rate has to grow again.
    world.run_until(Duration::from_secs(3), |world| world.node(at(0)).settled(Outcome::Delivered) == 6);
}

#[test]
fn an_uplink_a_rate_of_the_lane_or_both_are_all_that_data_waits_for() {
    let rate = 20_000_000;
    let lane = LanePolicy { priority: 0, full: Full::Wait, max_queued_bytes: 1 << 20, rate: Some(rate) };
    for (uplink, lanes) in [(Some(rate), vec![]), (None, vec![lane]), (Some(2 * rate), vec![lane])] {
        let mut world = World::pair(40, |config| {
            config.uplink = uplink;
            config.lanes.clone_from(&lanes);
        });
        world.become_fast();
        // 160 ms of such a link.
        world.send(400_000);
        world.send(10_000);
    }
}

#[test]
fn an_object_that_ends_a_few_bytes_beyond_full_packets_is_sent_whole() {
    for size in 13_000..13_400 {
        let mut world = World::pair(30, |_| {});
        world.become_fast();
        world.send(size * 3);
    }
}

#[test]
fn lanes_above_and_below_one_that_waited_go_on() {
    let mut world = World::pair(40, |_| {});
    world.become_fast();
    world.with(at(0), |node, now| {
        let connection = node.live()[0];
        for priority in [0, 200, 100, 200, 0] {
            node.send(connection, priority, bulk(60_000), now);
        }
    });
    world.run_until(SOON, |world| world.node(at(0)).settled(Outcome::Delivered) == 5);
}

#[test]
fn what_a_peer_held_up_by_not_reading_goes_on_when_it_reads() {
    let mut world = World::pair_of(40, |n, config| {
        if n == 1 {
            config.limits.receive_bytes_per_connection = 100_000;
            config.limits.message_bytes = 100_000;
        }
    });
    world.with(at(1), |node, now| node.set_reads(false, now));
    for _ in 0..20 {
        world.with(at(0), |node, now| node.send(node.live()[0], 0, bulk(30_000), now));
    }
    world.run_for(Duration::from_secs(10));
    world.become_fast();
    world.with(at(1), |node, now| node.set_reads(true, now));
    world.run_until(Duration::from_secs(1), |world| world.node(at(0)).settled(Outcome::Delivered) == 20);
}

#[test]
fn a_machine_that_slept_goes_on_where_it_was() {
    for slept in [1, 8] {
        let mut world = World::pair(40, |_| {});
        world.with(at(0), |node, now| node.send(node.live()[0], 0, bulk(500_000), now));
        world.run_for(Duration::from_millis(100));
        world.stall(Duration::from_secs(slept));
        world.become_fast();
        world.run_until(Duration::from_secs(1), |world| world.node(at(0)).settled(Outcome::Delivered) == 1);
        world.send(50_000);
    }
}

#[test]
fn after_all_that_flew_was_lost_it_goes_on() {
    for seed in 0..10 {
        let mut world = World::pair(20, |_| {});
        world.with(at(0), |node, now| node.send(node.live()[0], 0, bulk(400_000), now));
        world.run_for(Duration::from_millis(45 + seed * 7));
        world.network.set_default(Link::down());
        world.run_for(Duration::from_millis(300 + seed * 100));
        world.network.set_default(FAST());
        world.run_until(Duration::from_secs(4), |world| world.node(at(0)).settled(Outcome::Delivered) == 1);
        world.send(50_000);
    }
}

#[test]
fn a_connection_made_through_heavy_loss_is_used_at_once() {
    for seed in 0..20 {
        let mut world = mesh(2, Seed::or(seed), |_, _| {});
        world.network.set_default(Link { loss: 0.5, ..Link::with_latency(Duration::from_millis(40)) });
        dial(&mut world, 0, 1);
        world.run_for(Duration::from_secs(8));
        world.network.set_default(FAST());
        world.run_for(Duration::from_secs(8));
        if world.node(at(0)).live().is_empty() {
            continue;
        }
        let delivered = world.node(at(0)).settled(Outcome::Delivered);
        world.send_within(50_000, Duration::from_secs(1));
        assert_eq!(world.node(at(0)).settled(Outcome::Delivered), delivered + 1);
    }
}

#[test]
fn a_rate_that_rises_a_hundredfold_is_used_within_a_moment() {
    let slow = Rate { bits_per_second: 300_000, queue_bytes: 60_000 };
    let mut world = World::pair(10, |_| {});
    world.network.set_default(Link { rate: Some(slow), ..Link::with_latency(Duration::from_millis(10)) });
    world.send_within(200_000, Duration::from_secs(60));
    world.become_fast();
    world.send_within(50_000, Duration::from_secs(1));
}

/// A path as that of a LAN.
#[expect(non_snake_case, reason = "a constant, but for its type")]
fn FAST() -> Link {
    Link::with_latency(Duration::from_micros(100))
}

/// Two engines that are connected.
trait Pair: Sized {
    fn pair(slow_ms: u64, adjust: impl Fn(&mut Config)) -> Self {
        Self::pair_of(slow_ms, |_, config| adjust(config))
    }
    fn pair_of(slow_ms: u64, adjust: impl Fn(u16, &mut Config)) -> Self;
    fn become_fast(&mut self);
    fn connection(&self) -> ConnectionId;
    #[track_caller]
    fn send(&mut self, size: usize) {
        self.send_within(size, SOON);
    }
    fn send_within(&mut self, size: usize, limit: Duration);
    fn write(&mut self, size: usize);
}

impl Pair for World {
    /// Made over a path that takes so long one way.
    fn pair_of(slow_ms: u64, adjust: impl Fn(u16, &mut Config)) -> Self {
        let mut world = mesh(2, Seed::or(slow_ms), adjust);
        world.network.set_default(Link::with_latency(Duration::from_millis(slow_ms)));
        connect(&mut world, 0, 1);
        world.run_for(Duration::from_secs(1));
        world
    }

    fn become_fast(&mut self) {
        self.network.set_default(FAST());
    }

    fn connection(&self) -> ConnectionId {
        self.node(at(0)).live()[0]
    }

    #[track_caller]
    fn send_within(&mut self, size: usize, limit: Duration) {
        let connection = self.connection();
        let before = self.node(at(0)).settled(Outcome::Delivered);
        self.with(at(0), |node, now| node.send(connection, 0, bulk(size), now));
        self.run_until(limit, |world| world.node(at(0)).settled(Outcome::Delivered) > before);
    }

    #[track_caller]
    fn write(&mut self, size: usize) {
        let connection = self.connection();
        let before = self.node(at(1)).stream_bytes;
        self.with(at(0), |node, now| {
            let stream = node.open(connection, false, 0, now);
            node.engine.write_stream(stream, bulk(size));
            node.engine.finish_stream(stream);
        });
        self.run_until(SOON, |world| world.node(at(1)).stream_bytes == before + size as u64);
    }
}

/// Latest arrival: seconds would be a standstill that something else ended.
const SOON: Duration = Duration::from_millis(400);
