//! Handshake messages wait here until data has been served, and are worked off at the pace of their cost.
//!
//! Anybody who knows our public key can make us compute, so handshakes are paced. A message of a peer is charged at its
//! cost; one that opened to no peer at ten times that: strangers get a tenth of the time, and further messages of
//! theirs pile up. Once the work in the queue exceeds [`LOAD_LIMIT`] a message needs a cookie to enter it
//! ([`Cookies`]), and its source must have something left in its bucket ([`RateLimiter`]).
//!
//! [`Cookies`]: crate::cookie::Cookies

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::constants::{INITIATION_LENGTH, RESPONSE_LENGTH};
use crate::cookie_replies::CookieReplies;
use crate::endpoints::SourceKind;
use crate::path::Path;
use crate::random::Random;
use crate::rate_limiter::{RateLimit, RateLimiter};

pub(crate) struct HandshakeQueue {
    responses: VecDeque<Waiting<RESPONSE_LENGTH>>,
    initiations: VecDeque<Waiting<INITIATION_LENGTH>>,
    work: Backlog,
    loaded_until: Instant,
    sources: RateLimiter,
    replies: CookieReplies,
}

/// A message whose first MAC is right.
pub(crate) struct Waiting<const LENGTH: usize> {
    pub(crate) path: Path,
    pub(crate) message: [u8; LENGTH],
    /// It may be worked off even under load.
    pub(crate) admitted: bool,
}

/// The next message to work off.
pub(crate) enum Handshake {
    Response(Waiting<RESPONSE_LENGTH>),
    Initiation(Waiting<INITIATION_LENGTH>),
}

/// The queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl HandshakeQueue {
    pub(crate) fn new(random: &mut Random, now: Instant) -> Self {
        Self {
            responses: VecDeque::new(),
            initiations: VecDeque::new(),
            work: Backlog::new(now),
            loaded_until: now,
            sources: RateLimiter::new(SOURCE_RATE, random),
            replies: CookieReplies::new(random, now),
        }
    }

    /// Cookie replies take no more of an uplink than this, twice.
    pub(crate) fn bound_replies(&mut self, bits_per_second: u64, random: &mut Random) {
        self.replies.bound(bits_per_second, random);
    }

    pub(crate) fn push_response(&mut self, response: Waiting<RESPONSE_LENGTH>) -> Result<(), QueueFull> {
        push(&mut self.responses, response)
    }

    pub(crate) fn push_initiation(
        &mut self,
        initiation: Waiting<INITIATION_LENGTH>,
    ) -> Result<(), QueueFull> {
        push(&mut self.initiations, initiation)
    }

    /// The next message, answers to ourselves first, unless the turn is over.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Handshake> {
        self.replies.release(now);
        if self.len() == 0 || self.work.depth(now) >= TURN {
            return None;
        }
        let response = pop(&mut self.responses).map(Handshake::Response);
        response.or_else(|| pop(&mut self.initiations).map(Handshake::Initiation))
    }

    pub(crate) fn has_responses(&self) -> bool {
        !self.responses.is_empty()
    }

    /// The response to this initiation, before its turn.
    pub(crate) fn take_response(&mut self, receiver: u32) -> Option<Waiting<RESPONSE_LENGTH>> {
        let answers = |response: &Waiting<_>| response.message[8..12] == receiver.to_le_bytes();
        let place = self.responses.iter().position(answers)?;
        self.responses.remove(place)
    }

    /// Earliest begin of the next turn, if anything waits.
    pub(crate) fn next_turn(&self) -> Option<Instant> {
        (self.len() > 0).then(|| self.work.done_at() - TURN / 2)
    }

    pub(crate) fn len(&self) -> usize {
        self.responses.len() + self.initiations.len()
    }

    /// Notes work done for a peer.
    pub(crate) fn worked(&mut self, cost: Duration, now: Instant) {
        self.work.add(cost, now);
    }

    /// Notes work done for nobody.
    pub(crate) fn wasted(&mut self, cost: Duration, now: Instant) {
        self.work.add(cost * STRANGERS_SHARE, now);
    }

    /// Notes that an initiation opened to no peer.
    pub(crate) fn charge(&mut self, source: IpAddr, now: Instant) {
        if self.under_load(now) {
            self.sources.charge(source, 0, now);
        }
    }

    /// Whether a source may still have initiations opened while under load.
    pub(crate) fn allows(&self, source: IpAddr, now: Instant) -> bool {
        self.sources.allows(source, 0, now)
    }

    /// Whether more work waits than we want to keep peers waiting for, or did so a moment ago.
    pub(crate) fn under_load(&mut self, now: Instant) -> bool {
        if self.queued_work(now) > LOAD_LIMIT {
            self.loaded_until = now + LOAD_MEMORY;
        }
        now < self.loaded_until
    }

    /// Whether a message from there may be answered with a cookie.
    pub(crate) fn may_reply(&self, remote: SocketAddr, source: SourceKind, now: Instant) -> bool {
        self.replies.allows(remote, source, now)
    }

    /// Notes that one was.
    pub(crate) fn replied(&mut self, remote: SocketAddr, source: SourceKind, now: Instant) {
        self.replies.charge(remote, source, now);
        self.work.add(REPLYING_COST, now);
    }

    /// Notes that one was not, for there were too many.
    pub(crate) fn turned_away(&mut self, remote: SocketAddr, source: SourceKind, now: Instant) {
        self.replies.turn_away(remote, source, now);
    }

    /// A source's place among `places`: nobody can choose it.
    pub(crate) fn place(&self, source: IpAddr, places: u16) -> u16 {
        self.sources.place(source, 0) as u16 % places
    }

    fn queued_work(&self, now: Instant) -> Duration {
        let initiations = (OPENING_COST + ANSWERING_COST) * self.initiations.len() as u32;
        let responses = COMPLETING_COST * self.responses.len() as u32;
        self.work.depth(now) + initiations + responses
    }
}

