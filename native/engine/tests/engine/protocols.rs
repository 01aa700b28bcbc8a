//! The protocol that a pair speaks, whoever dials, and changes while it runs.

use std::time::Duration;

use rand::RngExt;
use warren_engine::{
    Choice, CloseCause, ConnectionId, DialRefusal, DialRefused, Dialled, Event, Initiator, Lists, Outcome,
    PeerId, Protocols, choose,
};
use warren_testing::{Link, Seed};

use crate::connect::connected;
use crate::world::{DIAL, World, at, connect, mesh};

#[test]
fn every_pair_of_lists_of_two_versions_speaks_the_choice_whoever_dials() {
    let ends = ends(&["1", "2"]);
    for (at, one) in ends.iter().enumerate() {
        for other in &ends[at..] {
            for dials in [&[0][..], &[1], &[0, 1]] {
                check(one, other, dials, 0);
            }
        }
    }
}

#[test]
fn lists_of_three_versions_speak_the_choice_whoever_dials() {
    let ends = ends(&["1", "2", "3"]);
    let mut rng = Seed::exactly(16).rng();
    for seed in 0..150 {
        let mut pick = || &ends[rng.random_range(0..ends.len())];
        let (one, other) = (pick(), pick());
        let dials = [&[0][..], &[1], &[0, 1]][seed as usize % 3];
        check(one, other, dials, seed);
    }
}

#[test]
fn a_dial_for_one_version_leads_to_no_other() {
    let mut world = pair(&end("1", "1 2"), &end("2 1", "2 1"), 0);
    let dialled = dial(&mut world, 0, Some("1")).expect("something is offered");
    world.run_for(SECOND);
    assert_eq!(connected(&world, 0, dialled).1, "1");
    let second = dial(&mut world, 1, Some("2")).expect("something is offered");
    world.run_for(SECOND);
    assert_eq!(connected(&world, 1, second).1, "2");
    assert_eq!((world.node(at(0)).live().len(), world.node(at(1)).live().len()), (2, 2));
}

#[test]
fn a_dial_below_a_floor_is_refused_with_what_would_be_accepted() {
    let floor = Protocols { below: names("1"), ..end("3 2", "3 2") };
    let mut world = pair(&end("1", "1"), &floor, 0);
    let dialled = dial(&mut world, 0, None).expect("something is offered");
    world.run_for(SECOND);
    let closed = world.node(at(0)).closed();
    assert_eq!((closed[0].0, closed[0].1.cause), (dialled, CloseCause::BelowFloor));
    assert_eq!((&closed[0].1.accepts, &*closed[0].1.reason), (&names("3 2"), "accepts 3, 2"));
    let refused = refusals(&world, 1);
    assert_eq!(refused, [refusal(DialRefusal::BelowFloor, names("1"))]);
    let stats = world.node(at(1)).engine.stats().transport;
    assert_eq!((stats.below_floor, stats.no_protocol, stats.peer_dials), (1, 0, 0));
}

#[test]
fn refused_dials_are_told_four_times_a_second_and_sixteen_wait_at_most() {
    let mut world = pair(&end("1", "1"), &end("2", "2"), 0);
    world.with(at(1), |node, _| node.drains = false);
    for _ in 0..300 {
        dial(&mut world, 0, None);
        world.run_for(Duration::from_millis(50));
    }
    world.with(at(1), |node, now| {
        node.drains = true;
        node.drain_events(now);
    });
    assert_eq!(refusals(&world, 1).len(), 16);
    for _ in 0..100 {
        dial(&mut world, 0, None);
        world.run_for(Duration::from_millis(50));
    }
    let told = refusals(&world, 1).len() - 16;
    assert!((20..=25).contains(&told), "{told} in five seconds");
    let stats = world.node(at(1)).engine.stats();
    assert_eq!(stats.transport.no_protocol, 400);
}

