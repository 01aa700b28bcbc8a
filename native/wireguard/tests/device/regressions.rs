//! Bugs that other implementations have shipped, each under the name it is known by.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use warren_testing::{Datagram, Link, Node, Seed, Simulation};
use warren_wireguard::{Config, DownReason, Event, MAX_DATAGRAM, Path, PeerChanges, PeerId, Prefix, Sent};

use crate::node::*;

#[test]
fn spoofed_response_does_not_clear_a_pending_handshake() {
    let mut pair = Pair::new();
    pair.send_a(b"hello");
    let index = pair.node_a().sent[0].1.bytes[4..8].to_vec();
    let mut forged = vec![0x55; 92];
    forged[..4].copy_from_slice(&[RESPONSE, 0, 0, 0]);
    forged[8..12].copy_from_slice(&index);
    for ephemeral in [[0x55; 32], [0; 32]] {
        forged[12..44].copy_from_slice(&ephemeral);
        let mac1 = mac1(&key(1).public_key(), &forged[..60]);
        forged[60..76].copy_from_slice(&mac1);
        let datagram = Datagram { from: pair.b, to: pair.a, bytes: forged.clone() };
        pair.world.with(pair.a, |node, now| node.handle_datagram(datagram, now));
        pair.world.run_for(MILLISECOND);
    }
    assert_eq!(pair.node_a().device.stats().received.unauthenticated, 2);
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"hello"]);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1);
}

#[test]
fn a_replaced_handshake_frees_its_index() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link::down());
    // Given up and begun anew, again and again: each time by a tunnel of its own.
    for _ in 0..20 {
        pair.send_a(b"into the void");
        pair.world.run_for(100 * SECOND);
        assert!(format!("{:?}", pair.node_a().device).contains("tunnels: 0"), "given up");
    }
    let changes = |number| PeerChanges {
        preshared_key: Some(Some(warren_wireguard::PresharedKey::from_bytes([number; 32]))),
        ..PeerChanges::default()
    };
    pair.send_a(b"into the void");
    for number in 0..50 {
        pair.world
            .with(pair.a, |node, now| node.device.update_peer(pair.ab, changes(number), now))
            .expect("it is there");
        assert!(format!("{:?}", pair.node_a().device).contains("tunnels: 1"), "replaced while under way");
    }
    pair.world.with(pair.a, |node, now| node.device.remove_peer(pair.ab, now));
    assert!(format!("{:?}", pair.node_a().device).contains("tunnels: 0"));
}

#[test]
fn rekey_gives_up_at_90_s() {
    let mut pair = Pair::connected();
    pair.world.run_for(121 * SECOND);
    pair.world.network.set_default(Link::down());
    let before = pair.node_a().sent_of(INITIATION);
    let began = pair.world.now();
    assert!(matches!(pair.send_a(b"renews"), Sent::Sealed(_)));
    assert_eq!(pair.node_a().sent_of(INITIATION), before + 1);
    pair.world.run_for(400 * SECOND);
    let last = *pair.node_a().times_of(INITIATION).last().expect("there are some");
    let tried = last - began;
    assert!((80 * SECOND..90 * SECOND).contains(&tried), "{tried:?}");
    let downs: Vec<(Duration, DownReason)> = pair
        .node_a()
        .events
        .iter()
        .filter_map(|(at, event)| match event {
            Event::Down { reason, .. } => Some((*at - began, *reason)),
            _ => None,
        })
        .collect();
    assert_eq!(downs, [(90 * SECOND, DownReason::HandshakeTimeout)]);
}

#[test]
fn receive_refused_after_180_s() {
    for (age, opens) in [(179, true), (181, false)] {
        let mut pair = Pair::connected();
        let made = pair.node_a().times_of(DATA)[0];
        // Sealed in time, but long on its way.
        pair.world.network.set_default(Link::with_latency(100 * SECOND));
        pair.world.run_for(made + age * SECOND - pair.world.now() - 100 * SECOND);
        assert!(matches!(pair.send_a(b"on its way"), Sent::Sealed(_)));
        pair.world.run_for(100 * SECOND);
        assert_eq!(texts(pair.node_b()).contains(&b"on its way".as_slice()), opens, "{age} s");
        let drops = &pair.node_b().device.stats().received;
        assert_eq!(drops.expired + drops.unknown_index, u64::from(!opens), "{drops:?}");
    }
}

