//! Who gets a cookie while there are too many handshake messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::endpoints::Source;
use crate::random::Random;
use crate::rate_limiter::{Rate, RateLimiter};
use crate::turned_away::TurnedAway;

/// Cookie replies by the second: so many for where peers are, so many for other ports of their addresses, so many for the
/// rest of the world, and as many again for those of it who come back after they got none; and a few for each address and
/// port, so that a flood from some hundred of them takes from nobody else.
pub(crate) struct CookieReplies {
    to_peers: Backlog,
    to_peer_addresses: Backlog,
    to_unknown: Backlog,
    to_returning: Backlog,
    turned_away: TurnedAway,
    sources: RateLimiter,
}

impl CookieReplies {
    pub(crate) fn new(random: &mut Random, now: Instant) -> CookieReplies {
        let [to_peers, to_peer_addresses, to_unknown, to_returning] = [Backlog::new(now); 4];
        let sources = RateLimiter::new(SOURCE_RATE, random);
        let turned_away = TurnedAway::new(random, now);
        CookieReplies { to_peers, to_peer_addresses, to_unknown, to_returning, turned_away, sources }
    }

    /// Whether a message from there may be answered.
    pub(crate) fn allows(&self, remote: SocketAddr, source: Source, now: Instant) -> bool {
        match source {
            Source::Peer => self.to_peers.depth(now) < BURST,
            Source::PeerAddress => {
                self.to_peer_addresses.depth(now) < BURST && self.allows_source(remote, now)
            }
            Source::Unknown => {
                (self.to_unknown.depth(now) < BURST || self.returns(remote, now))
                    && self.allows_source(remote, now)
            }
        }
    }

    /// One was answered.
    pub(crate) fn charge(&mut self, remote: SocketAddr, source: Source, now: Instant) {
        match source {
            Source::Peer => return self.to_peers.add(INTERVAL / 4, now),
            Source::PeerAddress => self.to_peer_addresses.add(INTERVAL, now),
            Source::Unknown if self.to_unknown.depth(now) < BURST => self.to_unknown.add(INTERVAL, now),
            Source::Unknown => self.to_returning.add(INTERVAL, now),
        }
        self.sources.charge(remote.ip(), remote.port(), now);
    }

    /// One was not.
    pub(crate) fn turn_away(&mut self, remote: SocketAddr, source: Source, now: Instant) {
        if source == Source::Unknown {
            self.turned_away.insert(remote, now);
        }
    }

    /// Gives back the memory of a flood that is over.
    pub(crate) fn release(&mut self, now: Instant) {
        self.turned_away.release(now);
    }

    fn returns(&self, remote: SocketAddr, now: Instant) -> bool {
        self.to_returning.depth(now) < BURST && self.turned_away.contains(remote, now)
    }

    fn allows_source(&self, remote: SocketAddr, now: Instant) -> bool {
        self.sources.allows(remote.ip(), remote.port(), now)
    }
}

/// 5,000 a second, 1,000 at once: each costs some 5 us with its system call, 2.5 % of a core together. Where peers are, four
/// times as many: one whose endpoint is spoofed 50,000 times a second gets a cookie for two of its five tries, of which it
/// has twelve before its session ends.
const INTERVAL: Duration = Duration::from_micros(200);
const BURST: Duration = Duration::from_millis(200);

/// A first dial needs one in a quarter of a second at the most.
const SOURCE_RATE: Rate = Rate { interval: Duration::from_millis(200), burst: 5 };

#[cfg(test)]
mod tests;
