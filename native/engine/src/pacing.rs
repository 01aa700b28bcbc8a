//! Pacing: keeps the queues of the device's bottlenecks short, so that data waits in its own lanes instead.

mod group;
mod pacer;
mod path;
mod rate;

pub(crate) use group::{Groups, Order};
