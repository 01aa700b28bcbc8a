//! The virtual network does to datagrams what its links say, and nothing else.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use warren_testing::{Datagram, Link, Network, Node, Rate, Seed, Simulation, start};

#[test]
fn a_perfect_link_delivers_in_order_after_its_latency() {
    let arrivals = send(1_000, MILLISECOND, Link::with_latency(20 * MILLISECOND));
    assert_eq!(arrivals.len(), 1_000);
    assert!(
        arrivals
            .iter()
            .zip(0..)
            .all(|((number, after), expected)| { *number == expected && *after == 20 * MILLISECOND })
    );
}

#[test]
fn loss_and_duplication_happen_as_often_as_they_are_asked_for() {
    let arrivals = send(10_000, MILLISECOND, Link { loss: 0.1, ..Link::default() });
    assert!((8_800..9_200).contains(&arrivals.len()), "{}", arrivals.len());
    let arrivals = send(10_000, MILLISECOND, Link { duplicate: 0.1, ..Link::default() });
    assert!((10_800..11_200).contains(&arrivals.len()), "{}", arrivals.len());
    assert!(send(10, MILLISECOND, Link::down()).is_empty());
}

#[test]
fn a_datagram_held_back_is_overtaken() {
    let link = Link { latency: 10 * MILLISECOND, reorder: 0.05, ..Link::default() };
    let arrivals = send(1_000, MILLISECOND, link);
    let overtaken = arrivals.windows(2).filter(|pair| pair[0].0 > pair[1].0).count();
    assert!((20..100).contains(&overtaken), "{overtaken}");
    assert_eq!(arrivals.len(), 1_000);
}

#[test]
fn jitter_stays_within_its_bound() {
    let link = Link { latency: 10 * MILLISECOND, jitter: 5 * MILLISECOND, ..Link::default() };
    let arrivals = send(1_000, 20 * MILLISECOND, link);
    assert!(arrivals.iter().all(|(_, after)| (10 * MILLISECOND..=15 * MILLISECOND).contains(after)));
    assert!(arrivals.iter().any(|(_, after)| *after > 14 * MILLISECOND));
}

#[test]
fn a_bottleneck_spaces_datagrams_and_drops_what_its_queue_cannot_hold() {
    // 1,000 bytes a millisecond; ten datagrams of 1,000 bytes at once, of which the queue takes five beyond the first.
    let rate = Some(Rate { bits_per_second: 8_000_000, queue_bytes: 5_000 });
    let arrivals = send(10, Duration::ZERO, Link { rate, ..Link::default() });
    let after: Vec<u128> = arrivals.iter().map(|(_, after)| after.as_micros()).collect();
    assert_eq!(after, [1_000, 2_000, 3_000, 4_000, 5_000, 6_000]);
}

#[test]
fn an_uplink_is_shared_by_all_destinations() {
    let mut network = Network::new(Seed::of_this_run());
    network.set_uplink(address(1), Some(Rate { bits_per_second: 8_000_000, queue_bytes: 1_000_000 }));
    let now = start();
    for to in 2..12 {
        network.send(Datagram { from: address(1), to: address(to), bytes: vec![0; 1_000] }, now);
    }
    assert!(network.arrived(now + Duration::from_micros(999)).is_none());
    let arrived = std::iter::from_fn(|| network.arrived(now + 10 * MILLISECOND)).count();
    assert_eq!(arrived, 10);
    assert_eq!(network.next_arrival(), None);
}

#[test]
fn what_exceeds_the_mtu_vanishes() {
    assert!(send(10, MILLISECOND, Link { mtu: 999, ..Link::default() }).is_empty());
    assert_eq!(send(10, MILLISECOND, Link { mtu: 1_000, ..Link::default() }).len(), 10);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_gives_another() {
    let link = Link { loss: 0.2, jitter: MILLISECOND, ..Link::default() };
    let run = |seed| numbers(&mut Network::new(Seed::exactly(seed)), 200, MILLISECOND, link.clone());
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// Answers everything, and says something by itself every second.
struct Echo {
    address: SocketAddr,
    peer: SocketAddr,
    next: Option<Instant>,
    outgoing: Vec<Datagram>,
    heard: Vec<(Instant, Vec<u8>)>,
}

impl Node for Echo {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        if datagram.bytes == b"ping" {
            self.outgoing.push(Datagram { from: datagram.to, to: datagram.from, bytes: b"pong".to_vec() });
        }
        self.heard.push((now, datagram.bytes));
    }

    fn handle_timeout(&mut self, now: Instant) {
        assert_eq!(self.next, Some(now), "woken exactly when it asked to be");
        self.next = Some(now + Duration::from_secs(1));
        self.outgoing.push(Datagram { from: self.address, to: self.peer, bytes: b"ping".to_vec() });
    }

    fn poll_transmit(&mut self, _: Instant) -> Option<Datagram> {
        self.outgoing.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }
}

#[test]
fn time_jumps_from_event_to_event() {
    let mut simulation = Simulation::new(Seed::of_this_run());
    simulation.network.set_default(Link::with_latency(30 * MILLISECOND));
    let (a, b) = (address(1), address(2));
    let first = simulation.now() + Duration::from_secs(1);
    let node = |address, peer, next| Echo { address, peer, next, outgoing: Vec::new(), heard: Vec::new() };
    simulation.add(a, node(a, b, Some(first)));
    simulation.add(b, node(b, a, None));
    let took = simulation.run_until(Duration::from_secs(5), |all| !all.node(a).heard.is_empty());
    assert_eq!(took, Duration::from_millis(1_060));
    simulation.run_for(Duration::from_secs(3_600));
    assert_eq!(simulation.node(b).heard.len(), 3_601);
    assert_eq!(simulation.elapsed(), Duration::from_millis(3_601_060));
    simulation.remove(b);
    simulation.run_for(Duration::from_secs(10));
    assert_eq!(simulation.node(a).heard.len(), 3_600 + 1, "nobody is there to answer");
}

/// Sends `count` numbered datagrams; gives number and travel time of each that arrives.
fn send(count: u16, interval: Duration, link: Link) -> Vec<(u16, Duration)> {
    numbers(&mut Network::new(Seed::of_this_run()), count, interval, link)
}

fn numbers(network: &mut Network, count: u16, interval: Duration, link: Link) -> Vec<(u16, Duration)> {
    let begin = start();
    let sent_at = |number: u16| begin + interval * u32::from(number);
    network.set_links(address(1), address(2), link);
    for number in 0..count {
        let mut bytes = vec![0; 1_000];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        network.send(Datagram { from: address(1), to: address(2), bytes }, sent_at(number));
    }
    let mut arrivals = Vec::new();
    while let Some(at) = network.next_arrival() {
        let datagram = network.arrived(at).expect("it has arrived");
        let number = u16::from_be_bytes([datagram.bytes[0], datagram.bytes[1]]);
        arrivals.push((number, at - sent_at(number)));
    }
    arrivals
}

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 51_820))
}

const MILLISECOND: Duration = Duration::from_millis(1);
