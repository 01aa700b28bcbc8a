//! Peers: added, changed, removed while running; and which inner addresses are whose.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rand_pcg::rand_core::Rng;
use warren_testing::{Link, Seed};
use warren_wireguard::{
    AddPeerError, Config, Limits, PeerChanges, PeerId, Prefix, PublicKey, SendDrop, Sent, UpdatePeerError,
};

use crate::node::*;

fn prefix(text: &str) -> Prefix {
    text.parse().expect("a prefix")
}

fn changes(allowed_ips: &[&str], replace: bool) -> PeerChanges {
    let allowed_ips = Some(allowed_ips.iter().map(|text| prefix(text)).collect());
    PeerChanges { allowed_ips, replace, ..PeerChanges::default() }
}

#[test]
fn a_hundred_peers_come_and_go_while_others_talk() {
    let mut pair = Pair::connected();
    let (a, b) = (pair.a, pair.b);
    let mut expected = 1;
    for number in 100..200u8 {
        let now = pair.world.now();
        let mut node = WireGuard::new(config(number), address(number), now);
        let there = node.device.add_peer(peer(key(1).public_key(), Some(a)), now).expect("it is new");
        pair.world.add(address(number), node);
        let here =
            pair.world.with(a, |node, now| node.device.add_peer(peer(key(number).public_key(), None), now));
        let here = here.expect("it is new");
        let text = packet(key(number).public_key(), key(1).public_key(), &[number]);
        pair.world.with(address(number), |node, now| node.send(there, &text, now));
        pair.world.run_for(200 * MILLISECOND);
        let back = packet(key(1).public_key(), key(number).public_key(), &[number]);
        let sent = pair.world.with(a, |node, now| node.send(here, &back, now));
        assert!(matches!(sent, Sent::Sealed(_)), "{number}: {sent:?}");
        assert!(matches!(pair.send_a(b"meanwhile"), Sent::Sealed(_)));
        expected += 1;
        pair.world.run_for(100 * MILLISECOND);
        assert_eq!(texts(pair.world.node(address(number))), [[number]]);
        if number % 2 == 0 {
            pair.world.with(a, |node, now| node.device.remove_peer(here, now));
            let sent = pair.world.with(a, |node, now| node.send(here, &back, now));
            assert_eq!(sent, Sent::Dropped(SendDrop::NoSuchPeer));
            let before = pair.node_a().received.len();
            pair.world.with(address(number), |node, now| node.send(there, &text, now));
            pair.world.run_for(100 * MILLISECOND);
            assert_eq!(pair.node_a().received.len(), before, "a removed peer is not heard");
        }
    }
    assert_eq!(pair.world.node(b).received.len(), expected, "the others did not notice");
    assert!(format!("{:?}", pair.node_a().device).contains("peers: 51, tunnels: 51"));
    pair.world.run_for(Duration::from_secs(800));
    assert!(format!("{:?}", pair.node_a().device).contains("peers: 51, tunnels: 0"));
    assert_eq!(pair.node_a().device.poll_timeout(), None);
}

#[test]
fn a_device_can_be_handed_to_another_thread() {
    fn sendable<T: Send>() {}
    sendable::<warren_wireguard::Device>();
}

#[test]
fn ten_thousand_joins_and_leaves_leave_nothing_behind_and_never_repeat_an_id() {
    let world = World::new(Seed::of_this_run());
    let mut node = WireGuard::new(config(1), address(1), world.now());
    let public_key = key(2).public_key();
    let mut last = None;
    for _ in 0..10_000 {
        let id =
            node.device.add_peer(peer(public_key, Some(address(2))), world.now()).expect("it was removed");
        assert!(last < Some(id));
        last = Some(id);
        node.device.remove_peer(id, world.now());
    }
    assert_eq!(node.device.peer_of_destination(inner(2)), None);
    assert_eq!(node.device.poll_timeout(), None);
}

#[test]
fn what_cannot_be_a_peer_is_refused_and_changes_nothing() {
    let world = World::new(Seed::of_this_run());
    let small = Limits { peers: 2, ..limits() };
    let mut node = WireGuard::new(Config { limits: small, ..config(1) }, address(1), world.now());
    let mut add = |public_key: PublicKey, allowed_ips: &[&str]| {
        let mut config = peer(public_key, None);
        config.allowed_ips = allowed_ips.iter().map(|text| prefix(text)).collect();
        node.device.add_peer(config, world.now())
    };
    assert_eq!(add(key(1).public_key(), &[]), Err(AddPeerError::OwnKey));
    assert_eq!(add(PublicKey::from_bytes([0; 32]), &[]), Err(AddPeerError::LowOrderKey));
    add(key(2).public_key(), &["10.0.0.0/8"]).expect("it is new");
    assert_eq!(add(key(2).public_key(), &[]), Err(AddPeerError::AlreadyExists));
    let owner = key(2).public_key();
    let conflict = |text: &str| Err(AddPeerError::AllowedIpConflict { prefix: prefix(text), owner });
    assert_eq!(add(key(3).public_key(), &["10.0.0.0/9", "10.1.2.3/8"]), conflict("10.0.0.0/8"));
    let derived = format!("{}/128", owner.derived_address());
    assert_eq!(add(key(3).public_key(), &[&derived]), conflict(&derived));
    let third = add(key(3).public_key(), &["10.0.0.0/9"]);
    assert!(third.is_ok(), "nothing of the refused attempts was kept: {third:?}");
    assert_eq!(add(key(4).public_key(), &[]), Err(AddPeerError::TooManyPeers));
}