#[test]
fn lists_that_change_while_a_dial_is_under_way_are_those_of_the_hellos_and_told_afterwards() {
    for seed in 0..200 {
        let mut rng = Seed::exactly(seed).rng();
        let ends = ends(&["1", "2"]);
        let mut pick = |generation| {
            let mut end = ends[rng.random_range(0..ends.len())].clone();
            end.lists.generation = Some(generation);
            end
        };
        let mut now = [pick(0), pick(0)];
        let later = [[pick(1), pick(2)], [pick(1), pick(2)]];
        let mut moments: Vec<(u64, usize, usize)> =
            (0..4).map(|n| (rng.random_range(0..130), n / 2, n % 2)).collect();
        moments.sort_unstable();
        let mut world = pair(&now[0], &now[1], seed);
        for n in [0, 1] {
            dial(&mut world, n, None);
        }
        let mut elapsed = 0;
        let mut turns = [0, 0];
        for (moment, n, _) in moments {
            world.run_for(Duration::from_millis(moment - elapsed));
            elapsed = moment;
            now[n] = later[n][turns[n]].clone();
            turns[n] += 1;
            let protocols = now[n].clone();
            world.with(at(n as u16), |node, now| {
                node.engine.set_protocols(None, Some(protocols.clone()), now);
                for live in node.live() {
                    node.engine.announce(live, protocols.lists.clone(), now);
                }
            });
        }
        world.run_for(SECOND * 30);
        let [ours, theirs] = [0, 1].map(|n| spoken(&world, n));
        assert_eq!(ours, theirs, "seed {seed}: the ends speak different protocols");
        for n in [0, 1] {
            if !ours.is_empty() {
                let known = newest(&world, n).expect("hello or announcement");
                assert_eq!(known, now[1 - usize::from(n)].lists, "seed {seed}: node {n} knows old lists");
            }
        }
    }
}

#[test]
fn a_lost_hello_is_said_again_with_the_lists_of_the_moment_and_leads_to_nothing_older() {
    for down in [0, 30, 60, 90, 500, 2_000] {
        let mut world = pair(&end("2 1", "2 1"), &end("1", "1"), down);
        // A session is there, so that the first thing lost is a hello.
        world.with(at(1), |node, _| assert!(node.engine.send_packet(node.peers[&0], vec![0x60; 40].into())));
        world.run_for(SECOND);
        world.network.set_links(at(0), at(1), Link::down());
        let dialled = dial(&mut world, 0, None).expect("something is offered");
        world.run_for(Duration::from_millis(down));
        world.with(at(0), |node, now| node.engine.set_protocols(None, Some(end("2", "2")), now));
        world.network.unset_links(at(0), at(1));
        world.run_for(SECOND * 20);
        let closed = world.node(at(0)).closed();
        assert_eq!((closed[0].0, closed[0].1.cause), (dialled, CloseCause::NoProtocol), "{down} ms");
        assert_eq!((world.node(at(0)).connected().len(), world.node(at(1)).connected().len()), (0, 0));
    }
}

#[test]
fn announcements_tell_the_newest_lists_and_never_older_ones() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, _) = connect(&mut world, 0, 1);
    for generation in [3, 2, 5, 5, 4, 6] {
        announce(&mut world, ours, generation);
        world.run_for(SECOND);
    }
    assert_eq!(announced(&world, 1), [3, 5, 6]);
}

#[test]
fn a_thousand_announcements_a_second_are_ten_events_and_the_last_of_them_is_told() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, _) = connect(&mut world, 0, 1);
    for generation in 1..=2_000 {
        announce(&mut world, ours, generation);
        world.run_for(Duration::from_millis(1));
    }
    world.run_for(SECOND);
    let told = announced(&world, 1);
    assert!((15..=23).contains(&told.len()), "{} events", told.len());
    assert_eq!(told.last(), Some(&2_000));
    assert!(told.is_sorted());
    assert_eq!(world.node(at(1)).engine.stats().transport.announcements, 2_000);
}

#[test]
fn a_caller_that_takes_nothing_has_one_event_of_announcements_with_the_newest() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(1), |node, _| node.drains = false);
    let before = world.node(at(1)).engine.stats().queued_events;
    for generation in 1..=100 {
        announce(&mut world, ours, generation);
        world.run_for(Duration::from_millis(100));
    }
    assert_eq!(world.node(at(1)).engine.stats().queued_events - before, 1);
    world.with(at(1), |node, now| {
        node.drains = true;
        node.drain_events(now);
    });
    assert_eq!(announced(&world, 1), [100]);
}

#[test]
fn a_superseded_connection_carries_what_it_has_and_stands_in_no_dials_way() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, theirs) = connect(&mut world, 0, 1);
    for (n, id) in [(0, ours), (1, theirs)] {
        world.with(at(n), |node, _| node.engine.supersede(id));
    }
    let second = dial(&mut world, 0, None).expect("something is offered");
    assert_ne!(second, ours);
    world.run_for(SECOND);
    assert_eq!(world.node(at(0)).live(), [ours, second]);
    world.with(at(1), |node, now| node.send(theirs, 3, crate::world::bulk(100), now));
    world.run_for(SECOND);
    assert_eq!(world.node(at(0)).received, [(3, 100)]);
}