#[test]
fn unanswered_data_triggers_a_handshake() {
    for responder_sends in [false, true] {
        let mut pair = Pair::connected();
        pair.world.run_for(30 * SECOND);
        pair.world.network.set_default(Link::down());
        let sent = if responder_sends { pair.send_b(b"anyone?") } else { pair.send_a(b"anyone?") };
        assert!(matches!(sent, Sent::Sealed(_)));
        let at = if responder_sends { pair.b } else { pair.a };
        let before = pair.world.node(at).sent_of(INITIATION);
        let waited = pair.world.run_until(20 * SECOND, |world| world.node(at).sent_of(INITIATION) > before);
        assert!((15 * SECOND..=Duration::from_millis(15_333)).contains(&waited), "{waited:?}");
    }
}

#[test]
fn initiator_rekeys_on_send_and_receive_responder_never() {
    let mut pair = Pair::connected();
    pair.world.run_for(121 * SECOND);
    assert_eq!(pair.node_a().sent_of(INITIATION), 1, "not without something to send");
    pair.send_b(b"from the responder");
    pair.world.run_for(5 * SECOND);
    assert_eq!((pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(INITIATION)), (1, 0));
    pair.send_a(b"from the initiator");
    assert_eq!(pair.node_a().sent_of(INITIATION), 2, "on sending after 120 s");
    pair.world.run_for(SECOND);
    let renewed = pair.world.now();
    while pair.node_a().sent_of(INITIATION) < 3 {
        pair.send_b(b"from the responder");
        pair.world.run_for(SECOND);
        assert!(pair.world.now() - renewed < 170 * SECOND);
    }
    assert_eq!(pair.node_b().sent_of(INITIATION), 0);
}

#[test]
fn keepalives_are_not_delivered_to_the_caller() {
    let mut pair = Pair::with(|to_b, to_a| {
        to_b.persistent_keepalive = Some(5);
        to_a.persistent_keepalive = Some(5);
    });
    pair.world.run_for(600 * SECOND);
    let keepalives = |node: &WireGuard| node.sent.iter().filter(|(_, one)| one.bytes.len() == 32).count();
    // One is enough for both ends' timers.
    assert!(keepalives(pair.node_a()) + keepalives(pair.node_b()) > 100);
    assert!(pair.node_a().received.is_empty() && pair.node_b().received.is_empty());
}

#[test]
fn peer_restart_recovers_without_waiting() {
    for initiator_restarts in [true, false] {
        let mut pair = Pair::connected();
        pair.world.run_for(3 * SECOND);
        let (own, other) = if initiator_restarts { (1, 2) } else { (2, 1) };
        let mut reborn = WireGuard::new(config(own), address(own), pair.world.now());
        let to_other = peer(key(other).public_key(), Some(address(other)));
        let id = reborn.device.add_peer(to_other, pair.world.now()).expect("it is new");
        pair.world.add(address(own), reborn);
        let text = packet(key(own).public_key(), key(other).public_key(), b"here again");
        pair.world.with(address(own), |node, now| node.send(id, &text, now));
        let took = pair.world.run_until(SECOND, |world| {
            texts(world.node(address(other))).last() == Some(&b"here again".as_slice())
        });
        assert_eq!(took, 60 * MILLISECOND, "one and a half round trips");
        // And the one that stayed answers by the new session at once.
        let id = if initiator_restarts { pair.ba } else { pair.ab };
        let text = packet(key(other).public_key(), key(own).public_key(), b"welcome");
        pair.world.with(address(other), |node, now| node.send(id, &text, now));
        pair.world.run_for(20 * MILLISECOND);
        assert_eq!(texts(pair.world.node(address(own))), [b"welcome"]);
    }
}

#[test]
fn handshake_limit_resets() {
    let mut world = World::new(Seed::of_this_run());
    let now = world.now();
    let few = warren_wireguard::Limits { handshakes_per_second: 5, ..limits() };
    let asking = Config { report_strangers: true, limits: few, ..config(1) };
    world.add(address(1), WireGuard::new(asking, address(1), now));
    let mut asked = 0;
    for round in 0..20u8 {
        for number in 0..10 {
            let number = 10 + round * 10 + number;
            let mut node = WireGuard::new(config(number), address(number), world.now());
            let id = node.device.add_peer(peer(key(1).public_key(), Some(address(1))), world.now());
            node.device.initiate(id.expect("it is new"), world.now());
            let initiation = node.poll_transmit(world.now()).expect("an initiation");
            world.with(address(1), |node, now| node.handle_datagram(initiation, now));
        }
        world.run_for(2 * SECOND);
        let told = world.node(address(1)).count(|event| matches!(event, Event::Stranger { .. }));
        assert_eq!(told - asked, 5, "round {round}");
        asked = told;
    }
}

