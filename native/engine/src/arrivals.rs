//! Datagrams that came and were not worked off, in queues by their claimed sender, so that nobody's wait behind
//! another's.

mod turns;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use warren_wireguard::{Claimed, Path, PeerId};

use crate::ecn::Ecn;

pub(crate) use turns::Turns;

/// Queues that take turns, within a bound on the memory of all.
///
/// Peers take turns with each other and with strangers. All strangers have one peer's share, in which they take turns
/// by their source.
#[derive(Debug)]
pub(crate) struct Arrivals {
    queues: BTreeMap<Claimed, Queue>,
    /// The queues, by the memory that each holds.
    lengths: BTreeSet<(usize, Claimed)>,
    held: usize,
    /// `None`: all strangers.
    turns: Turns<Option<PeerId>>,
    strangers: Turns<u16>,
    /// Claimed sender of the turn that ended, and was not charged yet.
    ended: Option<Claimed>,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    held: usize,
}

/// Datagrams of `segment` bytes each from one source; the last may be shorter. Those before `worked` are done.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    pub(crate) segment: usize,
    pub(crate) bytes: Vec<u8>,
    pub(crate) worked: usize,
}

/// The turn of a claimed sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    claimed: Claimed,
    allowance: u64,
    /// First bytes of the first of its datagrams.
    head: Option<[u8; HEAD]>,
}

