//! The native driver: one thread a device, which owns the socket and the clock and drives the engine. Between its turns
//! the device's owner may use the engine and send.
//!
//! All system calls of warren are here. Code that differs between systems is in files of its own (`socket/`, `poll/`,
//! `clock/`).

mod bind;
mod clock;
mod driver;
mod event_loop;
mod first_hop;
mod interface;
mod mailbox;
mod moderation;
mod outlet;
mod poll;
mod socket;
mod stats;
mod trouble;
mod yielding;

pub use bind::{BindError, Listen};
pub use clock::{Clock, Stopwatch};
pub use driver::{Driver, Gone, SpawnError};
pub use first_hop::first_hop;
pub use interface::{interface_index, interface_name};
pub use mailbox::{Context, Waker, panic_message};
pub use socket::Offload;
pub use stats::IoStats;
