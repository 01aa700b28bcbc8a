//! Delay of an acknowledgement at the end that put it off, which quinn-proto does not tell.

use std::time::Duration;

use crate::frames::{
    ACK, ACK_ECN, ACK_FREQUENCY, DATAGRAM_WITH_LENGTH, HANDSHAKE_DONE, IMMEDIATE_ACK, LONG_HEADER, MAX_DATA,
    MAX_STREAM_DATA, MAX_STREAMS_BIDI, MAX_STREAMS_UNI, PACKET_NUMBER_LENGTH, PING, RESET_STREAM,
    STOP_SENDING, STREAM, STREAM_HAS_LENGTH, STREAM_HAS_OFFSET, STREAM_LAST,
};
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
        DATAGRAM_WITH_LENGTH => (0, true),
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

/// The default of RFC 9000 section 18.2, which quinn-proto always takes.
const EXPONENT: u32 = 3;
