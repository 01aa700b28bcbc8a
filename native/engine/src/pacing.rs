//! The device keeps the queues of its bottlenecks short: what would wait there waits in its own lanes.

mod bucket;
mod group;
mod path;
mod rate;

pub(crate) use group::{Groups, Order};
