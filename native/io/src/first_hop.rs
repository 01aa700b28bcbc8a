//! The longest datagram that leaves this machine whole towards an address.

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
mod other;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
use linux as system;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
use other as system;

/// The longest UDP payload that the interface towards an address carries; `None`: the system does not say, or there is
/// no way there now.
///
/// Connections look for longer packets up to it (RFC 8899), and need a socket that can forbid fragmentation for that.
pub fn first_hop(remote: SocketAddr) -> Option<u16> {
    let headers = if remote.ip().to_canonical().is_ipv4() { IPV4_UDP } else { IPV6_UDP };
    let mtu = system::mtu(remote)?.min(u16::MAX.into());
    u16::try_from(mtu.checked_sub(headers)?).ok()
}

/// 20 (RFC 791) and 8 (RFC 768).
const IPV4_UDP: usize = 28;
/// 40 (RFC 8200) and 8.
const IPV6_UDP: usize = 48;
