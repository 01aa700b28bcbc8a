//! Datagrams on their way to the driver.

use warren_wireguard::Path;

use crate::ecn::Ecn;

/// Sealed datagrams, back to back in one buffer, grouped so that each group leaves in one GSO call.
#[derive(Debug)]
pub struct TransmitBatch {
    /// The datagrams, one after another.
    pub bytes: Vec<u8>,
    /// Paths of the datagrams, in the order of leaving; the groups cover `bytes` without gaps.
    pub groups: Vec<TransmitGroup>,
    datagrams: usize,
    /// Room that is used up, in datagrams of the ordinary size.
    units: usize,
    max_units: usize,
}

/// Datagrams of one size to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransmitGroup {
    /// The destination, and the local address to leave from.
    pub path: Path,
    /// Marks every datagram of the group.
    pub ecn: Ecn,
    /// Start of the group in `TransmitBatch::bytes`.
    pub start: usize,
    /// Bytes in all: at most 65,000.
    pub len: usize,
    /// Size of every datagram but the last, which may be shorter; at most 64 datagrams.
    pub segment: usize,
    /// They must not be fragmented: they are longer than connections begin with, and measure what the path carries.
    pub whole: bool,
}

impl TransmitBatch {
    /// An empty batch that takes this many datagrams of an inner MTU of 1,420 at a time (at least one), and longer ones
    /// as several of them.
    pub fn with_capacity(max_datagrams: usize) -> Self {
        let max_units = max_datagrams.max(1);
        Self {
            bytes: Vec::with_capacity(max_units * TYPICAL_DATAGRAM),
            groups: Vec::with_capacity(max_units),
            datagrams: 0,
            units: 0,
            max_units,
        }
    }

    /// Takes this many datagrams at a time from now on (at least one).
    pub fn set_capacity(&mut self, max_datagrams: usize) {
        self.max_units = max_datagrams.max(1);
    }

    /// Forgets the datagrams and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.groups.clear();
        self.datagrams = 0;
        self.units = 0;
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Datagrams in it.
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Datagrams of the ordinary size that it still takes.
    pub fn room(&self) -> usize {
        self.max_units.saturating_sub(self.units)
    }

    /// Each datagram, with the path that it takes, in the order of leaving.
    pub fn datagrams(&self) -> impl Iterator<Item = (Path, &[u8])> {
        self.groups.iter().flat_map(|group| {
            let bytes = &self.bytes[group.start..group.start + group.len];
            bytes.chunks(group.segment).map(|datagram| (group.path, datagram))
        })
    }

    /// Takes what was appended to `bytes` since `start` as one datagram.
    pub(crate) fn push(&mut self, path: Path, ecn: Ecn, whole: bool, start: usize) {
        let len = self.bytes.len() - start;
        self.datagrams += 1;
        self.units += units(len);
        if let Some(group) = self.groups.last_mut()
            && group.path == path
            && group.ecn == ecn
            && (group.whole == whole || len <= UNFRAGMENTED)
            && len <= group.segment
            && group.len % group.segment == 0
            && group.len + len <= MAX_GROUP_BYTES
            && group.len / group.segment < MAX_GROUP_DATAGRAMS
        {
            group.len += len;
            return;
        }
        self.groups.push(TransmitGroup { path, ecn, start, len, segment: len, whole });
    }
}

/// The number of datagrams of the ordinary size for which one of so many bytes counts.
pub(crate) fn units(len: usize) -> usize {
    if len <= LONGER { 1 } else { len.div_ceil(ORDINARY_DATAGRAM) }
}

/// A sealed packet of inner MTU 1420.
pub(crate) const ORDINARY_DATAGRAM: usize = 1452;
/// A path of 1,500 bytes and a little more is an ordinary one.
const LONGER: usize = 2048;
/// The longest UDP payload that no IPv4 path fragments in practice: 576 bytes (RFC 791) less 28.
const UNFRAGMENTED: usize = 548;
/// A sealed packet of inner MTU 1420, and what sealing may need beyond it.
const TYPICAL_DATAGRAM: usize = 1536;
/// UDP_MAX_SEGMENTS of Linux before 6.9.
const MAX_GROUP_DATAGRAMS: usize = 64;
/// Below the 65,507 bytes of an IPv4 UDP payload.
const MAX_GROUP_BYTES: usize = 65_000;

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn longer_datagrams_use_up_the_room_of_several() {
        let mut batch = TransmitBatch::with_capacity(44);
        let path = Path { remote: ([192, 0, 2, 1], 1).into(), local: None };
        while batch.room() > 0 {
            let start = batch.bytes.len();
            batch.bytes.resize(start + 8_952, 0);
            batch.push(path, Ecn::NotEct, true, start);
        }
        assert_eq!((batch.len(), batch.groups.len()), (7, 1), "one call takes them");
    }

    #[test]
    fn groups_cover_the_datagrams_in_order_and_each_could_leave_in_one_call() {
        for seed in 0..50 {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            let mut batch = TransmitBatch::with_capacity(1_000);
            let mut sent = Vec::new();
            while batch.room() > 0 {
                let port = rng.random_range(1..3);
                for _ in 0..rng.random_range(1..100usize).min(batch.room()) {
                    let len = if rng.random_bool(0.95) { 1452 } else { rng.random_range(32..1452) };
                    let path = Path { remote: ([192, 0, 2, 1], port).into(), local: None };
                    let whole = rng.random_bool(0.3);
                    let start = batch.bytes.len();
                    batch.bytes.resize(start + len, 0);
                    batch.push(path, Ecn::NotEct, whole, start);
                    sent.push((port, len, whole || len <= UNFRAGMENTED));
                }
            }
            let mut groups = Vec::new();
            let mut end = 0;
            for group in &batch.groups {
                assert_eq!(group.start, end, "seed {seed}");
                end += group.len;
                assert!(group.len <= 65_000 && group.len.div_ceil(group.segment) <= 64, "seed {seed}");
                let datagrams = batch.bytes[group.start..end].chunks(group.segment);
                groups.extend(datagrams.map(|datagram| {
                    let len = datagram.len();
                    (group.path.remote.port(), len, group.whole || len <= UNFRAGMENTED)
                }));
            }
            assert_eq!(end, batch.bytes.len());
            assert_eq!(groups, sent, "seed {seed}");
            assert!(batch.groups.len() < 800, "seed {seed}: {} groups", batch.groups.len());
        }
    }
}
