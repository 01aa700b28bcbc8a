//! The frames of the other end's packets, as far as an attacker needs them.

use crate::wire::{cut, get};

/// A frame of the other end's (RFC 9000 section 19).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    MaxData(u64),
    MaxStreamData {
        stream: u64,
        most: u64,
    },
    MaxStreams {
        one_way: bool,
        most: u64,
    },
    Stream {
        stream: u64,
        offset: u64,
        length: u64,
    },
    Stop {
        stream: u64,
    },
    /// A new connection ID.
    Id {
        serial: u64,
    },
    Close,
    /// Padding and acknowledgements, which ask for no answer.
    Quiet,
    Other,
}

/// Takes a frame from the front; `None` at the end, or where a frame is not known.
pub(super) fn next_frame(rest: &mut &[u8]) -> Option<Frame> {
    let kind = get(rest)?;
    Some(match kind {
        0 => Frame::Quiet,
        2 | 3 => acknowledgement(rest, kind == 3)?,
        4 => skip(rest, 3, Frame::Other)?,
        5 => {
            let stream = get(rest)?;
            skip(rest, 1, Frame::Stop { stream })?
        }
        6 => {
            get(rest)?;
            bytes(rest)?
        }
        8..=15 => stream(rest, kind)?,
        0x10 => Frame::MaxData(get(rest)?),
        0x11 => Frame::MaxStreamData { stream: get(rest)?, most: get(rest)? },
        0x12 | 0x13 => Frame::MaxStreams { one_way: kind == 0x13, most: get(rest)? },
        0x14 | 0x16 | 0x17 | 0x19 => skip(rest, 1, Frame::Other)?,
        0x15 => skip(rest, 2, Frame::Other)?,
        0x18 => {
            let serial = get(rest)?;
            get(rest)?;
            let length = *cut(rest, 1)?.first()?;
            cut(rest, u64::from(length) + 16)?;
            Frame::Id { serial }
        }
        0x1a | 0x1b => {
            cut(rest, 8)?;
            Frame::Other
        }
        0x1c | 0x1d => {
            *rest = &[];
            Frame::Close
        }
        0x30 => {
            *rest = &[];
            Frame::Other
        }
        0x31 => bytes(rest)?,
        // ACK_FREQUENCY (draft-ietf-quic-ack-frequency-04).
        0xaf => skip(rest, 4, Frame::Other)?,
        1 | 0x1e | 0x1f => Frame::Other,
        _ => return None,
    })
}

fn skip(rest: &mut &[u8], values: usize, frame: Frame) -> Option<Frame> {
    for _ in 0..values {
        get(rest)?;
    }
    Some(frame)
}

fn bytes(rest: &mut &[u8]) -> Option<Frame> {
    let length = get(rest)?;
    cut(rest, length)?;
    Some(Frame::Other)
}

fn acknowledgement(rest: &mut &[u8], marks: bool) -> Option<Frame> {
    skip(rest, 2, Frame::Quiet)?;
    let ranges = usize::try_from(get(rest)?).ok()?;
    skip(rest, ranges.checked_mul(2)? + 1 + if marks { 3 } else { 0 }, Frame::Quiet)
}

fn stream(rest: &mut &[u8], kind: u64) -> Option<Frame> {
    let stream = get(rest)?;
    let offset = if kind & 4 != 0 { get(rest)? } else { 0 };
    let length = if kind & 2 != 0 { get(rest)? } else { rest.len() as u64 };
    cut(rest, length)?;
    Some(Frame::Stream { stream, offset, length })
}

/// Packet numbers that were heard, as ranges, the newest last.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    ranges: Vec<(u64, u64)>,
}

impl Numbers {
    pub(super) fn largest(&self) -> Option<u64> {
        self.ranges.last().map(|&(_, last)| last)
    }

    /// The whole of a number of which the lowest bytes came (RFC 9000 appendix A.3).
    pub(super) fn decode(&self, truncated: u64, bytes: usize) -> u64 {
        let window = 1 << (8 * bytes);
        let expected = self.largest().map_or(0, |largest| largest + 1);
        let candidate = (expected & !(window - 1)) | truncated;
        if candidate + window / 2 <= expected {
            candidate + window
        } else if candidate > expected + window / 2 && candidate >= window {
            candidate - window
        } else {
            candidate
        }
    }

    /// A number that is out of order is forgotten: its packet counts as lost.
    pub(super) fn note(&mut self, number: u64) {
        match self.ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            Some((_, last)) if *last >= number => {}
            _ => self.ranges.push((number, number)),
        }
        if self.ranges.len() > RANGES_KEPT {
            self.ranges.remove(0);
        }
    }

    /// The ranges, the newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.ranges.iter().rev().copied()
    }
}

/// As many as fit into a packet with other frames.
const RANGES_KEPT: usize = 64;