#[test]
fn an_end_that_finishes_says_so_once_the_other_end_holds_everything() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.network.set_default(Link { loss: 0.1, ..Link::with_latency(Duration::from_millis(20)) });
    world.with(at(0), |node, now| {
        node.send(ours, 0, crate::world::bulk(1 << 20), now);
        node.engine.finish(ours, now);
        node.engine.finish(ours, now);
        node.drain_events(now);
    });
    let finished = |world: &World| {
        let mut events = world.node(at(1)).events.iter();
        events.any(|(_, event)| matches!(event, Event::Finished { connection } if *connection == theirs))
    };
    while !finished(&world) {
        assert_eq!(world.node(at(0)).settled(Outcome::Lost), 0);
        world.run_for(Duration::from_millis(10));
    }
    assert_eq!(world.node(at(1)).received, [(0, 1 << 20)]);
    assert_eq!(world.node(at(0)).settled(Outcome::Delivered), 1);
    world.run_for(SECOND * 5);
    let told = world.node(at(1)).events.iter().filter(|(_, event)| matches!(event, Event::Finished { .. }));
    assert_eq!(told.count(), 1);
    assert_eq!(world.node(at(0)).live(), [ours]);
}

#[test]
fn a_peer_has_protocols_of_its_own_until_they_are_taken_back() {
    let mut world = pair(&end("1", "1"), &end("2 1", "2 1"), 0);
    world.with(at(0), |node, now| {
        node.engine.set_protocols(Some(node.peers[&1]), Some(end("2", "2")), now);
    });
    let (ours, _) = connect(&mut world, 0, 1);
    assert_eq!(connected(&world, 0, ours).1, "2");
    world.with(at(0), |node, now| node.engine.set_protocols(Some(node.peers[&1]), None, now));
    let second = dial(&mut world, 0, None).expect("something is offered");
    world.run_for(SECOND);
    assert_eq!(connected(&world, 0, second).1, "1");
    // Unsound lists and unknown peers change nothing.
    world.with(at(0), |node, now| {
        node.engine.set_protocols(None, Some(end("3 3", "3")), now);
        node.engine.set_protocols(Some(PeerId(99)), Some(end("3", "3")), now);
    });
    assert_eq!(dial(&mut world, 0, None), Some(second));
}

/// Both ends as they are, with dials of some of them at once, end with what the rule says.
fn check(one: &Protocols, other: &Protocols, dials: &[u16], seed: u64) {
    let ends = [one, other];
    let context = || format!("{one:?} {other:?} {dials:?} seed {seed}");
    let mut world = pair(one, other, seed);
    let begun: Vec<u16> = dials.iter().copied().filter(|&n| dial(&mut world, n, None).is_some()).collect();
    world.run_for(SECOND * 3);
    let [ours, theirs] = [0, 1].map(|n| spoken(&world, n));
    assert_eq!(ours, theirs, "{}", context());
    let Some(&first) = begun.first() else {
        assert!(ours.is_empty());
        return;
    };
    let [dialler, acceptor] = [ends[usize::from(first)], ends[usize::from(1 - first)]];
    match choose(&dialler.lists, &acceptor.lists, None) {
        None => {
            assert!(ours.is_empty(), "{}", context());
            for n in begun {
                let closed = world.node(at(n)).closed();
                assert_eq!(closed[0].1.cause, CloseCause::NoProtocol, "{}", context());
                assert_eq!(closed[0].1.accepts, ends[usize::from(1 - n)].lists.accept, "{}", context());
                let told = refusals(&world, 1 - n);
                let offered = ends[usize::from(n)].lists.offer.clone();
                assert_eq!(told, [refusal(DialRefusal::NoProtocol, offered)], "{}", context());
            }
        }
        Some(choice) => {
            assert_eq!(ours, [choice.name()], "{}", context());
            if let (Choice::PeerDials(_), [dialler]) = (choice, &begun[..]) {
                let live = world.node(at(*dialler)).live();
                assert_eq!(connected(&world, *dialler, live[0]).0, Initiator::Remote, "{}", context());
                let closed = world.node(at(*dialler)).closed();
                assert_eq!(closed[0].1.cause, CloseCause::PeerDials, "{}", context());
                assert_eq!(closed[0].1.accepts, acceptor.lists.accept, "{}", context());
            }
        }
    }
}

fn pair(one: &Protocols, other: &Protocols, seed: u64) -> World {
    let mut world = mesh(2, Seed::exactly(seed), |n, config| {
        config.protocols = if n == 0 { one.clone() } else { other.clone() };
    });
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    world
}

/// `None`: the node offers nothing.
fn dial(world: &mut World, from: u16, asked: Option<&str>) -> Option<ConnectionId> {
    world.with(at(from), |node, now| {
        let peer = node.peers[&(1 - from)];
        let dialled = node.engine.connect(peer, asked.map(names), DIAL, now).ok();
        node.drain_events(now);
        dialled.map(|dialled| match dialled {
            Dialled::New(id) | Dialled::Live(id) => id,
        })
    })
}

