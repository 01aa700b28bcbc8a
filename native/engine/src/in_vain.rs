//! Whether a peer that is heard acknowledges anything.

use std::time::{Duration, Instant};

/// Seconds in which a peer was heard, and acknowledged nothing that was sent in them or after.
///
/// They are counted, and not the time: in an outage, or while this machine sleeps, nothing says whether the peer would
/// have answered.
#[derive(Debug, Default)]
pub(crate) struct InVain {
    since: Option<Instant>,
    /// End of the second before, and the last look at the peer.
    last: Option<(Instant, Instant)>,
    seconds: u32,
}

impl InVain {
    /// Number of such seconds, given the instant since which an acknowledgement is waited for, and that at which the
    /// peer was heard last.
    pub(crate) fn count(&mut self, since: Instant, heard: Instant, now: Instant) -> u32 {
        if self.since != Some(since) {
            *self = Self { since: Some(since), ..Self::default() };
        }
        let (over, looked) = self.last.unwrap_or((since, since));
        let elapsed = now.saturating_duration_since(over);
        if elapsed >= SECOND {
            self.seconds += u32::from(heard > looked);
            // A late look is made up for, unless nobody looked for a whole second.
            self.last = Some((if elapsed < 2 * SECOND { over + SECOND } else { now }, now));
        }
        self.seconds
    }
}

/// Interval between two counts: that at which unanswered data is asked for.
const SECOND: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
