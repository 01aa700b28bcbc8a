//! Peers that dial and complete nothing, beside one that wants in.

use std::time::Duration;

use warren_engine::{CloseCause, Dialled};
use warren_testing::{Link, Seed};

use crate::hostile::{Being, Hostile, Place};
use crate::world::{DIAL, Endpoint, at, config, connect, dial as dial_node, mesh};

#[test]
fn sixty_four_peers_that_dial_and_complete_nothing_keep_nobody_out() {
    let mut place = place(64, 1);
    for _ in 0..4 {
        for n in HOSTILE..HOSTILE + 64 {
            place.with(at(n), |being, now| being.hostile().dial(&["test/0".into()], now));
        }
        place.run_for(Duration::from_secs(4));
    }
    for n in HOSTILE..HOSTILE + 64 {
        place.with(at(n), |being, now| being.hostile().dial(&["test/0".into()], now));
    }
    place.run_for(Duration::from_millis(100));
    assert_eq!(pending(&mut place), 64);
    assert_eq!(dial(&mut place), 1, "who keeps this end waiting, dial after dial, makes room");
}

#[test]
fn two_peers_that_dial_under_each_of_thirty_two_protocols_leave_room() {
    let mut place = place(2, 32);
    let protocols: Vec<_> = (0..32).map(|n| format!("test/{n}").into()).collect();
    for n in HOSTILE..HOSTILE + 2 {
        place.with(at(n), |being, now| being.hostile().dial(&protocols, now));
    }
    place.run_for(Duration::from_millis(100));
    assert_eq!(pending(&mut place), 16, "an eighth each");
    assert_eq!(dial(&mut place), 1);
}

#[test]
fn a_dial_on_its_way_is_not_given_up_for_another() {
    let mut place = place(64, 1);
    place.network.set_link(at(0), at(1), Link::with_latency(Duration::from_millis(300)));
    place.network.set_link(at(1), at(0), Link::with_latency(Duration::from_millis(300)));
    begin(&mut place);
    place.run_for(Duration::from_millis(1_000));
    assert_eq!(pending(&mut place), 1, "it is under way");
    for n in HOSTILE..HOSTILE + 64 {
        place.with(at(n), |being, now| being.hostile().dial(&["test/0".into()], now));
    }
    place.run_for(Duration::from_secs(1));
    assert_eq!(place.with(at(1), |being, _| being.node().live().len()), 1);
}

#[test]
fn a_dialler_whose_answer_is_late_for_a_busy_second_keeps_its_place() {
    let mut world = mesh(7, Seed::of_this_run(), |_, config| config.limits.pending_connections = 4);
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    // Sessions, whose round trips both ends know.
    for n in 1..7 {
        let (ours, _) = connect(&mut world, n, 0);
        world.with(at(n), |node, now| node.engine.close(ours, 0, "", Duration::ZERO, now));
        world.run_for(Duration::from_millis(200));
    }
    let early: Vec<_> = (1..5).map(|n| dial_node(&mut world, n, 0)).collect();
    world.run_for(Duration::from_millis(1));
    for n in 1..5 {
        world.network.set_link(at(n), at(0), Link::with_latency(Duration::from_millis(800)));
    }
    world.run_for(Duration::from_millis(500));
    let late: Vec<_> = (5..7).map(|n| dial_node(&mut world, n, 0)).collect();
    world.run_for(Duration::from_secs(1));
    for (n, id) in (1..5).zip(early) {
        assert_eq!(world.node(at(n)).live(), [id]);
    }
    for (n, id) in (5..7).zip(late) {
        assert!(
            world
                .node(at(n))
                .closed()
                .iter()
                .any(|&(closed, why)| closed == id && why.cause == CloseCause::Refused)
        );
    }
    assert_eq!(world.node(at(0)).engine.stats().displaced_dials, 0);
}

#[test]
fn a_dialler_that_keeps_its_place_for_more_than_a_second_makes_room() {
    let mut place = place(64, 1);
    for n in HOSTILE..HOSTILE + 64 {
        place.with(at(n), |being, now| being.hostile().dial(&["test/0".into()], now));
    }
    place.run_for(Duration::from_millis(1_100));
    assert_eq!(pending(&mut place), 64);
    assert_eq!(dial(&mut place), 1);
}

/// Node 0 with these protocols, node 1, and so many that keep to no rule, all with sessions.
fn place(hostile: u16, protocols: u16) -> Place {
    let mut place = Place::new(Seed::of_this_run());
    place.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let now = place.now();
    for n in 0..2u16 {
        let mut config = config(n, place.network.seed());
        let names: Vec<_> = (0..protocols).map(|n| format!("test/{n}").into()).collect();
        config.protocols = names.into();
        let mut node = Endpoint::new(at(n), config, now);
        node.add_peer(1 - n, now);
        if n == 0 {
            (HOSTILE..HOSTILE + hostile).for_each(|other| _ = node.add_peer(other, now));
        }
        place.add(at(n), Being::Node(node));
    }
    for n in HOSTILE..HOSTILE + hostile {
        place.add(at(n), Being::Hostile(Hostile::new(n, now)));
        place.with(at(n), |being, now| being.hostile().greet(now));
    }
    place.run_for(Duration::from_secs(1));
    place
}

fn pending(place: &mut Place) -> u64 {
    place.with(at(0), |being, _| being.node().engine.stats().pending_connections)
}

fn begin(place: &mut Place) {
    place.with(at(1), |being, now| {
        let node = being.node();
        let (Dialled::New(_) | Dialled::Live(_)) =
            node.engine.connect(node.peers[&0], None, DIAL, now).expect("a dial");
        node.drain_events(now);
    });
}

/// Connections of node 1 two seconds after it dialled.
fn dial(place: &mut Place) -> usize {
    begin(place);
    place.run_for(Duration::from_secs(2));
    place.with(at(1), |being, _| being.node().live().len())
}

const HOSTILE: u16 = 10;
