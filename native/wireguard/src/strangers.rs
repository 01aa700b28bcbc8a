//! Keys that are no peers: those that ask to become one, and those that were one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::config::Path;
use crate::constants::{INITIATION_LENGTH, INITIATION_SPACING};
use crate::initiation::Timestamp;
use crate::keys::PublicKey;

/// Questions about unknown keys that proved their possession: one a key, its newest initiation kept, bounded in number,
/// in time, and in how many are opened a second.
pub(crate) struct Strangers {
    waiting: BTreeMap<PublicKey, Stranger>,
    limit: usize,
    patience: Duration,
    opened: Backlog,
    cost: Duration,
}

/// An initiation that waits for its sender to become a peer.
pub(crate) struct Stranger {
    pub(crate) path: Path,
    pub(crate) initiation: [u8; INITIATION_LENGTH],
    pub(crate) timestamp: Timestamp,
    asked: Instant,
}

/// What became of a stranger's initiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// It is new, and the question is to be told.
    New,
    /// The question stands already.
    Again,
    /// There are too many questions, or this one is older than what is held.
    Refused,
}

impl Strangers {
    pub(crate) fn new(limit: usize, patience: Duration, per_second: u32, now: Instant) -> Strangers {
        Strangers {
            waiting: BTreeMap::new(),
            limit,
            patience,
            opened: Backlog::new(now),
            cost: Duration::from_secs(1).checked_div(per_second).unwrap_or(Duration::MAX),
        }
    }

    /// Takes one of this second's openings, if any is left.
    pub(crate) fn may_open(&mut self, now: Instant) -> bool {
        let allowed = self.opened.depth(now).saturating_add(self.cost) <= Duration::from_secs(1);
        if allowed {
            self.opened.add(self.cost, now);
        }
        allowed
    }

    pub(crate) fn ask(
        &mut self,
        key: PublicKey,
        path: Path,
        initiation: &[u8; INITIATION_LENGTH],
        timestamp: Timestamp,
        now: Instant,
    ) -> Asked {
        let held = self.waiting.get(&key);
        let refused = match held {
            Some(held) => timestamp <= held.timestamp,
            None => self.waiting.len() >= self.limit,
        };
        if refused {
            return Asked::Refused;
        }
        let (asked, outcome) = held.map_or((now, Asked::New), |held| (held.asked, Asked::Again));
        self.waiting.insert(key, Stranger { path, initiation: *initiation, timestamp, asked });
        outcome
    }

    pub(crate) fn contains(&self, key: &PublicKey) -> bool {
        self.waiting.contains_key(key)
    }

    pub(crate) fn take(&mut self, key: &PublicKey) -> Option<Stranger> {
        self.waiting.remove(key)
    }

    /// A question that nobody answered in time.
    pub(crate) fn lapsed(&mut self, now: Instant) -> Option<PublicKey> {
        let lapsed = self.waiting.iter().find(|(_, stranger)| stranger.asked + self.patience <= now);
        let key = *lapsed?.0;
        self.waiting.remove(&key);
        Some(key)
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.waiting.values().map(|stranger| stranger.asked + self.patience).min()
    }
}

/// Peers that were removed: their old initiations stay replays if they come back, and ours to them must not look like ones.
#[derive(Default)]
pub(crate) struct Departed {
    pasts: BTreeMap<PublicKey, (Past, u64)>,
    by_departure: BTreeMap<u64, PublicKey>,
    departures: u64,
}

/// What is kept of a peer that was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Past {
    /// Of the newest initiation that was taken from it.
    pub(crate) timestamp: Timestamp,
    /// When the last one was sent to it.
    pub(crate) initiated: Option<Instant>,
}

impl Departed {
    /// Keeps what still matters at `now`, if anything does.
    pub(crate) fn remember(&mut self, key: PublicKey, past: Past, now: Instant) {
        let initiated = past.initiated.filter(|at| now < *at + INITIATION_SPACING);
        let past = Past { initiated, ..past };
        if past == Past::default() {
            return;
        }
        self.take(&key);
        self.pasts.insert(key, (past, self.departures));
        self.by_departure.insert(self.departures, key);
        self.departures += 1;
        if self.pasts.len() > DEPARTED_KEPT
            && let Some((_, oldest)) = self.by_departure.pop_first()
        {
            self.pasts.remove(&oldest);
        }
    }

    pub(crate) fn timestamp(&self, key: &PublicKey) -> Timestamp {
        self.pasts.get(key).map_or_else(Timestamp::default, |(past, _)| past.timestamp)
    }

    /// It is a peer again.
    pub(crate) fn take(&mut self, key: &PublicKey) -> Past {
        let Some((past, departure)) = self.pasts.remove(key) else { return Past::default() };
        self.by_departure.remove(&departure);
        past
    }
}

/// About 2.5 MiB.
const DEPARTED_KEPT: usize = 16_384;
