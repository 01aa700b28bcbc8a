//! Connections that share a bottleneck, and its rate.

mod startup;
mod tick;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use super::pacer::Pacer;
use super::path::PathModel;
use super::rate::{PacingPhase, Rate};
use crate::ids::ConnectionId;
use crate::stats::PathFigures;
use crate::transport::PathSample;

/// Connections that share a bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct GroupId(u32);

/// All bottlenecks of a device, and the connections that share each.
#[derive(Debug)]
pub(crate) struct Groups<W> {
    groups: BTreeMap<GroupId, Group<W>>,
    members: FxHashMap<ConnectionId, Member>,
    /// Deadlines of groups in which something waits.
    due: BTreeSet<(Instant, GroupId)>,
    next: u32,
    /// Outer bytes of a full datagram.
    datagram: f64,
}

/// One bottleneck.
#[derive(Debug)]
pub(crate) struct Group<W> {
    members: Vec<ConnectionId>,
    rate: Rate,
    bucket: Pacer,
    waiting: Vec<W>,
    due: Option<Instant>,
    tick: Instant,
    tick_packets: u64,
    /// Outer bytes that left in this tick.
    charged: f64,
    /// Whether no other group sends much: jumps of delays are then not due to packets to other peers.
    alone: bool,
    /// Bytes that each member may have in flight while the rate is looked for.
    startup: f64,
}

#[derive(Debug)]
struct Member {
    group: GroupId,
    path: PathModel,
}

/// An order to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Bound what is in flight by so many bytes.
    Window(u64),
    /// Leave the window to the transport.
    Free,
    /// Compete with the foreign flow that fills the queue, from so many bytes in flight on.
    Compete(u64),
}

impl<W: PartialEq> Groups<W> {
    pub(crate) fn new(datagram: usize) -> Self {
        Self {
            groups: BTreeMap::new(),
            members: FxHashMap::default(),
            due: BTreeSet::new(),
            next: 0,
            datagram: datagram as f64,
        }
    }

    /// Adds a connection, to the group of another one to the same peer if there is one. Answers its first window.
    pub(crate) fn join(
        &mut self,
        id: ConnectionId,
        beside: Option<ConnectionId>,
        now: Instant,
    ) -> Option<u64> {
        let beside = beside.and_then(|other| self.members.get(&other)).map(|member| member.group);
        let group = beside.unwrap_or_else(|| {
            self.next += 1;
            let group = Group {
                members: Vec::new(),
                rate: Rate::new(now),
                bucket: Pacer::new(now),
                waiting: Vec::new(),
                due: None,
                tick: now,
                tick_packets: 0,
                charged: 0.0,
                alone: true,
                startup: INITIAL_PACKETS * self.datagram,
            };
            self.groups.insert(GroupId(self.next), group);
            GroupId(self.next)
        });
        self.members.insert(id, Member { group, path: PathModel::default() });
        let state = self.groups.get_mut(&group)?;
        state.members.push(id);
        (state.rate.phase == PacingPhase::Startup).then_some(state.startup as u64)
    }

    /// Removes a connection that ended. Answers what waited for its group, if nobody else is in it.
    pub(crate) fn leave(&mut self, id: ConnectionId) -> Vec<W> {
        let Some(member) = self.members.remove(&id) else { return Vec::new() };
        let Some(group) = self.groups.get_mut(&member.group) else { return Vec::new() };
        group.members.retain(|&other| other != id);
        if !group.members.is_empty() {
            return Vec::new();
        }
        if let Some(due) = group.due {
            self.due.remove(&(due, member.group));
        }
        self.groups.remove(&member.group).map(|group| group.waiting).unwrap_or_default()
    }

    /// Takes the facts that acknowledgements brought; appends the orders that follow to `orders`.
    pub(crate) fn observe(
        &mut self,
        id: ConnectionId,
        sample: &PathSample,
        now: Instant,
        orders: &mut Vec<(ConnectionId, Order)>,
    ) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let group_id = member.group;
        member.path.observe(sample, now);
        let round_trip = member.path.smoothed_round_trip;
        let Some(group) = self.groups.get_mut(&group_id) else { return };
        group.rate.answered(self.datagram, round_trip);
        group.tick_packets += sample.packets;
        let elapsed = now.saturating_duration_since(group.tick);
        if elapsed > TICK_MAX || elapsed >= TICK && group.tick_packets >= TICK_PACKETS {
            self.end_tick(group_id, elapsed, now, orders);
        }
        self.start_up(group_id, id, sample, now, orders);
        self.spread(group_id);
    }

    fn tell_windows(&mut self, group_id: GroupId, orders: &mut Vec<(ConnectionId, Order)>) {
        let Some(group) = self.groups.get_mut(&group_id) else { return };
        if group.rate.phase != PacingPhase::Startup {
            group.bucket.set_rate(group.rate.rate());
        }
        let started = group.rate.take_start();
        for &id in &group.members {
            let Some(member) = self.members.get(&id) else { continue };
            let path = &member.path;
            match group.rate.phase {
                PacingPhase::Startup => {}
                PacingPhase::Steady => {
                    // Less the queue of ours, which a window that grew with it would feed.
                    let own = Duration::from_micros(path.recent_queue());
                    let empty = path.smoothed_round_trip.saturating_sub(own).max(path.least_round_trip());
                    let time = 1.25 * empty.as_secs_f64() + WINDOW_SLACK;
                    let window = group.rate.capacity() * time / path.outer + INITIAL_PACKETS * self.datagram;
                    orders.push((id, Order::Window(window as u64)));
                }
                PacingPhase::Fast if started => orders.push((id, Order::Free)),
                PacingPhase::Competing(_) if started => {
                    let share = group.rate.capacity() / group.members.len() as f64;
                    let flying = share * path.smoothed_round_trip.as_secs_f64() / path.outer.max(1.0);
                    orders.push((id, Order::Compete(flying.max(path.in_flight) as u64)));
                }
                PacingPhase::Fast | PacingPhase::Competing(_) => {}
            }
        }
    }

    /// Figures of a connection's path.
    pub(crate) fn figures(&self, id: ConnectionId) -> Option<PathFigures> {
        let path = &self.members.get(&id)?.path;
        let (_, group) = self.group_of(id)?;
        let competes = matches!(group.rate.phase, PacingPhase::Competing(_));
        let queue = if competes { path.recent_foreign_queue() } else { path.recent_queue() };
        let paced = group.rate.rate().map(|bytes| (bytes * 8.0) as u64);
        Some(PathFigures { queue: Duration::from_micros(queue), paced, competes })
    }

    fn group_of(&self, id: ConnectionId) -> Option<(GroupId, &Group<W>)> {
        let group = self.members.get(&id)?.group;
        Some((group, self.groups.get(&group)?))
    }
}

/// The initial window of RFC 6928, in packets.
const INITIAL_PACKETS: f64 = 10.0;
/// Least duration of a tick, and the packets that it takes, so that one packet more or less is no large share of it.
const TICK: Duration = Duration::from_millis(20);
const TICK_PACKETS: u64 = 12;
const TICK_MAX: Duration = Duration::from_millis(250);
/// Seconds of data in flight beyond the round trip: the time that ends take to wake up.
const WINDOW_SLACK: f64 = 0.02;

#[cfg(test)]
mod tests;
