//! Bytes of a stream that the other end has not acknowledged.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// Bytes that a stream wrote and the other end has not acknowledged. quinn-proto does not tell their end before the
/// stream is finished, but it drops a chunk once every byte up to its end is acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged(Arc<()>);

impl Unacknowledged {
    /// Wraps bytes so that they count until they are dropped.
    pub(crate) fn count(&self, bytes: Bytes) -> Bytes {
        Bytes::from_owner(Counted { bytes, _count: Arc::clone(&self.0) })
    }

    /// Chunks that quinn-proto holds: those from the first on that was not acknowledged to its end.
    pub(crate) fn pieces(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    /// Whether nothing that was written waits for its acknowledgement.
    pub(crate) fn is_empty(&self) -> bool {
        self.pieces() == 0
    }
}

struct Counted {
    bytes: Bytes,
    _count: Arc<()>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that quinn-proto holds of a stream until the other end has acknowledged them.
#[derive(Debug, Default)]
pub(crate) struct UnacknowledgedBytes(Arc<AtomicUsize>);

impl UnacknowledgedBytes {
    /// Wraps bytes so that they count until they are dropped.
    pub(crate) fn count(&self, bytes: Bytes) -> Bytes {
        let cost = bytes.len() + PIECE_COST;
        self.0.fetch_add(cost, Ordering::Relaxed);
        Bytes::from_owner(CountedBytes { bytes, cost, held: Arc::clone(&self.0) })
    }

    /// Bytes held, with the overhead of each piece.
    pub(crate) fn held(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

struct CountedBytes {
    bytes: Bytes,
    cost: usize,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for CountedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.held.fetch_sub(self.cost, Ordering::Relaxed);
    }
}

/// Two allocations and the handle of one, beside the bytes.
const PIECE_COST: usize = 128;
