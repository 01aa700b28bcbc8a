//! Entry of handshake messages into their queue: none may cost a Diffie-Hellman whose sender does not know this node's
//! key, and under load none whose sender did not show that it receives where it sends from.

use std::time::Instant;

use super::receiver;
use crate::constants::{INITIATION_LENGTH, RESPONSE_LENGTH};
use crate::cookie::has_cookie;
use crate::core::Core;
use crate::device::Device;
use crate::handshake_queue::{QueueFull, Waiting};
use crate::path::Path;

impl Device {
    /// A response from where we sent our initiation is one we asked for: it needs no cookie when we dial many at once.
    pub(super) fn queue_response(&mut self, path: Path, message: &[u8; RESPONSE_LENGTH], now: Instant) {
        let Self { peers, core, .. } = self;
        let Some(peer) = core.indices.owner(receiver(message, 8)).and_then(|owner| peers.get(&owner)) else {
            core.stats.received.unknown_index += 1;
            return;
        };
        if !core.knows_us(message) {
            return;
        }
        let admitted = peer.may_be_at(path.remote);
        if admitted || core.admits(path, message, now) {
            let queued = core.handshakes.push_response(Waiting { path, message: *message, admitted });
            core.count_overflow(queued);
        }
    }
}

impl Core {
    pub(super) fn queue_initiation(&mut self, path: Path, message: &[u8; INITIATION_LENGTH], now: Instant) {
        let loaded = self.handshakes.under_load(now);
        if loaded && !has_cookie(message) && !self.may_reply(path, now) {
            // It would be dropped whatever its MAC.
            self.handshakes.turned_away(path.remote, self.endpoints.source(path.remote), now);
            self.stats.received.under_load += 1;
            return;
        }
        if !self.knows_us(message) {
            return;
        }
        if !loaded || (self.admits(path, message, now) && self.allows(path, now)) {
            let waiting = Waiting { path, message: *message, admitted: loaded };
            let queued = self.handshakes.push_initiation(waiting);
            self.count_overflow(queued);
        }
    }

    /// Whether the sender of a handshake message knows our public key.
    fn knows_us(&mut self, message: &[u8]) -> bool {
        let knows_us = self.cookies.knows_us(message);
        self.stats.received.wrong_mac1 += u64::from(!knows_us);
        knows_us
    }

    /// Whether a handshake message may cost us a Diffie-Hellman: under load its sender first has to show that it
    /// receives where it sends from.
    pub(super) fn admits(&mut self, path: Path, message: &[u8], now: Instant) -> bool {
        if !self.handshakes.under_load(now)
            || self.cookies.returned(message, path.remote, &mut self.random, now)
        {
            return true;
        }
        self.stats.received.under_load += 1;
        if self.may_reply(path, now) {
            self.handshakes.replied(path.remote, self.endpoints.source(path.remote), now);
            self.stats.cookies_sent += 1;
            let reply = self.cookies.reply(message, path.remote, &mut self.random, now);
            self.reply(path, &reply);
        }
        false
    }

    fn may_reply(&self, path: Path, now: Instant) -> bool {
        self.handshakes.may_reply(path.remote, self.endpoints.source(path.remote), now)
    }

    /// Whether an initiation may be opened: under load its source must not have sent too many that opened to no peer.
    pub(super) fn allows(&mut self, path: Path, now: Instant) -> bool {
        let allowed = !self.handshakes.under_load(now) || self.handshakes.allows(path.remote.ip(), now);
        self.stats.received.source_limited += u64::from(!allowed);
        allowed
    }

    fn count_overflow(&mut self, queued: Result<(), QueueFull>) {
        self.stats.received.handshake_overflow += u64::from(queued == Err(QueueFull));
    }
}
