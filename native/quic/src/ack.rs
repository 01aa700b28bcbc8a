//! For how long an acknowledgement was put off, which quinn-proto does not tell.

use std::time::Duration;

use crate::{cid, varint};

/// The delay that the acknowledgement in a datagram tells (RFC 9000 section 19.3): how long its sender had had the newest packet
/// of it. Looks only where quinn-proto puts one, ahead of all other frames but those of one byte.
pub(crate) fn delay(datagram: &[u8]) -> Option<Duration> {
    let first = *datagram.first().filter(|&first| first & LONG_HEADER == 0)?;
    let packet_number = usize::from(first & PACKET_NUMBER_LENGTH) + 1;
    let mut frames = datagram.get(1 + cid::LENGTH + packet_number..)?;
    while let [PING | HANDSHAKE_DONE | IMMEDIATE_ACK, rest @ ..] = frames {
        frames = rest;
    }
    let [ACK | ACK_ECN, frame @ ..] = frames else { return None };
    let mut fields = frame;
    let _largest = varint::take(&mut fields)?;
    Some(Duration::from_micros(varint::take(&mut fields)? << EXPONENT))
}

/// RFC 9000 section 17.3.1.
const LONG_HEADER: u8 = 0x80;
const PACKET_NUMBER_LENGTH: u8 = 0x03;
/// RFC 9000 section 19, and draft-ietf-quic-ack-frequency section 5; all of one byte.
const PING: u8 = 0x01;
const HANDSHAKE_DONE: u8 = 0x1e;
const IMMEDIATE_ACK: u8 = 0x1f;
const ACK: u8 = 0x02;
const ACK_ECN: u8 = 0x03;
/// The default of RFC 9000 section 18.2, which quinn-proto always takes.
const EXPONENT: u32 = 3;