fn announce(world: &mut World, connection: ConnectionId, generation: u64) {
    let mut lists = end("1 2", "2").lists;
    lists.generation = Some(generation);
    world.with(at(0), |node, now| {
        node.engine.announce(connection, lists, now);
        node.drain_events(now);
    });
}

/// Protocols of the live connections of a node, sorted.
fn spoken(world: &World, n: u16) -> Vec<String> {
    let mut all: Vec<_> = world.node(at(n)).live().into_iter().map(|id| connected(world, n, id).1).collect();
    all.sort();
    all
}

fn refusals(world: &World, n: u16) -> Vec<DialRefused> {
    let told = world.node(at(n)).events.iter().filter_map(|(_, event)| match event {
        Event::DialRefused { refusal, .. } => Some(DialRefused::clone(refusal)),
        _ => None,
    });
    told.collect()
}

fn refusal(why: DialRefusal, offered: Vec<Box<str>>) -> DialRefused {
    DialRefused { why, offered, chosen: None }
}

/// Generations of the announcements that were told.
fn announced(world: &World, n: u16) -> Vec<u64> {
    let told = world.node(at(n)).events.iter().filter_map(|(_, event)| match event {
        Event::Announced { theirs, .. } => theirs.generation,
        _ => None,
    });
    told.collect()
}

/// The newest lists that a node knows of the other.
fn newest(world: &World, n: u16) -> Option<Lists> {
    let told = world.node(at(n)).events.iter().filter_map(|(_, event)| match event {
        Event::Connected { theirs, .. } | Event::Announced { theirs, .. } => Some(Lists::clone(theirs)),
        _ => None,
    });
    told.max_by_key(|lists| lists.generation)
}

/// All ends whose lists have one order.
fn ends(versions: &[&str]) -> Vec<Protocols> {
    let mut lists: Vec<Vec<&str>> = vec![Vec::new()];
    let mut at = 0;
    while at < lists.len() {
        for version in versions.iter().filter(|version| !lists[at].contains(version)).collect::<Vec<_>>() {
            lists.push([&lists[at][..], &[*version]].concat());
        }
        at += 1;
    }
    let mut ends = Vec::new();
    for offer in &lists {
        for accept in &lists {
            let common = |one: &[&str], other: &[&str]| -> Vec<String> {
                one.iter().filter(|name| other.contains(name)).map(|name| (*name).into()).collect()
            };
            if common(offer, accept) == common(accept, offer) {
                ends.push(end(&offer.join(" "), &accept.join(" ")));
            }
        }
    }
    ends
}

fn end(offer: &str, accept: &str) -> Protocols {
    let whole = Protocols::from(names(offer));
    Protocols { lists: Lists { accept: names(accept), ..whole.lists }, below: Vec::new() }
}

fn names(list: &str) -> Vec<Box<str>> {
    list.split_whitespace().map(Box::from).collect()
}

#[test]
fn a_dialler_hears_once_that_the_other_end_has_the_connection_a_round_trip_later() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    world.network.set_default(Link { loss: 0.1, ..Link::with_latency(Duration::from_millis(20)) });
    let (ours, _) = connect(&mut world, 0, 1);
    world.run_for(SECOND * 5);
    let told = |n: u16| {
        let events = &world.node(at(n)).events;
        events.iter().filter(|(_, event)| matches!(event, Event::Confirmed { .. })).collect::<Vec<_>>()
    };
    assert!(matches!(told(0)[..], [(_, Event::Confirmed { connection })] if *connection == ours));
    assert!(told(1).is_empty(), "the end that was dialled has nothing to wait for");
    let connected =
        world.node(at(0)).events.iter().find(|(_, event)| matches!(event, Event::Connected { .. }));
    let since = connected.expect("it is connected").0;
    assert!(told(0)[0].0 >= since + Duration::from_millis(40));
}

#[test]
fn a_connection_over_a_slow_path_outlives_the_dials_that_are_refused_for_its_sake() {
    let mut world = pair(&end("1", "1"), &end("1", "1"), 0);
    let (ours, theirs) = connect(&mut world, 0, 1);
    world.network.set_default(Link::with_latency(Duration::from_millis(900)));
    // The dialler let it give way, and the other end does not know that yet.
    world.with(at(0), |node, _| node.engine.supersede(ours));
    dial(&mut world, 0, None).expect("something is offered");
    world.run_for(SECOND / 2);
    world.with(at(1), |node, now| node.send(theirs, 3, crate::world::bulk(100), now));
    world.run_for(SECOND * 6);
    let closed = world.node(at(1)).closed();
    assert!(closed.is_empty(), "{closed:?}");
    assert_eq!(world.node(at(1)).live(), [theirs]);
}

const SECOND: Duration = Duration::from_secs(1);
