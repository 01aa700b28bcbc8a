//! First dials: one end dials, through loss, over long paths, to our own device and to one that forgets as a kernel
//! does.

use std::time::{Duration, Instant};

use rand_pcg::rand_core::Rng;
use warren_testing::{Datagram, Link, Node, Seed, Simulation};
use warren_wireguard::{Event, PeerId, Sent};

use crate::kernel::Kernel;
use crate::node::*;

enum End {
    Ours(WireGuard),
    Kernel(Kernel),
}

impl End {
    fn node(&self) -> &WireGuard {
        match self {
            End::Ours(node) => node,
            End::Kernel(kernel) => &kernel.node,
        }
    }

    fn inner(&mut self) -> &mut dyn Node {
        match self {
            End::Ours(node) => node,
            End::Kernel(kernel) => kernel,
        }
    }
}

impl Node for End {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        self.inner().handle_datagram(datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.inner().handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        self.inner().poll_transmit(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node().poll_timeout()
    }
}

struct Dialled {
    world: Simulation<End>,
    ab: PeerId,
    began: Instant,
}

impl Dialled {
    /// A, which knows where B is; B, which waits to be dialled.
    fn new(seed: Seed, kernel: bool, link: Link) -> Self {
        let mut world: Simulation<End> = Simulation::new(seed);
        world.network.set_default(link);
        let now = world.now();
        let mut a = WireGuard::new(config(1), address(1), now);
        let mut b = WireGuard::new(config(2), address(2), now);
        let ab = a.device.add_peer(peer(key(2).public_key(), Some(address(2))), now).expect("it is new");
        b.device.add_peer(peer(key(1).public_key(), None), now).expect("it is new");
        world.add(address(1), End::Ours(a));
        world.add(address(2), if kernel { End::Kernel(Kernel::new(b)) } else { End::Ours(b) });
        Self { world, ab, began: now }
    }

    fn send(&mut self, text: &[u8]) -> Sent {
        let (ab, packet) = (self.ab, packet(key(1).public_key(), key(2).public_key(), text));
        self.world.with(address(1), |end, now| match end {
            End::Ours(node) => node.send(ab, &packet, now),
            End::Kernel(_) => unreachable!("A is ours"),
        })
    }

    fn a(&self) -> &WireGuard {
        self.world.node(address(1)).node()
    }

    fn b(&self) -> &WireGuard {
        self.world.node(address(2)).node()
    }

