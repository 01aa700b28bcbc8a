//! Keepalives, deadlines, outages, and clocks that misbehave.

use std::time::{Duration, Instant};

use rand_pcg::rand_core::Rng;
use warren_testing::{Link, Node, Seed};
use warren_wireguard::{DownReason, Event, PeerChanges, Sent};

use crate::node::*;

#[test]
fn data_that_is_not_answered_is_answered_by_a_keepalive_after_ten_seconds() {
    let mut pair = Pair::connected();
    pair.world.run_for(60 * SECOND);
    let before = pair.node_b().sent.len();
    pair.send_a(b"one way");
    let sent = pair.world.now();
    pair.world.run_for(14 * SECOND);
    let answers = &pair.node_b().sent[before..];
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].1.bytes.len(), 32, "empty inside");
    assert_eq!(answers[0].0 - sent, 10 * SECOND + 20 * MILLISECOND);
    pair.world.run_for(60 * SECOND);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1, "a keepalive is answer enough");
    assert!(texts(pair.node_a()).is_empty(), "keepalives are not delivered");
}

#[test]
fn data_that_is_answered_in_time_causes_no_keepalive() {
    let mut pair = Pair::connected();
    for _ in 0..10 {
        pair.send_a(b"question");
        pair.world.run_for(SECOND);
        pair.send_b(b"answer");
        pair.world.run_for(SECOND);
    }
    let keepalives = |node: &WireGuard| node.sent.iter().filter(|(_, one)| one.bytes.len() == 32).count();
    assert_eq!((keepalives(pair.node_a()), keepalives(pair.node_b())), (0, 0));
    pair.world.run_for(9 * SECOND);
    assert_eq!(keepalives(pair.node_a()), 0, "its last question was answered less than 10 s ago");
    pair.world.run_for(SECOND);
    assert_eq!((keepalives(pair.node_a()), keepalives(pair.node_b())), (1, 0), "the last answer was not");
}

#[test]
fn an_idle_spell_is_followed_by_no_handshake_as_long_as_what_is_sent_is_answered() {
    let mut pair = Pair::connected();
    pair.world.run_for(100 * SECOND);
    pair.send_a(b"after a hundred idle seconds");
    pair.world.run_for(MILLISECOND * 100);
    pair.send_b(b"answer");
    pair.world.run_for(18 * SECOND);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1);
}

#[test]
fn a_persistent_keepalive_dials_at_once_and_keeps_its_interval() {
    let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
    pair.world.run_until(SECOND, |world| {
        world.node(address(2)).count(|event| matches!(event, Event::Up { .. })) == 1
    });
    pair.world.run_for(Duration::from_secs(3_600));
    let times: Vec<Instant> = pair.node_a().sent.iter().map(|(at, _)| *at).collect();
    let longest = times.windows(2).map(|two| two[1] - two[0]).max();
    assert_eq!(longest, Some(25 * SECOND));
    assert_eq!(pair.node_b().count(|event| matches!(event, Event::Down { .. })), 0);
}

#[test]
fn a_persistent_keepalive_outlives_an_outage_of_an_hour() {
    let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
    pair.world.run_for(60 * SECOND);
    pair.world.network.set_default(Link::down());
    pair.world.run_for(Duration::from_secs(3_600));
    assert!(pair.node_a().count(|event| matches!(event, Event::Down { .. })) > 10);
    pair.world.network.set_default(Link::with_latency(20 * MILLISECOND));
    pair.world.run_for(31 * SECOND);
    assert!(pair.node_a().device.has_session(pair.ab), "nobody sent anything but keepalives");
    assert!(pair.node_b().device.has_session(pair.ba));
}

#[test]
fn a_persistent_keepalive_can_be_turned_on_and_off_while_running() {
    let mut pair = Pair::new();
    pair.world.run_for(SECOND);
    let set = |pair: &mut Pair, seconds| {
        let changes = PeerChanges { persistent_keepalive: Some(seconds), ..PeerChanges::default() };
        pair.world
            .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes, now))
            .expect("it is there");
    };
    set(&mut pair, Some(5));
    pair.world.run_for(21 * SECOND);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1);
    assert!(pair.node_a().sent_of(DATA) >= 4);
    set(&mut pair, None);
    let before = pair.node_a().sent.len();
    pair.world.run_for(Duration::from_secs(1_000));
    assert_eq!(pair.node_a().sent.len(), before);
    assert_eq!(pair.node_a().device.poll_timeout(), None);
}

#[test]
fn thousands_of_idle_peers_have_no_deadline_and_no_tunnel() {
    let now = World::new(Seed::of_this_run()).now();
    let mut node = WireGuard::new(config(1), address(1), now);
    for number in 0..2_000u32 {
        let mut bytes = [7; 32];
        bytes[8..12].copy_from_slice(&number.to_le_bytes());
        let public_key = warren_wireguard::PrivateKey::from_bytes(bytes).public_key();
        node.device.add_peer(peer(public_key, Some(address(2))), now).expect("it is new");
    }
    assert_eq!(node.device.poll_timeout(), None);
    assert!(format!("{:?}", node.device).contains("tunnels: 0"));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut pair = Pair::connected();
    let early = pair.world.now() - 60 * SECOND;
    let (a, b) = (pair.a, pair.b);
    let id = pair.ab;
    let text = packet(key(1).public_key(), key(2).public_key(), b"from the past");
    let sent = pair.world.with(a, |node, _| node.send(id, &text, early));
    assert!(matches!(sent, Sent::Sealed(_)));
    pair.world.with(a, |node, _| node.device.handle_timeout(early));
    pair.world.with(b, |node, _| node.device.initiate(pair.ba, early));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"first".as_slice(), b"from the past"]);
}

