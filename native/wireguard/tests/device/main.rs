//! The device in virtual time over a virtual network.

mod handshake;
mod node;
