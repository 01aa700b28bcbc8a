//! Figures of connections that ended.

use std::collections::VecDeque;

use crate::ids::ConnectionId;
use crate::lane_sums::LaneSums;
use crate::stats::LaneStats;

/// Lane figures of connections that ended: of each of the last ones, and the sums of all.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Oldest first.
    ended: VecDeque<(ConnectionId, Vec<LaneStats>)>,
    sums: LaneSums,
}

impl Past {
    /// Keeps the last figures of a connection, for a caller that asks when it hears of the end.
    pub(crate) fn keep(&mut self, id: ConnectionId, lanes: Vec<LaneStats>) {
        if self.ended.len() == ENDED {
            self.ended.pop_front();
        }
        lanes.iter().for_each(|lane| self.sums.add(lane));
        self.ended.push_back((id, lanes));
    }

    /// Figures of a connection, until 256 others have ended after it.
    pub(crate) fn lanes_of(&self, connection: ConnectionId) -> Option<&Vec<LaneStats>> {
        self.ended.iter().rev().find(|(id, _)| *id == connection).map(|(_, lanes)| lanes)
    }

    /// Sums over all that ended.
    pub(crate) fn sums(&self) -> &LaneSums {
        &self.sums
    }
}

/// Connections that may end before the caller asks for the figures of the first; a lane takes some 2 KB.
const ENDED: usize = 256;
