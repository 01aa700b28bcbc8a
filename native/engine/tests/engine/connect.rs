use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_engine::{
    CloseCause, ClosedBy, ConnectError, Event, Initiator, Outcome, Path, PeerConfig, PeerId,
};
use warren_testing::{Datagram, Link, Node, Outbox, Seed};
use warren_wireguard::Device;

use crate::world::{
    DIAL, Endpoint, World, at, config, connect, dial, key, mesh, peer_config, raw, restart, tunnel,
};

#[test]
fn a_dial_connects_both_ends_and_messages_come_back() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    world.with(at(1), |node, _| node.echoes = true);
    let began = world.elapsed();
    let (ours, theirs) = connect(&mut world, 0, 1);
    // One round trip of WireGuard and at most two of QUIC, 40 ms each.
    assert!(world.elapsed() - began <= Duration::from_millis(125), "{:?}", world.elapsed() - began);
    assert!(matches!(connected(&world, 0, ours), (Initiator::Local, protocol) if protocol == "test/1"));
    assert!(matches!(connected(&world, 1, theirs), (Initiator::Remote, protocol) if protocol == "test/1"));
    world.with(at(0), |node, now| node.send(ours, 7, Bytes::from_static(b"hello"), now));
    world.run_until(Duration::from_secs(1), |world| {
        world.node(at(0)).received == [(7, 5)] && world.node(at(0)).settled(Outcome::Delivered) == 1
    });
}

#[test]
fn the_live_connection_is_given_to_whoever_dials_again() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    let (ours, theirs) = connect(&mut world, 0, 1);
    assert_eq!(dial(&mut world, 0, 1), ours);
    assert_eq!(dial(&mut world, 1, 0), theirs);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(0)).connected().len(), 1);
    assert_eq!(world.node(at(1)).connected().len(), 1);
}

#[test]
fn a_peer_without_an_endpoint_cannot_be_dialled() {
    let mut world = World::new(Seed::of_this_run());
    let mut node = Endpoint::new(at(0), config(0, world.network.seed()), world.now());
    let peer = PeerConfig { endpoints: Vec::new(), ..peer_config(1) };
    let id = node.engine.add_peer(peer, world.now()).expect("a new peer");
    node.peers.insert(1, id);
    world.add(at(0), node);
    let dialled = dial(&mut world, 0, 1);
    let closed = world.node(at(0)).closed();
    assert_eq!((closed[0].0, closed[0].1.cause), (dialled, CloseCause::NoEndpoint));
}

#[test]
fn a_silent_peer_is_told_from_one_that_speaks_only_wireguard() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.remove(at(1));
    dial(&mut world, 0, 1);
    world.run_for(DIAL - Duration::from_millis(1));
    assert!(world.node(at(0)).closed().is_empty());
    world.run_for(Duration::from_millis(2));
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::NoHandshake);
}

#[test]
fn a_plain_wireguard_peer_exchanges_packets_and_refuses_to_connect() {
    let mut world = Mixed::new(Seed::of_this_run());
    let mut node = Endpoint::new(at(0), config(0, world.network.seed()), world.now());
    node.add_peer(1, world.now());
    let plain = Plain::new(world.now());
    world.add(at(0), Either::Whole(Box::new(node)));
    world.add(at(1), Either::Plain(Box::new(plain)));
    world.with(at(0), |node, now| {
        let node = node.whole();
        let id = node.peers[&1];
        node.engine.connect(id, None, DIAL, now).expect("a dial");
        assert!(node.engine.send_packet(id, Bytes::from(raw_packet(0, 1, 64))));
    });
    world.run_for(DIAL + Duration::from_secs(1));
    world.with(at(0), |node, now| {
        let node = node.whole();
        node.drain_events(now);
        let close = node.closed()[0].1;
        assert_eq!(close.cause, CloseCause::NoTransport);
        let said = "there is a WireGuard session (last handshake ";
        let unheard = "hellos in it was answered";
        assert!(close.reason.starts_with(said) && close.reason.ends_with(unheard), "{}", close.reason);
        let packets: Vec<_> =
            node.events.iter().filter(|(_, event)| matches!(event, Event::Packet { .. })).collect();
        assert_eq!(packets.len(), 1, "the plain peer answers the one raw packet");
    });
}