#[test]
fn prefixes_move_only_when_told_to_and_derived_addresses_never() {
    let world = World::new(Seed::of_this_run());
    let now = world.now();
    let device = &mut WireGuard::new(config(1), address(1), now).device;
    let two = device.add_peer(peer(key(2).public_key(), None), now).expect("it is new");
    let three = device.add_peer(peer(key(3).public_key(), None), now).expect("it is new");
    assert_eq!(device.update_peer(two, changes(&["10.0.0.0/8", "0.0.0.0/0"], false), now), Ok(()));
    let there = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(device.peer_of_destination(there("10.1.1.1")), Some(two));
    let conflict =
        UpdatePeerError::AllowedIpConflict { prefix: prefix("10.0.0.0/8"), owner: key(2).public_key() };
    assert_eq!(
        device.update_peer(three, changes(&["172.16.0.0/12", "10.0.0.0/8"], false), now),
        Err(conflict)
    );
    assert_eq!(device.peer_of_destination(there("172.16.1.1")), Some(two), "nothing changed");
    assert_eq!(device.update_peer(three, changes(&["172.16.0.0/12", "10.0.0.0/8"], true), now), Ok(()));
    assert_eq!(device.peer_of_destination(there("10.1.1.1")), Some(three));
    assert_eq!(device.peer_of_destination(there("8.8.8.8")), Some(two));
    let derived = format!("{}/128", key(2).public_key().derived_address());
    let stolen = device.update_peer(three, changes(&[&derived], true), now);
    assert!(matches!(stolen, Err(UpdatePeerError::AllowedIpConflict { .. })));
    assert_eq!(device.update_peer(two, changes(&[&derived], false), now), Ok(()), "its own, said aloud");
    assert_eq!(device.update_peer(two, changes(&[], false), now), Ok(()));
    assert_eq!(device.peer_of_destination(inner(2)), Some(two), "it keeps its own whatever the list");
    assert_eq!(device.peer_of_destination(there("8.8.8.8")), None);
    device.remove_peer(three, now);
    assert_eq!(device.peer_of_destination(there("10.1.1.1")), None);
    assert_eq!(device.update_peer(three, changes(&[], false), now), Err(UpdatePeerError::NoSuchPeer));
}

#[test]
fn wide_prefixes_never_cover_the_derived_address_of_a_peer_that_is_not_there() {
    let world = World::new(Seed::of_this_run());
    let now = world.now();
    let device = &mut WireGuard::new(config(1), address(1), now).device;
    let two = device.add_peer(peer(key(2).public_key(), None), now).expect("it is new");
    let wide = changes(&["::/0", "fd00::/8", "fc00::/7", "fd00:1:2::/48"], false);
    assert_eq!(device.update_peer(two, wide, now), Ok(()));
    assert_eq!(device.peer_of_destination(inner(3)), None);
    assert_eq!(device.peer_of_destination(inner(2)), Some(two));
    let there = |text: &str| text.parse::<IpAddr>().expect("an address");
    assert_eq!(device.peer_of_destination(there("2001:db8::1")), Some(two));
    assert_eq!(device.peer_of_destination(there("fc00::1")), Some(two), "not in the derived range");
    assert_eq!(
        device.peer_of_destination(there("fd00:1:2::9")),
        Some(two),
        "a site of its own was said aloud"
    );
}

#[test]
fn the_longest_prefix_decides_as_in_a_naive_search() {
    let mut rng = Seed::of_this_run().rng();
    let world = World::new(Seed::of_this_run());
    let now = world.now();
    let device = &mut WireGuard::new(config(1), address(1), now).device;
    let mut model: Vec<(PeerId, Vec<Prefix>)> = (2..12)
        .map(|number| {
            (device.add_peer(peer(key(number).public_key(), None), now).expect("it is new"), Vec::new())
        })
        .collect();
    // Few distinct addresses, so that prefixes nest and collide.
    let address = |bits: u32| -> IpAddr {
        if bits & 1 == 0 {
            Ipv4Addr::from_bits((bits >> 1 & 3) << 30 | (bits >> 3 & 3) << 15 | (bits >> 5 & 3)).into()
        } else {
            Ipv6Addr::from_bits(
                u128::from(bits >> 1 & 3) << 125
                    | u128::from(bits >> 3 & 3) << 60
                    | u128::from(bits >> 5 & 3),
            )
            .into()
        }
    };
    for round in 0..2_000 {
        let who = (rng.next_u32() % 10) as usize;
        let new: Vec<Prefix> = (0..rng.next_u32() % 6)
            .map(|_| {
                let address = address(rng.next_u32());
                let longest = if address.is_ipv4() { 32 } else { 128 };
                Prefix::new(address, (rng.next_u32() % (longest + 1)) as u8).expect("few enough bits")
            })
            .collect();
        let replace = rng.next_u32().is_multiple_of(2);
        let taken = model
            .iter()
            .enumerate()
            .any(|(other, (_, theirs))| other != who && new.iter().any(|one| theirs.contains(one)));
        let changes = PeerChanges { allowed_ips: Some(new.clone()), replace, ..PeerChanges::default() };
        let outcome = device.update_peer(model[who].0, changes, now);
        assert_eq!(outcome.is_err(), taken && !replace, "round {round}");
        if outcome.is_ok() {
            model.iter_mut().for_each(|(_, theirs)| theirs.retain(|one| !new.contains(one)));
            model[who].1 = new;
        }
        for _ in 0..20 {
            let address = address(rng.next_u32());
            let holds =
                |prefix: &&Prefix| Prefix::new(address, prefix.bits()).is_ok_and(|same| same == **prefix);
            let best = model
                .iter()
                .flat_map(|(id, prefixes)| prefixes.iter().filter(holds).map(|prefix| (prefix.bits(), *id)));
            assert_eq!(
                device.peer_of_destination(address),
                best.max().map(|(_, id)| id),
                "round {round}: {address}"
            );
        }
    }
}

