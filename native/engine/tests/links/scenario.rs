//! A link, its load, and the figures of a run.

use std::time::Duration;

use warren_testing::{Buffer, Link, Router, RouterFigures, RouterId, Seed, Simulation};

use crate::naps::Naps;
use crate::neighbour::{self, Neighbour, Way};
use crate::party::{Party, Warren, at};
use crate::rival::{RivalReceiver, RivalSender};

/// A bottleneck behind the sender's device, and the load on it.
#[derive(Clone)]
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) bits_per_second: u64,
    pub(crate) round_trip: Duration,
    /// Round trip while the connections are made, if that differs.
    pub(crate) round_trip_of_dials: Option<Duration>,
    pub(crate) buffer: Buffer,
    pub(crate) loss: f64,
    /// Jitter of datagrams, of which none overtakes another.
    pub(crate) jitter: Duration,
    /// Peers that get bulk, beginning one after another.
    pub(crate) bulk_peers: u16,
    pub(crate) stagger: Duration,
    /// Urgent messages go to a peer of their own.
    pub(crate) urgent_alone: bool,
    /// The peers send as much.
    pub(crate) both_ways: bool,
    /// Longest sleep of both ends in each 40 ms.
    pub(crate) naps: Duration,
    /// Time at which a foreign CUBIC flow joins.
    pub(crate) rival: Option<Duration>,
    /// A peer on a way of its own, from the end of the warm-up on.
    pub(crate) neighbour: Option<Neighbour>,
    /// Changes of the path, their times from the start of the measurement.
    pub(crate) changes: Vec<Change>,
    /// Time that is not measured.
    pub(crate) warm: Duration,
    pub(crate) span: Duration,
    pub(crate) seed: u64,
}

/// The path from an instant on.
#[derive(Clone)]
pub(crate) struct Change {
    pub(crate) after: Duration,
    pub(crate) bits_per_second: u64,
    pub(crate) round_trip: Duration,
    pub(crate) jitter: Duration,
}

/// Figures of a run.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// Share of the payload capacity of the link.
    pub(crate) goodput: f64,
    /// The same of the peer that got least.
    pub(crate) least: f64,
    pub(crate) idle_p99: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    /// Queue of the bottleneck.
    pub(crate) mean_queue: Duration,
    pub(crate) max_queue: Duration,
    /// The longest wait since the very beginning.
    pub(crate) start_queue: Duration,
    pub(crate) dropped: u64,
    /// Share of the rival, of the payload capacity; of the neighbour, of its own link's.
    pub(crate) rival: f64,
    /// Queue by the connection's figures while they told of a foreign flow, each quarter of a second.
    pub(crate) foreign: Vec<Duration>,
}

impl Figures {
    /// Wait of an urgent message that the load causes.
    pub(crate) fn added(&self) -> Duration {
        self.p99.saturating_sub(self.idle_p99)
    }
}

impl Scenario {
    pub(crate) fn new(name: &'static str, megabits: u64, round_trip_ms: u64, buffer: Buffer) -> Self {
        Self {
            name,
            bits_per_second: megabits * 1_000_000,
            round_trip: Duration::from_millis(round_trip_ms),
            round_trip_of_dials: None,
            buffer,
            loss: 0.0,
            jitter: Duration::ZERO,
            bulk_peers: 1,
            stagger: Duration::ZERO,
            urgent_alone: false,
            both_ways: false,
            naps: Duration::ZERO,
            rival: None,
            neighbour: None,
            changes: Vec::new(),
            warm: Duration::from_secs(3),
            span: Duration::from_secs(12),
            seed: 0x7772,
        }
    }

    pub(crate) fn run(&self, adjust: impl Fn(&mut Warren)) -> Figures {
        let idle = Run::new(self, &adjust).idle();
        Run::new(self, &adjust).loaded(idle)
    }

    /// The path at the start.
    fn path(&self, round_trip: Duration) -> Change {
        let (bits_per_second, jitter) = (self.bits_per_second, self.jitter);
        Change { after: Duration::ZERO, bits_per_second, round_trip, jitter }
    }

