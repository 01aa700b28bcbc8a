//! One warren node as a state machine: decrypted packets in, scheduled datagrams out.
//!
//! # How to drive it
//!
//! Three kinds of method: `handle_*` takes what came in, plain verbs are commands, `poll_*` gives what goes out.
//! After any `handle_*` or command:
//! 1. call [`Engine::poll_transmit`] until it leaves the batch empty, sending each batch before the next, and handing
//!    in received datagrams between two batches: each call picks anew what is most urgent;
//! 2. take [`Engine::poll_event`] until `None`;
//! 3. arm one timer for [`Engine::poll_timeout`], and call [`Engine::handle_timeout`] when it is due.
//!
//! A driver that measures hands in what it received with [`Engine::handle_at_once`], else [`Engine::file`], and calls
//! [`Engine::work_off`] before each step 1, and at [`Engine::next_turn`]: then peers take turns by the time that their
//! datagrams cost.
//!
//! Nothing here reads a clock: `now` is always an argument, and never goes back.

mod arrivals;
mod batch;
mod bucket;
mod config;
mod connection;
mod control;
mod ecn;
mod engine;
mod error;
mod event;
mod expiries;
mod farewells;
mod first_flight;
mod histogram;
mod ids;
mod in_vain;
mod lane;
mod lane_sums;
mod lanes;
mod limits;
mod overhead;
mod pacing;
mod past;
mod payloads;
mod peer;
mod policy;
mod quic;
mod roster;
mod stats;
mod stream;
mod stream_name;
mod stream_table;
mod timers;
mod told;
pub mod transport;
mod uplink;
mod word;

pub use batch::{TransmitBatch, TransmitGroup};
pub use config::Config;
pub use ecn::Ecn;
pub use engine::Engine;
pub use error::{ConfigError, ConnectError, Dialled};
pub use event::{
    CloseCause, Closed, ClosedBy, DialRefusal, DialRefused, Event, GiveUp, Initiator, Outcome, PeerDownReason,
};
pub use histogram::Histogram;
pub use ids::{ConnectionId, MessageId, Priority, StreamId};
pub use limits::Limits;
pub use policy::{Full, LanePolicy};
#[cfg(feature = "reference")]
pub use quic::reference;
pub use quic::{Quic, QuicFigures, QuicTotals};
pub use stats::{ConnectionStats, DeviceStats, LaneStats, PathFigures, PeerStats};
pub use stream_name::StreamName;
pub use warren_protocols::{Choice, Lists, Protocols, choose};
pub use warren_wireguard::{
    AddPeerError, KeyError, Path, PeerChanges, PeerConfig, PeerId, Prefix, PrefixError, PresharedKey,
    PrivateKey, PublicKey, UpdatePeerError,
};
