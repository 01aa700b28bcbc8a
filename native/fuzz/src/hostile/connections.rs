//! Attacks by connections: their number, their beginning, their end.

use super::Turn;
use super::attacker::{Attacker, Source};
use super::frames::{FULL, values};
use super::line::own;
use crate::wire::{Level, QuicEnd, crypto, stream};

/// A hello of a new connection in each packet.
pub(super) fn dials() -> Turn {
    Box::new(|attacker| {
        let hello = attacker.next_end().hello();
        attacker.say(&hello);
    })
}

/// The same, and each is closed at once.
pub(super) fn dials_closed() -> Turn {
    Box::new(|attacker| {
        let mut end = attacker.next_end();
        let hello = end.hello();
        attacker.say(&hello);
        let mut frames = Vec::new();
        values(&mut frames, &[0x1c, 0, 0, 0]);
        let close = end.packet(Level::Initial, &frames);
        attacker.say(&close);
    })
}

/// Handshakes whose confirmation is of a hello that differs from what was said, as if that had been altered on its way.
pub(super) fn altered() -> Turn {
    Box::new(|attacker| {
        if let Some(line) = attacker.line.as_mut().filter(|line| !line.connected && line.is_answered()) {
            line.end.own_hello[INCARNATION] ^= 1;
        }
        if attacker.is_connected() {
            attacker.give_up();
        }
    })
}

/// Whole connections, one after another, each of which leaves a message unread.
pub(super) fn redials() -> Turn {
    Box::new(|attacker| {
        if attacker.is_connected() {
            attacker.data(&stream(own(1), 0, &[1, 1, 0, 0], true));
            attacker.give_up();
        }
    })
}

/// The first piece of a hello, of which the rest never comes.
pub(super) fn half_hellos() -> Turn {
    Box::new(|attacker| {
        let mut end = attacker.next_end();
        let piece = crypto(0, &end.own_hello[..20]);
        let packet = end.packet(Level::Initial, &piece);
        attacker.say(&packet);
    })
}

/// The first packet of a connection with hundreds of pieces of a hello, every other one missing.
pub(super) fn initial_pieces() -> Turn {
    let mut frames = Vec::new();
    for piece in 1_500.. {
        if frames.len() + 5 > 1_280 {
            break;
        }
        frames.extend(crypto(piece * 2, &[1]));
    }
    Box::new(move |attacker| {
        let packet = attacker.next_end().packet(Level::Initial, &frames);
        attacker.say(&packet);
    })
}

/// Many peers, each with dials that it never goes on with.
pub(super) fn holders() -> Turn {
    let mut others: Vec<Attacker> = Vec::new();
    let mut turn = 0;
    Box::new(move |attacker| {
        if others.is_empty() {
            others = (FIRST_HOLDER..FIRST_HOLDER + HOLDERS)
                .map(|n| Attacker::new(n, u64::from(n), attacker.now))
                .collect();
        }
        attacker.plays_others = true;
        for (source, datagram) in std::mem::take(&mut attacker.answers) {
            if let Some(other) = others.get_mut(usize::from(source) - 1) {
                other.now = attacker.now;
                other.hear(0, &datagram);
            }
        }
        turn = (turn + 1) % others.len();
        let other = &mut others[turn];
        other.now = attacker.now;
        let hello = other.dial();
        other.say(&hello);
        for (at, other) in others.iter_mut().enumerate() {
            attacker.out.extend(other.out.drain(..).map(|(_, datagram)| (1 + at as Source, datagram)));
        }
    })
}

/// Packets of connections that never were.
pub(super) fn unknown_ids() -> Turn {
    Box::new(|attacker| {
        let mut end = attacker.next_end();
        let packet = end.packet(Level::Data, &[1; 40]);
        attacker.say(&packet);
    })
}

/// Packets of versions that nobody speaks.
pub(super) fn versions() -> Turn {
    Box::new(|attacker| {
        let mut packet = attacker.next_end().hello();
        packet[1..5].copy_from_slice(&(attacker.lines as u32 | 0x0a0a_0a0a).to_be_bytes());
        attacker.say(&packet);
    })
}

/// Hellos of a connection that is made, again and again.
pub(super) fn hellos_again() -> Turn {
    Box::new(|attacker| {
        let Some(line) = &mut attacker.line else { return };
        let hello = line.end.hello();
        attacker.say(&hello);
    })
}

/// Words of an engine's that leaves, of one process after another.
pub(super) fn goodbyes() -> Turn {
    let mut process = 0_u64;
    Box::new(move |attacker| {
        process += 1;
        let mut word = vec![1, 1 + (process % 2) as u8];
        word.extend_from_slice(&process.to_be_bytes());
        attacker.say(&word);
    })
}

/// Packets at the port of QUIC that are none.
pub(super) fn rubbish() -> Turn {
    Box::new(|attacker| attacker.say(&[0x40; FULL]))
}

/// Hellos that are as long as a packet lets them be.
pub(super) fn long_hellos() -> Turn {
    Box::new(|attacker| {
        let mut end = attacker.next_end();
        lengthen(&mut end);
        let hello = end.hello();
        attacker.say(&hello);
    })
}

fn lengthen(end: &mut QuicEnd) {
    // A field of a kind that is not known.
    let mut body = end.own_hello.split_off(3);
    crate::wire::field(&mut body, 0x3f, &[7; 800]);
    end.own_hello[1..3].copy_from_slice(&(body.len() as u16).to_be_bytes());
    end.own_hello.extend(body);
}

/// The last byte of the incarnation in a hello of these ends'.
const INCARNATION: usize = 12;
/// Nobody else among the victim's peers has a key of these numbers.
const FIRST_HOLDER: u8 = 100;
const HOLDERS: u8 = 64;
