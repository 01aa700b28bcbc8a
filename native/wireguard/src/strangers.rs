//! Keys that are no peers: those that ask to become one, and those that were one.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::constants::INITIATION_LENGTH;
use crate::initiation::Timestamp;
use crate::keys::PublicKey;
use crate::path::Path;
use crate::tunnel::Stamp;

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

/// Outcome of a stranger's initiation.
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
    pub(crate) fn new(limit: usize, patience: Duration, per_second: u32, now: Instant) -> Self {
        Self {
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
            None => self.waiting.len() >= self.limit || self.is_share_used(path.remote.ip()),
        };
        if refused {
            return Asked::Refused;
        }
        let (asked, outcome) = held.map_or((now, Asked::New), |held| (held.asked, Asked::Again));
        self.waiting.insert(key, Stranger { path, initiation: *initiation, timestamp, asked });
        outcome
    }

    /// Whether as many wait from this address as may from one: the others' strangers are asked about too.
    fn is_share_used(&self, address: IpAddr) -> bool {
        let share = self.limit.div_ceil(4).max(LEAST_SHARE);
        let network = network(address);
        self.waiting.values().filter(|other| self::network(other.path.remote.ip()) == network).count()
            >= share
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

/// An IPv4 address, or the /64 of an IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Removed peers. Their old initiations must still count as replays when they return, and ours must not look like
/// replays to them.
pub(crate) struct Departed {
    timestamps: Remembered<Timestamp>,
    initiated: Remembered<Initiated>,
}

/// Record of a peer that was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RemovedPeer {
    /// Timestamp of the newest initiation that was taken from it.
    pub(crate) timestamp: Timestamp,
    /// The last that was sent to it.
    pub(crate) initiated: Option<Initiated>,
}

/// Time and stamp of an initiation that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Initiated {
    pub(crate) at: Instant,
    pub(crate) stamp: Stamp,
}

impl Departed {
    /// For as many peers as there can be, or the usual number if that is more.
    pub(crate) fn new(peers: usize) -> Self {
        Self {
            timestamps: Remembered::new(peers.max(TIMESTAMPS_KEPT)),
            initiated: Remembered::new(INITIATED_KEPT),
        }
    }

    /// Keeps the record of a removed peer, as far as it matters while a new initiation would be stamped with `due`.
    pub(crate) fn remember(&mut self, key: PublicKey, past: RemovedPeer, due: Stamp) {
        if past.timestamp > Timestamp::default() {
            self.timestamps.insert(key, past.timestamp);
        }
        while self.initiated.oldest().is_some_and(|initiated| !initiated.stamp.matters(due)) {
            self.initiated.remove_oldest();
        }
        if let Some(initiated) = past.initiated.filter(|initiated| initiated.stamp.matters(due)) {
            self.initiated.insert(key, initiated);
        }
    }

    pub(crate) fn timestamp(&self, key: &PublicKey) -> Timestamp {
        self.timestamps.get(key).unwrap_or_default()
    }

    /// It is a peer again.
    pub(crate) fn take(&mut self, key: &PublicKey) -> RemovedPeer {
        let timestamp = self.timestamps.remove(key).unwrap_or_default();
        RemovedPeer { timestamp, initiated: self.initiated.remove(key) }
    }
}

/// Something of each of so many keys, the latest.
struct Remembered<T> {
    limit: usize,
    values: BTreeMap<PublicKey, (T, u64)>,
    keys: BTreeMap<u64, PublicKey>,
    inserted: u64,
}

impl<T: Copy> Remembered<T> {
    fn new(limit: usize) -> Remembered<T> {
        Self { limit, values: BTreeMap::new(), keys: BTreeMap::new(), inserted: 0 }
    }

    fn insert(&mut self, key: PublicKey, value: T) {
        self.remove(&key);
        self.values.insert(key, (value, self.inserted));
        self.keys.insert(self.inserted, key);
        self.inserted += 1;
        if self.values.len() > self.limit {
            self.remove_oldest();
        }
    }

    fn get(&self, key: &PublicKey) -> Option<T> {
        self.values.get(key).map(|(value, _)| *value)
    }

    fn remove(&mut self, key: &PublicKey) -> Option<T> {
        let (value, inserted) = self.values.remove(key)?;
        self.keys.remove(&inserted);
        Some(value)
    }

    fn oldest(&self) -> Option<T> {
        self.get(self.keys.first_key_value()?.1)
    }

    fn remove_oldest(&mut self) {
        if let Some((_, key)) = self.keys.pop_first() {
            self.values.remove(&key);
        }
    }
}

/// Least share of questions that one network may hold, however few may stand in all.
const LEAST_SHARE: usize = 16;

/// About 2.5 MiB when it is reached.
const TIMESTAMPS_KEPT: usize = 16_384;

/// They matter for a second, unless the wall clock was set back.
const INITIATED_KEPT: usize = 1_024;

#[cfg(test)]
mod tests;
