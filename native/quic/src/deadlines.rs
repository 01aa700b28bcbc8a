//! The next deadline of many connections.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use crate::ConnectionHandle;

/// A heap in which a connection has one live entry, never later than its true deadline.
///
/// Most deadlines are put off before they pass (each acknowledgement moves the loss timer), so only an earlier one is
/// pushed at once; a later one is pushed when the old entry passes.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, ConnectionHandle)>>,
    /// Number of entries when the dead ones were last taken out.
    swept: usize,
}

/// The instant of a connection's live entry.
pub(crate) type Armed = Option<Instant>;

impl Deadlines {
    pub(crate) fn set(&mut self, connection: ConnectionHandle, armed: &mut Armed, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if armed.is_none_or(|armed| deadline < armed) {
            *armed = Some(deadline);
            self.heap.push(Reverse((deadline, connection)));
        }
    }

    /// Takes out the entries that are not live, once there are so many that most of them must be dead: a connection
    /// whose deadline comes nearer leaves the old entry behind, for as long as the other end had it put off.
    pub(crate) fn sweep_if_stale(&mut self, is_live: impl Fn(Instant, ConnectionHandle) -> bool) {
        if self.heap.len() > 2 * self.swept + LEAST_SWEPT {
            self.heap.retain(|&Reverse((at, connection))| is_live(at, connection));
            self.swept = self.heap.len();
        }
    }

    #[cfg(test)]
    pub(crate) fn entries(&self) -> usize {
        self.heap.len()
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// An entry that has passed; live only if the connection is armed at that instant.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, ConnectionHandle)> {
        self.heap.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}

/// Some 24 KiB.
pub(crate) const LEAST_SWEPT: usize = 1_024;
