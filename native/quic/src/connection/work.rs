//! Work and memory that the other end asks of quinn-proto beyond that which its bytes explain.

mod received;

use quinn_proto::{ConnectionEvent, StreamId, VarInt};
use rustc_hash::FxHashMap;

use super::{Connection, Violation};
use crate::weigh::Weight;
use received::Received;

/// What came of the other end's streams so far.
#[derive(Debug, Default)]
pub(super) struct Work {
    streams: FxHashMap<u64, Received>,
    /// Holes in all of them.
    holes: usize,
    /// Number of streams from which those are forgotten that are over.
    most: usize,
    datagrams: u32,
    ids: u32,
}

impl Work {
    /// Number of costly pieces in a datagram: small ones that open a gap or fill one, and each after the first of its
    /// stream. quinn-proto files them among the pieces of the stream, and sorts them all now and then. `None`: it may
    /// not have the datagram at all.
    ///
    /// `read` says up to where a stream was read, `None`: nothing is kept of it.
    fn pieces(
        &mut self,
        weight: &Weight,
        mut read: impl FnMut(u64) -> Option<u64>,
    ) -> Result<Option<u32>, Violation> {
        if let Some(offence) = weight.offence {
            return Err(Violation(offence));
        }
        self.ids += weight.ids;
        if self.ids > IDS_MAX {
            return Err(Violation("connection IDs without end"));
        }
        self.datagrams = self.datagrams.wrapping_add(1);
        let hellos = weight.hello_pieces.saturating_sub(HELLO_PIECES);
        let (mut costly, mut repeated) = (hellos, hellos);
        let small = weight.small();
        for &(stream, offset, length) in &weight.pieces {
            let received = self.streams.entry(stream).or_default();
            let is_first = std::mem::replace(&mut received.datagram, self.datagrams) != self.datagrams;
            if is_first {
                received.repeated = 0;
            }
            if length < small {
                costly += u32::from(offset != received.end() || !is_first);
                repeated += u32::from(!is_first);
                received.repeated += u32::from(!is_first);
            }
            if (received.opens(offset) && self.holes >= HOLES_MAX)
                || !received.admits(offset, offset.saturating_add(length), || read(stream))
            {
                return Ok(None);
            }
        }
        let is_too_dear = weight.may_be_too_dear(repeated)
            && weight.is_too_dear(u64::from(hellos) * CHUNKS_MAX + self.sorted(weight, read));
        Ok((!is_too_dear).then(|| costly.saturating_mul(weight.factor())))
    }

    /// Sum of the chunks that streams hold when a small piece joins others that the same datagram brought them: so many
    /// are sorted, as often as those pieces seem to pin 32 KiB.
    fn sorted(&mut self, weight: &Weight, mut read: impl FnMut(u64) -> Option<u64>) -> u64 {
        let mut chunks = 0;
        for &(stream, ..) in &weight.pieces {
            let Some(received) = self.streams.get_mut(&stream) else { continue };
            let repeated = u64::from(std::mem::take(&mut received.repeated));
            if repeated > 0 {
                chunks += repeated * (received.chunks(|| read(stream)) + repeated).min(CHUNKS_MAX);
            }
        }
        chunks
    }

    /// Notes how many STREAM frames of a datagram quinn-proto read: none of a packet with a wrong tag, or a number that
    /// came before.
    fn note(&mut self, weight: &Weight, frames: u64) {
        for &(stream, offset, length) in weight.pieces.iter().filter(|_| frames > 0) {
            let received = self.streams.entry(stream).or_default();
            let until = offset.saturating_add(length);
            if frames < weight.stream_frames {
                // Which of them is not known.
                received.doubt(length, until);
            } else {
                let holes = received.holes();
                received.add(offset, until);
                self.holes = self.holes + received.holes() - holes;
            }
        }
    }

    /// Forgets streams that are over, now and then.
    fn forget(&mut self, mut is_over: impl FnMut(u64) -> bool) {
        let is_full = self.holes >= HOLES_MAX && self.datagrams.is_multiple_of(LOOKED_FOR);
        if self.streams.len() >= self.most.max(STREAMS_MAX) || is_full {
            let mut holes = 0;
            self.streams.retain(|&stream, received| {
                let stays = !is_over(stream);
                holes += if stays { received.holes() } else { 0 };
                stays
            });
            self.most = 2 * self.streams.len();
            self.holes = holes;
        }
    }
}

impl Connection {
    /// Number of costly pieces in a datagram for it; `None`: the datagram is to be dropped.
    pub(crate) fn weigh(&mut self, weight: &Weight) -> Result<Option<u32>, Violation> {
        let mut work = std::mem::take(&mut self.work);
        work.forget(|stream| self.read_so_far(stream).is_none());
        let pieces = work.pieces(weight, |stream| self.read_so_far(stream));
        self.work = work;
        pieces
    }

    /// Hands a datagram that was weighed to quinn-proto.
    pub(super) fn work_off(&mut self, event: ConnectionEvent, weight: &Weight) {
        let before = if weight.pieces.is_empty() { 0 } else { self.stream_frames() };
        self.make_room(weight);
        self.inner.handle_event(event);
        if !weight.pieces.is_empty() {
            self.work.note(weight, self.stream_frames() - before);
        }
    }

    fn stream_frames(&self) -> u64 {
        self.inner.stats().frame_rx.stream
    }

    /// Up to where a stream of the other end's was read, but for its header; `None`: nothing is kept of it.
    fn read_so_far(&mut self, stream: u64) -> Option<u64> {
        let id = StreamId::from(VarInt::from_u64(stream).ok()?);
        if let Some(read) = self.receiving.read_of(id).or_else(|| self.streams.read_of(id)) {
            return Some(read);
        }
        // What was opened a moment ago is not told yet.
        self.inner.recv_stream(id).read(true).is_ok().then_some(0)
    }
}

/// A packet of a hello has one; damage can cut that.
const HELLO_PIECES: u32 = 4;
/// An end gives out eight, and retires one where a path changes, which ours never do.
const IDS_MAX: u32 = 64;
/// Some 90 KiB.
const STREAMS_MAX: usize = 1_024;
/// Chunks that quinn-proto holds of a stream at most before it joins them (`COMPACT_THRESHOLD`).
const CHUNKS_MAX: u64 = 2_048;
/// Holes in the streams of a connection, of 40 bytes here and more in quinn-proto, which sorts them: every second
/// packet of all that may be on its way leaves fewer.
const HOLES_MAX: usize = 16_384;
/// Datagrams after which streams that are over are looked for again, while there are as many holes.
const LOOKED_FOR: u32 = 64;

#[cfg(test)]
mod tests;
