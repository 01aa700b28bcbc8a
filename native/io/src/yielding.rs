//! Yields of the I/O thread after busy turns: it shares its processor with threads that wait.
//!
//! Threads that wait for the processor, such as the one that is told of a message, go first: on two processors that
//! both ends fill, the p99 of urgent objects falls from 5.6 to 1.4 ms, and bulk loses nothing. But a yield forfeits the
//! rest of the thread's slice (on Linux since 6.18 the next one too), and beside a process that never sleeps each one
//! cost 1.4 to 6 ms: a stream kept 4 % of its throughput. The thread therefore asks for slices so short that there is
//! little to forfeit; where the system has none, it yields no more for a while once yields have taken most of its time.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

use std::thread;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
use other as system;

use crate::clock::Clock;

/// Yields of one thread.
pub(crate) enum Yielding {
    /// A yield forfeits no more than [`SLICE`].
    Cheap,
    /// A yield may take as long as others like.
    Costly(Cost),
}

/// Time that yields took.
#[derive(Default)]
pub(crate) struct Cost {
    since: Option<Instant>,
    spent: Duration,
    /// No yields before this.
    resumes: Option<Instant>,
}

impl Yielding {
    /// Begins for the calling thread.
    pub(crate) fn begin() -> Self {
        if system::shorten_slice(SLICE) { Self::Cheap } else { Self::Costly(Cost::default()) }
    }

    /// Lets other threads go first, if that costs little.
    pub(crate) fn let_go(&mut self, clock: &Clock) {
        match self {
            Self::Cheap => thread::yield_now(),
            Self::Costly(cost) => {
                let before = clock.now();
                if cost.allows(before) {
                    thread::yield_now();
                    cost.add(before, clock.now());
                }
            }
        }
    }
}

impl Cost {
    fn allows(&self, now: Instant) -> bool {
        self.resumes.is_none_or(|resumes| resumes <= now)
    }

    fn add(&mut self, before: Instant, after: Instant) {
        let since = *self.since.get_or_insert(before);
        self.spent += after.saturating_duration_since(before);
        let window = after.saturating_duration_since(since);
        if window < WINDOW {
            return;
        }
        let much = self.spent > window / 2;
        *self = Self { resumes: much.then_some(after + PAUSE), ..Self::default() };
    }
}

/// The shortest that Linux gives (`sched_setattr(2)`).
const SLICE: Duration = Duration::from_micros(100);
/// Several slices of a process that never sleeps.
const WINDOW: Duration = Duration::from_millis(20);
/// Ten times as long as it takes to find out that the others still do not sleep.
const PAUSE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests;
