//! IPv6 and UDP headers (RFC 8200, RFC 768).

use std::net::Ipv6Addr;

use crate::checksum::{fold, sum};

/// Both ends of one UDP conversation over IPv6, as this end sends.
///
/// Holds the ready-made header and the part of the checksum that never changes.
#[derive(Clone, Debug)]
pub struct UdpFlow {
    template: [u8; HEADER_LEN],
    constant: u64,
}

impl UdpFlow {
    /// From `source` to `destination`, port by port.
    pub fn new(source: (Ipv6Addr, u16), destination: (Ipv6Addr, u16)) -> Self {
        let mut template = [0; HEADER_LEN];
        template[0] = VERSION << 4;
        template[6] = NEXT_HEADER_UDP;
        template[7] = HOP_LIMIT;
        template[8..24].copy_from_slice(&source.0.octets());
        template[24..40].copy_from_slice(&destination.0.octets());
        template[40..42].copy_from_slice(&source.1.to_be_bytes());
        template[42..44].copy_from_slice(&destination.1.to_be_bytes());
        let constant = sum(&template[8..44]) + u64::from(NEXT_HEADER_UDP);
        Self { template, constant }
    }

    /// Writes the header of a datagram with this payload; `ecn` is the two-bit codepoint of RFC 3168.
    ///
    /// The payload is at most 65,527 bytes.
    pub fn header(&self, ecn: u8, payload: &[u8]) -> [u8; HEADER_LEN] {
        self.labelled_header(ecn, 0, payload)
    }

    /// The same with a flow label (RFC 8200 section 6), of which the lowest 20 bits count.
    pub fn labelled_header(&self, ecn: u8, label: u32, payload: &[u8]) -> [u8; HEADER_LEN] {
        let mut header = self.template;
        let length = UDP_HEADER_LEN as u16 + payload.len() as u16;
        header[1] = (ecn & 0b11) << 4 | (label >> 16) as u8 & 0x0f;
        header[2..4].copy_from_slice(&(label as u16).to_be_bytes());
        header[4..6].copy_from_slice(&length.to_be_bytes());
        header[44..46].copy_from_slice(&length.to_be_bytes());
        let checksum = match !fold(self.constant + 2 * u64::from(length) + sum(payload)) {
            // RFC 8200 section 8.1: zero means "no checksum", which IPv6 forbids.
            0 => 0xffff,
            checksum => checksum,
        };
        header[46..48].copy_from_slice(&checksum.to_be_bytes());
        header
    }

    /// Whether a packet is a datagram of this conversation from this end, by its addresses and ports.
    pub fn carries(&self, packet: &[u8]) -> bool {
        packet.first_chunk::<HEADER_LEN>().is_some_and(|header| {
            header[0] >> 4 == VERSION && header[6] == NEXT_HEADER_UDP && header[8..44] == self.template[8..44]
        })
    }
}

/// Contents of the headers of a UDP datagram over IPv6; the payload starts at [`HEADER_LEN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Address and port of the sender.
    pub source: (Ipv6Addr, u16),
    /// Address and port of the receiver.
    pub destination: (Ipv6Addr, u16),
    /// Two-bit codepoint of RFC 3168.
    pub ecn: u8,
    /// The 20 bits of the flow label (RFC 8200 section 6).
    pub label: u32,
}

impl Header {
    /// Reads the headers of a packet; `None` when it is not UDP directly over IPv6.
    ///
    /// Looks at no checksum: see [`Header::verify`].
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_LEN] = packet.first_chunk()?;
        if header[0] >> 4 != VERSION || header[6] != NEXT_HEADER_UDP {
            return None;
        }
        Some(Self {
            source: (address(header, 8), word(header, 40)),
            destination: (address(header, 24), word(header, 42)),
            ecn: (header[1] >> 4) & 0b11,
            label: u32::from(header[1] & 0x0f) << 16 | u32::from(word(header, 2)),
        })
    }

    /// Checks lengths and checksum of a packet that [`Header::parse`] took for UDP over IPv6.
    pub fn verify(packet: &[u8]) -> Result<(), Malformed> {
        let Some(header) = packet.first_chunk::<HEADER_LEN>() else {
            return Err(Malformed::Length);
        };
        let length = word(header, 44);
        if usize::from(length) + IPV6_HEADER_LEN != packet.len() || word(header, 4) != length {
            return Err(Malformed::Length);
        }
        if word(header, 46) == 0 {
            return Err(Malformed::Checksum);
        }
        let total = sum(&packet[8..]) + u64::from(NEXT_HEADER_UDP) + u64::from(length);
        if fold(total) != 0xffff {
            return Err(Malformed::Checksum);
        }
        Ok(())
    }
}

/// Reason why a UDP datagram over IPv6 is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// IPv6, UDP and true length disagree.
    Length,
    /// The checksum is wrong, or absent, which IPv6 forbids (RFC 8200 section 8.1).
    Checksum,
}

/// Destination of an IPv6 packet; `None` when it is none.
pub fn destination_of(packet: &[u8]) -> Option<Ipv6Addr> {
    let header: &[u8; IPV6_HEADER_LEN] = packet.first_chunk()?;
    (header[0] >> 4 == VERSION).then(|| address(header, 24))
}

fn word(header: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([header[at], header[at + 1]])
}

fn address(header: &[u8], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&header[at..at + 16]);
    Ipv6Addr::from(octets)
}

/// An IPv6 header without extensions (40 bytes, RFC 8200 section 3) and a UDP header (8 bytes, RFC 768).
pub const HEADER_LEN: usize = 48;

const VERSION: u8 = 6;
const NEXT_HEADER_UDP: u8 = 17;
/// The tunnel is one hop; 64 is the IANA default, so that a capture looks ordinary.
const HOP_LIMIT: u8 = 64;
const IPV6_HEADER_LEN: usize = 40;
const UDP_HEADER_LEN: usize = 8;