#[test]
fn oversized_datagram_cannot_stop_the_receiver() {
    let mut pair = Pair::connected();
    let index = pair.node_a().sent.last().map(|(_, one)| one.bytes[4..8].to_vec()).expect("data was sent");
    for length in [1_457, 2_049, 4_000, 65_507, MAX_DATAGRAM] {
        let mut bytes = vec![0x55; length];
        bytes[..4].copy_from_slice(&[DATA, 0, 0, 0]);
        bytes[4..8].copy_from_slice(&index);
        bytes[8..16].copy_from_slice(&100u64.to_le_bytes());
        // Also where the caller's buffer is too small for it.
        for room in [0, 16, 1_500, MAX_DATAGRAM] {
            let path = Path { remote: pair.a, local: None };
            let opened = pair.world.with(pair.b, |node, now| {
                node.device.handle_datagram(path, &mut bytes.clone(), &mut vec![0; room], now)
            });
            assert_eq!(opened, None);
        }
    }
    let drops = &pair.node_b().device.stats().received;
    assert_eq!(drops.oversized + drops.unauthenticated, 20, "those that fit the buffer are opened, in vain");
    assert_eq!(
        pair.node_b().count(|event| matches!(event, Event::Oversized { .. })),
        0,
        "A sent none of them"
    );
    assert!(matches!(pair.send_a(b"still listening"), Sent::Sealed(_)));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()).last(), Some(&b"still listening".as_slice()));
}

#[test]
fn late_handshake_response_still_accepted() {
    let mut pair = Pair::new();
    // The first are forgotten when their responses come; that of the third is the one before the newest then.
    pair.world.network.set_default(Link::with_latency(Duration::from_millis(1_400)));
    pair.send_a(b"slow");
    pair.world.run_until(10 * SECOND, |world| !world.node(address(2)).received.is_empty());
    assert!(pair.world.elapsed() < Duration::from_millis(5_600), "{:?}", pair.world.elapsed());
    let up = pair.node_a().events.iter().find(|(_, event)| matches!(event, Event::Up { .. }));
    let sent = pair.node_a().times_of(INITIATION);
    let answered = up.expect("it is up").0 - Duration::from_millis(2_800);
    assert!(sent.contains(&answered) && sent.last() > Some(&answered), "{answered:?} of {sent:?}");
}

#[test]
fn cookie_reply_does_not_roam() {
    let mut pair = Pair::new();
    pair.send_a(b"through the flood");
    pair.world.run_for(19 * MILLISECOND);
    flood(&mut pair);
    pair.world.run_until(SECOND, |world| {
        let mut sent = world.node(address(2)).sent.iter();
        sent.any(|(_, one)| one.bytes[0] == COOKIE_REPLY && one.to == address(1))
    });
    let genuine = pair.node_b().sent.iter().find(|(_, one)| one.bytes[0] == COOKIE_REPLY && one.to == pair.a);
    let mut genuine = genuine.expect("A was sent one").1.clone();
    genuine.from = address(66);
    pair.world.with(pair.a, |node, now| node.handle_datagram(genuine, now));
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Moved { .. })), 0);
    let retried = pair.world.run_until(SECOND, |world| world.node(address(1)).sent_of(INITIATION) == 2);
    assert!(retried <= 333 * MILLISECOND);
    assert_eq!(pair.node_a().sent.last().map(|(_, one)| one.to), Some(pair.b), "sent where it always was");
}

#[test]
fn sub_subnet_source_spoof_dropped() {
    let prefix = |text: &str| text.parse::<Prefix>().expect("a prefix");
    let mut pair = Pair::with(|_, to_a| to_a.allowed_ips = vec![prefix("fd00:1:2::/64")]);
    let mut third = peer(key(3).public_key(), None);
    third.allowed_ips = vec![prefix("fd00:1:2:0:5::/80")];
    pair.world.with(pair.b, |node, now| node.device.add_peer(third, now)).expect("it is new");
    let to = key(2).public_key().derived_address();
    for (source, text) in [("fd00:1:2::9", b"mine"), ("fd00:1:2:0:5::9", b"hers")] {
        let bytes = packet_between(source.parse().expect("an address"), to, text);
        pair.world.with(pair.a, |node, now| node.send(pair.ab, &bytes, now));
    }
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"mine"]);
    assert_eq!(pair.node_b().device.stats().received.wrong_source, 1);
}

