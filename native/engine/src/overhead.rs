//! Bytes that a datagram takes on a link beside the inner packet.

use std::net::SocketAddr;

use warren_wireguard::{JUMBO_MTU, is_loopback};

/// Bytes of the IP and UDP headers outside of the tunnel.
pub(crate) fn ip_udp(ipv6: bool) -> usize {
    if ipv6 { IPV6_UDP } else { IPV4_UDP }
}

/// Bytes of a full datagram, with the headers of IPv4.
pub(crate) fn outer(mtu: u16) -> usize {
    usize::from(mtu) + WIREGUARD + IPV4_UDP
}

/// The longest packet worth a try in a first hop's longest UDP payload: of a network's, a jumbo frame. What is longer a
/// system would fragment somewhere, and a packet of dozens of fragments is lost with one.
pub(crate) fn longest_packet(payload: u16, remote: SocketAddr) -> u16 {
    let packet = payload.saturating_sub(WIREGUARD as u16);
    let packet = packet - packet % PADDING as u16;
    if is_loopback(remote) { packet } else { packet.min(JUMBO_MTU) }
}

/// Packets are padded to a multiple of this (whitepaper section 5.4.6).
pub(crate) const PADDING: usize = 16;
/// Data header and tag (whitepaper section 5.4.6).
pub(crate) const WIREGUARD: usize = 32;
/// 20 (RFC 791) and 8 (RFC 768).
pub(crate) const IPV4_UDP: usize = 28;
/// 40 (RFC 8200) and 8.
pub(crate) const IPV6_UDP: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_beyond_jumbo_frames_are_for_the_loopback_alone() {
        for (payload, remote, longest) in [
            (65_507, "127.0.0.1:1", 65_472),
            (65_487, "[::1]:1", 65_440),
            (65_507, "[::ffff:127.0.0.1]:1", 65_472),
            (65_507, "192.0.2.1:1", JUMBO_MTU),
            (8_972, "192.0.2.1:1", JUMBO_MTU),
            (1_472, "192.0.2.1:1", 1_440),
            (20, "192.0.2.1:1", 0),
        ] {
            assert_eq!(
                longest_packet(payload, remote.parse().expect("an address")),
                longest,
                "{payload} to {remote}"
            );
        }
    }
}
