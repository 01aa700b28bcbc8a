//! A message as it arrives.

/// Up to here a message's buffer is allocated whole at its first byte.
const WHOLE: usize = 64 << 10;

/// Factor by which the buffer of a longer message may grow at once: a peer makes us hold at most this many times the
/// bytes that it sent.
const GROWTH: usize = 4;

/// A buffer that grows with the bytes that arrive, to exactly the announced length.
#[derive(Debug)]
pub(crate) struct Assembly {
    pub(crate) priority: u8,
    length: usize,
    bytes: Vec<u8>,
    /// Bytes of it that the sender was told of.
    told: u64,
}

/// More bytes came than were announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Assembly {
    pub(crate) fn new(priority: u8, length: usize) -> Self {
        Self { priority, length, bytes: Vec::new(), told: 0 }
    }

    pub(crate) fn length(&self) -> usize {
        self.length
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        let needed = self.bytes.len() + bytes.len();
        if needed > self.length {
            return Err(TooLong);
        }
        if needed > self.bytes.capacity() {
            let capacity = (needed * GROWTH).max(WHOLE).min(self.length);
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes that are here.
    pub(crate) fn here(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Bytes that are here, if that is at least `step` more than the sender was told.
    pub(crate) fn progress(&mut self, step: u64) -> Option<u64> {
        let here = self.here();
        if here - self.told < step {
            return None;
        }
        self.told = here;
        Some(here)
    }

    /// The whole message, or `None` if bytes are missing.
    pub(crate) fn finish(&mut self) -> Option<Box<[u8]>> {
        (self.bytes.len() == self.length).then(|| std::mem::take(&mut self.bytes).into_boxed_slice())
    }
}