#[test]
fn no_common_protocol_is_told_to_the_dialler() {
    let mut world = mesh(2, Seed::of_this_run(), |n, config| {
        config.protocols = vec![format!("ledger/{n}").into()].into();
    });
    dial(&mut world, 0, 1);
    world.run_for(Duration::from_secs(1));
    let closed = world.node(at(0)).closed();
    assert_eq!(closed[0].1.cause, CloseCause::NoProtocol);
    assert!(closed[0].1.reason.contains("ledger/1"), "{}", closed[0].1.reason);
    assert!(world.node(at(1)).connected().is_empty());
}

#[test]
fn connections_beyond_the_bound_on_unclaimed_ones_are_refused() {
    let mut world = mesh(4, Seed::of_this_run(), |_, config| config.limits.pending_connections = 2);
    world.with(at(0), |node, _| node.claims = false);
    for n in 1..4 {
        dial(&mut world, n, 0);
        world.run_for(Duration::from_secs(1));
    }
    let refused = world.node(at(3)).closed();
    assert_eq!((refused[0].1.cause, refused[0].1.by), (CloseCause::Refused, ClosedBy::Remote));
    assert_eq!(world.node(at(0)).engine.stats().pending_connections, 2);
    world.with(at(0), |node, _| {
        for connection in node.connected() {
            node.engine.claim(connection);
        }
    });
    dial(&mut world, 3, 0);
    world.run_for(Duration::from_secs(1));
    assert_eq!(world.node(at(3)).live().len(), 1);
}

#[test]
fn a_restarted_end_that_dials_has_a_working_connection_within_a_second() {
    for restarted in [0, 1] {
        let other = 1 - restarted;
        let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
        world.network.set_default(Link::with_latency(Duration::from_millis(20)));
        let (ours, theirs) = connect(&mut world, 0, 1);
        let survivor = if restarted == 0 { theirs } else { ours };
        world.with(at(other), |node, now| node.send(survivor, 0, crate::world::bulk(100_000), now));
        world.run_for(Duration::from_millis(30));
        restart(&mut world, restarted, 77);
        let (_, new) = connect(&mut world, restarted, other);
        let closed = world.node(at(other)).closed();
        assert_eq!(closed.len(), 1);
        assert_eq!((closed[0].0, closed[0].1.cause), (survivor, CloseCause::PeerRestarted));
        world.with(at(other), |node, now| node.send(new, 0, Bytes::from_static(b"again"), now));
        let took =
            world.run_until(Duration::from_secs(1), |world| world.node(at(restarted)).received == [(0, 5)]);
        assert!(took < Duration::from_millis(500));
        assert_eq!(world.node(at(other)).live(), [new]);
    }
}

#[test]
fn a_dial_that_cannot_begin_says_why() {
    let mut world = mesh(2, Seed::of_this_run(), |n, config| config.mtu = if n == 0 { 1_200 } else { 1_420 });
    world.with(at(0), |node, now| {
        let id = node.peers[&1];
        let small = node.engine.connect(id, None, DIAL, now);
        assert_eq!(small, Err(ConnectError::MtuTooSmall { mtu: 1_200, least: 1_248 }));
    });
    world.with(at(1), |node, now| {
        let id = node.peers[&0];
        assert_eq!(node.engine.connect(id, Some(Vec::new()), DIAL, now), Err(ConnectError::Protocols));
        assert_eq!(node.engine.connect(PeerId(99), None, DIAL, now), Err(ConnectError::UnknownPeer));
        node.engine.shutdown(0, "", now);
        assert_eq!(node.engine.connect(id, None, DIAL, now), Err(ConnectError::Closing));
    });
}

#[test]
fn a_stranger_is_connected_once_authorised_and_leaves_nothing_once_refused() {
    for authorise in [true, false] {
        let mut world = World::new(Seed::of_this_run());
        for n in [0, 1] {
            let mut config = config(n, world.network.seed());
            config.authorize = true;
            world.add(at(n), Endpoint::new(at(n), config, world.now()));
        }
        world.with(at(1), |node, now| node.add_peer(0, now));
        let dialled = dial(&mut world, 1, 0);
        world.run_until(Duration::from_secs(1), |world| {
            world.node(at(0)).events.iter().any(|(_, event)| matches!(event, Event::Stranger { .. }))
        });
        let base = world.node(at(0)).engine.stats();
        assert_eq!((base.peers, base.connections), (0, 0));
        world.with(at(0), |node, now| {
            if authorise {
                let peer = PeerConfig { endpoints: Vec::new(), ..peer_config(1) };
                node.engine.authorize(peer, now).expect("a stranger that waits");
            } else {
                node.engine.refuse(&key(1).public_key(), now);
            }
            node.drain_events(now);
        });
        world.run_for(Duration::from_secs(1));
        assert_eq!(world.node(at(1)).live() == [dialled], authorise);
        let stats = world.node(at(0)).engine.stats();
        assert_eq!((stats.peers, stats.connections), if authorise { (1, 1) } else { (0, 0) });
    }
}

