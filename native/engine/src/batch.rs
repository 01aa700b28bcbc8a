use warren_quic::Ecn;
use warren_wireguard::Path;

/// Sealed datagrams, back to back in one buffer, grouped so that each group leaves in one GSO call.
#[derive(Debug)]
pub struct TransmitBatch {
    /// The datagrams, one after another.
    pub bytes: Vec<u8>,
    /// What goes where, in the order of leaving; covers `bytes` without gaps.
    pub groups: Vec<TransmitGroup>,
    datagrams: usize,
    max_datagrams: usize,
}

/// Datagrams of one size to one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransmitGroup {
    /// The destination, and the local address to leave from.
    pub path: Path,
    /// Marks every datagram of the group.
    pub ecn: Ecn,
    /// Where the group starts in `TransmitBatch::bytes`.
    pub start: usize,
    /// Bytes in all: at most 65,000.
    pub len: usize,
    /// Size of every datagram but the last, which may be shorter; at most 64 datagrams.
    pub segment: usize,
}

impl TransmitBatch {
    /// An empty batch that takes this many datagrams at a time (at least one).
    pub fn with_capacity(max_datagrams: usize) -> Self {
        let max_datagrams = max_datagrams.max(1);
        Self {
            bytes: Vec::with_capacity(max_datagrams * TYPICAL_DATAGRAM),
            groups: Vec::with_capacity(max_datagrams),
            datagrams: 0,
            max_datagrams,
        }
    }

    /// Forgets the datagrams and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.groups.clear();
        self.datagrams = 0;
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.datagrams == 0
    }

    /// Datagrams in it.
    pub fn len(&self) -> usize {
        self.datagrams
    }

    /// Datagrams it still takes.
    pub(crate) fn room(&self) -> usize {
        self.max_datagrams - self.datagrams
    }

    /// Takes what was appended to `bytes` since `start` as one datagram.
    pub(crate) fn push(&mut self, path: Path, ecn: Ecn, start: usize) {
        let len = self.bytes.len() - start;
        self.datagrams += 1;
        if let Some(group) = self.groups.last_mut()
            && group.path == path
            && group.ecn == ecn
            && len <= group.segment
            && group.len % group.segment == 0
            && group.len + len <= MAX_GROUP_BYTES
            && group.len / group.segment < MAX_GROUP_DATAGRAMS
        {
            group.len += len;
            return;
        }
        self.groups.push(TransmitGroup { path, ecn, start, len, segment: len });
    }
}

/// A sealed packet of inner MTU 1420, and what sealing may need beyond it.
const TYPICAL_DATAGRAM: usize = 1536;
/// UDP_MAX_SEGMENTS of Linux before 6.9.
const MAX_GROUP_DATAGRAMS: usize = 64;
/// Below the 65,507 bytes of an IPv4 UDP payload.
const MAX_GROUP_BYTES: usize = 65_000;
