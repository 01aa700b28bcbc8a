//! Choice of who gets a cookie while there are too many handshake messages.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::endpoints::SourceKind;
use crate::random::Random;
use crate::rate_limiter::{RateLimit, RateLimiter};
use crate::turned_away::TurnedAway;

/// Budgets for cookie replies: one for endpoints of peers, one for other ports of peers' addresses, one for unknown
/// sources, and one as large again for unknown sources that come back after they got none. Each address and port that
/// is no peer's endpoint has a small budget besides, so that a flood from some hundred of them takes from nobody else.
pub(crate) struct CookieReplies {
    to_peers: Backlog,
    to_peer_addresses: Backlog,
    to_unknown: Backlog,
    to_returning: Backlog,
    turned_away: TurnedAway,
    sources: RateLimiter,
    bound: Option<Bound>,
}

/// The part of an uplink that replies may use.
struct Bound {
    /// Time that one reply to a peer's endpoint takes of the uplink. Of the rate to all others, unknown sources have
    /// half, and those that return and other ports of peers' addresses a quarter each.
    interval: Duration,
    addresses: RateLimiter,
}

impl CookieReplies {
    pub(crate) fn new(random: &mut Random, now: Instant) -> Self {
        let [to_peers, to_peer_addresses, to_unknown, to_returning] = [Backlog::new(now); 4];
        let sources = RateLimiter::new(SOURCE_RATE, random);
        let turned_away = TurnedAway::new(random, now);
        Self { to_peers, to_peer_addresses, to_unknown, to_returning, turned_away, sources, bound: None }
    }

    /// Bounds replies to what `bits_per_second` carries, twice: for endpoints of peers, and for all others. One
    /// address, whatever the port, gets an eighth of the latter at most.
    pub(crate) fn bound(&mut self, bits_per_second: u64, random: &mut Random) {
        let interval = Duration::from_nanos(SECOND * REPLY_BITS / bits_per_second.max(1));
        let addresses = RateLimiter::new(RateLimit { interval: interval * 8, burst: 2 }, random);
        self.bound = Some(Bound { interval, addresses });
    }

    /// Whether a message from there may be answered.
    pub(crate) fn allows(&self, remote: SocketAddr, source: SourceKind, now: Instant) -> bool {
        match source {
            SourceKind::Peer => self.to_peers.depth(now) < BURST,
            SourceKind::PeerAddress => {
                self.to_peer_addresses.depth(now) < BURST && self.allows_source(remote, now)
            }
            SourceKind::Unknown => {
                (self.to_unknown.depth(now) < BURST || self.returns(remote, now))
                    && self.allows_source(remote, now)
            }
        }
    }

    /// Notes that a message was answered.
    pub(crate) fn charge(&mut self, remote: SocketAddr, source: SourceKind, now: Instant) {
        match source {
            SourceKind::Peer => return self.to_peers.add(self.interval(INTERVAL / 4, 1), now),
            SourceKind::PeerAddress => self.to_peer_addresses.add(self.interval(INTERVAL, 4), now),
            SourceKind::Unknown if self.to_unknown.depth(now) < BURST => {
                self.to_unknown.add(self.interval(INTERVAL, 2), now);
            }
            SourceKind::Unknown => self.to_returning.add(self.interval(INTERVAL, 4), now),
        }
        self.sources.charge(remote.ip(), remote.port(), now);
        if let Some(bound) = &mut self.bound {
            bound.addresses.charge(remote.ip(), 0, now);
        }
    }

    /// Notes that a message was not.
    pub(crate) fn turn_away(&mut self, remote: SocketAddr, source: SourceKind, now: Instant) {
        if source == SourceKind::Unknown {
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
        let bound = self.bound.as_ref();
        self.sources.allows(remote.ip(), remote.port(), now)
            && bound.is_none_or(|bound| bound.addresses.allows(remote.ip(), 0, now))
    }

    /// Time between two replies to which one in `one_in` of the uplink's goes.
    fn interval(&self, least: Duration, one_in: u32) -> Duration {
        self.bound.as_ref().map_or(least, |bound| least.max(bound.interval * one_in))
    }
}

/// 5,000 a second, 1,000 at once: each costs some 5 us with its system call, 2.5 % of a core together. Where peers are,
/// four times as many: one whose endpoint is spoofed 50,000 times a second gets a cookie for two of its five tries, of
/// which it has twelve before its session ends.
const INTERVAL: Duration = Duration::from_micros(200);
const BURST: Duration = Duration::from_millis(200);

/// A cookie reply with IPv6 and UDP headers.
const REPLY_BITS: u64 = 8 * (64 + 48);
const SECOND: u64 = 1_000_000_000;

/// A first dial needs one in a quarter of a second at the most.
const SOURCE_RATE: RateLimit = RateLimit { interval: Duration::from_millis(200), burst: 5 };

#[cfg(test)]
mod tests;
