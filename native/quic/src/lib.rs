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
//!    (or as far as the caller's scheduler lets it: a connection stays pending until it returned `None`),
//! 4. [`Quic::poll_timeout`], and call [`Quic::handle_timeout`] at that instant.
//!
//! Data is written just in time: [`Quic::room`] says how much would leave at once.

mod close;
mod config;
mod event;
mod quic;
mod stats;

pub use close::{CloseCause, Closed, ClosedBy, RefuseCode};
pub use config::Config;
pub use event::{Event, Hello, Outcome, Read, Stopped};
pub use quic::{ConnectionHandle, Ecn, MessageHandle, PeerTag, Quic, StreamHandle, Transmit};
pub use stats::{ConnectionStats, QuicStats};
