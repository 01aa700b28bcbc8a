//! Work that the other end asks of quinn-proto beyond that which its bytes explain.

use rustc_hash::FxHashMap;

use super::Violation;
use crate::weigh::Weight;

/// Ends of the other end's streams so far, by which a piece out of order is known.
#[derive(Debug, Default)]
pub(super) struct Work {
    ends: FxHashMap<u64, u64>,
    ids: u32,
}

impl Work {
    /// Number of costly pieces in a datagram: small ones that open a gap or fill one. quinn-proto files each among the
    /// pieces of its stream, and sorts them all now and then.
    pub(super) fn pieces(&mut self, weight: &Weight) -> Result<u32, Violation> {
        if let Some(offence) = weight.offence {
            return Err(Violation(offence));
        }
        self.ids += weight.ids;
        if self.ids > IDS_MAX {
            return Err(Violation("connection IDs without end"));
        }
        let mut costly = weight.hello_pieces.saturating_sub(HELLO_PIECES);
        for &(stream, offset, length) in &weight.pieces {
            if self.ends.len() >= STREAMS_MAX {
                self.ends.clear();
            }
            let end = self.ends.entry(stream).or_default();
            costly += u32::from(offset != *end && length < SMALL);
            *end = (*end).max(offset.saturating_add(length));
        }
        Ok(costly)
    }
}

/// Length from which a piece is not costly: at a fifth of a packet, its bytes explain its cost.
const SMALL: u64 = 256;
/// A packet of a hello has one; damage can cut that.
const HELLO_PIECES: u32 = 4;
/// An end gives out eight, and retires one where a path changes, which ours never do.
const IDS_MAX: u32 = 64;
/// Some 16 KiB. Streams that are over stay until then; those that are not count once as out of order.
const STREAMS_MAX: usize = 1_024;

#[cfg(test)]
mod tests;