#[test]
fn a_packet_whose_source_is_not_its_senders_is_dropped() {
    let mut pair = Pair::with(|to_b, to_a| {
        to_b.allowed_ips = vec![prefix("10.0.0.0/8")];
        to_a.allowed_ips = vec![prefix("10.0.0.0/8"), prefix("fd00:1:2::/64")];
    });
    // A third peer of B owns a part of what A owns.
    let third = key(3).public_key();
    let mut config = peer(third, None);
    config.allowed_ips = vec![prefix("fd00:1:2:0:5::/80")];
    pair.world.with(pair.b, |node, now| node.device.add_peer(config, now)).expect("it is new");
    let to = key(2).public_key().derived_address();
    let there = |text: &str| text.parse::<Ipv6Addr>().expect("an address");
    let sources = [
        (key(1).public_key().derived_address(), true),
        (there("fd00:1:2::9"), true),
        (there("fd00:1:2:0:5::9"), false),
        (there("fd00:1:3::9"), false),
        (third.derived_address(), false),
        (key(4).public_key().derived_address(), false),
        (to, false),
        (there("2001:db8::1"), false),
    ];
    let id = pair.ab;
    for (source, _) in sources {
        pair.world.with(pair.a, |node, now| node.send(id, &packet_between(source, to, b"who?"), now));
    }
    pair.world.run_for(SECOND);
    let allowed = sources.iter().filter(|(_, allowed)| *allowed).count();
    assert_eq!(pair.node_b().received.len(), allowed);
    assert_eq!(pair.node_b().device.stats().received.wrong_source, (sources.len() - allowed) as u64);
}

#[test]
fn a_peers_figures_count_what_went_over_the_wire() {
    let mut pair = Pair::connected();
    (0..9).for_each(|_| assert!(matches!(pair.send_a(&[0; 1_000]), Sent::Sealed(_))));
    pair.world.run_for(11 * SECOND);
    let at_a = pair.node_a().device.peer_stats(pair.ab).expect("it is there");
    let at_b = pair.node_b().device.peer_stats(pair.ba).expect("it is there");
    let data = |node: &WireGuard| {
        let data = node.sent.iter().filter(|(_, one)| one.bytes[0] == DATA);
        data.fold((0, 0), |(count, bytes), (_, one)| (count + 1, bytes + one.bytes.len() as u64))
    };
    assert_eq!((at_a.sent_packets, at_a.sent_bytes), data(pair.node_a()));
    assert_eq!((at_b.received_packets, at_b.received_bytes), (at_a.sent_packets, at_a.sent_bytes));
    assert_eq!((at_a.received_packets, at_a.received_bytes), data(pair.node_b()));
    assert_eq!((at_a.sessions, at_b.sessions), (1, 1));
    assert!(at_a.last_handshake.is_some() && at_b.last_received.is_some());
}

#[test]
fn handshakes_of_two_hundred_peers_at_once_are_answered_without_cookies() {
    let mut world = World::new(Seed::of_this_run());
    world.network.set_default(Link::with_latency(20 * MILLISECOND));
    let now = world.now();
    let mut hub = WireGuard::new(config(1), address(1), now);
    for number in 10..210 {
        hub.device.add_peer(peer(key(number).public_key(), None), now).expect("it is new");
    }
    world.add(address(1), hub);
    for number in 10..210 {
        let mut node = WireGuard::new(config(number), address(number), now);
        let id = node.device.add_peer(peer(key(1).public_key(), Some(address(1))), now).expect("it is new");
        node.send(id, &packet(key(number).public_key(), key(1).public_key(), b"back again"), now);
        world.add(address(number), node);
        world.with(address(number), |_, _| ());
    }
    world.run_for(200 * MILLISECOND);
    assert_eq!(world.node(address(1)).received.len(), 200);
    assert_eq!(world.node(address(1)).sent_of(COOKIE_REPLY), 0);
}
