//! Links: latency, loss and rate of datagrams on their way.

use std::time::Duration;

use crate::router::RouterId;

/// One direction between two addresses. Probabilities are between 0 and 1; the default is perfect and instant.
#[derive(Clone, Debug)]
pub struct Link {
    /// The least time on the way.
    pub latency: Duration,
    /// At most this much more, drawn evenly for each datagram (which reorders those sent closer together, unless
    /// `in_order`).
    pub jitter: Duration,
    /// Jitter overtakes nobody: a datagram arrives no sooner than those sent before it.
    pub in_order: bool,
    /// Probability that a datagram vanishes.
    pub loss: f64,
    /// Probability that a datagram is held back for as long again (1 ms at least), so that later ones overtake it.
    pub reorder: f64,
    /// Probability that a datagram arrives twice.
    pub duplicate: f64,
    /// Longer UDP payloads vanish.
    pub mtu: usize,
    /// The bottleneck on the way, if there is one.
    pub rate: Option<Rate>,
    /// The router on the way, shared with other links, if there is one.
    pub router: Option<RouterId>,
}

/// A bottleneck: a rate, and a drop-tail queue before it.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Payload bits a second.
    pub bits_per_second: u64,
    /// Bytes that may wait; a datagram on top vanishes.
    pub queue_bytes: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            in_order: false,
            loss: 0.0,
            reorder: 0.0,
            duplicate: 0.0,
            mtu: 65_507,
            rate: None,
            router: None,
        }
    }
}

impl Link {
    /// A perfect link, but for the time it takes.
    pub fn with_latency(latency: Duration) -> Self {
        Self { latency, ..Link::default() }
    }

    /// A link that lets nothing through.
    pub fn down() -> Self {
        Self { loss: 1.0, ..Link::default() }
    }
}
