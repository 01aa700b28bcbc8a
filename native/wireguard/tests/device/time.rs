//! Long times: idle peers, and clocks that jump.

use std::time::{Duration, Instant};

use warren_testing::{Datagram, Link, Node, Seed, Simulation};
use warren_wireguard::PeerId;

use crate::node::*;

/// A node, and how often it was woken, how often of that for nothing.
struct Woken {
    node: WireGuard,
    woken: usize,
    for_nothing: usize,
}

impl Node for Woken {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        self.node.handle_datagram(datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.woken += 1;
        let due = self.node.poll_timeout();
        let (sent, events) = (self.node.sent.len(), self.node.events.len());
        self.node.handle_timeout(now);
        let mut bytes = Vec::new();
        let idle = self.node.sent.len() == sent && self.node.events.len() == events;
        // Ready datagrams leave by `poll_transmit`; work that was due must be done either way.
        if idle
            && self.node.poll_timeout() == due
            && self.node.device.poll_transmit(&mut bytes, now).is_none()
        {
            self.for_nothing += 1;
        }
        assert!(bytes.is_empty(), "this is not where datagrams leave");
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        self.node.poll_transmit(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }
}

#[test]
fn a_device_with_ten_thousand_idle_peers_wakes_only_when_something_is_due() {
    let mut world: Simulation<Woken> = Simulation::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(20 * MILLISECOND));
    let start = world.now();
    let woken = |node| Woken { node, woken: 0, for_nothing: 0 };
    let mut hub = WireGuard::new(config(1), address(1), start);
    let ids: Vec<PeerId> = (0..10_000)
        .map(|number| {
            let config = peer(many(number).public_key(), None);
            hub.device.add_peer(config, start).expect("it is new")
        })
        .collect();
    world.add(address(1), woken(hub));
    world.run_for(3_600 * SECOND);
    assert_eq!(world.node(address(1)).woken, 0, "nothing is ever due");
    // Ten of them have something to say, then fall silent; one keeps the path open.
    for number in 0..10u16 {
        let own = address(100 + number as u8);
        let config = warren_wireguard::Config { private_key: many(number), ..config(100 + number as u8) };
        let mut node = WireGuard::new(config, own, world.now());
        let mut to_hub = peer(key(1).public_key(), Some(address(1)));
        to_hub.persistent_keepalive = (number == 0).then_some(25);
        let id = node.device.add_peer(to_hub, world.now()).expect("it is new");
        world.add(own, woken(node));
        let text = packet(many(number).public_key(), key(1).public_key(), b"once");
        world.with(own, |node, now| node.node.send(id, &text, now));
    }
    world.run_for(3_600 * SECOND);
    let hub = world.node(address(1));
    assert_eq!(hub.node.received.len(), 10);
    assert_eq!(hub.for_nothing, 0);
    // A keepalive, an expiry and a wiping for each of the nine; renewals and passive keepalives of the tenth.
    assert!(hub.woken < 9 * 3 + 3_600 / 25 + 100, "{} times in an hour", hub.woken);
    assert!(ids.iter().skip(1).all(|id| !hub.node.device.has_session(*id)));
    for (_, node) in world.nodes() {
        assert_eq!(node.for_nothing, 0);
    }
}

#[test]
fn a_stall_of_two_seconds_and_a_suspend_of_an_hour_cost_no_more_than_a_round_trip() {
    for (stalled, keeps_session) in [(Duration::from_secs(2), true), (Duration::from_secs(3_600), false)] {
        let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
        pair.world.run_for(30 * SECOND);
        let before = pair.node_a().sent_of(INITIATION);
        pair.world.stall(stalled);
        let sent = pair.send_a(b"awake");
        assert_eq!(matches!(sent, warren_wireguard::Sent::Sealed(_)), keeps_session, "{stalled:?}");
        let took = pair
            .world
            .run_until(SECOND, |world| texts(world.node(address(2))).last() == Some(&b"awake".as_slice()));
        assert!(took <= 60 * MILLISECOND, "{stalled:?}: {took:?}");
        assert_eq!(pair.node_a().sent_of(INITIATION) - before, usize::from(!keeps_session));
    }
}

#[test]
fn a_clock_set_back_in_a_burst_of_traffic_loses_nothing_and_time_goes_on_from_there() {
    let mut pair = Pair::connected();
    let (a, b) = (pair.a, pair.b);
    let (ab, text) = (pair.ab, packet(key(1).public_key(), key(2).public_key(), b"counted"));
    let now = pair.world.now();
    let mut arrived = 0;
    for step in 0..1_000u32 {
        // Now and then half a minute back, and never again as late as it was.
        let at = if step % 100 < 50 { now + MILLISECOND * step } else { now - 30 * SECOND };
        let sent = pair.world.with(a, |node, _| node.send(ab, &text, at));
        assert!(matches!(sent, warren_wireguard::Sent::Sealed(_)));
        pair.world.with(a, |node, _| node.device.handle_timeout(at));
        pair.world.with(b, |node, _| node.device.handle_timeout(at));
        arrived += 1;
    }
    pair.world.run_for(200 * SECOND);
    assert_eq!(pair.node_b().received.len(), 1 + arrived);
    pair.send_a(b"and on");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"and on".as_slice()));
}
