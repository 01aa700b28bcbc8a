//! The way of a datagram outside of the tunnel.

use std::net::{IpAddr, SocketAddr};

/// The two ends of the outer path that a datagram took, or shall take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// The other end.
    pub remote: SocketAddr,
    /// Our address that the datagram came to, or shall leave from; `None`: the system's choice.
    pub local: Option<IpAddr>,
}

impl Path {
    /// IPv4 in its own form, whatever socket it came by.
    pub(crate) fn canonical(self) -> Self {
        Self { remote: canonical(self.remote), local: self.local.map(|local| local.to_canonical()) }
    }
}

/// Whether datagrams to an endpoint, or from one, stay within this machine.
pub fn is_loopback(endpoint: SocketAddr) -> bool {
    endpoint.ip().to_canonical().is_loopback()
}

/// IPv4 in its own form, whatever socket it came by; the zone of an IPv6 address stays.
pub(crate) fn canonical(endpoint: SocketAddr) -> SocketAddr {
    match endpoint.ip().to_canonical() {
        IpAddr::V4(v4) => SocketAddr::from((v4, endpoint.port())),
        IpAddr::V6(_) => endpoint,
    }
}
