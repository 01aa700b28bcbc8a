//! Room for connections that peers dial.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::ids::ConnectionId;

/// Accepted connections that the caller does not have yet.
///
/// One is pending until it is claimed or ends, incomplete while its dialler has not answered, and untaken while its
/// event waits for the caller. A peer can make this end keep all three, so each is counted, and the limit of pending
/// connections bounds each.
#[derive(Debug, Default)]
pub(super) struct Admissions {
    pending: usize,
    /// Incomplete connections, by the instant since which the peer of each keeps this end waiting.
    incomplete: BTreeSet<(Instant, ConnectionId)>,
    untaken: usize,
}

impl Admissions {
    /// Accepted, and neither claimed nor over.
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    /// Notes an accepted connection.
    pub(super) fn accepted(&mut self) {
        self.pending += 1;
    }

    /// Notes that one was claimed, or ended before.
    pub(super) fn resolved(&mut self) {
        self.pending -= 1;
    }

    /// Notes that one waits on its dialler.
    pub(super) fn awaits(&mut self, since: Instant, id: ConnectionId) {
        self.incomplete.insert((since, id));
    }

    /// Notes that one waits on its dialler no more.
    pub(super) fn awaits_no_more(&mut self, since: Instant, id: ConnectionId) {
        self.incomplete.remove(&(since, id));
    }

    /// Connections whose diallers keep this end waiting, longest first.
    pub(super) fn longest(&self) -> impl Iterator<Item = ConnectionId> {
        self.incomplete.iter().map(|&(_, id)| id)
    }

    /// Notes that the event of one waits for the caller.
    pub(super) fn told(&mut self) {
        self.untaken += 1;
    }

    /// Notes that the caller took the event of one.
    pub(super) fn taken(&mut self) {
        self.untaken -= 1;
    }

    /// Events that the caller has not taken.
    pub(super) fn untaken(&self) -> usize {
        self.untaken
    }
}