#[test]
fn non_monotonic_clock_does_not_panic() {
    use rand_pcg::rand_core::Rng;
    let mut talked = 0;
    for seed in 0..20 {
        let mut rng = Seed::or(seed).rng();
        let start = warren_testing::start();
        let mut nodes: Vec<WireGuard> =
            (1..3).map(|own| WireGuard::new(config(own), address(own), start)).collect();
        for (own, node) in nodes.iter_mut().enumerate() {
            let other = 2 - own as u8;
            let mut config = peer(key(other).public_key(), Some(address(other)));
            config.persistent_keepalive = Some(5);
            node.device.add_peer(config, start).expect("it is new");
        }
        let mut on_the_way: Vec<Datagram> = Vec::new();
        for _ in 0..2_000 {
            // Mostly on, in steps of all sizes, and now and then far back.
            let steps = [0, 1, 20, 1_000, 20_000, 200_000];
            let step = Duration::from_millis(steps[(rng.next_u32() % 6) as usize]);
            let at = start + 3_600 * SECOND + step * (rng.next_u32() % 50);
            let own = (rng.next_u32() % 2) as usize;
            let node = &mut nodes[own];
            match rng.next_u32() % 4 {
                0 => node.handle_timeout(at),
                1 => node.device.initiate(PeerId(0), at),
                2 => {
                    let (from, to) = (key(own as u8 + 1), key(2 - own as u8));
                    let text = packet(from.public_key(), to.public_key(), b"when?");
                    node.send(PeerId(0), &text, at);
                }
                _ => {}
            }
            while let Some(datagram) = node.poll_transmit(at) {
                on_the_way.push(datagram);
            }
            if !on_the_way.is_empty() {
                let datagram = on_the_way.swap_remove(rng.next_u32() as usize % on_the_way.len());
                let own = usize::from(datagram.to == address(2));
                nodes[own].handle_datagram(datagram, at);
            }
        }
        talked += u32::from(nodes.iter().any(|node| !node.received.is_empty()));
        // From now on time is honest, and later than any seen.
        let honest = start + 100_000 * SECOND;
        let mut world = World::new(Seed::or(seed));
        world.stall(honest.saturating_duration_since(world.now()));
        nodes.drain(..).for_each(|node| drop(world.add(node.outbox.from, node)));
        world.run_for(40 * SECOND);
        assert!(world.nodes().all(|(_, node)| node.device.has_session(PeerId(0))), "seed {seed}");
    }
    assert!(talked >= 10, "something happened: {talked}");
}

#[test]
fn ipv6_less_host_still_works() {
    let outer_v6: SocketAddr = "[2001:db8::2]:51820".parse().expect("an address");
    // A knows B by an IPv6 address that it has no way to send to; B knows A by IPv4.
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![outer_v6]);
    assert_eq!(pair.send_a(b"by which way?"), Sent::Staged);
    pair.world.run_for(12 * SECOND);
    assert!(pair.node_a().sent_of(INITIATION) >= 2, "it keeps trying");
    pair.send_b(b"by IPv4");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_a()), [b"by IPv4"]);
    assert_eq!(texts(pair.node_b()), [b"by which way?"], "what was staged took the way that works");
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
}

#[test]
fn two_devices_on_one_port_do_not_collide() {
    /// Two devices that get each other's datagrams as well, as with a shared port.
    struct Shared([WireGuard; 2]);

    impl Node for Shared {
        fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
            self.0.iter_mut().for_each(|node| node.handle_datagram(datagram.clone(), now));
        }

        fn handle_timeout(&mut self, now: Instant) {
            self.0.iter_mut().for_each(|node| node.handle_timeout(now));
        }

        fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
            self.0.iter_mut().find_map(|node| node.poll_transmit(now))
        }

        fn poll_timeout(&self) -> Option<Instant> {
            self.0.iter().filter_map(Node::poll_timeout).min()
        }
    }

    let mut world: Simulation<Shared> = Simulation::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(20 * MILLISECOND));
    let now = world.now();
    // 1 and 2 share a port, as 3 and 4 do; 1 talks to 3, 2 to 4.
    for (shared, numbers, others) in [(1, [1, 2], [3, 4]), (3, [3, 4], [1, 2])] {
        let devices = std::array::from_fn(|at| {
            let mut node = WireGuard::new(config(numbers[at]), address(shared), now);
            let to = peer(key(others[at]).public_key(), Some(address(others[0])));
            node.device.add_peer(to, now).expect("it is new");
            node
        });
        world.add(address(shared), Shared(devices));
    }
    for _ in 0..400 {
        for (shared, numbers, others) in [(1, [1, 2], [3, 4]), (3, [3, 4], [1, 2])] {
            world.with(address(shared), |node, now| {
                for at in 0..2 {
                    let text =
                        packet(key(numbers[at]).public_key(), key(others[at]).public_key(), &[numbers[at]]);
                    node.0[at].send(PeerId(0), &text, now);
                }
            });
        }
        world.run_for(SECOND);
    }
    for (shared, others) in [(1, [3, 4]), (3, [1, 2])] {
        for (node, other) in world.node(address(shared)).0.iter().zip(others) {
            assert!(node.received.len() >= 399, "{}", node.received.len());
            assert!(texts(node).iter().all(|text| *text == [other]), "only what was for it");
            assert_eq!(node.count(|event| matches!(event, Event::Down { .. } | Event::Moved { .. })), 0);
        }
    }
}

