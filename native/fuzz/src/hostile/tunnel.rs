//! Attacks below QUIC: by datagrams of the tunnel, by packets in it, and by those who are nobody's peer.

use std::net::Ipv6Addr;

use super::Turn;
use super::attacker::{Attacker, Source, victim};
use super::frames::FULL;
use crate::node::{VICTIM, key};
use crate::wire::{ipv6, mac1, udp};

/// Packets for the application, which does not take them.
pub(super) fn packets() -> Turn {
    Box::new(|attacker| attacker.packet(&[7; FULL]))
}

/// The least packets that there are.
pub(super) fn tiny_packets() -> Turn {
    Box::new(|attacker| attacker.packet(&[]))
}

/// Packets from addresses that are another's, to addresses that are nobody's.
pub(super) fn astray() -> Turn {
    let mut serial = 0_u32;
    Box::new(move |attacker| {
        serial += 1;
        let other = key(1).public_key().derived_address();
        let nobody = Ipv6Addr::from(u128::from(serial) << 64);
        let own = attacker.bare.address;
        let packet = match serial % 4 {
            0 => ipv6(other, victim(), 59, &[7; 40]),
            1 => ipv6(own, nobody, 59, &[7; 40]),
            2 => udp(other, victim(), (0x7772, 0x7772), &[0x43; 100]),
            _ => vec![serial as u8; 48],
        };
        attacker.seal(&packet);
    })
}

/// Datagrams with the number of a session that is there, from elsewhere, with rubbish in them.
pub(super) fn forged() -> Turn {
    let mut own: Option<[u8; 4]> = None;
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        if own.is_none() {
            attacker.packet(&[]);
            let sealed = attacker.out.last().filter(|(_, datagram)| datagram[0] == 4);
            own = sealed.and_then(|(_, datagram)| datagram.get(4..8)?.try_into().ok());
        }
        let Some(index) = attacker.overheard.or(own) else { return };
        serial += 1;
        let mut datagram = vec![4, 0, 0, 0];
        datagram.extend_from_slice(&index);
        datagram.extend_from_slice(&(serial << 8).to_le_bytes());
        datagram.resize(1_232, serial as u8);
        attacker.out.push((elsewhere(serial), datagram));
    })
}

/// A datagram that was taken, sent again and again, from anywhere.
pub(super) fn replays() -> Turn {
    let mut kept: Option<Vec<u8>> = None;
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        serial += 1;
        match &kept {
            Some(datagram) => attacker.out.push((elsewhere(serial), datagram.clone())),
            None => {
                attacker.packet(&[7; FULL]);
                kept = attacker
                    .out
                    .last()
                    .map(|(_, datagram)| datagram.clone())
                    .filter(|datagram| datagram[0] == 4);
            }
        }
    })
}

/// Each packet from another port than the last: the peer moves.
pub(super) fn roams() -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        serial += 1;
        attacker.source = elsewhere(serial);
        attacker.data(&[1]);
    })
}

/// Handshakes of the peer itself, each as new as its clock says.
pub(super) fn renewals() -> Turn {
    Box::new(|attacker| {
        let mut again = Attacker::new(HOSTILE, 0, attacker.now);
        again.packet(&[]);
        attacker.out.append(&mut again.out);
    })
}

/// Initiations of nobody, from hundreds of ports of one address.
pub(super) fn ports() -> Turn {
    initiations(true)
}

/// The same without the proof that the victim's key is known.
pub(super) fn wrong_macs() -> Turn {
    initiations(false)
}

fn initiations(knows_the_key: bool) -> Turn {
    let mut serial = 0_u64;
    Box::new(move |attacker| {
        serial += 1;
        attacker.out.push((elsewhere(serial), initiation(serial, knows_the_key)));
    })
}

fn initiation(serial: u64, knows_the_key: bool) -> Vec<u8> {
    let mut message = vec![1, 0, 0, 0];
    let mut word = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    while message.len() < 132 {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        message.extend_from_slice(&word.to_le_bytes());
    }
    message.truncate(132);
    message.resize(148, 0);
    if knows_the_key {
        mac1(&mut message, &key(VICTIM).public_key());
    }
    message
}

fn elsewhere(serial: u64) -> Source {
    (1 + serial % u64::from(SOURCES - 1)) as Source
}

/// The number of the hostile peer's key.
pub(super) const HOSTILE: u8 = 2;
/// Sockets that an attack may send from.
pub(super) const SOURCES: Source = 256;
