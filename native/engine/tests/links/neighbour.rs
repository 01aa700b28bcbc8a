//! A second peer of the sender, whose traffic is none of the first one's business.

use std::time::Duration;

use warren_testing::{Link, RouterId, Seed};

use crate::party::{Party, Warren, at};
use crate::scenario::Run;

/// A neighbour's way, and its conduct.
#[derive(Clone, Debug)]
pub(crate) struct Neighbour {
    /// Rate of a link of its own; without, it is behind the same bottleneck.
    pub(crate) bits_per_second: Option<u64>,
    pub(crate) round_trip: Duration,
    pub(crate) jitter: Duration,
    pub(crate) conduct: Conduct,
}

/// Traffic between a neighbour and the sender. Each of its connections gets a message of 64 KiB first, so that a rate
/// is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conduct {
    Idle,
    /// It gets 1 KiB each 20 ms.
    Trickle,
    Bulk,
    /// It gets bulk for so long, and nothing for as long.
    Flips(Duration),
    /// It ends its connection and makes another so often.
    Redials(Duration),
    /// It gets bulk, and makes up 0.3 s of delay that go away when less comes.
    Lies,
}

/// The way of a neighbour, and how far its conduct has come.
#[derive(Debug)]
pub(crate) struct Way {
    forth: RouterId,
    steps: u32,
    arrived: u64,
    /// Datagrams of the fullest step.
    most: u64,
}

impl Neighbour {
    pub(crate) fn new(megabits: u64, round_trip_ms: u64, conduct: Conduct) -> Self {
        let (round_trip, jitter) = (Duration::from_millis(round_trip_ms), Duration::ZERO);
        Self { bits_per_second: Some(megabits * 1_000_000), round_trip, jitter, conduct }
    }

    fn link(&self, router: RouterId, more: Duration) -> Link {
        let latency = self.round_trip / 2 + more;
        Link { latency, jitter: self.jitter, in_order: true, router: Some(router), ..Link::default() }
    }
}

impl Run<'_> {
    /// The neighbour joins, if there is one.
    pub(crate) fn meet_neighbour(&mut self) {
        let Some(neighbour) = &self.scenario.neighbour else { return };
        let (forth, back) = match neighbour.bits_per_second {
            Some(rate) => {
                let router = self.scenario.router(rate);
                (self.world.network.add_router(router), self.world.network.add_router(router))
            }
            None => (self.forth, self.back),
        };
        self.world.network.set_link(at(0), at(NUMBER), neighbour.link(forth, Duration::ZERO));
        self.world.network.set_link(at(NUMBER), at(0), neighbour.link(back, Duration::ZERO));
        let node = Warren::new(NUMBER, &[0], self.world.now(), &Seed::exactly(self.scenario.seed));
        self.world.add(at(NUMBER), Party::Warren(node));
        self.world.with(at(0), |node, _| node.warren().greets = Some(NUMBER));
        self.world.with(at(NUMBER), |node, now| node.warren().dial(0, now));
        self.world.run_for(Duration::from_millis(500));
        self.way = Some(Way { forth, steps: 0, arrived: 0, most: 0 });
        self.world.with(at(0), |node, now| match neighbour.conduct {
            Conduct::Trickle => node.warren().trickle = Some((NUMBER, now)),
            Conduct::Bulk | Conduct::Flips(_) | Conduct::Lies => node.warren().begin_bulk(NUMBER, now),
            Conduct::Idle | Conduct::Redials(_) => {}
        });
        self.run_for(Duration::from_secs(1));
    }

    /// Lets time pass, in which the neighbour does what it does.
    pub(crate) fn run_for(&mut self, time: Duration) {
        if self.way.is_none() {
            return self.world.run_for(time);
        }
        let end = self.world.now() + time;
        while self.world.now() < end {
            self.world.run_for(STEP.min(end.saturating_duration_since(self.world.now())));
            self.act();
        }
    }

    fn act(&mut self) {
        let (Some(neighbour), Some(way)) = (&self.scenario.neighbour, &mut self.way) else { return };
        way.steps += 1;
        let after = (STEP * way.steps).as_millis();
        let is_due = |every: Duration| after.is_multiple_of(every.as_millis());
        match neighbour.conduct {
            Conduct::Flips(every) if is_due(every) => {
                let is_on = (after / every.as_millis()).is_multiple_of(2);
                self.world.with(at(0), |node, now| match is_on {
                    true => node.warren().begin_bulk(NUMBER, now),
                    false => node.warren().end_bulk(NUMBER),
                });
            }
            Conduct::Redials(every) if is_due(every) => {
                self.world.with(at(NUMBER), |node, now| node.warren().redial(0, now));
            }
            Conduct::Lies => {
                let arrived = self.world.with(at(NUMBER), |node, _| node.warren().arrived);
                let came = arrived - way.arrived;
                way.arrived = arrived;
                way.most = way.most.max(came);
                let more = if 2 * came > way.most { MADE_UP } else { Duration::ZERO };
                self.world.network.set_link(at(0), at(NUMBER), neighbour.link(way.forth, more));
            }
            _ => {}
        }
    }
}

/// Its number.
pub(crate) const NUMBER: u16 = 700;
const STEP: Duration = Duration::from_millis(50);
const MADE_UP: Duration = Duration::from_millis(300);
/// The first message of a connection.
pub(crate) const GREETING: usize = 64_000;
