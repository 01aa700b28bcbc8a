use bytes::Bytes;
use std::sync::Arc;

/// Bytes that a stream wrote and the other end has not acknowledged. quinn-proto does not tell their end before the
/// stream is finished, but it drops a chunk once every byte up to its end is acknowledged.
#[derive(Debug, Default)]
pub(crate) struct Unacknowledged(Arc<()>);

impl Unacknowledged {
    /// The same bytes, which count until they are dropped.
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
