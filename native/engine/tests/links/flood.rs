//! Nodes that all send to all others at once, each behind an uplink and a downlink of its own.

use std::time::Duration;

use bytes::Bytes;
use warren_testing::{Buffer, Link, Router, RouterFigures, RouterId, Seed, Simulation};

use crate::downlink::Downlink;
use crate::party::{Party, Warren, at};
use crate::scenario::{FRAME, MTU, PAYLOAD, percentile};

/// Messages of 64 KiB from each to each without pause, and urgent ones of 1 KiB from each to the others in turn. A
/// message counts when it is whole, so larger ones would make goodput coarse.
#[derive(Clone)]
pub(crate) struct Flood {
    pub(crate) name: &'static str,
    pub(crate) nodes: u16,
    /// Rate of each link, up and down.
    pub(crate) bits_per_second: u64,
    pub(crate) latency: Duration,
    /// Longest queue, up and down.
    pub(crate) buffer: Duration,
    /// Time that is not measured.
    pub(crate) warm: Duration,
    pub(crate) span: Duration,
    pub(crate) seed: u64,
}

/// Results of a flood.
#[derive(Clone, Debug)]
pub(crate) struct FloodFigures {
    /// Share of the payload capacity of all links.
    pub(crate) goodput: f64,
    pub(crate) idle_p99: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
    pub(crate) up: Queues,
    pub(crate) down: Queues,
}

/// Queues of all nodes in one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Queues {
    pub(crate) mean: Duration,
    pub(crate) max: Duration,
    pub(crate) dropped: u64,
}

impl Flood {
    pub(crate) fn new(name: &'static str, megabits: u64) -> Self {
        Self {
            name,
            nodes: 8,
            bits_per_second: megabits * 1_000_000,
            latency: Duration::from_micros(300),
            buffer: Duration::from_millis(50),
            warm: Duration::from_secs(4),
            span: Duration::from_secs(6),
            seed: 0x7772,
        }
    }

    pub(crate) fn run(&self, adjust: impl Fn(&mut Warren)) -> FloodFigures {
        let idle = Run::new(self, &adjust).idle();
        Run::new(self, &adjust).loaded(idle)
    }

    pub(crate) fn router(&self, bits_per_second: u64) -> Router {
        let bytes = self.buffer.as_secs_f64() * bits_per_second as f64 / 8.0;
        Router { bits_per_second, overhead: FRAME, burst: 2 * MTU, buffer: Buffer::Bytes(bytes as usize) }
    }

    fn others(&self, n: u16) -> Vec<u16> {
        (0..self.nodes).filter(|&other| other != n).collect()
    }
}

pub(crate) struct Run<'a> {
    flood: &'a Flood,
    pub(crate) world: Simulation<Party>,
    up: Vec<RouterId>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(flood: &'a Flood, adjust: &impl Fn(&mut Warren)) -> Self {
        let mut world = Simulation::new(Seed::exactly(flood.seed));
        let router = flood.router(flood.bits_per_second);
        let (start, seed) = (world.now(), Seed::exactly(flood.seed));
        let mut up = Vec::new();
        for n in 0..flood.nodes {
            let router_id = world.network.add_router(router);
            up.push(router_id);
            let link = Link { latency: flood.latency, router: Some(router_id), ..Link::default() };
            for other in flood.others(n) {
                world.network.set_link(at(n), at(other), link.clone());
            }
            let mut node = Warren::new(n, &flood.others(n), start, &seed);
            node.downlink = Some(Downlink::new(router));
            node.payload = Bytes::from(vec![7; 64 << 10]);
            adjust(&mut node);
            world.add(at(n), Party::Warren(node));
        }
        for n in 0..flood.nodes {
            for other in n + 1..flood.nodes {
                world.with(at(n), |node, now| node.warren().dial(other, now));
                world.run_for(Duration::from_millis(3));
            }
        }
        world.run_for(Duration::from_secs(1));
        Self { flood, world, up }
    }

    fn idle(mut self) -> Duration {
        self.begin_urgent();
        self.world.run_for(Duration::from_secs(5));
        percentile(&self.latencies(), 0.99)
    }

    fn loaded(mut self, idle_p99: Duration) -> FloodFigures {
        self.begin_urgent();
        self.begin_bulk();
        self.world.run_for(self.flood.warm);
        self.up();
        self.down();
        self.latencies();
        let received = self.received();
        self.world.run_for(self.flood.span);
        let latencies = self.latencies();
        let all = f64::from(self.flood.nodes) * self.flood.span.as_secs_f64();
        let capacity =
            all * self.flood.bits_per_second as f64 / 8.0 * PAYLOAD as f64 / (MTU + 32 + FRAME) as f64;
        FloodFigures {
            goodput: (self.received() - received) as f64 / capacity,
            idle_p99,
            p50: percentile(&latencies, 0.5),
            p99: percentile(&latencies, 0.99),
            max: percentile(&latencies, 1.0),
            up: self.up(),
            down: self.down(),
        }
    }

    pub(crate) fn begin_bulk(&mut self) {
        for n in 0..self.flood.nodes {
            for other in self.flood.others(n) {
                self.world.with(at(n), |node, now| node.warren().begin_bulk(other, now));
            }
            self.world.run_for(Duration::from_millis(7));
        }
    }

    /// Not all at the same instants.
    fn begin_urgent(&mut self) {
        for n in 0..self.flood.nodes {
            let others = self.flood.others(n);
            self.world.with(at(n), |node, now| node.warren().begin_urgent(&others, now));
            self.world.run_for(Duration::from_micros(2_300));
        }
    }

    fn latencies(&mut self) -> Vec<Duration> {
        let mut latencies = Vec::new();
        for n in 0..self.flood.nodes {
            latencies.append(&mut self.world.with(at(n), |node, _| node.warren().latencies.split_off(0)));
        }
        latencies.sort_unstable();
        latencies
    }

    fn received(&mut self) -> u64 {
        (0..self.flood.nodes).map(|n| self.received_by(n)).sum()
    }

    pub(crate) fn received_by(&mut self, n: u16) -> u64 {
        self.world.with(at(n), |node, _| node.warren().received)
    }

    fn up(&mut self) -> Queues {
        queues(self.up.iter().map(|&id| self.world.network.take_figures(id)).collect())
    }

    fn down(&mut self) -> Queues {
        let take = |node: &mut Party| {
            node.warren().downlink.as_mut().map(|downlink| std::mem::take(&mut downlink.queue.figures))
        };
        queues((0..self.flood.nodes).filter_map(|n| self.world.with(at(n), |node, _| take(node))).collect())
    }
}

fn queues(figures: Vec<RouterFigures>) -> Queues {
    let passed: u64 = figures.iter().map(|figures| figures.passed).sum();
    Queues {
        mean: figures.iter().map(|figures| figures.waited).sum::<Duration>() / passed.max(1) as u32,
        max: figures.iter().map(|figures| figures.longest_wait).max().unwrap_or_default(),
        dropped: figures.iter().map(|figures| figures.dropped).sum(),
    }
}
