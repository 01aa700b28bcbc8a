//! A peer's endpoints: the one where it is, those where it may be, and the order in which they are tried.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use warren_testing::{Datagram, Link, Node};
use warren_wireguard::{Device, Event, Path, PeerChanges, Sent};

use crate::node::*;

/// A's initiations after `since`: when each left, in milliseconds from there, and where to.
fn tries(pair: &Pair, since: Instant) -> Vec<(u128, SocketAddr)> {
    let sent = pair.node_a().sent.iter().filter(|(at, one)| *at >= since && one.bytes[0] == INITIATION);
    sent.map(|(at, one)| ((*at - since).as_millis(), one.to)).collect()
}

fn targets(pair: &Pair, since: Instant) -> Vec<SocketAddr> {
    tries(pair, since).into_iter().map(|(_, to)| to).collect()
}

fn set_endpoints(pair: &mut Pair, endpoints: &[SocketAddr]) {
    let changes = PeerChanges { endpoints: Some(endpoints.to_vec()), ..PeerChanges::default() };
    pair.world.with(pair.a, |node, now| node.device.update_peer(pair.ab, changes, now)).expect("it is there");
}

#[test]
fn a_first_dial_tries_one_address_after_the_other_and_what_waits_follows_the_one_that_answers() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![address(8), address(9), address(2)]);
    let began = pair.world.now();
    pair.send_a(b"where are you?");
    let took = pair.world.run_until(2 * SECOND, |world| !world.node(address(2)).received.is_empty());
    assert!(took <= Duration::from_millis(250 + 83 + 750 + 250 + 60), "{took:?}");
    assert_eq!(targets(&pair, began), [8, 9, 2].map(address));
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
    let unanswered: Vec<(u32, SocketAddr)> = pair
        .node_a()
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Unanswered { attempt, to, .. } => Some((*attempt, *to)),
            _ => None,
        })
        .collect();
    assert_eq!(unanswered, [(1, address(8)), (2, address(9))]);
    pair.world.run_for(10 * SECOND);
    assert!(pair.node_a().sent.iter().skip(3).all(|(_, one)| one.to == pair.b), "and stays there");
}

#[test]
fn a_peer_that_moved_to_its_second_address_is_found_there_beside_a_session_that_counts_as_up() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![address(2), address(5)]);
    pair.send_a(b"first");
    pair.world.run_for(5 * SECOND);
    let mut node = pair.world.remove(pair.b).expect("it is there");
    node.outbox.from = address(5);
    pair.world.add(address(5), node);
    let since = pair.world.now();
    assert!(matches!(pair.send_a(b"lost"), Sent::Sealed(_)));
    pair.world.with(pair.a, |node, now| node.device.suspect(pair.ab, now));
    pair.world
        .run_until(2 * SECOND, |world| world.node(address(1)).device.endpoint(pair.ab) == Some(address(5)));
    assert_eq!(targets(&pair, since), [address(2), address(5)], "the present path first");
    pair.send_a(b"found");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.world.node(address(5))).last(), Some(&b"found".as_slice()));
}

/// A device that dials, what it gives to send and where to.
fn dialling(endpoints: &[SocketAddr]) -> (Device, Instant) {
    let now = warren_testing::start();
    let mut device = Device::new(config(1), now);
    let mut to_b = peer(key(2).public_key(), None);
    to_b.endpoints = endpoints.to_vec();
    let id = device.add_peer(to_b, now).expect("it is new");
    device.initiate(id, now);
    (device, now)
}

fn transmitted(device: &mut Device, now: Instant) -> Vec<(Path, Vec<u8>)> {
    std::iter::from_fn(|| {
        let mut bytes = Vec::new();
        device.poll_transmit(&mut bytes, now).map(|path| (path, bytes))
    })
    .collect()
}

