//! The clock that boringtun reads, which is ours, and the timestamps that it makes of it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use mock_instant::MockClock;

/// Turns our `now` into what boringtun takes for the time: its feature `mock-instant` replaces its clock by one that is
/// kept per thread, and so is set anew on each entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// What a handshake made at the origin is stamped with, in time since 1970.
    stamp_at_origin: Duration,
}

/// What one `Tunn` stamps its initiations with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamps {
    /// The stamp it makes when its clock stands at `made`.
    stamp: Duration,
    made: Instant,
}

impl Clock {
    /// A clock for one device, whose stamps begin beyond all that this process has made: a node that is started anew in
    /// simulated time would otherwise fall behind itself, and its peers would take its initiations for replays.
    pub(crate) fn new(now: Instant) -> Clock {
        let newest = Duration::from_nanos(NEWEST_STAMP.load(Ordering::Relaxed));
        Clock { origin: now, stamp_at_origin: wall_clock().max(newest + 2 * WHITENING) }
    }

    /// Lets boringtun on this thread see `now`.
    pub(crate) fn set(&self, now: Instant) {
        MockClock::set_time(self.reading(now));
    }

    /// Makes a `Tunn` whose timestamps go on where this clock stands.
    ///
    /// It notes the system's wall clock when it is made, and from there on counts our time. Where our time runs ahead of the
    /// wall clock (simulated, or the wall clock was set back), it is made to believe that it was made earlier; and always by
    /// as much as a stamp may be rounded down, since its clock must not go back before its beginning.
    pub(super) fn stamped<T>(&self, now: Instant, make: impl FnOnce() -> T) -> (T, Stamps) {
        let due = self.stamp_at_origin + now.duration_since(self.origin);
        let ahead = due.saturating_sub(wall_clock()).max(WHITENING);
        MockClock::set_time(self.reading(now) - ahead);
        let made = make();
        let stamps = Stamps { stamp: wall_clock() + ahead, made: now };
        self.set(now);
        (made, stamps)
    }

    /// Lets boringtun see `now`, less what the stamp of its next initiation has to be rounded down by.
    ///
    /// The kernel rounds to 2^24 ns, so that initiations do not tell the finer time (`wg_noise_handshake_create_initiation`).
    /// The time between boringtun's reading of the wall clock and ours stays in the last bits.
    pub(super) fn set_whitened(&self, now: Instant, stamps: &Stamps) {
        let stamp = stamps.stamp + now.duration_since(stamps.made) - READING_TIME;
        let excess = u64::from(stamp.subsec_nanos()) % WHITENING.as_nanos() as u64;
        MockClock::set_time(self.reading(now) - Duration::from_nanos(excess));
        NEWEST_STAMP.fetch_max(stamp.as_nanos() as u64, Ordering::Relaxed);
    }

    fn reading(&self, now: Instant) -> Duration {
        BEFORE_ORIGIN + now.duration_since(self.origin)
    }
}

/// The newest stamp that any device of this process has made, in nanoseconds since 1970.
static NEWEST_STAMP: AtomicU64 = AtomicU64::new(0);

/// 16.8 ms.
const WHITENING: Duration = Duration::from_nanos(1 << 24);

/// boringtun reads the wall clock this much before we do at most, unless the thread is interrupted in between.
const READING_TIME: Duration = Duration::from_micros(100);

/// Room below the origin for what is made to believe it is older.
const BEFORE_ORIGIN: Duration = Duration::from_secs(1 << 40);

#[expect(
    clippy::disallowed_methods,
    reason = "boringtun reads it in `Tunn::new`, and we have to know what it read"
)]
fn wall_clock() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
