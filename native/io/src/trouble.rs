//! A socket that fails on and on: it is left alone for longer and longer, bound anew, and at last given up.

use std::time::{Duration, Instant};

/// Failures of the socket with nothing that worked in between.
#[derive(Debug)]
pub(crate) struct Trouble {
    since: Instant,
    failures: u32,
    /// Time of the last rebinding in vain, of the last report, or else of the first failure.
    bound: Instant,
    quiet_until: Instant,
}

/// Cure of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cure {
    /// Leave the socket alone until `Trouble::quiet_until`.
    Wait,
    /// Close the socket, and bind it anew.
    Bind,
    /// It has failed for `FAILS_FOR`, after sockets that were bound anew, too.
    GiveUp,
}

impl Trouble {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, failures: 0, bound: now, quiet_until: now }
    }

    /// Instant until which the socket is not read.
    pub(crate) fn quiet_until(&self) -> Instant {
        self.quiet_until
    }

    /// Reading the socket failed.
    pub(crate) fn failed(&mut self, now: Instant) -> Cure {
        self.wait(now, LONGEST_PAUSE);
        if now.saturating_duration_since(self.since) >= FAILS_FOR {
            return Cure::GiveUp;
        }
        if now.saturating_duration_since(self.bound) < BIND_AFTER {
            return Cure::Wait;
        }
        self.bound = now;
        Cure::Bind
    }

    /// Notes a report about a datagram that was sent and did not arrive. A stranger who forges such reports must not
    /// get more than the least pause by them.
    pub(crate) fn reported(&mut self, now: Instant) {
        self.wait(now, SHORTEST_PAUSE);
        (self.since, self.bound) = (now, now);
    }

    fn wait(&mut self, now: Instant, longest: Duration) {
        self.failures = self.failures.saturating_add(1);
        let Some(doublings) = self.failures.checked_sub(AT_ONCE) else { return };
        let pause = SHORTEST_PAUSE.saturating_mul(1 << doublings.min(10)).min(longest);
        self.quiet_until = now + pause;
    }
}

/// A burst of reports about datagrams that did not arrive is read at once: as many as a batch has messages.
const AT_ONCE: u32 = 32;
/// Doubled with each failure: a socket that fails for good costs some 40 calls in the first second, and one a second
/// later.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// A system that lacks memory for a moment has it again by then.
const BIND_AFTER: Duration = Duration::from_secs(3);
/// Longest time for which nothing but failures are borne: three sockets, each bound anew.
pub(crate) const FAILS_FOR: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