    pub(crate) fn router(&self, bits_per_second: u64) -> Router {
        Router { bits_per_second, overhead: FRAME, burst: 2 * MTU, buffer: self.buffer }
    }
}

pub(crate) struct Run<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) world: Simulation<Party>,
    pub(crate) forth: RouterId,
    pub(crate) back: RouterId,
    urgent_to: u16,
    pub(crate) way: Option<Way>,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, adjust: &impl Fn(&mut Warren)) -> Self {
        let mut world = Simulation::new(Seed::or(scenario.seed));
        let router = scenario.router(scenario.bits_per_second);
        let (forth, back) = (world.network.add_router(router), world.network.add_router(router));
        let urgent_to = if scenario.urgent_alone { scenario.bulk_peers + 1 } else { 1 };
        let everyone: Vec<u16> = (1..=scenario.bulk_peers.max(urgent_to)).collect();
        let known = [&everyone[..], &[neighbour::NUMBER]].concat();
        let start = world.now();
        let seed = Seed::exactly(scenario.seed);
        let mut sender = Warren::new(0, &known, start, &seed);
        let naps = |n: u16| (!scenario.naps.is_zero()).then(|| Naps::new(start, scenario.naps, u64::from(n)));
        sender.naps = naps(0);
        adjust(&mut sender);
        world.add(at(0), Party::Warren(sender));
        for &n in &everyone {
            let mut peer = Warren::new(n, &[0], start, &seed);
            peer.naps = naps(n);
            adjust(&mut peer);
            world.add(at(n), Party::Warren(peer));
        }
        if let Some(begins) = scenario.rival {
            world.add(at(RIVAL), Party::Sender(RivalSender::new(at(RIVAL), at(RIVAL + 1), start + begins)));
            world.add(at(RIVAL + 1), Party::Receiver(RivalReceiver::new()));
        }
        let mut run = Self { scenario, world, forth, back, urgent_to, way: None };
        run.set_path(&scenario.path(scenario.round_trip_of_dials.unwrap_or(scenario.round_trip)));
        for n in everyone {
            run.world.with(at(0), |node, now| node.warren().dial(n, now));
        }
        run.world.run_for(Duration::from_secs(1));
        run.set_path(&scenario.path(scenario.round_trip));
        run
    }

    fn idle(mut self) -> Duration {
        self.begin_urgent();
        self.world.run_for(Duration::from_secs(5));
        percentile(&self.latencies(), 0.99)
    }

    fn loaded(mut self, idle_p99: Duration) -> Figures {
        self.begin_urgent();
        for n in 1..=self.scenario.bulk_peers {
            self.world.with(at(0), |node, now| node.warren().begin_bulk(n, now));
            if self.scenario.both_ways {
                self.world.with(at(n), |node, now| node.warren().begin_answer(now));
            }
            self.world.run_for(self.scenario.stagger);
        }
        self.world.run_for(self.scenario.warm);
        self.meet_neighbour();
        let start_queue = self.world.network.take_figures(self.forth).longest_wait;
        let before = self.shares();
        let rival = self.rival();
        self.latencies();
        let began = self.world.now();
        let mut capacity = 0.0;
        let mut rate = self.scenario.bits_per_second;
        for change in &self.scenario.changes {
            let part = (began + change.after).saturating_duration_since(self.world.now());
            capacity += rate as f64 * part.as_secs_f64();
            self.run_for(part);
            self.set_path(change);
            rate = change.bits_per_second;
        }
        let rest = (began + self.scenario.span).saturating_duration_since(self.world.now());
        capacity += rate as f64 * rest.as_secs_f64();
        let mut foreign = Vec::new();
        while self.world.now() < began + self.scenario.span {
            let rest = (began + self.scenario.span).saturating_duration_since(self.world.now());
            self.run_for(rest.min(Duration::from_millis(250)));
            foreign.extend(self.told_foreign_queue());
        }
        foreign.sort_unstable();
        let capacity = capacity / 8.0 * PAYLOAD as f64 / (MTU + 32 + FRAME) as f64;
        let RouterFigures { passed, dropped, longest_wait, waited, .. } =
            self.world.network.take_figures(self.forth);
        let latencies = self.latencies();
        let shares: Vec<u64> = self.shares().iter().zip(&before).map(|(now, before)| now - before).collect();
        let received: u64 = shares.iter().sum();
        let least = shares.iter().copied().min().unwrap_or_default();
        Figures {
            goodput: received as f64 / capacity,
            least: least as f64 / capacity,
            idle_p99,
            p50: percentile(&latencies, 0.5),
            p99: percentile(&latencies, 0.99),
            max: percentile(&latencies, 1.0),
            mean_queue: waited / passed.max(1) as u32,
            max_queue: longest_wait,
            start_queue,
            dropped,
            rival: (self.rival() - rival) as f64 / self.rivals_capacity(capacity),
            foreign,
        }
    }

    fn told_foreign_queue(&mut self) -> Option<Duration> {
        let path = self.world.with(at(0), |node, now| {
            let sender = node.warren();
            let connection = *sender.connections.values().next().expect("a connection");
            sender.engine.connection_stats(connection, now).expect("it is open").path
        });
        path.competes.then_some(path.queue)
    }

    fn set_path(&mut self, path: &Change) {
        let router = self.scenario.router(path.bits_per_second);
        self.world.network.set_router(self.forth, router);
        self.world.network.set_router(self.back, router);
        let link = |router, jitter, loss| {
            let latency = path.round_trip / 2;
            Link { latency, jitter, in_order: true, loss, router: Some(router), ..Link::default() }
        };
        for n in (1..=self.scenario.bulk_peers.max(self.urgent_to)).map(at) {
            self.world.network.set_link(at(0), n, link(self.forth, path.jitter, self.scenario.loss));
            self.world.network.set_link(n, at(0), link(self.back, path.jitter, self.scenario.loss));
        }
        self.world.network.set_link(at(RIVAL), at(RIVAL + 1), link(self.forth, Duration::ZERO, 0.0));
        self.world.network.set_link(at(RIVAL + 1), at(RIVAL), link(self.back, Duration::ZERO, 0.0));
    }

    fn begin_urgent(&mut self) {
        let to = self.urgent_to;
        self.world.with(at(0), |node, now| node.warren().begin_urgent(&[to], now));
    }

    fn latencies(&mut self) -> Vec<Duration> {
        let mut latencies =
            self.world.with(at(self.urgent_to), |node, _| std::mem::take(&mut node.warren().latencies));
        latencies.sort_unstable();
        latencies
    }

    /// Bytes that each peer got.
    fn shares(&mut self) -> Vec<u64> {
        let peers = 1..=self.scenario.bulk_peers;
        peers.map(|n| self.world.with(at(n), |node, _| node.warren().received)).collect()
    }

    fn rival(&mut self) -> u64 {
        if self.scenario.neighbour.is_some() {
            return self.world.with(at(neighbour::NUMBER), |node, _| node.warren().received);
        }
        self.scenario.rival.map_or(0, |_| match self.world.node(at(RIVAL)) {
            Party::Sender(rival) => rival.acknowledged,
            Party::Warren(_) | Party::Receiver(_) => 0,
        })
    }

    /// The rival shares the link, whose payload capacity this is; a neighbour has one of its own.
    fn rivals_capacity(&self, capacity: f64) -> f64 {
        let own = self.scenario.neighbour.as_ref().and_then(|neighbour| neighbour.bits_per_second);
        own.map_or(capacity, |own| {
            let bytes = own as f64 / 8.0 * self.scenario.span.as_secs_f64();
            bytes * PAYLOAD as f64 / (MTU + 32 + FRAME) as f64
        })
    }
}

pub(crate) fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * share).ceil() as usize).copied().unwrap_or_default()
}

/// Ethernet, IPv4 and UDP headers, as a shaper on the router counts them.
pub(crate) const FRAME: usize = 14 + 20 + 8;
/// The tunnel's, without WireGuard's 32 bytes.
pub(crate) const MTU: usize = 1420;
/// Message bytes of a full packet: less IPv6, UDP, and 28 bytes of QUIC.
pub(crate) const PAYLOAD: usize = MTU - 48 - 28;
/// The number of the rival's sender; its receiver follows.
const RIVAL: u16 = 900;
