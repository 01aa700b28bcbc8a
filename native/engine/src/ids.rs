//! Names of living things, as the caller and the engine exchange them.

/// A connection, local or remote; never reused within a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u32);

/// A byte stream. The caller picks even numbers for those it opens; the engine picks odd ones for the peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// A message the caller sends; the caller picks it, unique within the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub u64);

/// `priority` of the public API: higher leaves first, strictly.
pub type Priority = u8;
