//! The Node addon: conversions between JavaScript and the engine, and nothing else.
//!
//! Two classes with the same commands: `NativeDevice`, whose engine lives on a thread with its socket, and
//! `ScriptDevice`, whose engine is driven call by call. Commands that fail throw an error whose `code` names the
//! failure; the errors that users see are made of it in TypeScript. Events leave as flat records: see `records.rs`.

mod commands;
mod encoded;
mod errors;
mod field;
mod lanes;
mod native_device;
mod options;
mod paths;
mod peer;
mod records;
mod script_device;
mod shares;
mod stats;
mod words;

use napi_derive::napi;
use warren_io::Clock;

pub use lanes::{BucketFigures, HistogramFigures, LaneFigures};
pub use native_device::NativeDevice;
pub use records::record_table;
pub use script_device::ScriptDevice;

/// Milliseconds on a clock that counts suspend, since an arbitrary instant of this process.
#[napi]
pub fn uptime() -> f64 {
    static CLOCK: std::sync::OnceLock<Clock> = std::sync::OnceLock::new();
    CLOCK.get_or_init(Clock::start).elapsed().as_secs_f64() * 1e3
}

/// The number of the interface of this name, for the zone of a link-local address; nothing: there is none now.
#[napi]
pub fn interface_index(name: String) -> Option<u32> {
    warren_io::interface_index(&name)
}

/// The name of the interface of this number; nothing: there is none now.
#[napi]
pub fn interface_name(index: u32) -> Option<String> {
    warren_io::interface_name(index)
}

/// The version of the package that this addon belongs to.
#[napi]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}
