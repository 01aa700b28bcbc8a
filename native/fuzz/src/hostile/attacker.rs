//! A peer of the victim's that says what it is told to, and anyone who can send from several addresses.

use std::net::Ipv6Addr;
use std::time::{Duration, Instant};

use super::line::{CONTROL, Line};
use crate::bare::Bare;
use crate::node::{VICTIM, key};
use crate::wire::{Level, QuicEnd, ipv6, udp};

/// The socket that a datagram leaves from, one of several.
pub type Source = u16;

pub(super) struct Attacker {
    pub(super) bare: Bare,
    pub(super) line: Option<Line>,
    pub(super) now: Instant,
    /// Datagrams to the victim.
    pub(super) out: Vec<(Source, Vec<u8>)>,
    /// Whether what asks for an acknowledgement gets one.
    pub(super) acknowledges: bool,
    /// The socket that a sealed packet leaves from.
    pub(super) source: Source,
    /// Lines begun so far.
    pub(super) lines: u64,
    /// A number that tells this attacker's connections from those of an earlier run.
    salt: u64,
    /// The last time that the line said it is there.
    shown: Instant,
    /// Whether the other sockets are those of other peers.
    pub(super) plays_others: bool,
    /// The last time that an attack had the victim's leave to go on.
    pub(super) progressed: Instant,
    /// Datagrams to other sockets, for those peers.
    pub(super) answers: Vec<(Source, Vec<u8>)>,
    /// The number of a session that is somebody else's.
    pub(super) overheard: Option<[u8; 4]>,
}

impl Attacker {
    /// The peer with the `n`th key.
    pub(super) fn new(n: u8, salt: u64, now: Instant) -> Self {
        Self {
            bare: Bare::new(n, now),
            line: None,
            now,
            out: Vec::new(),
            acknowledges: true,
            source: 0,
            lines: 0,
            salt,
            shown: now,
            plays_others: false,
            progressed: now,
            answers: Vec::new(),
            overheard: None,
        }
    }

    /// Takes a datagram of the victim's, which came to this socket.
    pub(super) fn hear(&mut self, source: Source, datagram: &[u8]) {
        if source != 0 && self.plays_others {
            self.answers.push((source, datagram.to_vec()));
            return;
        }
        let packet = self.bare.take(datagram, self.now);
        self.forward();
        let Some(packet) = packet else { return };
        let Some(payload) = packet.get(48..).filter(|_| packet[6] == 17) else { return };
        if let Some(line) = &mut self.line {
            line.hear(payload, self.now);
        }
    }

    /// Does what is due, and keeps the connection alive.
    pub(super) fn attend(&mut self) {
        for datagram in self.bare.expire(self.now) {
            self.out.push((self.source, datagram));
        }
        let Some(line) = self.line.as_mut().filter(|line| line.connected && self.acknowledges) else {
            return;
        };
        let mut frames = if line.owes { line.acknowledgement() } else { Vec::new() };
        if line.control_heard && !line.control_granted {
            line.control_granted = true;
            frames.extend(Line::grant(CONTROL));
        }
        if self.now.duration_since(self.shown) > SHOWN_EVERY {
            self.shown = self.now;
            frames.push(1);
        }
        if !frames.is_empty() {
            self.data(&frames);
        }
    }

    /// Whether there is a connection. If not, this goes on with making one.
    pub(super) fn is_connected(&mut self) -> bool {
        let now = self.now;
        match &mut self.line {
            Some(line) if line.lives(now) => return true,
            Some(line) if !line.connected && now.duration_since(line.begun) < PATIENCE => {
                if line.is_answered() {
                    for payload in line.complete() {
                        self.say(&payload);
                    }
                    return true;
                }
            }
            _ => {
                let hello = self.dial();
                self.say(&hello);
            }
        }
        false
    }

    /// Ends this line: the next one is due.
    pub(super) fn give_up(&mut self) {
        self.data(&[0x1d, 0x41, 0, 0]);
        if let Some(line) = &mut self.line {
            line.closed = true;
        }
    }

    /// Gives up the line for a new one, and gives the packet with its hello.
    pub(super) fn dial(&mut self) -> Vec<u8> {
        let mut line = Line::new(self.next_end(), self.now);
        let hello = line.end.hello();
        self.line = Some(line);
        self.progressed = self.now;
        hello
    }

    /// The end of a connection that was never dialled before.
    pub(super) fn next_end(&mut self) -> QuicEnd {
        self.lines += 1;
        let serial = self.salt << 32 | self.lines;
        QuicEnd::dialler_to(serial.to_be_bytes(), (serial.reverse_bits() | 1).to_le_bytes())
    }

    /// Sends a packet of these frames on the connection.
    pub(super) fn data(&mut self, frames: &[u8]) {
        if let Some(line) = &mut self.line {
            let payload = line.end.packet(Level::Data, frames);
            self.say(&payload);
        }
    }

    /// Sends to the port of QUIC.
    pub(super) fn say(&mut self, payload: &[u8]) {
        let packet = udp(self.bare.address, victim(), QUIC_PORTS, payload);
        self.seal(&packet);
    }

    /// Sends a packet of the application's.
    pub(super) fn packet(&mut self, body: &[u8]) {
        let packet = ipv6(self.bare.address, victim(), NO_NEXT_HEADER, body);
        self.seal(&packet);
    }

    /// Sends any packet through the tunnel.
    pub(super) fn seal(&mut self, packet: &[u8]) {
        for datagram in self.bare.send(packet, self.now) {
            self.out.push((self.source, datagram));
        }
    }

    fn forward(&mut self) {
        for datagram in self.bare.drain(self.now) {
            self.out.push((self.source, datagram));
        }
    }
}

/// The inner address of the victim.
pub(super) fn victim() -> Ipv6Addr {
    key(VICTIM).public_key().derived_address()
}

const QUIC_PORTS: (u16, u16) = (0x7772, 0x7772);
/// RFC 8200 section 4.7.
const NO_NEXT_HEADER: u8 = 59;
/// For an answer to a hello.
const PATIENCE: Duration = Duration::from_millis(300);
const SHOWN_EVERY: Duration = Duration::from_secs(1);
