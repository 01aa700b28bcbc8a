//! The bottleneck ahead of an end, which all datagrams to it share.

use std::collections::VecDeque;
use std::time::Instant;

use warren_testing::{Datagram, Queue, Router};

/// A router's egress towards one end. A network's routers stand ahead of the way; this one behind it, where what comes
/// from many is in the order in which it arrives.
pub(crate) struct Downlink {
    pub(crate) queue: Queue,
    waiting: VecDeque<(Instant, Datagram)>,
}

impl Downlink {
    pub(crate) fn new(router: Router) -> Self {
        Self { queue: Queue::new(router), waiting: VecDeque::new() }
    }

    pub(crate) fn push(&mut self, datagram: Datagram, now: Instant) {
        if let Some(left) = self.queue.pass(datagram.bytes.len(), now) {
            self.waiting.push_back((left, datagram));
        }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.front().map(|&(left, _)| left)
    }

    pub(crate) fn pop(&mut self, now: Instant) -> Option<Datagram> {
        self.next().filter(|&left| left <= now)?;
        self.waiting.pop_front().map(|(_, datagram)| datagram)
    }
}
