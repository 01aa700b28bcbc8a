//! What came of one stream: which bytes, and how many in pieces that overlap.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Received {
    end: u64,
    /// What is missing before `end`: where it begins, and where it ends.
    holes: BTreeMap<u64, u64>,
    /// Bytes that came again in pieces which brought others for the first time.
    again: u64,
    /// `end` when any came so last: once the stream is read up to there, nothing of them is held.
    again_before: u64,
    /// `end` when nothing was missing last.
    whole: u64,
    /// Pieces that came since.
    since: u64,
    /// The last datagram with a piece of it.
    pub(super) datagram: u32,
    /// Small pieces of it in that datagram, after the first piece.
    pub(super) repeated: u32,
}

impl Received {
    /// Up to here something came.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn holes(&self) -> usize {
        self.holes.len()
    }

    /// Chunks that quinn-proto may hold, of a stream that was read up to `read`: what came since something is missing,
    /// and of what is before that chunks of [`CHUNK_LEAST`] or more.
    pub(super) fn chunks(&self, read: impl FnOnce() -> Option<u64>) -> u64 {
        let (whole, since) = if self.holes.is_empty() { (self.end, 0) } else { (self.whole, self.since) };
        let unread = read().map_or(0, |read| whole.saturating_sub(read + HEADER_MAX));
        since + unread / CHUNK_LEAST
    }

    /// Whether a piece would leave a hole.
    pub(super) fn opens(&self, offset: u64) -> bool {
        offset > self.end
    }

    /// Whether a piece may be held, of a stream that was read up to `read`. quinn-proto counts of a packet that others
    /// overlap what is left of it, and holds all of it.
    pub(super) fn admits(&mut self, offset: u64, until: u64, read: impl FnOnce() -> Option<u64>) -> bool {
        let again = self.overlap(offset, until);
        if again == 0 || self.again + again <= AGAIN + self.end / 4 {
            return true;
        }
        if read().is_some_and(|read| read + HEADER_MAX < self.again_before) {
            return false;
        }
        self.again = 0;
        true
    }

    /// A piece is there.
    pub(super) fn add(&mut self, offset: u64, until: u64) {
        if self.holes.is_empty() {
            (self.whole, self.since) = (self.end, 0);
        }
        self.since += 1;
        let again = self.overlap(offset, until);
        if again > 0 {
            self.doubt(again, until);
        }
        while let Some((&start, &end)) =
            self.holes.range(..until).next_back().filter(|(_, end)| **end > offset)
        {
            self.holes.remove(&start);
            if end > until {
                self.holes.insert(until, end);
            }
            if start < offset {
                self.holes.insert(start, offset);
            }
        }
        if offset > self.end {
            self.holes.insert(self.end, offset);
        }
        self.end = self.end.max(until);
    }

    /// A piece may be there: then it is held.
    pub(super) fn doubt(&mut self, bytes: u64, until: u64) {
        self.again = self.again.saturating_add(bytes);
        self.again_before = self.again_before.max(self.end).max(until);
    }

    /// Bytes of a piece that came before, if it brings others.
    fn overlap(&self, offset: u64, until: u64) -> u64 {
        if offset >= self.end {
            return 0;
        }
        let below = self.holes.range(..until).rev().take_while(|(_, end)| **end > offset);
        let filled: u64 = below.map(|(&start, &end)| end.min(until) - start.max(offset)).sum();
        let fresh = filled + until.saturating_sub(self.end);
        if fresh == 0 { 0 } else { until - offset - fresh }
    }
}

/// As much as quinn-proto holds of a stream whatever its pieces are. An honest end sends some again that was not lost,
/// in pieces of other lengths.
const AGAIN: u64 = 32 << 10;
/// The shortest chunk that quinn-proto keeps apart from its neighbour (`MIN_RETAINED_CHUNK_SIZE`).
const CHUNK_LEAST: u64 = 128;
/// More than any header of a stream has.
const HEADER_MAX: u64 = 300;
