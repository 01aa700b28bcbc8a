//! Packets of acknowledgements alone, while the other end acknowledges nothing.

use std::time::{Duration, Instant};

/// Packets without a frame that asks for an acknowledgement, since one left that is not acknowledged.
///
/// quinn-proto holds 200 bytes for each of a thousand of them after every packet that asks, until a newer one is
/// acknowledged. Past [`SOON_MAX`] they leave [`APART`]: an acknowledgement covers all that came before it, so an
/// honest end that is unheard for a while loses nothing by that.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    count: u64,
    next: Option<Instant>,
    waits: bool,
}

impl Quiet {
    /// Notes that so many left.
    pub(super) fn left(&mut self, packets: u64, now: Instant) {
        self.count += packets;
        self.next = (self.count > SOON_MAX).then(|| now + APART);
    }

    /// Whether the next one has to wait.
    pub(super) fn waits(&mut self, now: Instant) -> bool {
        self.waits = self.next.is_some_and(|next| now < next);
        self.waits
    }

    /// Instant at which the next one that waits leaves.
    pub(super) fn until(&self) -> Option<Instant> {
        self.next.filter(|_| self.waits)
    }
}

/// Packets that leave at once. 26,000 data packets are 32 MiB, which an end may send unread by default; every tenth is
/// acknowledged.
const SOON_MAX: u64 = 4_096;
/// Time between two of them after that: the longest that an end may put off an acknowledgement by default (RFC 9000
/// section 18.2).
const APART: Duration = Duration::from_millis(25);
