//! When a connection may send, and what waits until then.

use std::time::{Duration, Instant};

use super::Groups;
use crate::ids::ConnectionId;

impl<W: PartialEq> Groups<W> {
    /// Full datagrams of a connection that may leave now.
    pub(crate) fn allowance(&self, id: ConnectionId, now: Instant) -> usize {
        self.group_of(id).map_or(usize::MAX, |(_, group)| group.bucket.allowance(self.datagram, now))
    }

    /// The same for data that outranks other data of the connection: it does not wait for what that used up, but leaves
    /// packet by packet ahead of its time, and what it outranks makes up for it.
    pub(crate) fn urgent_allowance(&self, id: ConnectionId, now: Instant) -> usize {
        let Some((_, group)) = self.group_of(id) else { return usize::MAX };
        let plain = group.bucket.allowance(self.datagram, now);
        if plain > 0 {
            return plain;
        }
        let ahead = group.rate.rate().map_or(0.0, |rate| AHEAD_PACKETS * self.datagram / rate);
        group.bucket.allowance(self.datagram, now + Duration::from_secs_f64(ahead).min(AHEAD_MAX)).min(1)
    }

    /// Outer bytes that ask for an acknowledgement left.
    pub(crate) fn charge(&mut self, id: ConnectionId, bytes: usize, now: Instant) {
        let Some(member) = self.members.get(&id) else { return };
        if let Some(group) = self.groups.get_mut(&member.group) {
            group.bucket.charge(bytes as f64, self.datagram, now);
            group.charged += bytes as f64;
        }
    }

    /// Keeps what has to wait until its group may send.
    pub(crate) fn wait(&mut self, id: ConnectionId, what: W, now: Instant) {
        let Some(member) = self.members.get(&id) else { return };
        if let Some(group) = self.groups.get_mut(&member.group) {
            if !group.waiting.contains(&what) {
                group.waiting.push(what);
            }
            if group.due.is_none() {
                group.bucket.came_late(Duration::ZERO);
                let together = group.rate.rate().map_or(self.datagram, |rate| rate * TOGETHER);
                let due = group.bucket.deadline(self.datagram.min(together), now);
                group.due = Some(due);
                self.due.insert((due, member.group));
            }
        }
    }

    /// When something that waits may go on.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// What waited long enough.
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

/// How far urgent data may overdraw: the two packets that bulk leaves at once, and one of its own.
const AHEAD_PACKETS: f64 = 3.0;
const AHEAD_MAX: Duration = Duration::from_millis(20);
/// Seconds of its rate that a group sends at once, if that is more than a packet.
const TOGETHER: f64 = 0.001;
