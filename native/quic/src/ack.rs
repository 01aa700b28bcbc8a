//! Delay of an acknowledgement at the end that put it off, which quinn-proto does not tell.

use std::time::Duration;

use crate::{cid, varint};

/// The ACK delay in a datagram (RFC 9000 section 19.3): the time for which its sender had had the newest packet that it
/// acknowledges. quinn-proto puts an acknowledgement ahead of other frames where it is due, and behind them where there
/// is room.
pub(crate) fn delay(datagram: &[u8]) -> Option<Duration> {
    let first = *datagram.first().filter(|&first| first & LONG_HEADER == 0)?;
    let packet_number = usize::from(first & PACKET_NUMBER_LENGTH) + 1;
    let mut frames = datagram.get(1 + cid::LENGTH + packet_number..)?;
    loop {
        let kind = varint::take(&mut frames)?;
        if let ACK | ACK_ECN = kind {
            let _largest = varint::take(&mut frames)?;
            return Some(Duration::from_micros(varint::take(&mut frames)? << EXPONENT));
        }
        skip(kind, &mut frames)?;
    }
}

/// Skips the rest of a frame. `None`: it goes on to the end of the packet, or is none that stands ahead of an
/// acknowledgement.
fn skip(kind: u64, frames: &mut &[u8]) -> Option<()> {
    let (numbers, has_data) = match kind {
        PING | HANDSHAKE_DONE | IMMEDIATE_ACK => (0, false),
        DATAGRAM => (0, true),
        MAX_DATA | MAX_STREAMS_BIDI | MAX_STREAMS_UNI => (1, false),
        STOP_SENDING | MAX_STREAM_DATA => (2, false),
        RESET_STREAM => (3, false),
        ACK_FREQUENCY => (4, false),
        STREAM..=STREAM_LAST if kind & STREAM_HAS_LENGTH > 0 => {
            (1 + usize::from(kind & STREAM_HAS_OFFSET > 0), true)
        }
        _ => return None,
    };
    for _ in 0..numbers {
        varint::take(frames)?;
    }
    if has_data {
        let length = usize::try_from(varint::take(frames)?).ok()?;
        *frames = frames.get(length..)?;
    }
    Some(())
}

/// RFC 9000 section 17.3.1.
const LONG_HEADER: u8 = 0x80;
const PACKET_NUMBER_LENGTH: u8 = 0x03;
/// RFC 9000 section 19.
const PING: u64 = 0x01;
const ACK: u64 = 0x02;
const ACK_ECN: u64 = 0x03;
const RESET_STREAM: u64 = 0x04;
const STOP_SENDING: u64 = 0x05;
const STREAM: u64 = 0x08;
const STREAM_LAST: u64 = 0x0f;
const STREAM_HAS_LENGTH: u64 = 0x02;
const STREAM_HAS_OFFSET: u64 = 0x04;
const MAX_DATA: u64 = 0x10;
const MAX_STREAM_DATA: u64 = 0x11;
const MAX_STREAMS_BIDI: u64 = 0x12;
const MAX_STREAMS_UNI: u64 = 0x13;
const HANDSHAKE_DONE: u64 = 0x1e;
/// RFC 9221, with a length.
const DATAGRAM: u64 = 0x31;
/// draft-ietf-quic-ack-frequency.
const IMMEDIATE_ACK: u64 = 0x1f;
const ACK_FREQUENCY: u64 = 0xaf;
/// The default of RFC 9000 section 18.2, which quinn-proto always takes.
const EXPONENT: u32 = 3;
