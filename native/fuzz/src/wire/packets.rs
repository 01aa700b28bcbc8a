//! Handshake messages of WireGuard, and packets inside the tunnel.

use std::net::Ipv6Addr;

use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac, Digest};
use warren_wireguard::PublicKey;

/// Makes the first MAC of a handshake message right (whitepaper section 5.4.4), as anyone can who knows the receiver's
/// key.
pub(crate) fn mac1(message: &mut [u8], receiver: &PublicKey) {
    let Some(signed) = message.len().checked_sub(32) else { return };
    let key = Blake2s256::new_with_prefix(b"mac1----").chain_update(receiver.as_bytes()).finalize();
    let mut mac = <Blake2sMac<U16> as KeyInit>::new_from_slice(&key).expect("BLAKE2s takes keys of 32 bytes");
    Update::update(&mut mac, &message[..signed]);
    message[signed..signed + 16].copy_from_slice(&mac.finalize_fixed());
}

/// A whole IPv6 packet.
pub(crate) fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[next, 64]);
    packet.extend_from_slice(&source.octets());
    packet.extend_from_slice(&destination.octets());
    packet.extend_from_slice(payload);
    packet
}

/// A whole UDP datagram over IPv6, its checksum right.
pub(crate) fn udp(source: Ipv6Addr, destination: Ipv6Addr, ports: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    for word in [ports.0, ports.1, payload.len() as u16 + 8, 0] {
        datagram.extend_from_slice(&word.to_be_bytes());
    }
    datagram.extend_from_slice(payload);
    let mut packet = ipv6(source, destination, 17, &datagram);
    let checksum = match internet_checksum(&packet) {
        0 => 0xffff,
        checksum => checksum,
    };
    packet[46..48].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// Checksum of RFC 1071 over pseudo header and UDP datagram, two bytes at a time; 0 when a checksum that is there is
/// right.
pub(crate) fn internet_checksum(packet: &[u8]) -> u16 {
    let mut sum = 17 + packet.len() as u32 - 40;
    for pair in packet[8..].chunks(2) {
        sum += u32::from(pair[0]) << 8 | u32::from(pair.get(1).copied().unwrap_or(0));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !((sum & 0xffff) + (sum >> 16)) as u16
}
