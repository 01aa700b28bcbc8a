//! Attacks by streams: their pieces, their number, what they hold.

use super::Turn;
use super::frames::{FULL, LONG, send, values};
use super::line::{Line, own};
use crate::wire::{put, stream};

/// One byte in each frame, every other one missing.
pub(super) fn defrag() -> Turn {
    let mut piece = 0;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        while frames.len() + 6 <= FULL {
            piece = (piece + 1) % 1_000;
            frames.extend(stream(own(1), 2 + piece * 2, &[7], false));
        }
        attacker.data(&frames);
    })
}

/// A message in order, one byte in each frame.
pub(super) fn drip() -> Turn {
    let mut message = Message::default();
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        if let Some(line) = &mut attacker.line {
            while frames.len() + 10 <= FULL {
                let Some(frame) = message.next(line, 1, 64 << 10) else { break };
                frames.extend(frame);
            }
        }
        send(attacker, frames);
    })
}

/// The same thousand bytes again and again.
pub(super) fn overlaps() -> Turn {
    let frames = stream(own(1), 2, &[7; 1_300], false);
    Box::new(move |attacker| attacker.data(&frames))
}

/// Pieces that each begin a byte before the last ended.
pub(super) fn shingles() -> Turn {
    let mut at = 0;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        while frames.len() + 40 <= FULL {
            at = (at + 29) % 100_000;
            frames.extend(stream(own(1), 2 + at, &[7; 30], false));
        }
        attacker.data(&frames);
    })
}

/// A byte here and there, of many streams, each in a packet that is otherwise padding.
pub(super) fn gaps() -> Turn {
    let mut turn = 0_u64;
    Box::new(move |attacker| {
        let mut frames = vec![1];
        if turn.is_multiple_of(23) {
            let (place, index) = (turn / 23 % 24, turn / 23 / 24 % 500);
            let id = if index < 250 { own(1 + index) } else { (index - 250) * 4 };
            frames = stream(id, 2 + place * 2, &[7], false);
        }
        frames.resize(FULL, 0);
        turn += 1;
        attacker.data(&frames);
    })
}

/// Packets of a stream that lacks its first bytes, one among many of padding.
pub(super) fn pinned() -> Turn {
    let (mut turn, mut at, mut index) = (0_u64, 2, 1);
    Box::new(move |attacker| {
        let mut frames = vec![1];
        if turn.is_multiple_of(22) {
            let fits = attacker.line.as_mut().is_some_and(|line| line.spend(own(index), at, at + 1_300));
            if fits {
                frames = stream(own(index), at, &[7; 1_300], false);
                at += 1_300;
            } else if at > 2 {
                (at, index) = (2, index + 1);
            }
        }
        frames.resize(FULL, 0);
        turn += 1;
        attacker.data(&frames);
    })
}

/// Long packets of streams that lack their first bytes, each of which overlaps the one before but for 256 bytes, and
/// small pieces of it again that have the stream sorted.
pub(super) fn scales() -> Turn {
    const FIRST: u64 = 2 + 256 * 800;
    let (mut at, mut index) = (0, 0);
    Box::new(move |attacker| {
        if at <= 256 {
            let end = FIRST + LONG as u64;
            if !attacker.line.as_mut().is_some_and(|line| line.spend(own(index + 1), 0, end)) {
                return attacker.data(&[1]);
            }
            (at, index) = (FIRST + 256, index + 1);
        }
        at -= 256;
        attacker.data(&stream(own(index), at, &[7; LONG], false));
        let mut frames = stream(own(index), at, &[7; 256], false).repeat(32);
        frames.resize(LONG, 0);
        attacker.data(&frames);
    })
}

/// Byte streams, each as full as it may be.
pub(super) fn fill() -> Turn {
    let mut current: Option<(u64, u64)> = None;
    Box::new(move |attacker| {
        let Some(line) = &mut attacker.line else { return };
        let (id, at) = match current {
            Some(place) if place.1 < 1 << 20 => place,
            _ => match line.open() {
                Some(id) => (id, 0),
                None => return,
            },
        };
        let mut bytes = vec![4; 1_250];
        if at == 0 {
            bytes[..3].copy_from_slice(&[2, 1, 0]);
        }
        if line.spend(id, at, at + 1_250) {
            current = Some((id, at + 1_250));
            attacker.data(&stream(id, at, &bytes, false));
        } else {
            current = None;
        }
    })
}

/// Streams of a kind that the victim does not know and stops, of which the end never comes.
pub(super) fn stops() -> Turn {
    opened(|id, _| stream(id, 0, &[3, 1], false), false)
}

/// The same, ended once the victim asks for it, and nothing is acknowledged.
pub(super) fn stops_ended() -> Turn {
    let mut open = opened(|id, _| stream(id, 0, &[3, 1], false), false);
    Box::new(move |attacker| {
        let stopped =
            attacker.line.as_mut().map(|line| std::mem::take(&mut line.stopped)).unwrap_or_default();
        let mut frames = Vec::new();
        for id in stopped.into_iter().take(150) {
            values(&mut frames, &[4, id, 0, 2]);
        }
        if frames.is_empty() {
            return open(attacker);
        }
        attacker.acknowledges = false;
        attacker.data(&frames);
    })
}

/// Streams that are reset before the victim can know what they are.
pub(super) fn resets() -> Turn {
    opened(
        |id, _| {
            let mut frame = Vec::new();
            values(&mut frame, &[4, id, 300, 0]);
            frame
        },
        true,
    )
}

