//! Thirty days of two nodes, while others come and go.

mod visitors;
mod weighed;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_pcg::rand_core::Rng;
use warren_testing::{Link, Seed, Simulation};
use warren_wireguard::{Config, Event, PeerId};

use crate::node::*;
use visitors::{Tally, Visitor};
use weighed::Weighed;

struct Month {
    world: Simulation<Weighed>,
    rng: rand_pcg::Pcg64,
    /// A keeps the path open, roams, and restarts in the first half; B stays where it is and restarts in the second.
    residents: [Resident; 2],
    visitors: Vec<Visitor>,
    /// Visitors so far.
    arrived: u16,
    /// A's port changes.
    moves: u16,
    sessions: usize,
    tally: Tally,
}

struct Resident {
    own: u8,
    at: SocketAddr,
    /// The other, as this one knows it.
    other: PeerId,
    heard: Option<Instant>,
    longest_silence: Duration,
    lives: usize,
    /// Bytes that it held at each midnight since it last restarted, and the number of visitors until then.
    weights: Vec<(isize, u16)>,
}

impl Month {
    fn new() -> Self {
        let seed = Seed::or(0);
        let rng = seed.rng();
        let mut world = Simulation::new(seed);
        world.network.set_default(Link {
            loss: 0.01,
            jitter: 5 * MILLISECOND,
            duplicate: 0.01,
            ..Link::with_latency(20 * MILLISECOND)
        });
        let residents = [1, 2].map(|own| Resident {
            own,
            at: address(own),
            other: PeerId(0),
            heard: None,
            longest_silence: Duration::ZERO,
            lives: 0,
            weights: Vec::new(),
        });
        let mut month = Self {
            world,
            rng,
            residents,
            visitors: Vec::new(),
            arrived: 0,
            moves: 0,
            sessions: 0,
            tally: Tally::default(),
        };
        (0..2).for_each(|which| month.start(which));
        month
    }

    /// Up to five seconds, and what each end heard in them.
    fn pass(&mut self) {
        let pause = Duration::from_millis(u64::from(self.rng.next_u32() % 5_000));
        self.world.run_for(pause);
        let now = self.world.now();
        for which in 0..2 {
            let resident = &mut self.residents[which];
            let node = self.world.node(resident.at).node();
            let stats = node.device.peer_stats(resident.other).expect("it is configured");
            // The answer to a handshake is no packet, but heard as well.
            resident.heard = stats.last_received.max(stats.last_handshake).max(resident.heard);
            let silence = resident.heard.map_or(Duration::ZERO, |heard| now - heard);
            resident.longest_silence = silence.max(resident.longest_silence);
            let events: Vec<Event> = node.events.iter().map(|(_, event)| *event).collect();
            let is_session = |event: &&Event| matches!(event, Event::Up { peer, .. } | Event::Rekeyed { peer } if *peer == resident.other);
            self.sessions += events.iter().filter(is_session).count();
            self.answer(which, &events);
            self.world.with(self.residents[which].at, |node, _| {
                node.act(WireGuard::clear);
                assert_at_most_two_tunnels_a_peer(&format!("{:?}", node.node().device));
            });
        }
        self.attend();
    }

    fn happen(&mut self, restless: usize) {
        // About sixteen of each a day, a hundred visitors, and a packet every half minute.
        match self.rng.next_u32() % 8_640 {
            0..=3 => self.roam(),
            4..=7 => self.start(restless),
            8..=800 => self.speak(0),
            801..=1_600 => self.speak(1),
            1_601..=1_625 => self.arrive(),
            _ => {}
        }
    }

    fn speak(&mut self, which: usize) {
        let Resident { own, at, other, .. } = self.residents[which];
        let text = packet(key(own).public_key(), key(3 - own).public_key(), b"how are you?");
        self.world.with(at, |node, now| node.act(|node| node.send(other, &text, now)));
    }

    fn roam(&mut self) {
        self.moves += 1;
        let a = &mut self.residents[0].at;
        let mut node = self.world.remove(*a).expect("it is there");
        a.set_port(10_000 + self.moves);
        node.act(|node| node.outbox.from = *a);
        self.world.add(*a, node);
    }

