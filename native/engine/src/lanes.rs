//! The scheduler of a device.

use std::collections::VecDeque;
use std::hash::Hash;

use rustc_hash::FxHashMap;

use crate::batch::ORDINARY_DATAGRAM;
use crate::ids::Priority;

/// The scheduler: 256 strict lanes, in each the peers that have something, which take turns, and of each peer its
/// members, which take turns within the peer's. A peer with more members gains nothing by them.
///
/// A bitmap tells which lanes are not empty, so that the pick costs four words, whatever the number of lanes, peers and
/// members. A member stands in a lane at most once: the caller of `push` sees to that.
#[derive(Debug)]
pub(crate) struct Lanes<P, T> {
    occupied: [u64; 4],
    /// Lanes that take no turns for now.
    paused: [u64; 4],
    queues: Vec<Queue<P, T>>,
}

#[derive(Debug)]
struct Queue<P, T> {
    /// Each peer of `members` once.
    turns: VecDeque<P>,
    members: FxHashMap<P, VecDeque<T>>,
    /// Bytes that a peer has had beyond its turns while others waited.
    debts: FxHashMap<P, usize>,
}

impl<P: Copy + Eq + Hash, T: Copy> Lanes<P, T> {
    pub(crate) fn new() -> Self {
        let queues = (0..256).map(|_| Queue {
            turns: VecDeque::new(),
            members: FxHashMap::default(),
            debts: FxHashMap::default(),
        });
        Self { occupied: [0; 4], paused: [0; 4], queues: queues.collect() }
    }

    /// Puts a member at the end of its peer's turns.
    pub(crate) fn push(&mut self, priority: Priority, peer: P, member: T) {
        let queue = &mut self.queues[usize::from(priority)];
        let members = queue.members.entry(peer).or_default();
        if members.is_empty() {
            queue.turns.push_back(peer);
        }
        members.push_back(member);
        set(&mut self.occupied, priority, true);
    }

    /// Takes the first member of the first peer of the highest lane that is neither empty nor paused; the peer's others
    /// come after all other peers'. A peer that owes as much as a turn has it passed over, while there are others.
    pub(crate) fn pop(&mut self) -> Option<(Priority, P, T)> {
        let priority = self.highest()?;
        let queue = &mut self.queues[usize::from(priority)];
        let peer = queue.next()?;
        let members = queue.members.get_mut(&peer)?;
        let member = members.pop_front();
        if members.is_empty() {
            queue.members.remove(&peer);
        } else {
            queue.turns.push_back(peer);
        }
        let more = !queue.turns.is_empty();
        set(&mut self.occupied, priority, more);
        member.map(|member| (priority, peer, member))
    }

    /// A peer had so many bytes beyond its turn: one packet can be longer than that.
    pub(crate) fn owes(&mut self, priority: Priority, peer: P, bytes: usize) {
        let queue = &mut self.queues[usize::from(priority)];
        if bytes == 0 || queue.turns.is_empty() {
            return;
        }
        if queue.debts.len() >= 2 * queue.turns.len() + DEBTS_KEPT {
            queue.debts.retain(|peer, _| queue.members.contains_key(peer));
        }
        *queue.debts.entry(peer).or_default() += bytes;
    }

    /// All members that stand in a lane.
    pub(crate) fn members(&self, priority: Priority) -> impl Iterator<Item = T> {
        let queue = &self.queues[usize::from(priority)];
        queue.turns.iter().filter_map(|peer| queue.members.get(peer)).flatten().copied()
    }

    /// Whether any member stands in a lane.
    pub(crate) fn has(&self, priority: Priority) -> bool {
        !self.queues[usize::from(priority)].turns.is_empty()
    }

    /// Whether no member stands in a lane that is not paused.
    pub(crate) fn is_empty(&self) -> bool {
        self.highest().is_none()
    }

    /// Lets a lane take no turns for now, or take them again.
    pub(crate) fn pause(&mut self, priority: Priority, paused: bool) {
        set(&mut self.paused, priority, paused);
    }

    /// Whether any member stands in a lane that is paused.
    pub(crate) fn is_paused(&self, priority: Priority) -> bool {
        self.has(priority) && self.paused[usize::from(priority) / 64] & 1 << (priority % 64) != 0
    }

    /// The lane whose member `pop` takes.
    pub(crate) fn highest(&self) -> Option<Priority> {
        let free = |word: &usize| self.occupied[*word] & !self.paused[*word];
        let word = (0..4).rev().find(|word| free(word) != 0)?;
        let bit = 63 - free(&word).leading_zeros() as usize;
        Some((word * 64 + bit) as Priority)
    }
}

impl<P: Copy + Eq + Hash, T> Queue<P, T> {
    /// Takes the peer whose turn it is.
    fn next(&mut self) -> Option<P> {
        loop {
            let peer = self.turns.pop_front()?;
            if self.turns.is_empty() {
                // Nobody waits for what was had.
                self.debts.clear();
            }
            match self.debts.get_mut(&peer) {
                Some(debt) if *debt >= TURN_BYTES => {
                    *debt -= TURN_BYTES;
                    self.turns.push_back(peer);
                }
                _ => return Some(peer),
            }
        }
    }
}

