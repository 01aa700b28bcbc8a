//! Keys that are no peers: those that ask to become one, and those that were one.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::config::Path;
use crate::constants::INITIATION_LENGTH;
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

/// The newest timestamps of peers that were removed: their old initiations stay replays if they come back.
#[derive(Default)]
pub(crate) struct Departed {
    newest: BTreeMap<PublicKey, (Timestamp, u64)>,
    by_departure: BTreeMap<u64, PublicKey>,
    departures: u64,
}

impl Departed {
    pub(crate) fn remember(&mut self, key: PublicKey, timestamp: Timestamp) {
        if timestamp == Timestamp::default() {
            return;
        }
        self.forget(&key);
        self.newest.insert(key, (timestamp, self.departures));
        self.by_departure.insert(self.departures, key);
        self.departures += 1;
        if self.newest.len() > DEPARTED_KEPT
            && let Some((_, oldest)) = self.by_departure.pop_first()
        {
            self.newest.remove(&oldest);
        }
    }

    pub(crate) fn timestamp(&self, key: &PublicKey) -> Timestamp {
        self.newest.get(key).map_or_else(Timestamp::default, |(timestamp, _)| *timestamp)
    }

    pub(crate) fn forget(&mut self, key: &PublicKey) {
        if let Some((_, departure)) = self.newest.remove(key) {
            self.by_departure.remove(&departure);
        }
    }
}

/// About 2 MiB.
const DEPARTED_KEPT: usize = 16_384;