#[test]
fn failed_unknown_peer_handshakes_leave_no_state() {
    let mut pair = Pair::connected();
    let described = format!("{:?}", pair.node_b().device);
    let deadline = pair.node_b().device.poll_timeout();
    for number in 10..110 {
        let now = pair.world.now();
        let mut stranger = WireGuard::new(config(number), address(number), now);
        let id = stranger.device.add_peer(peer(key(2).public_key(), Some(pair.b)), now).expect("it is new");
        stranger.device.initiate(id, now);
        let initiation = stranger.poll_transmit(now).expect("an initiation");
        pair.world.with(pair.b, |node, now| node.handle_datagram(initiation, now));
        pair.world.run_for(MILLISECOND);
    }
    assert_eq!(pair.node_b().device.stats().received.strangers, 100);
    assert_eq!(format!("{:?}", pair.node_b().device), described);
    assert_eq!(pair.node_b().device.poll_timeout(), deadline);
    assert!(pair.node_b().sent.iter().all(|(_, one)| one.to == pair.a), "and get no answer");
}

#[test]
fn symmetric_keepalive_does_not_create_competing_sessions() {
    let mut pair = Pair::with(|to_b, to_a| {
        to_b.persistent_keepalive = Some(25);
        to_a.persistent_keepalive = Some(25);
    });
    pair.world.run_for(Duration::from_secs(3_600));
    let initiations = pair.node_a().sent_of(INITIATION) + pair.node_b().sent_of(INITIATION);
    assert!((20..=32).contains(&initiations), "{initiations} in an hour");
}

#[test]
fn a_more_than_90_s_outage_heals_by_keepalive_alone() {
    for outage in [91, 120, 181, 300, 541, 700] {
        let mut pair = Pair::with(|to_b, _| to_b.persistent_keepalive = Some(25));
        pair.world.run_for(60 * SECOND);
        pair.world.network.set_default(Link::down());
        pair.world.run_for(outage * SECOND);
        pair.world.network.set_default(Link::with_latency(20 * MILLISECOND));
        pair.world.run_for(31 * SECOND);
        let heard = pair.node_b().device.peer_stats(pair.ba).and_then(|stats| stats.last_received);
        assert!(heard.is_some_and(|at| pair.world.now() - at <= 31 * SECOND), "after {outage} s");
        assert!(pair.node_a().device.has_session(pair.ab) && pair.node_b().device.has_session(pair.ba));
    }
}

#[test]
fn event_loop_stall_and_suspend_reset_cleanly() {
    for stalled in [1, 4, 6, 20, 91, 150, 181, 600, 86_400, 30 * 86_400] {
        let mut pair = Pair::connected();
        pair.send_a(b"before");
        pair.send_b(b"before");
        pair.world.stall(Duration::from_secs(stalled));
        pair.world.run_for(SECOND);
        pair.send_a(b"after");
        pair.send_b(b"after");
        pair.world.run_for(8 * SECOND);
        for node in [pair.node_a(), pair.node_b()] {
            assert_eq!(texts(node).last(), Some(&b"after".as_slice()), "stalled for {stalled} s");
        }
    }
}

#[test]
fn one_way_deaf_soak() {
    let mut pair = Pair::new();
    pair.world.network.set_default(Link {
        loss: 0.01,
        jitter: 5 * MILLISECOND,
        ..Link::with_latency(20 * MILLISECOND)
    });
    let mut answered = 0;
    for fetch in 0..40u64 {
        for step in 0..60u64 {
            pair.send_a(b"request");
            let before = pair.node_b().received.len();
            pair.world.run_for(250 * MILLISECOND);
            if pair.node_b().received.len() > before {
                pair.send_b(b"response");
                answered += 1;
            }
            pair.world.run_for(Duration::from_millis(10 + (fetch * 7 + step * 13) % 40));
        }
        // Pauses of every length around the protocol's own times.
        pair.world.run_for(Duration::from_secs(fetch * 11 % 200));
    }
    pair.world.run_for(SECOND);
    assert!(answered > 2_300, "{answered} of 2,400 requests came through");
    let responses = pair.node_a().received.len();
    assert!(responses * 100 >= answered * 97, "{responses} of {answered} responses came through");
}