fn set(words: &mut [u64; 4], priority: Priority, value: bool) {
    let (word, bit) = (&mut words[usize::from(priority) / 64], 1 << (priority % 64));
    if value { *word |= bit } else { *word &= !bit }
}

/// Bytes of a turn while others wait: ten datagrams of the ordinary length.
pub(crate) const TURN_BYTES: usize = 10 * ORDINARY_DATAGRAM;
/// Debts of peers that do not stand in their lane, beside two for each that does.
const DEBTS_KEPT: usize = 16;

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Bytes that each of three peers had, whose packets are of these lengths and take turns.
    fn shared(lengths: [usize; 3], rounds: usize) -> [usize; 3] {
        let mut lanes = Lanes::new();
        let mut had = [0; 3];
        (0..3).for_each(|peer| lanes.push(7, peer, peer));
        for _ in 0..rounds {
            let (priority, peer, member) = lanes.pop().expect("all stand");
            let bytes = lengths[peer] * (TURN_BYTES / lengths[peer]).max(1);
            had[peer] += bytes;
            lanes.owes(priority, peer, bytes.saturating_sub(TURN_BYTES));
            lanes.push(priority, peer, member);
        }
        had
    }

    #[test]
    fn peers_take_turns_by_bytes_whatever_the_length_of_their_packets() {
        for lengths in [[1_452, 1_452, 65_504], [65_504, 20_000, 1_452], [65_504; 3]] {
            let had = shared(lengths, 3_000);
            let (least, most) = (had.iter().min().expect("three"), had.iter().max().expect("three"));
            assert!(most - least <= 3 * 65_504, "{had:?} of packets of {lengths:?}");
        }
    }

    #[test]
    fn a_debt_ends_where_nobody_else_waits() {
        let mut lanes = Lanes::new();
        lanes.push(7, 1, 'a');
        lanes.push(7, 2, 'b');
        assert_eq!(lanes.pop(), Some((7, 1, 'a')));
        lanes.owes(7, 1, 10 * TURN_BYTES);
        lanes.push(7, 1, 'a');
        assert_eq!(lanes.pop(), Some((7, 2, 'b')));
        assert_eq!(lanes.pop(), Some((7, 1, 'a')), "it is alone");
        lanes.push(7, 1, 'a');
        lanes.push(7, 2, 'b');
        assert_eq!(lanes.pop(), Some((7, 1, 'a')), "it owes nothing");
        lanes.owes(7, 1, 10 * TURN_BYTES);
        lanes.push(7, 1, 'a');
        for _ in 0..8 {
            assert_eq!(lanes.pop(), Some((7, 2, 'b')));
            lanes.push(7, 2, 'b');
        }
        for peer in 3..1_000 {
            lanes.owes(7, peer, 1);
        }
        assert!(lanes.queues[7].debts.len() <= 2 * 2 + DEBTS_KEPT, "those of peers that are gone go");
    }

    #[test]
    fn the_pick_is_that_of_a_linear_search() {
        for seed in 0..20 {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            let mut lanes = Lanes::new();
            let mut paused: Vec<Priority> = Vec::new();
            // Lane, the peer's place among the turns, peer, member.
            let mut naive: Vec<(Priority, u64, u8, u32)> = Vec::new();
            let mut turn = 0;
            for member in 0..5_000u32 {
                turn += 1;
                match rng.random_range(0..100) {
                    0..50 => {
                        let (priority, peer) = (rng.random(), rng.random_range(0..4));
                        lanes.push(priority, peer, member);
                        let its = naive.iter().find(|entry| (entry.0, entry.2) == (priority, peer));
                        let place = its.map_or(turn, |entry| entry.1);
                        naive.push((priority, place, peer, member));
                    }
                    50..60 => {
                        let priority = rng.random();
                        lanes.pause(priority, rng.random_bool(0.5));
                        paused.retain(|&other| other != priority);
                        if lanes.paused[usize::from(priority) / 64] & 1 << (priority % 64) != 0 {
                            paused.push(priority);
                        }
                    }
                    _ => {
                        let free = |entry: &&(Priority, u64, u8, u32)| !paused.contains(&entry.0);
                        let first = naive.iter().filter(free).min_by_key(|entry| (255 - entry.0, entry.1));
                        let expected = first.copied();
                        if let Some((priority, _, peer, member)) = expected {
                            naive.retain(|entry| entry.3 != member);
                            for entry in &mut naive {
                                if (entry.0, entry.2) == (priority, peer) {
                                    entry.1 = turn;
                                }
                            }
                        }
                        assert_eq!(
                            lanes.pop(),
                            expected.map(|(priority, _, peer, member)| (priority, peer, member)),
                            "seed {seed}"
                        );
                    }
                }
                assert_eq!(
                    lanes.is_empty(),
                    naive.iter().all(|entry| paused.contains(&entry.0)),
                    "seed {seed}"
                );
                let some: Priority = rng.random();
                assert_eq!(lanes.has(some), naive.iter().any(|entry| entry.0 == some), "seed {seed}");
            }
        }
    }
}