#[test]
fn an_address_that_the_system_refuses_costs_nothing() {
    let (mut device, now) = dialling(&[address(8), address(9), address(2)]);
    let mut tried = Vec::new();
    let mut messages = Vec::new();
    for _ in 0..3 {
        let sent = transmitted(&mut device, now);
        assert_eq!(sent.len(), 1);
        let (path, bytes) = sent[0].clone();
        tried.push(path.remote);
        messages.push(bytes);
        device.unreachable(path, UNREACHABLE, now);
    }
    assert_eq!(tried, [8, 9, 2].map(address));
    assert!(messages.iter().all(|message| *message == messages[0]), "one initiation, that nobody has seen");
    let told: Vec<Event> = std::iter::from_fn(|| device.poll_event()).collect();
    let expected = tried.iter().map(|to| Event::Unreachable {
        peer: warren_wireguard::PeerId(0),
        to: *to,
        error: UNREACHABLE,
    });
    assert!(told.into_iter().eq(expected));
    // All were refused: what else is said of them changes nothing until the next initiation is due.
    for number in [8, 9, 2, 8, 9, 2] {
        device.unreachable(Path { remote: address(number), local: None }, UNREACHABLE, now);
    }
    assert!(transmitted(&mut device, now).is_empty() && device.poll_event().is_none());
    let (next, _) = device.poll_timeout().expect("another try");
    assert!((250..=334).contains(&(next - now).as_millis()), "{:?}", next - now);
    device.handle_timeout(next);
    assert_eq!(transmitted(&mut device, next).len(), 1);
    let attempt = std::iter::from_fn(|| device.poll_event()).find_map(|event| match event {
        Event::Unanswered { attempt, .. } => Some(attempt),
        _ => None,
    });
    assert_eq!(attempt, Some(1), "three refusals were one attempt");
    assert_eq!(device.stats().initiations_sent, 2);
}

#[test]
fn data_that_the_system_refuses_to_send_moves_no_dial_and_costs_nothing() {
    let mut pair = Pair::connected();
    let path = Path { remote: pair.b, local: None };
    let before = pair.node_a().sent.len();
    for _ in 0..1_000 {
        pair.world.with(pair.a, |node, now| node.device.unreachable(path, UNREACHABLE, now));
    }
    assert_eq!(pair.node_a().sent.len(), before);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Unreachable { .. })), 0);
}

#[test]
fn a_pinned_local_address_is_given_up_when_the_peer_is_suspected_and_pinned_again_when_it_is_heard() {
    let mut pair = Pair::connected();
    pair.send_b(b"heard");
    pair.world.run_for(5 * SECOND);
    let path_of = |sent: Sent| match sent {
        Sent::Sealed(path) => path.local,
        Sent::Staged | Sent::Dropped(_) => panic!("there is a session"),
    };
    assert_eq!(path_of(pair.send_a(b"pinned")), Some(pair.a.ip()));
    pair.world.network.set_default(Link::down());
    pair.world.with(pair.a, |node, now| node.device.suspect(pair.ab, now));
    assert_eq!(path_of(pair.send_a(b"free")), None);
    pair.world.network.set_default(Link::default());
    pair.world.run_for(2 * SECOND);
    assert_eq!(path_of(pair.send_a(b"pinned again")), Some(pair.a.ip()));
}

#[test]
fn a_pinned_local_address_that_the_system_refuses_is_given_up_before_the_remote_one() {
    let mut pair = Pair::connected();
    pair.send_b(b"heard");
    pair.world.run_for(130 * SECOND);
    pair.send_a(b"renews the keys");
    let local: Option<IpAddr> = Some(pair.a.ip());
    let path = Path { remote: pair.b, local };
    let before = pair.node_a().sent_of(INITIATION);
    pair.world.with(pair.a, |node, now| node.device.unreachable(path, UNREACHABLE, now));
    assert_eq!(
        pair.node_a().sent_of(INITIATION),
        before + 1,
        "the same once more, from where the system likes"
    );
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Unreachable { .. })), 0);
    assert!(matches!(pair.send_a(b"free"), Sent::Sealed(Path { local: None, .. })));
}

#[test]
fn a_new_endpoint_beside_a_live_session_that_is_not_answered_costs_nothing() {
    let mut pair = Pair::connected();
    pair.world.run_for(3 * SECOND);
    let since = pair.world.now();
    set_endpoints(&mut pair, &[address(9)]);
    for _ in 0..100 {
        assert!(matches!(pair.send_a(b"not lost"), Sent::Sealed(path) if path.remote == address(2)));
        pair.world.run_for(100 * MILLISECOND);
    }
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().received.len(), 101);
    assert_eq!(targets(&pair, since), [address(9), address(2)], "and the present path answers");
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Down { .. })), 0);
}

#[test]
fn a_new_endpoint_beside_a_live_session_is_taken_when_it_answers() {
    let mut pair = Pair::connected();
    pair.world.run_for(100 * MILLISECOND);
    // B is there too.
    let mut node = pair.world.remove(pair.b).expect("it is there");
    node.outbox.from = address(5);
    pair.world.add(address(5), node);
    let since = pair.world.now();
    set_endpoints(&mut pair, &[address(5), address(2)]);
    pair.world.run_for(100 * MILLISECOND);
    let at_once = tries(&pair, since);
    assert_eq!(at_once, [(0, address(5))], "a tenth of a second after another initiation");
    assert!(matches!(pair.send_a(b"here"), Sent::Sealed(path) if path.remote == address(5)));
    set_endpoints(&mut pair, &[address(5), address(2)]);
    pair.world.run_for(SECOND);
    assert_eq!(tries(&pair, since).len(), 1, "the same list again says nothing");
}

