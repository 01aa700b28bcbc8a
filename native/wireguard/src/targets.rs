//! Targets of a dial's initiations: the present path first, then the peer's other addresses in turn.

use std::net::SocketAddr;

/// Candidate endpoints, and the one tried last.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    /// As configured, best first.
    candidates: Vec<SocketAddr>,
    /// To be tried before all others, once.
    hint: Option<SocketAddr>,
    /// The last that was tried in this dial, unless the present path is next whatever it was.
    last: Option<SocketAddr>,
}

/// A list is another than before, and may hold an address that is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Learnt(pub(crate) Option<SocketAddr>);

impl Targets {
    /// Takes a new list, if it is one; gives the first address that the one before did not have.
    pub(crate) fn configure(&mut self, candidates: Vec<SocketAddr>) -> Option<Learnt> {
        if candidates == self.candidates {
            return None;
        }
        let learnt = candidates.iter().find(|one| !self.candidates.contains(one)).copied();
        self.candidates = candidates;
        Some(Learnt(learnt))
    }

    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        self.candidates.contains(&address)
    }

    /// The next initiation goes there, and the one after it along the present path.
    pub(crate) fn hint(&mut self, address: SocketAddr) {
        self.hint = Some(address);
    }

    /// A dial begins.
    pub(crate) fn begin(&mut self) {
        self.last = None;
    }

    /// Target of the next initiation.
    pub(crate) fn next(&mut self, present: SocketAddr) -> SocketAddr {
        if let Some(hint) = self.hint.take() {
            self.last = Some(hint).filter(|hint| *hint == present);
            return hint;
        }
        self.turn(present, &[])
    }

    /// Target after the system refused to send to all of these, if one is left.
    pub(crate) fn instead(&mut self, present: SocketAddr, refused: &[SocketAddr]) -> Option<SocketAddr> {
        let next = self.turn(present, refused);
        (!refused.contains(&next)).then_some(next)
    }

    fn turn(&mut self, present: SocketAddr, refused: &[SocketAddr]) -> SocketAddr {
        let others = self.candidates.iter().copied().filter(|one| *one != present);
        let mut round = std::iter::once(present).chain(others.clone());
        let tried = self.last.and_then(|last| round.position(|one| one == last));
        // Those after the last one tried, then from the beginning.
        let after = tried.map_or(0, |tried| tried + 1);
        let round = std::iter::once(present).chain(others);
        let next = round.clone().skip(after).chain(round.take(after)).find(|one| !refused.contains(one));
        let next = next.unwrap_or(present);
        self.last = Some(next);
        next
    }
}

#[cfg(test)]
mod tests;
