//! Attacks by what an end says of its lists of protocols.

use super::Turn;
use super::frames::send;
use super::line::own;
use crate::wire::{field, put, stream};

/// Lists that are others again, dozens of times a packet.
pub(super) fn flips() -> Turn {
    let mut generation = 0;
    control(move || {
        generation += 1;
        let names: &[&str] = if generation % 2 == 0 { &["ledger/1"] } else { &["ledger/2", "ledger/1"] };
        announcement(generation, names)
    })
}

/// Lists as long as a frame may be, each newer than those before.
pub(super) fn longest() -> Turn {
    let long: Vec<String> = (0..32).map(|n| format!("{n:02}{}", "x".repeat(58))).collect();
    let mut generation = 0;
    control(move || {
        generation += 1;
        announcement(generation, &long.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

/// Lists that were left behind long ago, after the newest that there can be.
pub(super) fn older() -> Turn {
    let mut generation = u64::MAX;
    control(move || {
        let frame = announcement(generation, &["ledger/1"]);
        generation -= 1;
        frame
    })
}

/// Frames on the control stream, as many bytes in each packet as fit.
fn control(mut next: impl FnMut() -> Vec<u8> + Send + 'static) -> Turn {
    // The version of the stream's header, which was not sent yet.
    let (mut at, mut waiting) = (1, vec![1]);
    Box::new(move |attacker| {
        while waiting.len() < PIECE {
            waiting.extend(next());
        }
        let end = at + PIECE as u64;
        let fits = attacker.line.as_mut().is_some_and(|line| line.spend(own(0), at, end));
        if !fits {
            return send(attacker, Vec::new());
        }
        let piece: Vec<u8> = waiting.drain(..PIECE).collect();
        send(attacker, stream(own(0), at, &piece, false));
        at = end;
    })
}

fn announcement(generation: u64, names: &[&str]) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        list.push(name.len() as u8);
        list.extend_from_slice(name.as_bytes());
    }
    let mut body = Vec::new();
    field(&mut body, 8, &generation.to_be_bytes());
    for kind in [2, 3, 4] {
        field(&mut body, kind, if kind == 4 { b"\x06quic/1" } else { &list });
    }
    let mut frame = vec![7];
    put(&mut frame, body.len() as u64);
    frame.extend(body);
    frame
}

/// About what a packet holds.
const PIECE: usize = 1_290;