/// Result of a turn: the peer whose datagrams opened, and those that did not open.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) opened: Option<PeerId>,
    /// Load of the datagrams that opened.
    pub(crate) load: u64,
    pub(crate) failed: u32,
    /// Source of the datagrams that did not open.
    pub(crate) source: u16,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
            lengths: BTreeSet::new(),
            held: 0,
            turns: Turns::new(),
            strangers: Turns::new(),
            ended: None,
        }
    }

    /// Whether these datagrams may be worked off at once, for nobody's would wait for them.
    pub(crate) fn is_free(&mut self, claimed: Claimed, segment: usize, bytes: &[u8], now: Instant) -> bool {
        self.queues.is_empty() && self.turns.is_alone(member(claimed), now) && {
            let head = head(bytes);
            bytes.chunks(segment).all(|datagram| self::head(datagram) == head)
        }
    }

    /// Files a batch; gives the number of datagrams that were dropped to make room.
    pub(crate) fn push(&mut self, claimed: Claimed, batch: Batch) -> u64 {
        self.turns.wait(member(claimed));
        if let Claimed::Source(source) = claimed {
            self.strangers.wait(source);
        }
        let held = batch.held();
        let queue = self.queues.entry(claimed).or_default();
        queue.batches.push_back(batch);
        self.grow(claimed, held);
        let mut dropped = 0;
        while self.held > HELD_MAX {
            dropped += self.drop_from_longest();
        }
        dropped
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// Whether a turn may begin now.
    pub(crate) fn has_turn(&self, now: Instant) -> bool {
        self.turns.has_next(now)
    }

    /// Deadline of the next turn, if all that wait are slow.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.turns.deadline()
    }

    /// Begins the next turn.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Turn> {
        let (claimed, allowance) = match self.turns.next(now)? {
            Some(peer) => (Claimed::Peer(peer), self.turns.allowance(Some(peer))),
            None => {
                let source = self.strangers.first()?;
                (Claimed::Source(source), self.strangers.allowance(source))
            }
        };
        Some(Turn { claimed, allowance, head: None })
    }

    /// Takes the turn's next datagrams, which name one session: a batch, and the end of its part in this turn.
    pub(crate) fn take(&mut self, turn: &mut Turn) -> Option<(Batch, usize)> {
        let queue = self.queues.get_mut(&turn.claimed)?;
        let batch = queue.batches.front()?;
        let begin = batch.worked;
        let mut end = begin;
        for datagram in batch.bytes[begin..].chunks(batch.segment) {
            let head = head(datagram);
            if turn.allowance == 0 || *turn.head.get_or_insert(head) != head {
                break;
            }
            turn.allowance = turn.allowance.saturating_sub(load(datagram.len()));
            end += datagram.len();
        }
        if end == begin {
            return None;
        }
        let batch = queue.batches.pop_front()?;
        let held = batch.held();
        self.shrink(turn.claimed, held);
        Some((batch, end))
    }

    /// Puts the rest of a batch back: it waits for the next turn.
    pub(crate) fn put_back(&mut self, turn: &Turn, batch: Batch) {
        let held = batch.held();
        self.queues.entry(turn.claimed).or_default().batches.push_front(batch);
        self.grow(turn.claimed, held);
    }

    /// Ends a turn.
    pub(crate) fn end(&mut self, turn: &Turn) {
        self.forget_if_empty(turn.claimed);
        self.ended = Some(turn.claimed);
    }

    /// Charges the time of this work: the peer pays for datagrams that opened, their source for those that did not. A
    /// turn's owner who is not the payer is lent the time: a peer that of datagrams which did not open, strangers that
    /// of datagrams which turned out to be a peer's.
    pub(crate) fn charge(&mut self, tally: Tally, took: Duration, now: Instant) {
        let failing = match tally.opened {
            Some(peer) => {
                let failing = (FAILING * tally.failed).min(took);
                self.turns.charge(Some(peer), took - failing, tally.load, now);
                failing
            }
            None => took,
        };
        match self.ended.take() {
            Some(Claimed::Peer(peer)) => return self.turns.lend(Some(peer), failing, now),
            Some(Claimed::Source(source)) if tally.opened.is_some() => {
                self.turns.lend(None, took - failing, now);
                self.strangers.charge(source, took - failing, tally.load, now);
            }
            Some(Claimed::Source(_)) | None => {}
        }
        if tally.failed > 0 {
            let load = load(0) * u64::from(tally.failed);
            self.turns.charge(None, failing, load, now);
            self.strangers.charge(tally.source, failing, load, now);
        }
    }

    fn drop_from_longest(&mut self) -> u64 {
        let Some(&(_, claimed)) = self.lengths.last() else { return 0 };
        let batch = self.queues.get_mut(&claimed).and_then(|queue| queue.batches.pop_back());
        let Some(batch) = batch else { return 0 };
        self.shrink(claimed, batch.held());
        self.forget_if_empty(claimed);
        (batch.bytes.len() - batch.worked).div_ceil(batch.segment) as u64
    }

    fn grow(&mut self, claimed: Claimed, bytes: usize) {
        self.resize(claimed, |held| held + bytes);
    }

    fn shrink(&mut self, claimed: Claimed, bytes: usize) {
        self.resize(claimed, |held| held - bytes);
    }

    fn resize(&mut self, claimed: Claimed, change: impl Fn(usize) -> usize) {
        let Some(queue) = self.queues.get_mut(&claimed) else { return };
        self.lengths.remove(&(queue.held, claimed));
        queue.held = change(queue.held);
        self.lengths.insert((queue.held, claimed));
        self.held = change(self.held);
    }

    fn forget_if_empty(&mut self, claimed: Claimed) {
        if self.queues.get(&claimed).is_some_and(|queue| !queue.batches.is_empty()) {
            return;
        }
        self.queues.remove(&claimed);
        self.lengths.remove(&(0, claimed));
        if let Claimed::Source(source) = claimed {
            self.strangers.rest(source);
            if !self.strangers.is_empty() {
                return;
            }
        }
        self.turns.rest(member(claimed));
    }
}

impl Batch {
    fn held(&self) -> usize {
        self.bytes.capacity() + BATCH_OVERHEAD
    }
}

/// Load of a datagram: the work that its bytes explain.
pub(crate) fn load(bytes: usize) -> u64 {
    bytes as u64 + DATAGRAM_LOAD
}

fn member(claimed: Claimed) -> Option<PeerId> {
    match claimed {
        Claimed::Peer(peer) => Some(peer),
        Claimed::Source(_) => None,
    }
}

/// First bytes of a datagram, kind and receiver: the same for all that one session sealed.
fn head(datagram: &[u8]) -> [u8; HEAD] {
    datagram.first_chunk().copied().unwrap_or_default()
}

const HEAD: usize = 8;
/// As much as the socket's own buffer holds; bulk at 3 Gbit/s fills it in 10 ms.
const HELD_MAX: usize = 4 << 20;
/// A batch beside its bytes, with its share of the queues.
const BATCH_OVERHEAD: usize = 256;
/// An empty datagram takes about as long as a full one.
const DATAGRAM_LOAD: u64 = 1_500;
/// Time to find out that a datagram of 1,400 bytes does not open.
const FAILING: Duration = Duration::from_micros(2);

#[cfg(test)]
mod tests;
