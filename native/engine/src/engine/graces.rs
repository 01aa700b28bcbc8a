//! Graceful closes under way.

use std::collections::BTreeSet;
use std::mem;

use crate::ids::ConnectionId;

/// Connections that are being closed gracefully, and the choice of those to look at.
///
/// It falls on those on which something happened, and on a few others in turn. The turn sees every other change, and
/// many that wait cost no more than few.
#[derive(Debug)]
pub(super) struct Graces {
    all: BTreeSet<ConnectionId>,
    /// Members of `all` on which something happened since they were looked at.
    progressed: BTreeSet<ConnectionId>,
    /// The first of those whose turn it is to be looked at.
    look_from: ConnectionId,
}

impl Graces {
    /// No grace yet.
    pub(super) fn new() -> Self {
        Self { all: BTreeSet::new(), progressed: BTreeSet::new(), look_from: ConnectionId(0) }
    }

    /// Begins a graceful close.
    pub(super) fn begin(&mut self, connection: ConnectionId) {
        self.all.insert(connection);
        self.progressed.insert(connection);
    }

    /// Notes that something happened on a connection, be it closed or not.
    pub(super) fn note(&mut self, connection: ConnectionId) {
        if self.all.contains(&connection) {
            self.progressed.insert(connection);
        }
    }

    /// Forgets a connection that is gone.
    pub(super) fn end(&mut self, connection: ConnectionId) {
        self.all.remove(&connection);
        self.progressed.remove(&connection);
    }

    /// Whether none is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Takes those that are to be looked at.
    pub(super) fn take(&mut self) -> BTreeSet<ConnectionId> {
        let mut looked_at = mem::take(&mut self.progressed);
        let next: Vec<_> = self.all.range(self.look_from..).copied().take(IN_TURN).collect();
        let last = next.last().filter(|_| next.len() == IN_TURN);
        self.look_from = last.map_or(ConnectionId(0), |last| ConnectionId(last.0 + 1));
        looked_at.extend(next);
        looked_at
    }
}

/// Closing connections that are looked at in turn: as many as cost about one packet's work.
const IN_TURN: usize = 8;