/// A node that is asked every so often whether anything is due, besides being woken at its deadlines.
struct Polled {
    node: WireGuard,
    every: Option<Duration>,
    next: Instant,
}

impl Node for Polled {
    fn handle_datagram(&mut self, datagram: warren_testing::Datagram, now: Instant) {
        self.node.handle_datagram(datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        if let Some(every) = self.every.filter(|_| self.next <= now) {
            self.next = now + every;
        }
        self.node.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<warren_testing::Datagram> {
        self.node.poll_transmit(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout().into_iter().chain(self.every.map(|_| self.next)).min()
    }
}

#[test]
fn a_device_woken_at_its_deadlines_does_what_one_does_that_is_polled_every_quarter_second() {
    for seed in 0..12 {
        let exact = conversation(seed, None);
        let polled = conversation(seed, Some(250 * MILLISECOND));
        assert_eq!(exact, polled, "seed {seed}");
        assert!(exact.iter().all(|log| log.len() > 50), "seed {seed}: something happened");
    }
}

/// Datagrams that each of two nodes sent, and when, in a conversation of an hour with pauses of all lengths.
fn conversation(seed: u64, every: Option<Duration>) -> Vec<Vec<(Duration, u8, usize)>> {
    let mut rng = Seed::or(seed).rng();
    let mut world: warren_testing::Simulation<Polled> = warren_testing::Simulation::new(Seed::or(seed));
    world.network.set_default(Link::with_latency(10 * MILLISECOND));
    let start = world.now();
    let mut ids = Vec::new();
    for (own, other) in [(1, 2), (2, 1)] {
        let mut node = WireGuard::new(config(own), address(own), start);
        let mut to = peer(key(other).public_key(), Some(address(other)));
        to.persistent_keepalive = (own == 1 && seed.is_multiple_of(3)).then_some(25);
        ids.push(node.device.add_peer(to, start).expect("it is new"));
        world.add(address(own), Polled { node, every, next: start });
    }
    while world.elapsed() < Duration::from_secs(3_600) {
        let own = 1 + (rng.next_u32() % 2) as u8;
        let text = packet(key(own).public_key(), key(3 - own).public_key(), b"text");
        let id = ids[usize::from(own) - 1];
        world.with(address(own), |node, now| node.node.send(id, &text, now));
        let pause = [400, 2_400, 7_400, 9_400, 12_400, 35_400, 100_400][(rng.next_u32() % 7) as usize];
        world.run_for(Duration::from_millis(pause));
    }
    let log = |node: &Polled| {
        node.node.sent.iter().map(|(at, one)| (*at - start, one.bytes[0], one.bytes.len())).collect()
    };
    world.nodes().map(|(_, node)| log(node)).collect()
}

#[test]
fn a_peer_that_cannot_be_reached_is_reported_down_once_for_each_try() {
    let mut pair = Pair::connected();
    pair.world.network.set_default(Link::down());
    pair.send_a(b"unheard");
    pair.world.run_for(Duration::from_secs(400));
    let downs: Vec<DownReason> = pair
        .node_a()
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Down { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    // Unanswered at 15 s, given up at 105 s with the session still alive, which expires at 180 s.
    assert_eq!(downs, [DownReason::Expired]);
}

#[test]
fn a_handshake_that_nobody_waits_for_any_more_ends_unless_something_needs_it() {
    for (waits, persists) in [(false, false), (true, false), (false, true)] {
        let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = persists.then_some(25));
        pair.world.network.set_default(Link::down());
        let asked = pair.world.now();
        if waits {
            pair.send_a(b"something that waits");
        }
        pair.world.with(pair.a, |node, now| node.device.initiate(pair.ab, now));
        pair.world.run_for(MILLISECOND);
        pair.world.with(pair.a, |node, now| node.device.give_up(pair.ab, now));
        pair.world.run_for(60 * SECOND);
        let sent = pair.node_a().times_of(INITIATION).into_iter().filter(|at| *at >= asked).count();
        assert_eq!(sent > 1, waits || persists, "{sent} initiations");
        assert_eq!(pair.node_a().count(|event| matches!(event, Event::Down { .. })), 0);
    }
}

#[test]
fn a_live_session_is_renewed_whoever_gives_up() {
    let mut pair = Pair::connected();
    pair.world.run_for(121 * SECOND);
    pair.world.network.set_default(Link::down());
    pair.send_a(b"stale");
    let asked = pair.node_a().sent_of(INITIATION);
    pair.world.with(pair.a, |node, now| node.device.give_up(pair.ab, now));
    pair.world.run_for(20 * SECOND);
    assert!(pair.node_a().sent_of(INITIATION) > asked);
}
