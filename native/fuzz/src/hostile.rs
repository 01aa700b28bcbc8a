//! A hostile peer, and hostile strangers: each attack is a function that sends one more datagram or a few.
//!
//! [`Hostile`] does no input or output itself. `src/bin/hostile.rs` gives it sockets and a rate, `tests/hostile.rs` a
//! node in virtual time. An attacker keeps to what the victim allows where that lets it go on for longer, and dials
//! again when the victim ends its connection.

mod attacker;
mod connections;
mod frames;
mod heard;
mod line;
mod lists;
mod streams;
mod table;
mod tunnel;

use std::time::Instant;

use attacker::Attacker;

pub use attacker::Source;
pub use table::{ATTACKS, Attack, Victim};

#[cfg(test)]
mod tests;

/// Sends the next datagram of an attack, or the next few.
type Turn = Box<dyn FnMut(&mut Attacker) + Send>;

/// An attack under way.
pub struct Hostile {
    attack: &'static Attack,
    attacker: Attacker,
    turn: Turn,
    /// The connection that the turns are for.
    line: u64,
}

impl Hostile {
    /// An attack by the peer whose key is `tunnel::HOSTILE`. `salt` tells its connections from those of another run;
    /// `index` is the number of a session of somebody else's, if one was overheard.
    pub fn new(attack: &'static Attack, salt: u32, index: Option<[u8; 4]>, now: Instant) -> Self {
        let mut attacker = Attacker::new(tunnel::HOSTILE, u64::from(salt), now);
        attacker.overheard = index;
        Self { attack, attacker, turn: (attack.begin)(), line: 0 }
    }

    /// Takes a datagram of the victim's, which came to this socket.
    pub fn handle_datagram(&mut self, source: Source, datagram: &[u8], now: Instant) {
        self.attacker.now = now;
        self.attacker.hear(source, datagram);
    }

    /// Answers what is to be answered for the attack to go on.
    pub fn attend(&mut self, now: Instant) {
        self.attacker.now = now;
        self.attacker.attend();
        if self.attack.connects && self.attacker.is_connected() && self.line != self.attacker.lines {
            self.line = self.attacker.lines;
            self.turn = (self.attack.begin)();
        }
    }

    /// Goes on with the attack. Whether it could: else there is something to wait for.
    pub fn strike(&mut self, now: Instant) -> bool {
        self.attend(now);
        if self.attack.connects && self.line != self.attacker.lines {
            return false;
        }
        (self.turn)(&mut self.attacker);
        !self.attacker.out.is_empty()
    }

    /// Does the attacker's own work for a datagram that is dear to make, and sends none.
    pub fn rehearse(&mut self, now: Instant) {
        if self.attack.is_dear {
            self.attacker.now = now;
            (self.turn)(&mut self.attacker);
            self.attacker.out.clear();
        }
    }

    /// Datagrams that leave now, each from a socket of [`SOURCES`](Self::SOURCES).
    pub fn take_datagrams(&mut self) -> Vec<(Source, Vec<u8>)> {
        std::mem::take(&mut self.attacker.out)
    }

    /// The number of connections begun.
    pub fn connections(&self) -> u64 {
        self.attacker.lines
    }

    /// Sockets that an attack sends from at most.
    pub const SOURCES: Source = tunnel::SOURCES;
}
