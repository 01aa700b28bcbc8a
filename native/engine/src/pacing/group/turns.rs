//! Turns of connections: when each may send, and the queue of those that wait.

use std::time::{Duration, Instant};

use super::super::rate::PacingPhase;
use super::{GroupId, Groups};
use crate::ids::ConnectionId;

impl<W: PartialEq> Groups<W> {
    /// Full datagrams of a connection that may leave now.
    pub(crate) fn allowance(&self, id: ConnectionId, now: Instant) -> usize {
        self.group_of(id).map_or(usize::MAX, |(_, group)| group.bucket.allowance(self.datagram, now))
    }

    /// The same for data that outranks other data of the connection: it does not wait for time that this has used up,
    /// but leaves packet by packet ahead of its time, and the outranked data makes up for it.
    pub(crate) fn urgent_allowance(&self, id: ConnectionId, now: Instant) -> usize {
        let Some((_, group)) = self.group_of(id) else { return usize::MAX };
        let plain = group.bucket.allowance(self.datagram, now);
        if plain > 0 {
            return plain;
        }
        let ahead = group.bucket.rate().map_or(0.0, |rate| AHEAD_PACKETS * self.datagram / rate);
        group.bucket.allowance(self.datagram, now + Duration::from_secs_f64(ahead).min(AHEAD_MAX)).min(1)
    }

    /// Whether the group is paced, at its rate or in start-up: filling packets is then worth while.
    pub(crate) fn is_steered(&self, id: ConnectionId) -> bool {
        self.group_of(id).is_some_and(|(_, group)| match group.rate.phase {
            PacingPhase::Startup => group.bucket.rate().is_some(),
            PacingPhase::Steady => true,
            PacingPhase::Fast | PacingPhase::Competing(_) => false,
        })
    }

    /// Spreads the windows over the round trip where they alone bound what flies, so that none causes a burst.
    pub(super) fn spread(&mut self, group_id: GroupId) {
        let Some(group) = self.groups.get_mut(&group_id) else { return };
        if !matches!(group.rate.phase, PacingPhase::Fast | PacingPhase::Competing(_)) {
            return;
        }
        let paths = group.members.iter().filter_map(|id| self.members.get(id)).map(|member| &member.path);
        let rate: f64 = paths
            .map(|path| path.window * path.outer / path.smoothed_round_trip.as_secs_f64().max(1e-6))
            .sum();
        if rate > 0.0 {
            group.bucket.set_rate(Some(SPREAD * rate));
        }
    }

    /// Charges the group for outer bytes that left and ask for an acknowledgement.
    pub(crate) fn charge(&mut self, id: ConnectionId, bytes: usize, now: Instant) {
        let Some(member) = self.members.get(&id) else { return };
        if let Some(group) = self.groups.get_mut(&member.group) {
            group.bucket.charge(bytes as f64, self.datagram, now);
            group.charged += bytes as f64;
        }
    }

    /// Puts a turn off until the group may send.
    pub(crate) fn wait(&mut self, id: ConnectionId, what: W, now: Instant) {
        let Some(member) = self.members.get(&id) else { return };
        if let Some(group) = self.groups.get_mut(&member.group) {
            if !group.waiting.contains(&what) {
                group.waiting.push(what);
            }
            if group.due.is_none() {
                group.bucket.came_late(Duration::ZERO);
                let together = group.bucket.rate().map_or(self.datagram, |rate| rate * TOGETHER);
                let due = group.bucket.deadline(self.datagram.min(together), now);
                group.due = Some(due);
                self.due.insert((due, member.group));
            }
        }
    }

    /// Whether this turn waits in any group; an error if it has no deadline.
    pub(crate) fn waits(&self, what: &W) -> Result<bool, String> {
        let mut groups = self.groups.iter();
        let Some((&id, group)) = groups.find(|(_, group)| group.waiting.contains(what)) else {
            return Ok(false);
        };
        match group.due {
            Some(due) if self.due.contains(&(due, id)) => Ok(true),
            _ => Err("it waits for its bottleneck, which has no deadline".into()),
        }
    }

    /// Deadline of the first turn that waits.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// Takes the turns of a group whose deadline is over.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Vec<W>> {
        let &(at, id) = self.due.first()?;
        if at > now {
            return None;
        }
        self.due.pop_first();
        let group = self.groups.get_mut(&id)?;
        group.due = None;
        group.bucket.came_late(now.saturating_duration_since(at));
        Some(std::mem::take(&mut group.waiting))
    }
}

/// Windows that leave in a round trip (RFC 9002 section 7.7).
const SPREAD: f64 = 1.25;
/// Packets by which urgent data may overdraw: the two that bulk leaves at once, and one of its own.
const AHEAD_PACKETS: f64 = 3.0;
const AHEAD_MAX: Duration = Duration::from_millis(20);
/// Seconds of its rate that a group sends at once, if that is more than a packet.
const TOGETHER: f64 = 0.001;
