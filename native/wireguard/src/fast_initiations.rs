//! Rate at which initiations may leave sooner than WireGuard's 5 s after the one before.

use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::constants::{REKEY_TIMEOUT, RETRY_JITTER};
use crate::random::Random;

/// One bucket for all peers of a device: those beyond its rate queue up for their turn, and none waits longer than
/// until its initiation is not a fast one any more.
pub(crate) struct FastInitiations(Backlog);

impl FastInitiations {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Backlog::new(now))
    }

    /// Lets an initiation leave at once (`None`), or says when its turn is; from `latest` on it needs none.
    pub(crate) fn admit(&mut self, latest: Instant, random: &mut Random, now: Instant) -> Option<Instant> {
        let turn = now + self.0.depth(now).saturating_sub(BURST);
        if turn > latest {
            // All that have to wait so long would leave together, had they become suspicious together.
            let most = if latest >= now + REKEY_TIMEOUT { REKEY_TIMEOUT } else { RETRY_JITTER };
            return Some(latest + random.duration(Duration::ZERO, most));
        }
        self.0.add(INTERVAL, now);
        (turn > now).then_some(turn)
    }
}

/// 1,000 a second: at 119 us each (`cargo bench --bench packets`) an eighth of a core, and at 176 bytes with UDP and IP
/// 1.4 Mbit/s.
const INTERVAL: Duration = Duration::from_millis(1);

/// As many at once: all peers of a hub that vanished are found out together, and 500 of them have their first two tries
/// unhindered.
const BURST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