/// Byte streams that end at once.
pub(super) fn opens() -> Turn {
    opened(|id, _| stream(id, 0, &[2, 1, 0, 5], true), true)
}

/// Byte streams of two ways that end at once.
pub(super) fn opens_both() -> Turn {
    Box::new(|attacker| {
        let mut frames = Vec::new();
        if let Some(line) = &mut attacker.line {
            while frames.len() + 20 <= FULL {
                let Some(id) = line.open_both() else { break };
                frames.extend(stream(id, 0, &[2, 1, 0, 5], true));
            }
        }
        send(attacker, frames);
    })
}

/// Byte streams with names of 255 bytes.
pub(super) fn names() -> Turn {
    opened(
        |id, serial| {
            let mut header = vec![2, 2, 0, 255];
            header.extend_from_slice(&serial.to_be_bytes().repeat(32)[..255]);
            stream(id, 0, &header, true)
        },
        true,
    )
}

/// Messages of no bytes.
pub(super) fn empties() -> Turn {
    opened(|id, _| stream(id, 0, &[1, 1, 0, 0], true), true)
}

/// Messages of one byte, each of another priority than the last.
pub(super) fn priorities() -> Turn {
    opened(|id, serial| stream(id, 0, &[1, 1, (serial * 91) as u8, 1, 7], true), true)
}

/// Messages that say they are 16 MiB long, of which one byte comes.
pub(super) fn announced() -> Turn {
    opened(
        |id, serial| {
            let mut header = vec![1, 1, serial as u8];
            put(&mut header, 16 << 20);
            header.push(7);
            stream(id, 0, &header, false)
        },
        true,
    )
}

/// The same, given up at once.
pub(super) fn given_up() -> Turn {
    opened(
        |id, serial| {
            let mut header = vec![1, 1, serial as u8];
            put(&mut header, 16 << 20);
            header.push(7);
            let mut frames = stream(id, 0, &header, false);
            values(&mut frames, &[4, id, 1, header.len() as u64]);
            frames
        },
        true,
    )
}

/// The last stream that may be, which makes all before it be there.
pub(super) fn far_streams() -> Turn {
    Box::new(|attacker| {
        let mut last = None;
        if let Some(line) = &mut attacker.line {
            while let Some(id) = line.open() {
                last = Some(id);
            }
        }
        let frames = last.map(|id| stream(id, 0, &[1, 1, 0, 0], true)).unwrap_or_default();
        send(attacker, frames);
    })
}

/// Every packet of the victim's is acknowledged but those with one early byte of its stream.
pub(super) fn withheld() -> Turn {
    Box::new(|attacker| {
        let Some(line) = &mut attacker.line else { return };
        line.withheld = Some(100);
        let mut frames = if line.owes { line.acknowledgement() } else { Vec::new() };
        if frames.is_empty() {
            return;
        }
        if let Some(id) = line.last_stream {
            frames.extend(Line::grant(id));
        }
        attacker.data(&frames);
    })
}

/// Control frames of warren's on the control stream: confirmations of messages that were never sent.
pub(super) fn confirmations() -> Turn {
    let mut at = 1;
    Box::new(move |attacker| {
        let mut bytes = Vec::new();
        if at == 1 {
            bytes.push(1);
        }
        // Kinds that are not known are skipped.
        while bytes.len() + 3 <= 1_300 {
            bytes.extend_from_slice(&[40, 1, 0]);
        }
        let fits = attacker.line.as_mut().is_some_and(|line| line.spend(own(0), at, at + bytes.len() as u64));
        let frames = if fits { stream(own(0), at, &bytes, false) } else { Vec::new() };
        at += bytes.len() as u64;
        send(attacker, frames);
    })
}

/// As many new streams in each packet as fit and may be, with these frames each.
fn opened(frames_of: fn(u64, u64) -> Vec<u8>, acknowledges: bool) -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        attacker.acknowledges = acknowledges;
        let mut frames = Vec::new();
        if let Some(line) = &mut attacker.line {
            loop {
                let next = frames_of(own(u64::from(u32::MAX)), serial);
                if frames.len() + next.len() > FULL {
                    break;
                }
                let Some(id) = line.open() else { break };
                frames.extend(frames_of(id, serial));
                serial += 1;
            }
        }
        send(attacker, frames);
    })
}

/// A message that is under way.
#[derive(Default)]
struct Message {
    id: Option<u64>,
    at: u64,
}

impl Message {
    /// The frame with the next bytes of a message of this length, or of the message after it.
    fn next(&mut self, line: &mut Line, bytes: u64, length: u64) -> Option<Vec<u8>> {
        let header = [1, 1, 0, 0x80, (length >> 16) as u8, (length >> 8) as u8, length as u8];
        let Some(id) = self.id else {
            self.id = Some(line.open()?);
            self.at = header.len() as u64;
            return Some(stream(self.id?, 0, &header, false));
        };
        let end = header.len() as u64 + length;
        let bytes = bytes.min(end - self.at);
        if !line.spend(id, self.at, self.at + bytes) {
            return None;
        }
        let frame = stream(id, self.at, &vec![7; bytes as usize], self.at + bytes == end);
        self.at += bytes;
        if self.at == end {
            self.id = None;
        }
        Some(frame)
    }
}
