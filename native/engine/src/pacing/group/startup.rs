//! The search for a rate, up to the first queue.

use std::time::{Duration, Instant};

use super::super::rate::PacingPhase;
use super::{GroupId, Groups, Order};
use crate::ids::ConnectionId;
use crate::transport::PathSample;

impl<W: PartialEq> Groups<W> {
    /// Looks for the rate, and sets the windows meanwhile.
    pub(super) fn start_up(
        &mut self,
        group_id: GroupId,
        id: ConnectionId,
        sample: &PathSample,
        now: Instant,
        orders: &mut Vec<(ConnectionId, Order)>,
    ) {
        let (Some(group), Some(member)) = (self.groups.get_mut(&group_id), self.members.get(&id)) else {
            return;
        };
        if group.rate.phase != PacingPhase::Startup {
            return;
        }
        let path = &member.path;
        let round_trip = path.least_round_trip().as_secs_f64();
        let was_full = (sample.in_flight + sample.bytes) as f64 > 0.5 * group.startup;
        let most = STARTUP_MAX.max(3.0 * group.rate.arrivals() * round_trip);
        if was_full && group.startup < most {
            group.startup = (group.startup + sample.bytes as f64).min(most);
        }
        let rate = (2.0 * group.startup * path.outer / round_trip.max(1e-6)).max(STARTUP_RATE);
        group.bucket.set_rate((rate < PACED_MAX).then_some(rate));
        let two = 2e6 * self.datagram / path.recent_rate().unwrap_or(f64::MAX);
        let is_paths = group.alone || path.jitters(false);
        let long = EXIT_QUEUE.max(two) + if is_paths { 2.0 * path.jitter } else { 0.0 };
        let behind = path.rate_behind(long as i64);
        let lossy = (path.recent_loss() > EXIT_LOSS).then(|| path.recent_rate()).flatten();
        if let Some(found) = behind.or(lossy) {
            group.rate.found(found, now);
            group.tick = now;
            let queue = path.recent_queue();
            self.tell_windows(group_id, orders);
            self.drain_all(group_id, now + Duration::from_micros(2 * queue).min(DRAIN_MAX), now);
            return;
        }
        if group.startup >= STARTUP_MAX && group.rate.arrivals() >= PACED_MAX {
            let found = group.rate.arrivals();
            group.rate.found(found, now);
            self.tell_windows(group_id, orders);
            return;
        }
        orders.extend(group.members.iter().map(|&member| (member, Order::Window(group.startup as u64))));
    }
}

/// Microseconds of queue that end the start-up.
const EXIT_QUEUE: f64 = 2_000.0;
/// Longest drain of all groups after the start-up of one.
const DRAIN_MAX: Duration = Duration::from_millis(400);
const EXIT_LOSS: f64 = 0.06;
/// Bytes in flight from which a path that shows no queue, and on which `PACED_MAX` arrives, counts as fast.
const STARTUP_MAX: f64 = 524_288.0;
/// Bytes a second (24 Mbit/s) below which start-up is not paced, so that nothing urgent waits for a bottleneck that has
/// not shown: the window bounds the queue that this can cause.
const STARTUP_RATE: f64 = 3e6;
/// Bytes a second (500 Mbit/s) from which start-up is not paced.
const PACED_MAX: f64 = 62.5e6;
