use std::collections::VecDeque;

use crate::ids::Priority;

/// Who may send next: 256 strict lanes, in each a queue of those who have something, taking turns.
///
/// A bitmap tells which lanes are not empty, so that the pick costs four words, however many lanes and members.
/// A member stands in a lane at most once: whoever pushes sees to that.
#[derive(Debug)]
pub(crate) struct Lanes<T> {
    occupied: [u64; 4],
    queues: Vec<VecDeque<T>>,
}

impl<T: Copy> Lanes<T> {
    pub(crate) fn new() -> Self {
        Self { occupied: [0; 4], queues: (0..256).map(|_| VecDeque::new()).collect() }
    }

    /// Puts a member at the end of a lane.
    pub(crate) fn push(&mut self, priority: Priority, member: T) {
        self.queues[usize::from(priority)].push_back(member);
        self.occupied[usize::from(priority) / 64] |= 1 << (priority % 64);
    }

    /// Takes the first member of the highest lane that is not empty.
    pub(crate) fn pop(&mut self) -> Option<(Priority, T)> {
        let priority = self.highest()?;
        let queue = &mut self.queues[usize::from(priority)];
        let member = queue.pop_front();
        if queue.is_empty() {
            self.occupied[usize::from(priority) / 64] &= !(1 << (priority % 64));
        }
        member.map(|member| (priority, member))
    }

    /// Whether anybody stands in a lane.
    pub(crate) fn has(&self, priority: Priority) -> bool {
        !self.queues[usize::from(priority)].is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.occupied == [0; 4]
    }

    fn highest(&self) -> Option<Priority> {
        let word = (0..4).rev().find(|&word| self.occupied[word] != 0)?;
        let bit = 63 - self.occupied[word].leading_zeros() as usize;
        Some((word * 64 + bit) as Priority)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn the_pick_is_that_of_a_linear_search() {
        for seed in 0..20 {
            let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
            let mut lanes = Lanes::new();
            let mut naive: Vec<(Priority, u32)> = Vec::new();
            for member in 0..5_000u32 {
                if rng.random_bool(0.55) {
                    let priority = rng.random();
                    lanes.push(priority, member);
                    naive.push((priority, member));
                } else {
                    let highest = naive.iter().map(|entry| entry.0).max();
                    let expected = highest
                        .and_then(|highest| naive.iter().position(|entry| entry.0 == highest))
                        .map(|index| naive.remove(index));
                    assert_eq!(lanes.pop(), expected, "seed {seed}");
                }
                assert_eq!(lanes.is_empty(), naive.is_empty(), "seed {seed}");
            }
        }
    }
}