    /// Time until A was first told that B is up.
    fn up(&self) -> Option<Duration> {
        let mut ups = self.a().events.iter().filter(|(_, event)| matches!(event, Event::Up { .. }));
        ups.next().map(|(at, _)| *at - self.began)
    }
}

#[test]
fn ninety_nine_of_a_hundred_dials_through_ten_percent_loss_are_up_within_one_and_a_half_seconds() {
    for kernel in [false, true] {
        let mut rng = Seed::or(1).rng();
        let lossy = Link { loss: 0.1, ..Link::with_latency(20 * MILLISECOND) };
        let mut took: Vec<Duration> = (0..2_000)
            .map(|_| {
                let mut dialled = Dialled::new(Seed::exactly(rng.next_u64()), kernel, lossy.clone());
                dialled.send(b"hello");
                let up = |end: &End| end.node().count(|event| matches!(event, Event::Up { .. })) == 1;
                dialled.world.run_until(20 * SECOND, |world| up(world.node(address(1))));
                dialled.up().expect("it is up")
            })
            .collect();
        took.sort();
        let at = |percent: usize| took[took.len() * percent / 100 - 1];
        println!("kernel: {kernel}; p50 {:?}, p90 {:?}, p99 {:?}", at(50), at(90), at(99));
        assert!(at(99) < Duration::from_millis(1_500), "{:?}", at(99));
        assert!(at(90) < Duration::from_millis(500), "{:?}", at(90));
    }
}

/// A sends 20 packets a second from the first on; how long until it was up, and what B forgot.
fn over_a_long_path(one_way: Duration, kernel: bool, seed: u64) -> (Duration, usize) {
    let link = Link { jitter: 5 * MILLISECOND, in_order: true, ..Link::with_latency(one_way) };
    let mut dialled = Dialled::new(Seed::or(seed), kernel, link);
    for number in 0..200u8 {
        dialled.send(&[number]);
        dialled.world.run_for(50 * MILLISECOND);
    }
    dialled.world.run_for(5 * SECOND);
    let mut arrived: Vec<&[u8]> = Vec::new();
    for text in texts(dialled.b()) {
        if !arrived.contains(&text) {
            arrived.push(text);
        }
    }
    let all: Vec<[u8; 1]> = (0..200).map(|number| [number]).collect();
    assert_eq!(arrived, all, "each, in order, over {one_way:?}, kernel: {kernel}, seed {seed}");
    for node in [dialled.a(), dialled.b()] {
        let of_sessions = |event: &Event| matches!(event, Event::Up { .. } | Event::Rekeyed { .. });
        assert_eq!(node.count(of_sessions), 1, "up once, and nothing renewed: {:?}", node.events);
    }
    let initiations = dialled.a().times_of(INITIATION);
    let up = dialled.up().expect("it is up");
    assert!(initiations.iter().all(|at| *at - dialled.began < up), "none after the dial was over");
    let measured = dialled.a().device.handshake_round_trip(dialled.ab).expect("it was measured");
    assert!((one_way * 2..=one_way * 2 + 10 * MILLISECOND).contains(&measured), "{measured:?}");
    let forgotten = match dialled.world.node(address(2)) {
        End::Ours(_) => 0,
        End::Kernel(kernel) => kernel.forgotten,
    };
    (up, forgotten)
}

#[test]
fn over_round_trips_of_three_and_eight_tenths_of_a_second_dials_are_up_in_one_and_everything_arrives() {
    for kernel in [false, true] {
        for seed in 0..20 {
            let (up, _) = over_a_long_path(Duration::from_millis(150), kernel, seed);
            assert!(up <= Duration::from_millis(310), "{up:?}");
            let (up, _) = over_a_long_path(Duration::from_millis(400), kernel, seed);
            assert!(up <= SECOND, "{up:?}");
        }
    }
}

#[test]
fn what_a_kernel_forgot_with_the_session_of_the_earlier_answer_is_sent_again() {
    let forgotten: usize =
        (0..20).map(|seed| over_a_long_path(Duration::from_millis(400), true, seed).1).sum();
    assert!(forgotten > 50, "it forgot {forgotten} in 20 dials, and all arrived");
}

#[test]
fn over_one_way_delays_of_three_and_eight_tenths_of_a_second_dials_are_up_in_two_and_a_half() {
    for kernel in [false, true] {
        for seed in 0..20 {
            let (up, _) = over_a_long_path(Duration::from_millis(300), kernel, seed);
            assert!(up <= SECOND, "{up:?}");
            let (up, _) = over_a_long_path(Duration::from_millis(800), kernel, seed);
            assert!(up <= Duration::from_millis(2_500), "{up:?}");
        }
    }
}

#[test]
fn a_renewal_answered_twice_loses_nothing_either() {
    for seed in 0..20 {
        let mut dialled = Dialled::new(Seed::or(seed), true, Link::with_latency(20 * MILLISECOND));
        dialled.send(b"first");
        dialled.world.run_for(10 * SECOND);
        // The path became slow, so that the suspicion dials twice before it hears anything.
        dialled.world.network.set_default(Link::with_latency(700 * MILLISECOND));
        let ab = dialled.ab;
        dialled.world.with(address(1), |end, now| match end {
            End::Ours(node) => node.device.suspect(ab, now),
            End::Kernel(_) => unreachable!("A is ours"),
        });
        for number in 0..100u8 {
            dialled.send(&[number]);
            dialled.world.run_for(50 * MILLISECOND);
        }
        dialled.world.run_for(3 * SECOND);
        let arrived = texts(dialled.b());
        assert!((0..100u8).all(|number| arrived.contains(&[number].as_slice())), "seed {seed}");
        assert_eq!(dialled.a().count(|event| matches!(event, Event::Rekeyed { .. })), 1, "seed {seed}");
    }
}
