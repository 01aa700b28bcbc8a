//! A peer whose process ends and begins anew, while this end keeps itself connected as an application does.

use std::time::Duration;

use bytes::Bytes;
use warren_engine::ConnectionId;
use warren_testing::{Link, Seed};

use crate::early::dial_early;
use crate::world::{World, at, connect, dial, mesh, restart};

/// End of the other process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Killed,
    Closed,
}

#[test]
fn with_traffic_a_restarted_peer_is_back_within_seconds() {
    for (seed, one_way, dialler, end, absence) in cases() {
        let (mut world, ours) = connected(seed, one_way, dialler);
        world.run_for(Duration::from_millis(2_500 + 37 * seed));
        let took = away(&mut world, ours, end, Duration::from_millis(absence), true);
        let goal = if absence <= 4_000 { 2_500 } else { 6_000 };
        let case = format!("seed {seed}, {one_way} us, dialled by {dialler}, {end:?}, away for {absence} ms");
        assert!(took <= Duration::from_millis(goal), "{case}: {took:?}");
    }
}

#[test]
fn by_the_heartbeat_alone_a_restarted_peer_is_back_within_twelve_seconds() {
    for (seed, one_way, dialler, end, absence) in cases().filter(|case| case.4 <= 4_000) {
        let (mut world, ours) = connected(seed, one_way, dialler);
        world.run_for(Duration::from_millis(20_000 + 977 * seed));
        let took = away(&mut world, ours, end, Duration::from_millis(absence), false);
        let case = format!("seed {seed}, {one_way} us, dialled by {dialler}, {end:?}, away for {absence} ms");
        assert!(took <= Duration::from_secs(12), "{case}: {took:?}");
    }
}

#[test]
fn the_next_dial_to_a_peer_that_restarted_meanwhile_is_up_within_two_seconds() {
    for (seed, one_way, dialler, end, absence) in cases() {
        let (mut world, ours) = connected(seed, one_way, dialler);
        world.run_for(Duration::from_secs(3));
        world.with(at(0), |node, now| {
            node.engine.close(ours, 0, "", Duration::ZERO, now);
            node.drain_events(now);
        });
        world.run_for(Duration::from_millis(500));
        leave(&mut world, end);
        world.run_for(Duration::from_millis(absence));
        restart(&mut world, 1, 77);
        world.run_for(Duration::from_millis(100 + 61 * seed));
        let anew = dial(&mut world, 0, 1);
        let case = format!("seed {seed}, {one_way} us, dialled by {dialler}, {end:?}, away for {absence} ms");
        let took = world.run_until(Duration::from_secs(10), |world| world.node(at(0)).live() == [anew]);
        assert!(took <= Duration::from_secs(2), "{case}: {took:?}");
    }
}

#[test]
fn a_dial_does_not_wait_for_one_that_the_peer_began_before_it_was_killed() {
    for (early, one_way) in [(false, 100), (true, 100), (false, 20_000), (true, 20_000)] {
        let (mut world, ours) = connected(5, one_way, 0);
        world.run_for(Duration::from_secs(3));
        world.with(at(0), |node, now| node.engine.close(ours, 0, "", Duration::ZERO, now));
        world.run_for(Duration::from_millis(500));
        dial(&mut world, 1, 0);
        // Its hello is read, and the answer on its way back.
        world.run_for(Duration::from_micros(one_way + one_way / 2));
        restart(&mut world, 1, 77);
        let anew = match early {
            true => dial_early(&mut world, 0, 1),
            false => dial(&mut world, 0, 1),
        };
        let took = world.run_until(Duration::from_secs(20), |world| world.node(at(0)).live() == [anew]);
        assert!(took <= Duration::from_secs(4), "early {early}, {one_way} us: {took:?}");
    }
}

/// Seed, one-way microseconds, who dialled, how the process ends, milliseconds until the next begins.
fn cases() -> impl Iterator<Item = (u64, u64, u16, End, u64)> {
    let mut seed = 0;
    let mut cases = Vec::new();
    for one_way in [100, 20_000] {
        for dialler in [0, 1] {
            for end in [End::Killed, End::Closed] {
                for absence in [0, 200, 1_000, 1_600, 2_100, 2_300, 3_100, 4_000, 9_000, 40_000] {
                    seed += 1;
                    cases.push((seed, one_way, dialler, end, absence));
                }
            }
        }
    }
    cases.into_iter()
}

/// Nodes 0 and 1, and their connection as 0 knows it.
fn connected(seed: u64, one_way: u64, dialler: u16) -> (World, ConnectionId) {
    let mut world = mesh(2, Seed::exactly(seed), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_micros(one_way)));
    let (dialled, accepted) = connect(&mut world, dialler, 1 - dialler);
    (world, if dialler == 0 { dialled } else { accepted })
}

fn leave(world: &mut World, end: End) {
    if end == End::Closed {
        world.with(at(1), |node, now| node.engine.shutdown(0, "", now));
    }
}

/// Node 1 ends, and begins anew after a time; answers how long after that node 0 has a connection with it again.
fn away(world: &mut World, ours: ConnectionId, end: End, absence: Duration, traffic: bool) -> Duration {
    leave(world, end);
    let gone = world.remove(at(1)).expect("a node");
    let mut keeper = Keeper::of(0, 0, traffic);
    keeper.run(world, 1, absence, |_| false);
    world.add(at(1), gone);
    restart(world, 1, 77);
    let began = world.now();
    keeper.run(world, 1, Duration::from_secs(60), |world| {
        let live = world.node(at(0)).live();
        live.first().is_some_and(|&live| live != ours) && world.node(at(1)).live().len() == 1
    });
    world.now() - began
}

/// An application of a node's: it dials anew 100 ms after an end, and may send a message every 200 ms.
pub(crate) struct Keeper {
    node: u16,
    traffic: bool,
    slices: u64,
}

impl Keeper {
    pub(crate) fn of(node: u16, phase: u64, traffic: bool) -> Self {
        Self { node, traffic, slices: phase }
    }

    pub(crate) fn run(
        &mut self,
        world: &mut World,
        to: u16,
        limit: Duration,
        mut holds: impl FnMut(&World) -> bool,
    ) {
        let end = world.now() + limit;
        while world.now() < end && !holds(world) {
            world.run_for(SLICE.min(end - world.now()));
            self.tend(world, to);
        }
    }

    /// Acts after each 10 ms.
    pub(crate) fn tend(&mut self, world: &mut World, to: u16) {
        self.slices += 1;
        let (dials, sends) = (self.slices.is_multiple_of(10), self.slices.is_multiple_of(20));
        if !dials {
            return;
        }
        let node = world.node(at(self.node));
        let (live, ended) = (node.live(), node.closed().len());
        if node.engine.stats().connections == 0 && ended > 0 {
            dial(world, self.node, to);
        }
        if self.traffic && sends {
            world.with(at(self.node), |node, now| {
                for connection in live {
                    node.send(connection, 0, Bytes::from_static(b"beat"), now);
                }
            });
        }
    }
}

const SLICE: Duration = Duration::from_millis(10);
