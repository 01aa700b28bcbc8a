//! Bytes that are sent many times.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Bytes that are sent many times and copied once.
#[derive(Default)]
pub(crate) struct Shares {
    bytes: BTreeMap<u32, Bytes>,
    next: u32,
}

impl Shares {
    /// Keeps bytes; gives their number, which comes again after 2^32 others.
    pub(crate) fn add(&mut self, bytes: Bytes) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.bytes.insert(number, bytes);
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<Bytes> {
        self.bytes.get(&number).cloned()
    }

    pub(crate) fn remove(&mut self, number: u32) {
        self.bytes.remove(&number);
    }
}
