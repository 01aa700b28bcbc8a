//! Headers of the packets inside the tunnel, compared with a reading byte by byte.

use std::net::Ipv6Addr;

use warren_netstack::{HEADER_LEN, Header, UdpFlow, destination_of};

use crate::input::Input;
use crate::wire::internet_checksum;

/// Reads the bytes as a packet, and as addresses, ports and payload of one that is built.
///
/// # Panics
/// When a packet is taken for what it is not, or one that was built does not read as it was meant.
pub fn inner_header(data: &[u8]) {
    read(data);
    build(data);
}

fn read(packet: &[u8]) {
    let header = Header::parse(packet);
    let verified = Header::verify(packet).is_ok();
    let is_ipv6 = packet.len() >= 40 && packet[0] >> 4 == 6;
    assert_eq!(destination_of(packet), is_ipv6.then(|| address(packet, 24)));
    let is_udp = packet.len() >= HEADER_LEN && is_ipv6 && packet[6] == 17;
    assert_eq!(header.is_some(), is_udp);
    let Some(header) = header else { return };
    assert_eq!(header.source, (address(packet, 8), word(packet, 40)));
    assert_eq!(header.destination, (address(packet, 24), word(packet, 42)));
    assert_eq!(header.ecn, packet[1] >> 4 & 3);
    assert_eq!(verified, is_sound(packet));
}

fn build(data: &[u8]) {
    let mut input = Input::new(data);
    let source = (address(&padded(input.take(16)), 0), input.word());
    let destination = (address(&padded(input.take(16)), 0), input.word());
    let ecn = input.byte() & 3;
    let payload = input.rest();
    let mut packet = UdpFlow::new(source, destination).header(ecn, payload).to_vec();
    packet.extend_from_slice(payload);
    assert_eq!(Header::parse(&packet), Some(Header { source, destination, ecn, label: 0 }));
    assert_eq!(Header::verify(&packet), Ok(()));
    assert!(is_sound(&packet));
    // One flipped bit is always told, wherever the checksum or a length covers it.
    let at = 8 + usize::from(data.first().copied().unwrap_or(0)) % (packet.len() - 8);
    packet[at] ^= 1 << (packet.len() % 8);
    assert_eq!(Header::verify(&packet).is_ok(), is_sound(&packet));
    assert!(Header::verify(&packet).is_err());
}

/// Whether lengths agree and the checksum is there and right (RFC 8200 section 8.1).
fn is_sound(packet: &[u8]) -> bool {
    let length = usize::from(word(packet, 44));
    length + 40 == packet.len()
        && word(packet, 4) == word(packet, 44)
        && word(packet, 46) != 0
        && internet_checksum(packet) == 0
}

fn padded(bytes: &[u8]) -> [u8; 16] {
    let mut whole = [0; 16];
    whole[..bytes.len()].copy_from_slice(bytes);
    whole
}

fn address(bytes: &[u8], at: usize) -> Ipv6Addr {
    let octets: [u8; 16] = bytes[at..at + 16].try_into().expect("sixteen bytes");
    octets.into()
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}
