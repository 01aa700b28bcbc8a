//! Fates of datagrams on their way: the input decides them, or else they arrive.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Fate of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Arrive,
    Vanish,
    ArriveTwice,
    Linger(Duration),
    /// One bit flips.
    Decay(usize),
}

pub(super) struct Network {
    on_the_way: BTreeMap<(Instant, u64), Passing>,
    sent: u64,
    latency: Duration,
    fate: Fate,
    /// Number of further datagrams that have it.
    fated: usize,
}

pub(super) struct Passing {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

impl Network {
    pub(super) fn new() -> Self {
        Self { on_the_way: BTreeMap::new(), sent: 0, latency: LATENCY, fate: Fate::Arrive, fated: 0 }
    }

    /// Decides over the next datagrams.
    pub(super) fn decide(&mut self, fate: Fate, count: usize) {
        self.fate = fate;
        self.fated = count;
    }

    /// Sets the one-way latency from now on.
    pub(super) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    pub(super) fn send(&mut self, from: SocketAddr, to: SocketAddr, mut bytes: Vec<u8>, now: Instant) {
        let fate = if self.fated > 0 { self.fate } else { Fate::Arrive };
        self.fated = self.fated.saturating_sub(1);
        let mut delay = self.latency;
        match fate {
            Fate::Arrive => {}
            Fate::Vanish => return,
            Fate::ArriveTwice => self.schedule(Passing { from, to, bytes: bytes.clone() }, now + delay),
            Fate::Linger(longer) => delay += longer,
            Fate::Decay(place) => {
                let bit = place % (bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
        self.schedule(Passing { from, to, bytes }, now + delay);
    }

    pub(super) fn next_arrival(&self) -> Option<Instant> {
        self.on_the_way.first_key_value().map(|((at, _), _)| *at)
    }

    pub(super) fn arrived(&mut self, now: Instant) -> Option<Passing> {
        self.next_arrival().filter(|at| *at <= now)?;
        self.on_the_way.pop_first().map(|(_, passing)| passing)
    }

    fn schedule(&mut self, passing: Passing, at: Instant) {
        self.sent += 1;
        self.on_the_way.insert((at, self.sent), passing);
    }
}

const LATENCY: Duration = Duration::from_millis(5);
