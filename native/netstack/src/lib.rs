//! IPv6 and UDP headers of the packets inside the tunnel: built, parsed and checked, without I/O.

mod checksum;
mod udp;

pub use udp::{HEADER_LEN, Header, Malformed, UdpFlow, destination_of};
