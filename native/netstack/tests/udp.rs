//! Headers built, read back, and compared with a word-by-word checksum.

use std::net::Ipv6Addr;

use proptest::prelude::*;
use warren_netstack::{HEADER_LEN, Header, Malformed, UdpFlow};

proptest! {
    #[test]
    fn a_built_datagram_reads_back_and_verifies(source: [u8; 16], destination: [u8; 16], ports: (u16, u16), ecn in 0u8..4, payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let packet = build(source, destination, ports, ecn, &payload);
        let header = Header::parse(&packet).expect("UDP over IPv6");
        prop_assert_eq!(header.source, (Ipv6Addr::from(source), ports.0));
        prop_assert_eq!(header.destination, (Ipv6Addr::from(destination), ports.1));
        prop_assert_eq!(header.ecn, ecn);
        prop_assert_eq!(Header::verify(&packet), Ok(()));
        prop_assert_eq!(&packet[HEADER_LEN..], &payload[..]);
    }

    #[test]
    fn the_checksum_is_that_of_a_word_by_word_sum(source: [u8; 16], destination: [u8; 16], ports: (u16, u16), payload in prop::collection::vec(any::<u8>(), 0..1500)) {
        let packet = build(source, destination, ports, 0, &payload);
        let mut zeroed = packet.clone();
        zeroed[46..48].fill(0);
        let expected = match naive(&zeroed) { 0 => 0xffff, sum => sum };
        prop_assert_eq!(u16::from_be_bytes([packet[46], packet[47]]), expected);
    }

    #[test]
    fn a_flipped_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 1..1500), at: prop::sample::Index, bit in 0u8..8) {
        let mut packet = build([1; 16], [2; 16], (3, 4), 0, &payload);
        // Version, traffic class, flow label and hop limit are outside every checksum of IPv6.
        let at = 8 + at.index(packet.len() - 8);
        packet[at] ^= 1 << bit;
        prop_assert!(Header::verify(&packet).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Header::parse(&bytes);
        let _ = Header::verify(&bytes);
    }
}

#[test]
fn a_sum_of_zero_is_sent_as_all_ones() {
    let flow = UdpFlow::new((Ipv6Addr::LOCALHOST, 1), (Ipv6Addr::LOCALHOST, 2));
    let odd_one_out = (0..=u16::MAX).find(|word| flow.header(0, &word.to_be_bytes())[46..48] == [0xff, 0xff]);
    assert!(odd_one_out.is_some());
    assert!((0..=u16::MAX).all(|word| flow.header(0, &word.to_be_bytes())[46..48] != [0, 0]));
}

#[test]
fn an_absent_checksum_and_a_wrong_length_are_told_apart() {
    let good = build([1; 16], [2; 16], (3, 4), 0, b"payload");
    let mut absent = good.clone();
    absent[46..48].fill(0);
    assert_eq!(Header::verify(&absent), Err(Malformed::Checksum));
    assert_eq!(Header::verify(&good[..good.len() - 1]), Err(Malformed::Length));
    assert_eq!(Header::verify(&good[..10]), Err(Malformed::Length));
}

#[test]
fn other_packets_are_not_taken_for_udp() {
    let mut tcp = build([1; 16], [2; 16], (3, 4), 0, b"payload");
    tcp[6] = 6;
    assert_eq!(Header::parse(&tcp), None);
    let mut v4 = build([1; 16], [2; 16], (3, 4), 0, b"payload");
    v4[0] = 0x45;
    assert_eq!(Header::parse(&v4), None);
}

#[test]
fn a_conversation_carries_its_own_datagrams_and_no_others() {
    let flow = UdpFlow::new(([1; 16].into(), 3), ([2; 16].into(), 4));
    let own = build([1; 16], [2; 16], (3, 4), 1, b"payload");
    assert!(flow.carries(&own));
    assert!(!flow.carries(&own[..HEADER_LEN - 1]));
    for foreign in [
        build([2; 16], [1; 16], (4, 3), 0, b"payload"),
        build([1; 16], [2; 16], (3, 5), 0, b"payload"),
        build([1; 16], [9; 16], (3, 4), 0, b"payload"),
    ] {
        assert!(!flow.carries(&foreign));
    }
    let mut tcp = own;
    tcp[6] = 6;
    assert!(!flow.carries(&tcp));
}

fn build(source: [u8; 16], destination: [u8; 16], ports: (u16, u16), ecn: u8, payload: &[u8]) -> Vec<u8> {
    let flow = UdpFlow::new((source.into(), ports.0), (destination.into(), ports.1));
    [&flow.header(ecn, payload)[..], payload].concat()
}

/// RFC 8200 section 8.1 as written.
fn naive(packet: &[u8]) -> u16 {
    let mut pseudo = packet[8..40].to_vec();
    pseudo.extend_from_slice(&((packet.len() - 40) as u32).to_be_bytes());
    pseudo.extend_from_slice(&[0, 0, 0, 17]);
    pseudo.extend_from_slice(&packet[40..]);
    if pseudo.len() % 2 == 1 {
        pseudo.push(0);
    }
    let mut sum: u32 = 0;
    for word in pseudo.chunks_exact(2) {
        sum += u32::from(u16::from_be_bytes([word[0], word[1]]));
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
