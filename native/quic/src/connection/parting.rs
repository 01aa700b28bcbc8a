//! The time that a close waits before it leaves.

use std::time::{Duration, Instant};

/// The close of this end's, from the call to the departure. quinn-proto counts its closing period from the call, and
/// drops the connection after it, with a close that still waits for its turn.
#[derive(Debug, Default)]
pub(super) struct Parting {
    /// Instant since which the close waits.
    waits: Option<Instant>,
    /// Time that it waited until it left.
    waited: Duration,
}

impl Parting {
    /// Notes that there is a close to send.
    pub(super) fn begin(&mut self, now: Instant) {
        self.waits = Some(now);
    }

    /// Notes that it left, or was repeated.
    pub(super) fn departed(&mut self, now: Instant) {
        if let Some(since) = self.waits.take() {
            self.waited = now.saturating_duration_since(since);
        }
    }

    /// The end of a closing period that begins with the departure: the period lasts as long as quinn-proto has it.
    pub(super) fn put_off(&self, deadline: Instant) -> Instant {
        self.waits.map_or(deadline + self.waited, |since| deadline.max(since + WAIT_MAX))
    }
}

/// Longest wait for a close that does not leave, as long as a dial may take. At 100 kbit/s of uplink a full datagram of
/// a peer that has spent its share waits for 2.4 s.
const WAIT_MAX: Duration = Duration::from_secs(10);
