//! The clock that boringtun reads, which is ours, and the timestamps that it makes of it.

use std::time::{Duration, Instant, SystemTime};

use mock_instant::MockClock;

/// Turns our `now` into the time that boringtun reads: its feature `mock-instant` replaces its clock by one that is
/// kept per thread, and so is set anew on each entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// No handshake is stamped with less than this, in time since 1970.
    least: Duration,
    /// First stamp of simulated time, if our time does not pass as the system's does: stamps go on from it.
    simulated: Option<Duration>,
}

/// Time since 1970 that an initiation is stamped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(Duration);

/// Stamps of one `Tunn`: it noted the wall clock when it was made, and counts our time from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    /// The stamp it makes when its clock stands at `made`.
    stamp: Duration,
    made: Instant,
}

impl Clock {
    /// A clock for one device, whose stamps begin beyond all that this process has made: a node that is opened anew, in
    /// simulated time or after the wall clock was set back, would otherwise fall behind itself, and its peers would
    /// take its initiations for replays.
    pub(crate) fn new(now: Instant) -> Self {
        let least = newest() + 2 * WHITENING;
        let simulated = runs_ahead(now).then(|| wall_clock().max(least));
        Self { origin: now, least, simulated }
    }

    /// Lets boringtun on this thread see `now`.
    pub(crate) fn set(&self, now: Instant) {
        MockClock::set_time(self.reading(now));
    }

    /// Stamp of an initiation: the wall clock as it stands now, or a step more than the last to the same peer.
    ///
    /// The kernel rounds to 2^24 ns, so that initiations do not tell the finer time
    /// (`wg_noise_handshake_create_initiation`).
    pub(crate) fn stamp(&self, last: Option<Stamp>, now: Instant) -> Stamp {
        let simulated = self.simulated.map(|began| began + now.duration_since(self.origin));
        let due = wall_clock().max(self.least).max(simulated.unwrap_or_default());
        let step = last.map_or(Duration::ZERO, |Stamp(last)| whitened(last) + WHITENING);
        Stamp(whitened(due).max(step))
    }

    /// Makes a `Tunn` whose timestamps go on from here, after the last to the same peer.
    ///
    /// Where that is ahead of the wall clock (our time is simulated, or the wall clock was set back), it is made to
    /// believe that it was made earlier; and always by as much as a stamp may be rounded down, since its clock must not
    /// go back before its beginning. When boringtun read the wall clock is known only to the time that the making took,
    /// so a first stamp is two steps more than the last of another `Tunn`.
    pub(super) fn stamped<T>(
        &self,
        last: Option<Stamp>,
        now: Instant,
        make: impl FnOnce() -> T,
    ) -> (T, Stamps) {
        let beyond = last.map_or(Duration::ZERO, |Stamp(last)| last + 2 * WHITENING);
        let due = self.stamp(last, now).0.max(beyond);
        let ahead = due.saturating_sub(system_clock()).max(WHITENING);
        MockClock::set_time(self.reading(now) - ahead);
        let made = make();
        let stamp = system_clock() - READING_TIME + ahead;
        self.set(now);
        (made, Stamps { stamp, made: now })
    }

    /// Whether a `Tunn` can stamp as the wall clock has it, which was not set on or back since it was made, and with
    /// more than the last to the same peer. Simulated time passes as it likes beside the wall clock, and is followed
    /// alone.
    pub(super) fn agrees(&self, stamps: &Stamps, last: Option<Stamp>, now: Instant) -> bool {
        let due = stamps.due(now);
        let rises = last.is_none_or(|Stamp(last)| whitened(due) > whitened(last));
        rises && (self.simulated.is_some() || due.abs_diff(self.stamp(last, now).0) <= TOLERANCE)
    }

    /// Lets boringtun see `now`, less the part by which its next stamp has to be rounded down; gives that stamp. The
    /// time between boringtun's reading of the wall clock and ours stays in its last bits.
    pub(super) fn set_whitened(&self, stamps: &Stamps, now: Instant) -> Stamp {
        let due = stamps.due(now);
        let stamp = whitened(due);
        MockClock::set_time(self.reading(now) - (due - stamp));
        note(stamp);
        Stamp(stamp + READING_TIME)
    }

    fn reading(&self, now: Instant) -> Duration {
        BEFORE_ORIGIN + now.duration_since(self.origin)
    }
}

impl Stamp {
    /// Whether the next to the same peer has to look at it, now that the wall clock has it that `due` is next.
    pub(crate) fn matters(self, due: Self) -> bool {
        self.0 + TOLERANCE >= due.0
    }
}

impl Stamps {
    fn due(&self, now: Instant) -> Duration {
        self.stamp + now.duration_since(self.made)
    }
}

fn whitened(stamp: Duration) -> Duration {
    let excess = u64::from(stamp.subsec_nanos()) % WHITENING.as_nanos() as u64;
    stamp - Duration::from_nanos(excess)
}

#[cfg(not(test))]
use newest::{newest, note};
#[cfg(test)]
use tests::{newest, note};

/// The newest stamp that any device of this process has made.
#[cfg(not(test))]
mod newest {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    static NANOSECONDS: AtomicU64 = AtomicU64::new(0);

    pub(super) fn newest() -> Duration {
        Duration::from_nanos(NANOSECONDS.load(Ordering::Relaxed))
    }

    pub(super) fn note(stamp: Duration) {
        NANOSECONDS.fetch_max(stamp.as_nanos() as u64, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only to know whether the time we are given passes as the system's"
)]
fn runs_ahead(now: Instant) -> bool {
    now > Instant::now() + AHEAD
}

fn wall_clock() -> Duration {
    #[cfg(test)]
    return system_clock() + tests::SET_ON_BY.with(std::cell::Cell::get);
    #[cfg(not(test))]
    system_clock()
}

#[expect(
    clippy::disallowed_methods,
    reason = "boringtun reads it in `Tunn::new`, and we have to know what it read; peers compare what we stamp with it"
)]
fn system_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests;

/// boringtun reads the wall clock this much before we do at most, unless the thread is interrupted in between.
const READING_TIME: Duration = Duration::from_micros(100);

/// 16.8 ms.
const WHITENING: Duration = Duration::from_nanos(1 << 24);

/// The wall clock is slewed by less than this in the life of a `Tunn`.
const TOLERANCE: Duration = Duration::from_secs(1);

/// Room below the origin for a `Tunn` that is made to believe it is older.
const BEFORE_ORIGIN: Duration = Duration::from_secs(1 << 40);

/// Longest lead of a real clock: a driver's is the system's, plus the time that the machine was suspended since it was
/// started, a year at most. A clock that begins further ahead is simulated.
const AHEAD: Duration = Duration::from_secs(365 * 86_400);