#[test]
fn a_dial_given_up_leaves_nothing_behind() {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(20)));
    let dialled = dial(&mut world, 0, 1);
    world.run_for(Duration::from_millis(50));
    world.with(at(0), |node, now| {
        node.engine.close(dialled, 0, "aborted", Duration::ZERO, now);
        node.drain_events(now);
    });
    world.run_for(Duration::from_secs(20));
    for n in [0, 1] {
        assert_eq!(world.node(at(n)).engine.stats().connections, 0);
    }
    assert_eq!(world.node(at(0)).closed()[0].1.cause, CloseCause::Application);
}

pub(crate) fn connected(world: &World, n: u16, id: warren_engine::ConnectionId) -> (Initiator, String) {
    let mut events = world.node(at(n)).events.iter();
    let found = events.find_map(|(_, event)| match event {
        Event::Connected { connection, initiator, protocol, .. } if *connection == id => {
            Some((*initiator, protocol.to_string()))
        }
        _ => None,
    });
    found.expect("connected")
}

type Mixed = warren_testing::Simulation<Either>;

enum Either {
    Whole(Box<Endpoint>),
    Plain(Box<Plain>),
}

/// A WireGuard device that answers every packet of its peer with one of its own, but those to QUIC's port.
struct Plain {
    device: Device,
    peer: PeerId,
    outbox: Outbox,
}

impl Either {
    fn whole(&mut self) -> &mut Endpoint {
        match self {
            Self::Whole(node) => node,
            Self::Plain(_) => panic!("a plain node"),
        }
    }
}

impl Plain {
    fn new(now: Instant) -> Self {
        let mut device = tunnel(1, now);
        let peer =
            device.add_peer(PeerConfig { endpoints: Vec::new(), ..peer_config(0) }, now).expect("a new peer");
        Self { device, peer, outbox: Outbox::new(at(1)) }
    }
}

impl Node for Either {
    fn handle_datagram(&mut self, mut datagram: Datagram, now: Instant) {
        match self {
            Self::Whole(node) => node.handle_datagram(datagram, now),
            Self::Plain(plain) => {
                let mut plaintext = vec![0; warren_wireguard::MAX_DATAGRAM];
                let path = Path { remote: datagram.from, local: None };
                let opened = plain.device.handle_datagram(path, &mut datagram.bytes, &mut plaintext, now);
                if let Some(opened) = opened
                    && plaintext[42..44] == 7u16.to_be_bytes()
                {
                    let mut bytes = Vec::new();
                    let sent = plain.device.send(plain.peer, &raw_packet(1, 0, opened.len), &mut bytes, now);
                    assert!(matches!(sent, warren_wireguard::Sent::Sealed(_)));
                    plain.outbox.push(datagram.from, &bytes);
                }
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        match self {
            Self::Whole(node) => node.handle_timeout(now),
            Self::Plain(plain) => plain.device.handle_timeout(now),
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        match self {
            Self::Whole(node) => node.poll_transmit(now),
            Self::Plain(plain) => plain.outbox.pop().or_else(|| {
                let mut bytes = Vec::new();
                let path = plain.device.poll_transmit(&mut bytes, now)?;
                Some(plain.outbox.datagram(path.remote, bytes))
            }),
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Whole(node) => node.poll_timeout(),
            Self::Plain(plain) => plain.device.poll_timeout().map(|(at, _)| at),
        }
    }
}

/// An IPv6 packet between the derived addresses, with 7 where UDP has its destination port.
fn raw_packet(from: u16, to: u16, len: usize) -> Vec<u8> {
    let mut packet = raw(from, to, len);
    packet[42..44].copy_from_slice(&7u16.to_be_bytes());
    packet
}
