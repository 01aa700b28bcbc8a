//! Rates and bounds of lanes.

use std::time::Instant;

use crate::ids::Priority;
use crate::lanes::Lanes;
use crate::uplink::Uplink;

/// Policy of one lane, on every connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePolicy {
    /// The lane's priority.
    pub priority: Priority,
    /// Fate of a message that finds the lane full.
    pub full: Full,
    /// Message bytes of one connection that have not begun to leave. A longer message is taken when none waits.
    pub max_queued_bytes: u64,
    /// Bits per second of all connections together, with all headers down to IP; `None`: no limit.
    pub rate: Option<u64>,
}

/// Fate of a message that finds its lane full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// It is taken: the caller that admits messages limits them.
    Wait,
    /// The oldest that have not begun make room, and settle as dropped.
    DropOldest,
    /// It settles as dropped itself.
    DropNewest,
    /// The connection ends.
    Close,
}

/// The lanes that have a policy.
#[derive(Debug)]
pub(crate) struct Policies {
    lanes: Vec<(LanePolicy, Option<Uplink>)>,
}

impl Policies {
    pub(crate) fn new(lanes: &[LanePolicy], mtu: u16, now: Instant) -> Self {
        let mut lanes: Vec<_> =
            lanes.iter().map(|&lane| (lane, lane.rate.map(|rate| Uplink::new(rate, mtu, now)))).collect();
        lanes.sort_unstable_by_key(|(lane, _)| lane.priority);
        Self { lanes }
    }

    pub(crate) fn of(&self, priority: Priority) -> Option<LanePolicy> {
        self.find(priority).map(|at| self.lanes[at].0)
    }

    /// Lets only those lanes take turns whose rate allows it now.
    pub(crate) fn pause<P: Copy + Eq + std::hash::Hash, T: Copy>(
        &self,
        lanes: &mut Lanes<P, T>,
        now: Instant,
    ) {
        for (lane, bucket) in &self.lanes {
            if let Some(bucket) = bucket {
                lanes.pause(lane.priority, bucket.allowance(now) == 0);
            }
        }
    }

    /// Whether a lane has a rate.
    pub(crate) fn has_rate(&self, priority: Priority) -> bool {
        self.find(priority).is_some_and(|at| self.lanes[at].1.is_some())
    }

    /// Full datagrams of this lane that may leave now.
    pub(crate) fn allowance(&self, priority: Priority, now: Instant) -> usize {
        let bucket = self.find(priority).and_then(|at| self.lanes[at].1.as_ref());
        bucket.map_or(usize::MAX, |bucket| bucket.allowance(now))
    }

    /// Charges a lane for a datagram that left.
    pub(crate) fn charge(&mut self, priority: Priority, udp_payload: usize, ipv6: bool, now: Instant) {
        if let Some(at) = self.find(priority)
            && let (_, Some(bucket)) = &mut self.lanes[at]
        {
            bucket.charge(udp_payload, ipv6, now);
        }
    }

    /// Deadline of the first lane that is paused and has something.
    pub(crate) fn deadline<P: Copy + Eq + std::hash::Hash, T: Copy>(
        &self,
        lanes: &Lanes<P, T>,
    ) -> Option<Instant> {
        let paused = self.lanes.iter().filter(|(lane, _)| lanes.is_paused(lane.priority));
        paused.filter_map(|(_, bucket)| bucket.as_ref().map(Uplink::data_deadline)).min()
    }

    fn find(&self, priority: Priority) -> Option<usize> {
        self.lanes.binary_search_by_key(&priority, |(lane, _)| lane.priority).ok()
    }
}
