//! Memory for received packets.

use std::collections::VecDeque;

use bytes::BytesMut;

/// Copies of packets, each in memory of its own: a piece that QUIC or the caller keeps pins no more than its packet,
/// and QUIC's count of pinned bytes is true.
///
/// Memory of which nothing was kept is used again: a packet whose content was read at once costs no allocation.
#[derive(Debug)]
pub(crate) struct Payloads {
    /// One for each of the last packets, whose copy may still be in use; oldest first.
    recent: VecDeque<BytesMut>,
    /// The longest packet of an ordinary path.
    longest: usize,
}

impl Payloads {
    pub(crate) fn new(longest: usize) -> Self {
        Self { recent: VecDeque::new(), longest }
    }

    pub(crate) fn copy(&mut self, bytes: &[u8]) -> BytesMut {
        if bytes.len() < SMALL || bytes.len() > self.longest {
            return BytesMut::from(bytes);
        }
        let mut memory = self.reclaimed().unwrap_or_else(|| BytesMut::with_capacity(self.longest));
        memory.extend_from_slice(bytes);
        let copy = memory.split();
        self.recent.push_back(memory);
        copy
    }

    /// The memory of the oldest packet, if nobody keeps anything of it.
    fn reclaimed(&mut self) -> Option<BytesMut> {
        let mut oldest = self.recent.pop_front()?;
        if oldest.try_reclaim(self.longest) {
            return Some(oldest);
        }
        if self.recent.len() + 1 < RECENT {
            self.recent.push_back(oldest);
        }
        None
    }
}

/// Below this, as above the longest of an ordinary path, a packet gets memory of exactly its size, so that a kept piece
/// never pins twice as much.
const SMALL: usize = 700;
/// As many packets as come in one batch (the kernel joins up to 64), all of which are copied before the first is read.
const RECENT: usize = 64;

#[cfg(test)]
mod tests;
