//! Fuzz targets: each a function of bytes that panics when a promise is broken.
//!
//! libFuzzer runs them (`npm run fuzz -- <target> <seconds>`, from `libfuzzer/`), and `tests/replay.rs` runs them over
//! the committed corpora with the other tests. The bytes are read as a program: what to send, what to do, how time
//! passes. What is sent is made by `wire`, a second writing of the formats that shares no code with what it attacks.

mod bare;
#[cfg(test)]
mod cost;
mod framing;
mod hello;
mod hostile;
mod inner_header;
mod input;
mod meter;
mod node;
mod peers;
mod quic_node;
mod strangers;
mod two_nodes;
mod wire;

pub use framing::framing;
pub use hello::hello;
pub use hostile::{ATTACKS, Attack, Hostile, Source, Victim};
pub use inner_header::inner_header;
pub use meter::Meter;
pub use peers::peers;
pub use strangers::strangers;
pub use two_nodes::two_nodes;

/// A fuzz target.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const TARGETS: [(&str, Target); 6] = [
    ("strangers", strangers),
    ("peers", peers),
    ("hello", hello),
    ("framing", framing),
    ("inner_header", inner_header),
    ("two_nodes", two_nodes),
];

#[cfg(test)]
#[global_allocator]
static METER: Meter = Meter;
