//! A group's ticks and drains.

use std::time::{Duration, Instant};

use super::super::path::FEW;
use super::super::rate::{PacingPhase, Seen, Wish};
use super::{GroupId, Groups, INITIAL_PACKETS, Order};
use crate::ids::ConnectionId;

impl<W: PartialEq> Groups<W> {
    /// Ends a tick: tells the group's controller what the members saw, and carries out its wish.
    pub(super) fn end_tick(
        &mut self,
        group_id: GroupId,
        elapsed: Duration,
        now: Instant,
        orders: &mut Vec<(ConnectionId, Order)>,
    ) {
        let Some(seen) = self.see(group_id, elapsed, now) else { return };
        let Some(group) = self.groups.get_mut(&group_id) else { return };
        let cut = group.rate.cut_until();
        let wish = group.rate.end_tick(&seen, now);
        let began = group.rate.cut_until().filter(|_| group.rate.cut_until() != cut);
        for id in &group.members {
            let Some(member) = self.members.get_mut(id) else { continue };
            match wish {
                Wish::Nothing => {}
                Wish::Rebase | Wish::Compete => member.path.rebase(now),
                Wish::Return => member.path.go_home(now),
            }
        }
        self.tell_windows(group_id, orders);
        if let Some(until) = began {
            self.drain_all(group_id, until, now);
        }
    }

    /// Ends the tick of a group's members, and sums it up. `None`: it says nothing.
    fn see(&mut self, group_id: GroupId, elapsed: Duration, now: Instant) -> Option<Seen> {
        let (mut alone, mut beside_startup) = (true, false);
        for (_, other) in self.groups.iter().filter(|&(&id, _)| id != group_id) {
            if other.startup > 1.5 * INITIAL_PACKETS * self.datagram && now < other.tick + STALE {
                alone = false;
                beside_startup |= other.rate.is_new(now);
            }
        }
        let group = self.groups.get_mut(&group_id)?;
        let (mut rate, mut bytes, mut lost) = (0.0, 0.0, 0.0);
        let mut queue = [None, None];
        let mut round_trip = Duration::ZERO;
        let (mut jitter, mut jitters, mut floor, mut floor_moves) = (0.0_f64, false, 0.0_f64, false);
        let (mut flying, mut bandwidth_delay) = (0.0, 0.0);
        for id in &group.members {
            let Some(member) = self.members.get_mut(id) else { continue };
            let (tick, member_rate) = member.path.end_tick(elapsed, now);
            rate += member_rate;
            bytes += tick.bytes;
            lost += tick.lost;
            let path = &member.path;
            if let Some(delay) = tick.delay {
                let seen = path.queue_of(delay) as f64 / 1e6;
                let slot = &mut queue[usize::from(tick.packets < FEW)];
                *slot = Some(slot.map_or(seen, |least: f64| least.min(seen)));
                round_trip = round_trip.max(path.smoothed_round_trip);
                let path_jitters = path.jitters(alone);
                if alone || path_jitters {
                    jitter = jitter.max(path.jitter / 1e6);
                }
                jitters |= path_jitters;
                floor = floor.max(path.jitter_floor() as f64 / 1e6);
                floor_moves |= path.floor_moves();
                flying += path.in_flight * path.outer;
                bandwidth_delay += member_rate * path.latest_round_trip.as_secs_f64();
            }
        }
        group.alone = alone;
        group.tick = now;
        group.tick_packets = 0;
        let charged = std::mem::take(&mut group.charged);
        let queue = queue[0].or(queue[1])?;
        if elapsed > STALE || rate <= 0.0 {
            return None;
        }
        let asked = group.rate.rate().map_or(f64::MAX, |rate| rate * elapsed.as_secs_f64());
        Some(Seen {
            queue,
            elapsed: elapsed.as_secs_f64(),
            flying,
            latest_round_trip: bandwidth_delay / rate,
            rate,
            loss: lost / (lost + bytes).max(1.0),
            jitter,
            jitters,
            floor,
            floor_moves,
            round_trip,
            sent: charged / elapsed.as_secs_f64(),
            limited: charged > 0.75 * asked,
            datagram: self.datagram,
            alone,
            beside_startup,
        })
    }

    /// Drains the queues of all groups that send. Groups that share a bottleneck then learn its empty delay at the same
    /// time, and a queue that remains is not this device's. A group drains for others only when its own last drain is
    /// long past: a peer may make up the delays that it tells.
    pub(super) fn drain_all(&mut self, for_group: GroupId, until: Instant, now: Instant) {
        for (&id, group) in &mut self.groups {
            let is_busy = now.saturating_duration_since(group.tick) < STALE;
            let may = id == for_group || group.rate.may_drain_along(now);
            if group.rate.phase == PacingPhase::Steady && is_busy && may {
                let until = group.rate.drain_along(until, now);
                for id in &group.members {
                    let Some(member) = self.members.get_mut(id) else { continue };
                    member.path.begin_drain(until);
                }
                group.bucket.set_rate(group.rate.rate());
            }
        }
    }
}

/// A longer tick had nothing to say for most of its time.
const STALE: Duration = Duration::from_secs(1);
