//! QUIC in virtual time over a virtual network.
#![allow(clippy::unwrap_used, reason = "tests")]

mod datagrams;
mod determinism;
mod early;
mod flight;
mod flow;
mod handshake;
mod hostile;
mod messages;
mod negotiation;
mod path_mtu;
mod priorities;
mod resets;
mod streams;
mod support;