#[test]
fn without_a_session_a_new_endpoint_is_tried_at_once_whatever_gap_was_running() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![address(9)]);
    pair.send_a(b"where?");
    pair.world.run_for(6 * SECOND);
    let since = pair.world.now();
    set_endpoints(&mut pair, &[address(9), address(2)]);
    let took = pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
    assert_eq!(took, 60 * MILLISECOND);
    assert_eq!(targets(&pair, since), [address(2)], "the one that was learnt");
}

#[test]
fn a_name_that_changes_with_each_lookup_makes_no_storm() {
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![address(9)]);
    pair.send_a(b"where?");
    for round in 0..600u16 {
        let changing = SocketAddr::new(address(8).ip(), 1_000 + round);
        set_endpoints(&mut pair, &[changing]);
        pair.world.run_for(100 * MILLISECOND);
    }
    // Each that is learnt is tried at once; none is tried again and again.
    let sent = pair.node_a().sent_of(INITIATION);
    assert!(sent <= 600 + 60 * 4, "{sent} in a minute");
}

#[test]
fn a_copy_that_overtakes_from_elsewhere_costs_a_peer_that_only_listens_no_more_than_a_suspicion() {
    // A came to B, which knows no address of it but where it was last heard.
    let mut pair = Pair::with(|_, to_a| to_a.endpoints = Vec::new());
    pair.send_a(b"first");
    pair.world.run_for(5 * SECOND);
    pair.world.network.set_link(pair.a, pair.b, Link::with_latency(SECOND));
    pair.send_a(b"copied");
    let copied = pair.node_a().sent.last().expect("it sent").1.clone();
    pair.world.network.set_link(pair.a, pair.b, Link::with_latency(20 * MILLISECOND));
    let thief = Datagram { from: address(66), ..copied };
    pair.world.with(pair.b, |node, now| node.handle_datagram(thief, now));
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(address(66)));
    pair.world.run_for(2 * SECOND);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(address(66)), "A's own came too late");
    assert!(matches!(pair.send_b(b"stolen"), Sent::Sealed(path) if path.remote == address(66)));
    // An engine asks a second after it.
    pair.world.run_for(SECOND);
    pair.world.with(pair.b, |node, now| node.device.suspect(pair.ba, now));
    pair.world.run_for(40 * MILLISECOND);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
    pair.send_b(b"back");
    pair.world.run_for(20 * MILLISECOND);
    assert_eq!(texts(pair.node_a()), [b"back"]);
}

#[test]
fn copies_of_the_answers_to_a_suspicion_do_not_steal_a_peer_either() {
    let mut pair = Pair::with(|_, to_a| to_a.endpoints = Vec::new());
    pair.send_a(b"first");
    pair.world.run_for(5 * SECOND);
    pair.world.with(pair.b, |node, now| node.device.suspect(pair.ba, now));
    pair.world.run_for(25 * MILLISECOND);
    // On its way to B; the copy is there first.
    let response = pair.node_a().sent.last().expect("it answered").1.clone();
    assert_eq!(response.bytes[0], RESPONSE);
    let thief = Datagram { from: address(66), ..response };
    pair.world.with(pair.b, |node, now| node.handle_datagram(thief, now));
    pair.world.run_for(SECOND);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(address(66)));
    pair.world.with(pair.b, |node, now| node.device.suspect(pair.ba, now));
    pair.world.run_for(100 * MILLISECOND);
    assert_eq!(pair.node_b().device.endpoint(pair.ba), Some(pair.a));
}

#[test]
fn a_mapped_ipv4_address_is_that_ipv4_address() {
    let mapped: SocketAddr = "[::ffff:192.0.2.2]:51820".parse().expect("an address");
    let mut pair = Pair::with(|to_b, _| to_b.endpoints = vec![mapped]);
    assert_eq!(pair.node_a().device.endpoint(pair.ab), Some(pair.b));
    pair.send_a(b"hello");
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_b()), [b"hello"]);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Moved { .. })), 0);
    let zoned: SocketAddr = "[fe80::1%3]:51820".parse().expect("an address");
    set_endpoints(&mut pair, &[zoned]);
    assert_eq!(pair.node_a().sent.last().expect("a try").1.to, zoned, "a zone stays");
}

/// The error number of ENETUNREACH on Linux; here it only has to come out again.
const UNREACHABLE: i32 = 101;
