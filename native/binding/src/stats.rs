//! Counters as names and numbers.

use napi::Env;
use napi::bindgen_prelude::{JsObjectValue, Object};
use warren_engine::{ConnectionStats, DeviceStats, PeerStats};
use warren_io::IoStats;

use crate::errors::{self, Result};

pub(crate) type Entries = Vec<(String, f64)>;

pub(crate) fn object<'env>(env: &'env Env, entries: Entries) -> Result<Object<'env>> {
    let mut object = Object::new(env).map_err(errors::from_node)?;
    for (name, value) in entries {
        object.set_named_property(&name, value).map_err(errors::from_node)?;
    }
    Ok(object)
}

pub(crate) fn io(stats: &IoStats) -> Entries {
    stats.entries().into_iter().map(|(name, value)| (name, value as f64)).collect()
}

pub(crate) fn device(_stats: &DeviceStats) -> Entries {
    Vec::new()
}
pub(crate) fn peer(_stats: &PeerStats, _now: std::time::Instant) -> Entries {
    Vec::new()
}
pub(crate) fn connection(_stats: &ConnectionStats) -> Entries {
    Vec::new()
}
