//! Received datagrams that are worked off at once, or filed and worked off in turns between peers.

use std::mem;
use std::time::{Duration, Instant};

use warren_wireguard::{Claimed, Path};

use super::Engine;
use crate::arrivals::Batch;
use crate::ecn::Ecn;
use crate::transport::Transport;

impl<T: Transport> Engine<T> {
    /// Works off datagrams at once, as [`Engine::handle_datagrams`] does, unless others' may wait for these. `false`:
    /// nothing was done, and they are for [`Engine::file`].
    ///
    /// Then tell [`Engine::charge`] how long it took.
    pub fn handle_at_once(
        &mut self,
        path: Path,
        ecn: Ecn,
        segment: usize,
        bytes: &mut [u8],
        now: Instant,
    ) -> bool {
        let segment = whole_if_zero(segment, bytes.len());
        let claimed = self.wireguard.claimed(path, &bytes[..segment.min(bytes.len())]);
        let same = self.intake.tally.opened.is_none_or(|peer| claimed == Claimed::Peer(peer));
        let free = bytes.is_empty() || (same && self.intake.arrivals.is_free(claimed, segment, bytes, now));
        if free {
            self.handle_datagrams(path, ecn, segment, bytes, now);
        }
        free
    }

    /// Keeps a batch until its turn comes: peers take turns by the time that their datagrams take.
    ///
    /// Past 4 MiB of all, the peer with most there loses its last ones.
    pub fn file(&mut self, path: Path, ecn: Ecn, segment: usize, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let segment = whole_if_zero(segment, bytes.len());
        let claimed = self.wireguard.claimed(path, &bytes[..segment.min(bytes.len())]);
        let batch = Batch { path, ecn, segment, bytes, worked: 0 };
        self.counters.rx_overflow += self.intake.arrivals.push(claimed, batch);
    }

    /// Whether anything was filed and not worked off.
    pub fn has_arrivals(&self) -> bool {
        !self.intake.arrivals.is_empty()
    }

    /// Instant from which [`Engine::work_off`] has something to do, if something was filed for which it is too early.
    pub fn next_turn(&self) -> Option<Instant> {
        self.intake.arrivals.deadline()
    }

    /// Whether anybody's turn may begin now.
    pub fn may_work_off(&self, now: Instant) -> bool {
        self.intake.arrivals.has_turn(now)
    }

    /// Works off the datagrams of the next turn; gives back the memory of a large batch that is done.
    ///
    /// Then tell [`Engine::charge`] how long it took.
    pub fn work_off(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut turn = self.intake.arrivals.next(now)?;
        let mut memory = None;
        while let Some((mut batch, end)) = self.intake.arrivals.take(&mut turn) {
            let Batch { path, ecn, segment, worked, .. } = batch;
            for datagram in batch.bytes[worked..end].chunks_mut(segment) {
                self.handle_datagram(path, ecn, datagram, now);
            }
            batch.worked = end;
            if end < batch.bytes.len() {
                self.intake.arrivals.put_back(&turn, batch);
            } else if batch.bytes.capacity() > memory.as_ref().map_or(0, Vec::capacity) {
                memory = Some(batch.bytes);
            }
        }
        self.intake.arrivals.end(&turn);
        self.hear_rooms(now);
        self.intake.let_go();
        memory
    }

    /// Charges the work since the last call: that of [`Engine::handle_at_once`], or of one [`Engine::work_off`].
    pub fn charge(&mut self, took: Duration, now: Instant) {
        let tally = mem::take(&mut self.intake.tally);
        self.intake.arrivals.charge(tally, took, now);
    }
}

fn whole_if_zero(segment: usize, whole: usize) -> usize {
    if segment == 0 { whole.max(1) } else { segment }
}
