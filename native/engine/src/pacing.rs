//! The device keeps the queues of its bottlenecks short: what would wait there waits in its own lanes.

mod group;
mod pacer;
mod path;
mod rate;

pub(crate) use group::{Groups, Order};
