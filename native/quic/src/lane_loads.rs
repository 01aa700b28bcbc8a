//! Loads of lanes, and their sums over those above or below one.

/// Bytes and a count for each of the 256 lanes, of which few are in use at a time.
#[derive(Debug, Default)]
pub(crate) struct LaneLoads {
    used: Vec<(u8, Load)>,
}

/// Load of a set of lanes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) bytes: u64,
    pub(crate) count: u64,
}

impl LaneLoads {
    pub(crate) fn add(&mut self, lane: u8, bytes: u64, count: u64) {
        match self.used.binary_search_by_key(&lane, |entry| entry.0) {
            Ok(at) => {
                self.used[at].1.bytes += bytes;
                self.used[at].1.count += count;
            }
            Err(at) => self.used.insert(at, (lane, Load { bytes, count })),
        }
    }

    /// Takes away no more than is there.
    pub(crate) fn remove(&mut self, lane: u8, bytes: u64, count: u64) {
        let Ok(at) = self.used.binary_search_by_key(&lane, |entry| entry.0) else { return };
        let load = &mut self.used[at].1;
        load.bytes = load.bytes.saturating_sub(bytes);
        load.count = load.count.saturating_sub(count);
        if *load == Load::default() {
            self.used.remove(at);
        }
    }

    /// Load of this lane and those above it.
    pub(crate) fn at_or_above(&self, lane: u8) -> Load {
        self.sum(|other| other >= lane)
    }

    pub(crate) fn below(&self, lane: u8) -> Load {
        self.sum(|other| other < lane)
    }

    pub(crate) fn total(&self) -> Load {
        self.sum(|_| true)
    }

    fn sum(&self, wanted: impl Fn(u8) -> bool) -> Load {
        self.used.iter().filter(|(lane, _)| wanted(*lane)).fold(Load::default(), |sum, (_, load)| Load {
            bytes: sum.bytes + load.bytes,
            count: sum.count + load.count,
        })
    }
}
