//! A bottleneck that several links share.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A router's egress: a token bucket and a drop-tail queue before it, as `tc qdisc … tbf` makes them.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// Bits a second, `overhead` included.
    pub bits_per_second: u64,
    /// Bytes that each UDP payload costs beyond itself.
    pub overhead: usize,
    /// Bytes that leave at once after idleness.
    pub burst: usize,
    /// Bound of its queue; a datagram on top vanishes.
    pub buffer: Buffer,
}

/// The bound of a queue.
#[derive(Clone, Copy, Debug)]
pub enum Buffer {
    /// Bytes, overhead included.
    Bytes(usize),
    /// Datagrams of any size.
    Packets(usize),
}

/// Names a router of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterId(pub(crate) usize);

/// Figures of a router's queue.
#[derive(Clone, Copy, Debug, Default)]
pub struct RouterFigures {
    /// Datagrams that passed.
    pub passed: u64,
    /// Their bytes, overhead included.
    pub bytes: u64,
    /// Datagrams that found the queue full.
    pub dropped: u64,
    /// The longest wait.
    pub longest_wait: Duration,
    /// All waits together.
    pub waited: Duration,
}

/// A router's queue.
#[derive(Debug)]
pub struct Queue {
    pub(crate) router: Router,
    /// Figures since they were last taken.
    pub figures: RouterFigures,
    /// Time at which the bucket is (or was) exactly empty.
    even: Option<Instant>,
    /// Datagrams that wait: the time at which each will have left, and its cost.
    waiting: VecDeque<(Instant, usize)>,
    waiting_bytes: usize,
}

impl Queue {
    /// An empty one.
    pub fn new(router: Router) -> Self {
        let figures = RouterFigures::default();
        Self { router, figures, even: None, waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    /// Time at which a datagram that comes now has left; `None` if the queue is full.
    pub fn pass(&mut self, length: usize, now: Instant) -> Option<Instant> {
        while let Some(&(left, cost)) = self.waiting.front()
            && left <= now
        {
            self.waiting.pop_front();
            self.waiting_bytes -= cost;
        }
        let cost = length + self.router.overhead;
        let is_full = match self.router.buffer {
            Buffer::Bytes(most) => self.waiting_bytes + cost > most,
            Buffer::Packets(most) => self.waiting.len() >= most,
        };
        if is_full {
            self.figures.dropped += 1;
            return None;
        }
        let earliest = now.checked_sub(self.time_of(self.router.burst)).unwrap_or(now);
        let even = self.even.unwrap_or(earliest).max(earliest) + self.time_of(cost);
        self.even = Some(even);
        let left = even.max(now);
        self.waiting.push_back((left, cost));
        self.waiting_bytes += cost;
        self.figures.passed += 1;
        self.figures.bytes += cost as u64;
        self.figures.longest_wait = self.figures.longest_wait.max(left - now);
        self.figures.waited += left - now;
        Some(left)
    }

    fn time_of(&self, bytes: usize) -> Duration {
        Duration::from_secs_f64(bytes as f64 * 8.0 / self.router.bits_per_second as f64)
    }
}
