//! Bytes that a datagram takes on a link beside the inner packet.

/// Bytes of the IP and UDP headers outside of the tunnel.
pub(crate) fn ip_udp(ipv6: bool) -> usize {
    if ipv6 { IPV6_UDP } else { IPV4_UDP }
}

/// Bytes of a full datagram, with the headers of IPv4.
pub(crate) fn outer(mtu: u16) -> usize {
    usize::from(mtu) + WIREGUARD + IPV4_UDP
}

/// Packets are padded to a multiple of this (whitepaper section 5.4.6).
pub(crate) const PADDING: usize = 16;
/// Data header and tag (whitepaper section 5.4.6).
pub(crate) const WIREGUARD: usize = 32;
/// 20 (RFC 791) and 8 (RFC 768).
pub(crate) const IPV4_UDP: usize = 28;
/// 40 (RFC 8200) and 8.
pub(crate) const IPV6_UDP: usize = 48;
