//! Datagrams on their way.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand_pcg::Pcg64;

use crate::link::{Link, Rate};
use crate::router::{Queue, Router, RouterFigures, RouterId};
use crate::seed::Seed;

/// One UDP payload and its two ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// Its sender, as the receiver sees it.
    pub from: SocketAddr,
    /// Its receiver.
    pub to: SocketAddr,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// Fates of the datagrams so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Handed in.
    pub sent: u64,
    /// Handed out, doubles counted.
    pub delivered: u64,
    /// Lost at random.
    pub lost: u64,
    /// Delivered twice.
    pub duplicated: u64,
    /// Dropped by a full queue.
    pub overflowed: u64,
    /// Longer than the link's MTU.
    pub too_long: u64,
}

/// Links between addresses, and the datagrams on their way over them.
#[derive(Debug)]
pub struct Network {
    seed: Seed,
    rng: Pcg64,
    default: Link,
    links: BTreeMap<(SocketAddr, SocketAddr), Link>,
    uplinks: BTreeMap<SocketAddr, Rate>,
    busy_until: BTreeMap<Bottleneck, Instant>,
    routers: Vec<Queue>,
    /// Arrival of the last datagram of each ordered link.
    last_arrival: BTreeMap<(SocketAddr, SocketAddr), Instant>,
    /// By arrival, then in the order of sending.
    on_the_way: BTreeMap<(Instant, u64), Datagram>,
    scheduled: u64,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Bottleneck {
    Uplink(SocketAddr),
    Link(SocketAddr, SocketAddr),
}

impl Network {
    /// A network of perfect links.
    pub fn new(seed: Seed) -> Self {
        Self {
            rng: seed.rng(),
            seed,
            default: Link::default(),
            links: BTreeMap::new(),
            uplinks: BTreeMap::new(),
            busy_until: BTreeMap::new(),
            routers: Vec::new(),
            last_arrival: BTreeMap::new(),
            on_the_way: BTreeMap::new(),
            scheduled: 0,
            counters: Counters::default(),
        }
    }

    /// The run's seed.
    pub fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Sets the link of all directions that have none of their own.
    pub fn set_default(&mut self, link: Link) {
        self.default = link;
    }

    /// Sets the link of one direction from now on; datagrams on their way are not touched.
    pub fn set_link(&mut self, from: SocketAddr, to: SocketAddr, link: Link) {
        self.links.insert((from, to), link);
    }

    /// Sets the link of both directions from now on.
    pub fn set_links(&mut self, a: SocketAddr, b: SocketAddr, link: Link) {
        self.set_link(a, b, link.clone());
        self.set_link(b, a, link);
    }

    /// Gives a direction the default again.
    pub fn unset_links(&mut self, a: SocketAddr, b: SocketAddr) {
        self.links.remove(&(a, b));
        self.links.remove(&(b, a));
    }

    /// Bounds all that leaves one address together, before its links do.
    pub fn set_uplink(&mut self, from: SocketAddr, rate: Option<Rate>) {
        match rate {
            Some(rate) => self.uplinks.insert(from, rate),
            None => self.uplinks.remove(&from),
        };
    }

    /// A router for links to go through: see [`Link::router`].
    pub fn add_router(&mut self, router: Router) -> RouterId {
        self.routers.push(Queue::new(router));
        RouterId(self.routers.len() - 1)
    }

    /// Changes a router from now on; datagrams that wait in it go on at the old pace.
    ///
    /// # Panics
    /// If it is another network's.
    pub fn set_router(&mut self, id: RouterId, router: Router) {
        self.routers[id.0].router = router;
    }

    /// Figures of a router since they were last taken.
    ///
    /// # Panics
    /// If it is another network's.
    pub fn take_figures(&mut self, id: RouterId) -> RouterFigures {
        std::mem::take(&mut self.routers[id.0].figures)
    }

    /// Puts a datagram on its way.
    pub fn send(&mut self, datagram: Datagram, now: Instant) {
        self.counters.sent += 1;
        let ends = (datagram.from, datagram.to);
        let link = self.links.get(&ends).unwrap_or(&self.default).clone();
        if datagram.bytes.len() > link.mtu {
            self.counters.too_long += 1;
            return;
        }
        let uplink = self.uplinks.get(&datagram.from).copied();
        let Some(left) = self.pass(Bottleneck::Uplink(datagram.from), uplink, datagram.bytes.len(), now)
        else {
            return;
        };
        let Some(left) = self.pass(Bottleneck::Link(ends.0, ends.1), link.rate, datagram.bytes.len(), left)
        else {
            return;
        };
        let left = match link.router {
            Some(RouterId(router)) => match self.routers[router].pass(datagram.bytes.len(), left) {
                Some(left) => left,
                None => {
                    self.counters.overflowed += 1;
                    return;
                }
            },
            None => left,
        };
        if self.rng.random_bool(link.loss) {
            self.counters.lost += 1;
            return;
        }
        if self.rng.random_bool(link.duplicate) {
            self.counters.duplicated += 1;
            self.schedule(datagram.clone(), &link, left);
        }
        self.schedule(datagram, &link, left);
    }

    /// Arrival of the next datagram.
    pub fn next_arrival(&self) -> Option<Instant> {
        self.on_the_way.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next datagram that has arrived by now.
    pub fn arrived(&mut self, now: Instant) -> Option<Datagram> {
        if self.next_arrival()? > now {
            return None;
        }
        self.counters.delivered += 1;
        self.on_the_way.pop_first().map(|(_, datagram)| datagram)
    }

    /// Fates of the datagrams so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Time at which the last bit has left the bottleneck; `None` if its queue is full.
    fn pass(&mut self, at: Bottleneck, rate: Option<Rate>, length: usize, now: Instant) -> Option<Instant> {
        let Some(rate) = rate else { return Some(now) };
        let free = self.busy_until.get(&at).copied().unwrap_or(now).max(now);
        let waiting = (free - now).as_secs_f64() * rate.bits_per_second as f64 / 8.0;
        if waiting as usize > rate.queue_bytes {
            self.counters.overflowed += 1;
            return None;
        }
        let left = free + Duration::from_secs_f64(length as f64 * 8.0 / rate.bits_per_second as f64);
        self.busy_until.insert(at, left);
        Some(left)
    }

    fn schedule(&mut self, datagram: Datagram, link: &Link, left: Instant) {
        let mut arrival = left + link.latency + link.jitter.mul_f64(self.rng.random());
        if self.rng.random_bool(link.reorder) {
            arrival += link.latency.max(Duration::from_millis(1));
        }
        if link.in_order {
            let last = self.last_arrival.entry((datagram.from, datagram.to)).or_insert(arrival);
            arrival = arrival.max(*last);
            *last = arrival;
        }
        self.scheduled += 1;
        self.on_the_way.insert((arrival, self.scheduled), datagram);
    }
}