fn push<const LENGTH: usize>(
    queue: &mut VecDeque<Waiting<LENGTH>>,
    message: Waiting<LENGTH>,
) -> Result<(), QueueFull> {
    if queue.len() >= QUEUE_LIMIT {
        return Err(QueueFull);
    }
    queue.push_back(message);
    Ok(())
}

/// Takes the next; frees the memory of a burst once it has drained.
fn pop<const LENGTH: usize>(queue: &mut VecDeque<Waiting<LENGTH>>) -> Option<Waiting<LENGTH>> {
    let message = queue.pop_front();
    if queue.is_empty() && queue.capacity() > KEPT_CAPACITY {
        *queue = VecDeque::new();
    }
    message
}

/// Costs of handshake messages, as `cargo bench --bench packets` measures them: 264 us to answer an initiation, 60 us
/// of them to find that it does not open; 94 us to complete our own.
pub(crate) const OPENING_COST: Duration = Duration::from_micros(60);
pub(crate) const ANSWERING_COST: Duration = Duration::from_micros(264 - 60);
pub(crate) const COMPLETING_COST: Duration = Duration::from_micros(94);

/// A cookie reply, its mac2 check included.
const REPLYING_COST: Duration = Duration::from_micros(4);

/// This much handshake work may wait before cookies are asked for: 900 nodes that come back at once are served without.
const LOAD_LIMIT: Duration = Duration::from_millis(250);

/// As the kernel has it (`wg_receive_handshake_packet`).
const LOAD_MEMORY: Duration = Duration::from_secs(1);

/// The longest that data waits for handshakes: two are answered in it. A socket that gets 50,000 datagrams a second
/// holds 25 more after it.
const TURN: Duration = Duration::from_micros(500);

/// Work for strangers counts this many times.
const STRANGERS_SHARE: u32 = 10;

/// The kernel's `PACKETS_PER_SECOND` and `PACKETS_BURSTABLE`.
const SOURCE_RATE: RateLimit = RateLimit { interval: Duration::from_millis(1_000 / 20), burst: 5 };

/// As the kernel's `MAX_QUEUED_INCOMING_HANDSHAKES`; 0.8 MiB of initiations.
const QUEUE_LIMIT: usize = 4_096;
const KEPT_CAPACITY: usize = 64;

#[cfg(test)]
mod tests;
