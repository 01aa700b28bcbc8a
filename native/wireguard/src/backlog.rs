//! Work that arrives faster than time passes.

use std::time::{Duration, Instant};

/// A leaky bucket measured in time: each piece of work adds its cost, and the clock drains it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    done_at: Instant,
}

impl Backlog {
    pub(crate) fn new(now: Instant) -> Self {
        Self { done_at: now }
    }

    pub(crate) fn add(&mut self, work: Duration, now: Instant) {
        self.done_at = self.done_at.max(now) + work;
    }

    /// Time that the work still takes.
    pub(crate) fn depth(&self, now: Instant) -> Duration {
        self.done_at.saturating_duration_since(now)
    }

    /// Instant at which all of it is done.
    pub(crate) fn done_at(&self) -> Instant {
        self.done_at
    }
}
