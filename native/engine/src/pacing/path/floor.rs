//! The floor: the delay of a path that jitters, while its queue is empty.

use std::time::{Duration, Instant};

/// The least delay of a tick in which drains emptied the queue.
///
/// With jitter that overtakes nobody, a late packet holds up all that follow. Where packets are dense even the least
/// delay of a tick is then above the least of any packet, by up to all the jitter there is. Only a tick without a queue
/// tells by how much.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Microseconds, as all delays here.
    known: Option<i64>,
    /// Floor that the last drain showed, if it was not the first.
    last: Option<i64>,
    drain: Option<Drain>,
    is_stable: bool,
}

/// A drain whose packets are not all acknowledged.
#[derive(Debug)]
struct Drain {
    /// Instant from which the drain tells nothing more.
    told: Instant,
    least: Option<i64>,
}

impl Floor {
    /// Takes this delay for the path's own, whatever was known, until a drain tells better.
    pub(super) fn begin_at(delay: i64) -> Self {
        Self { known: Some(delay), ..Self::default() }
    }

    /// Begins a drain: the queue is emptied until an instant.
    pub(super) fn begin_drain(&mut self, until: Instant, round_trip: Duration) {
        self.drain = Some(Drain { told: until + round_trip + TICKS, least: None });
    }

    /// Ends a tick with this least delay. The lesser of two drains counts: a queue that one left is not the path's
    /// delay. The very first drain is that of a start-up, or of jitter that just began, and counts until the next.
    /// Without jitter, or with packets far apart, a drain tells nothing.
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
        self.is_stable = self.known.is_some_and(|known| least - known <= MOVES);
        let is_first = self.known.is_none();
        self.known = Some(self.last.map_or(least, |last| last.min(least)));
        self.last = (!is_first).then_some(least);
    }

    /// Microseconds by which it is above the least delay of any packet.
    pub(super) fn above(&self, least: i64) -> i64 {
        self.known.map_or(0, |known| (known - least).max(0))
    }

    /// Whether the last drain found it no higher than it was known to be; otherwise the next drain should come soon.
    pub(super) fn is_stable(&self) -> bool {
        self.is_stable
    }
}

/// The tick that began before the end of the drain, and one with late acknowledgements.
const TICKS: Duration = Duration::from_millis(50);
/// Microseconds; drains of one path differ by as much where it jitters by 5 ms.
const MOVES: i64 = 500;

#[cfg(test)]
mod tests;
