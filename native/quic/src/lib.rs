//! QUIC without TLS and without I/O, for use inside an authenticated tunnel.
//!
//! [`Quic`] holds the connections of one node with all of its peers. It takes and gives plain UDP payloads tagged
//! with a [`PeerTag`], knows neither sockets nor clocks nor threads, and is a pure function of its inputs.
//!
//! # How to drive it
//!
//! Call `handle_*` with what came in and the plain verbs with what shall be done. Then drain, in this order:
//!
//! 1. [`Quic::poll_event`] until `None`,
//! 2. [`Quic::poll_response`] until `None`: datagrams that belong to no connection,
//! 3. [`Quic::poll_ready`] until `None`, and for each handle [`Quic::poll_transmit`] until `None`
//!    (or as far as the caller's scheduler lets it; then the caller remembers that there is more),
//! 4. [`Quic::poll_timeout`], and call [`Quic::handle_timeout`] at that instant.
//!
//! Data is written just in time: [`Quic::room`] says how much would leave at once.

mod accepts;
mod ack;
mod announcement;
mod assembly;
mod cid;
mod close;
mod config;
mod connection;
mod control_stream;
mod deadlines;
mod event;
mod fields;
mod flight;
mod frames;
mod gauge;
mod grease;
mod header;
mod hello;
mod initial;
mod lane_loads;
mod names;
mod parameters;
mod peer;
mod quic;
#[cfg(feature = "reference")]
pub mod reference;
mod send_priority;
mod session;
mod stats;
mod stream_name;
mod tag;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;
mod unacknowledged;
mod varint;
mod weigh;

pub use close::{CloseCause, Closed, ClosedBy, RefuseCode};
pub use config::{Config, FirstHop, MIN_UDP_PAYLOAD};
pub use event::{Event, GiveUp, Hello, Outcome, Read, Refusal, Stopped};
pub use gauge::{PathSample, STAMP_MICROS};
pub use names::{ConnectionHandle, Ecn, Envelope, MessageHandle, PeerTag, StreamHandle, Transmit};
pub use quic::Quic;
pub use stats::{ConnectionStats, QuicStats};
pub use stream_name::StreamName;
pub use warren_protocols::{Choice, Lists, Protocols, choose};
