//! Sums of figures over lanes of one priority.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Priority;
use crate::stats::LaneStats;

/// Figures of lanes, summed by priority.
#[derive(Clone, Debug, Default)]
pub(crate) struct LaneSums(BTreeMap<Priority, LaneStats>);

impl LaneSums {
    pub(crate) fn add(&mut self, lane: &LaneStats) {
        let empty = LaneStats { priority: lane.priority, ..LaneStats::default() };
        self.0.entry(lane.priority).or_insert(empty).add(lane);
    }

    /// Notes the age of the oldest message of a lane that was added.
    pub(crate) fn note_oldest(&mut self, priority: Priority, age: Duration) {
        if let Some(lane) = self.0.get_mut(&priority) {
            lane.oldest = lane.oldest.max(age);
        }
    }

    /// The sums, lowest lane first.
    pub(crate) fn into_lanes(self) -> Vec<LaneStats> {
        self.0.into_values().collect()
    }
}
