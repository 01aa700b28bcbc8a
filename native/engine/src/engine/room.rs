//! Room for peers' dials that are not complete: a dialler that keeps this end waiting makes room for others.

use std::time::{Duration, Instant};

use warren_wireguard::PeerId;

use super::Engine;
use super::liveness::ASK;
use crate::event::{CloseCause, Closed, ClosedBy};
use crate::ids::ConnectionId;
use crate::peer::IncompleteDials;
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Whether a dial of a peer's may be taken: few of its dials wait on it, and there is room, or a dial that waited
    /// long on its dialler makes room.
    pub(super) fn finds_room(&mut self, peer: PeerId, now: Instant) -> bool {
        let limit = self.config.limits.pending_connections;
        let its = self.peers.get(&peer).map_or(0, |peer| peer.incomplete.count);
        if its >= share(limit) && !self.displace(Some(peer), now) {
            return false;
        }
        if self.admissions.untaken() >= limit {
            return false;
        }
        self.admissions.pending() < limit || self.displace(None, now)
    }

    /// Notes that a dial of a peer's was answered, and waits on it. Dials that it left incomplete in the last minute
    /// count as the same wait, or a hello now and then would keep its place for ever.
    pub(super) fn await_dialler(&mut self, id: ConnectionId, peer: PeerId, now: Instant) {
        let (Some(peer), Some(connection)) = (self.peers.get_mut(&peer), self.calls.connections.get_mut(&id))
        else {
            return;
        };
        let IncompleteDials { count, since } = &mut peer.incomplete;
        let first = since.filter(|&(_, newest)| now < newest + REMEMBERED).map_or(now, |(first, _)| first);
        *since = Some((first, now));
        *count += 1;
        connection.incomplete = Some(first);
        self.admissions.awaits(first, id);
    }

    /// Notes that a dialler completed its dial.
    pub(super) fn dialler_came(&mut self, id: ConnectionId) {
        if let Some(peer) = self.await_no_more(id)
            && let Some(peer) = self.peers.get_mut(&peer)
        {
            peer.incomplete.since = None;
        }
    }

    /// Notes that a dial waits on its dialler no more. Answers the dialler, if it did wait.
    pub(super) fn await_no_more(&mut self, id: ConnectionId) -> Option<PeerId> {
        let connection = self.calls.connections.get_mut(&id)?;
        let since = connection.incomplete.take()?;
        self.admissions.awaits_no_more(since, id);
        if let Some(peer) = self.peers.get_mut(&connection.peer) {
            peer.incomplete.count -= 1;
        }
        Some(connection.peer)
    }

    /// Gives up the dial, of one peer or of all, whose dialler keeps this end waiting longest; `false`: none does for
    /// long.
    fn displace(&mut self, only: Option<PeerId>, now: Instant) -> bool {
        let oldest = match only {
            Some(peer) => self.connections_of(peer).into_iter().find(|&id| self.is_overdue(id, now)),
            None => {
                let mut oldest = self.admissions.longest().take(LOOKED_AT);
                oldest.find(|&id| self.is_overdue(id, now))
            }
        };
        let Some(id) = oldest else {
            return false;
        };
        self.counters.displaced_dials += 1;
        let reason = "the dial was not completed, and others came";
        self.abandon(id, Closed::new(ClosedBy::Local, CloseCause::Refused, reason), now);
        true
    }

    /// Whether an answer has not come for three times as long as it takes, and a second: in a storm of dials it waits
    /// at this end, behind the hellos of others, and where JavaScript drives the dialler it waits for that.
    fn is_overdue(&self, id: ConnectionId, now: Instant) -> bool {
        let Some(connection) = self.calls.connections.get(&id) else {
            return false;
        };
        let (Some(since), Some(handle)) = (connection.incomplete, connection.handle) else {
            return false;
        };
        let timeout =
            self.transport.probe_timeout(handle).map_or(TIMEOUT_MAX, |timeout| timeout.min(TIMEOUT_MAX));
        now >= since + (3 * timeout).max(ASK)
    }
}

/// A peer's share of the room: an eighth, and two dials at least. Seven peers that complete nothing leave some, and one
/// that dials under all 32 protocols at once has them within four round trips.
fn share(limit: usize) -> usize {
    (limit / 8).max(2)
}

/// The first probe timeout where nothing is known of the path (RFC 9002 section 6.2.2): a peer that answers late, to
/// make its path seem long, gets no more.
const TIMEOUT_MAX: Duration = Duration::from_secs(1);
/// Six times the limit of a dial.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Dials that are looked at, of those that wait longest; those of the farthest peers may have time left.
const LOOKED_AT: usize = 8;
