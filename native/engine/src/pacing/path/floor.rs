//! The delay of a path that jitters, while nothing waits on it.

use std::time::{Duration, Instant};

/// The least delay of a tick in which the queue was emptied, by drains.
///
/// Jitter that overtakes nobody holds up all that follows a late packet: where packets are dense even the least delay of a tick is
/// above the least of any packet, by up to all the jitter there is. Only a tick without a queue tells by how much.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Microseconds, as all delays here.
    known: Option<i64>,
    /// Of the last drain, if it was not the first.
    last: Option<i64>,
    drain: Option<Drain>,
    is_settled: bool,
}

/// A drain whose packets are not all acknowledged.
#[derive(Debug)]
struct Drain {
    /// All that it tells is told by then.
    told: Instant,
    least: Option<i64>,
}

impl Floor {
    /// The path's own delay is this one, whatever it was, until a drain tells better.
    pub(super) fn begin_at(delay: i64) -> Self {
        Self { known: Some(delay), ..Self::default() }
    }

    /// The queue is emptied until an instant.
    pub(super) fn begin_drain(&mut self, until: Instant, round_trip: Duration) {
        self.drain = Some(Drain { told: until + round_trip + TICKS, least: None });
    }

    /// A tick ended, with this least delay. The lesser of two drains counts: what one left in the queue is not the path's. The first
    /// of all is that of a start-up, or of jitter that just began, and counts until the next. Without jitter, or with packets far apart,
    /// a drain tells nothing.
    pub(super) fn learn(&mut self, delay: i64, is_dense: bool, now: Instant) {
        let Some(drain) = &mut self.drain else { return };
        let least = drain.least.map_or(delay, |least| least.min(delay));
        drain.least = Some(least);
        if now <= drain.told {
            return;
        }
        self.drain = None;
        if !is_dense {
            *self = Self::default();
            return;
        }
        self.is_settled = self.known.is_some_and(|known| least - known <= MOVES);
        let is_first = self.known.is_none();
        self.known = Some(self.last.map_or(least, |last| last.min(least)));
        self.last = (!is_first).then_some(least);
    }

    /// By how much it is above the least delay of any packet.
    pub(super) fn above(&self, least: i64) -> i64 {
        self.known.map_or(0, |known| (known - least).max(0))
    }

    /// Whether the last drain found it no higher than it was known to be. Otherwise the next shall not be long in coming.
    pub(super) fn is_settled(&self) -> bool {
        self.is_settled
    }
}

/// A tick that began before the end of the drain, and one in which acknowledgements were late.
const TICKS: Duration = Duration::from_millis(50);
/// Microseconds; drains of one path differ by as much where it jitters by 5 ms.
const MOVES: i64 = 500;

#[cfg(test)]
mod tests;