    /// A resident's first life, or its next: it forgets all but its configuration.
    fn start(&mut self, which: usize) {
        self.forget(which);
        let now = self.world.now();
        let Resident { own, at, .. } = self.residents[which];
        let config = Config { report_strangers: true, ..config(own) };
        let mut node = Weighed::new(config, at, now);
        let mut to_other = peer(key(3 - own).public_key(), Some(self.residents[1 - which].at));
        to_other.persistent_keepalive = (own == 1).then_some(25);
        let resident = &mut self.residents[which];
        resident.other = node.act(|node| node.device.add_peer(to_other, now)).expect("it is new");
        resident.lives += 1;
        resident.weights.clear();
        self.world.add(at, node);
        self.world.with(at, |_, _| ());
    }

    /// Nobody visits, and what may wait has left: how much do the residents hold?
    fn weigh(&mut self) {
        self.dismiss_all();
        self.world.run_for(SECOND * 30);
        for resident in &mut self.residents {
            let weight = self.world.with(resident.at, |node, _| node.weigh());
            resident.weights.push((weight, self.arrived));
        }
    }
}

impl Month {
    fn assert_memory_is_flat_but_for_the_departed(&self, which: usize) {
        let weights = &self.residents[which].weights;
        let (first, arrived) = weights[0];
        let flat = weights.iter().all(|(weight, then)| {
            let visited = isize::try_from((then - arrived) / 2).expect("few enough");
            (weight - first).abs() < MAX_CHANGE + REMEMBERED * visited
        });
        assert!(flat, "resident {which} held {weights:?} bytes at midnight, after so many visitors");
    }

    fn assert_nobody_was_silent(&self) {
        for resident in &self.residents {
            assert!(resident.lives > 150, "{}", resident.lives);
            let silence = resident.longest_silence;
            assert!(silence <= ALLOWED_SILENCE, "resident {} heard nothing for {silence:?}", resident.own);
        }
    }

    fn assert_visitors_of_all_kinds_came_and_went(&self) {
        let tally = &self.tally;
        assert!(tally.removed.iter().all(|removed| *removed >= 1_000), "{tally:?}");
        assert!(tally.heard >= 2_000 && tally.absent >= 500, "{tally:?}");
        assert!(tally.interrupted >= 200 && tally.let_in >= 500 && tally.refused >= 100, "{tally:?}");
        assert!(tally.longest_silence <= ALLOWED_SILENCE, "{tally:?}");
    }
}

fn assert_at_most_two_tunnels_a_peer(described: &str) {
    let number = |name: &str| {
        let rest = described.split_once(name).expect("it is described").1;
        rest.split(|other: char| !other.is_ascii_digit())
            .next()
            .and_then(|digits| digits.parse::<usize>().ok())
    };
    assert!(number("tunnels: ") <= number("peers: ").map(|peers| 2 * peers), "{described}");
}

#[test]
fn thirty_days_of_loss_roaming_restarts_and_passing_peers_leave_no_end_silent_and_memory_flat() {
    let mut month = Month::new();
    for day in 0..DAYS {
        // Each restarts in one half of the month, and lives through the other.
        let restless = usize::from(day >= DAYS / 2);
        if day % (DAYS / 2) == 0 {
            month.residents[1 - restless].weights.clear();
        }
        while month.world.elapsed() < Duration::from_secs((day + 1) * 86_400) {
            month.pass();
            month.happen(restless);
        }
        month.weigh();
        month.assert_memory_is_flat_but_for_the_departed(1 - restless);
    }
    assert!(month.sessions as u64 > DAYS * 2 * 600, "{}", month.sessions);
    assert!(month.moves > 300, "{}", month.moves);
    month.assert_nobody_was_silent();
    month.assert_visitors_of_all_kinds_came_and_went();
}

/// A keepalive is not answered, so an end that restarted and has nothing to say is found by the other's renewal of
/// keys, which the first keepalive after 120 s asks for; a message may be lost, and is repeated after 5 s at most.
const ALLOWED_SILENCE: Duration = Duration::from_secs(120 + 25 + 4 * 6);

/// Change in the memory of trees and queues as keys come and go.
const MAX_CHANGE: isize = 32 << 10;

/// A peer that was removed leaves its newest timestamp, for as many as there can be peers; some 110 bytes, measured.
const REMEMBERED: isize = 160;

const DAYS: u64 = 30;
