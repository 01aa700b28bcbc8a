//! The next deadline of many connections.

use crate::ConnectionHandle;
use std::{cmp::Reverse, collections::BinaryHeap, time::Instant};

/// A heap in which a connection has one live entry, never later than its true deadline.
///
/// Most deadlines are put off before they pass (each acknowledgement moves the loss timer), so only an earlier one is
/// pushed at once; a later one is pushed when the old entry passes.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, ConnectionHandle)>>,
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

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// An entry that has passed; live only if the connection is armed at that instant.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, ConnectionHandle)> {
        self.heap.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }
}
