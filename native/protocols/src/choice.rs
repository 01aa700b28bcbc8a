//! The protocol that a pair speaks: one rule, which both ends compute from the lists of both.
//!
//! An end's order is that of its offer; a name that it accepts and does not offer stands before the first name of the
//! offer that follows it among those accepted, else at the end. The rank of a name is its place in that order. Among
//! the names that either end offers and the other accepts, the choice is the one with the least sum of both ranks; of
//! equals, the first in lexicographic order of their bytes.

use crate::Lists;

/// The protocol of a pair, and the end that dials it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice<'a> {
    /// The dialler offers it, and the acceptor accepts it.
    Speak(&'a str),
    /// The acceptor alone offers it: a dial of its own leads there, this one does not.
    PeerDials(&'a str),
}

impl<'a> Choice<'a> {
    /// The protocol, whoever dials it.
    pub fn name(self) -> &'a str {
        match self {
            Self::Speak(name) | Self::PeerDials(name) => name,
        }
    }

    /// The protocol, if this dial leads to it.
    pub fn spoken(self) -> Option<&'a str> {
        match self {
            Self::Speak(name) => Some(name),
            Self::PeerDials(_) => None,
        }
    }
}

/// The choice of a dial. `asked`: the names that it asks for, best first, which it offers whatever the dialler's lists
/// say; `None`: it asks for anything.
///
/// Where either end's lists are of a build without generations, the rule is that build's: only the dialler's offer and
/// the acceptor's accepted names count.
pub fn choose<'a>(
    dialler: &'a Lists,
    acceptor: &'a Lists,
    asked: Option<&'a [Box<str>]>,
) -> Option<Choice<'a>> {
    let offered = asked.unwrap_or(&dialler.offer);
    if dialler.generation.is_none() || acceptor.generation.is_none() {
        return choose_fixed(offered, &acceptor.accept).map(Choice::Speak);
    }
    let own = merged(&names(&dialler.offer), &names(&dialler.accept));
    let here = asked.map_or(own.clone(), |asked| merged(&names(asked), &own));
    let there = merged(&names(&acceptor.offer), &names(&acceptor.accept));
    let chosen = here.iter().enumerate().filter_map(|(rank, &name)| {
        let is_asked = asked.is_none_or(|asked| has(asked, name));
        let speaks = has(offered, name) && has(&acceptor.accept, name);
        let is_dialled = has(&acceptor.offer, name) && has(&dialler.accept, name);
        let other = there.iter().position(|other| *other == name)?;
        (is_asked && (speaks || is_dialled)).then_some((rank + other, name, speaks))
    });
    chosen.min().map(|(_, name, speaks)| if speaks { Choice::Speak(name) } else { Choice::PeerDials(name) })
}

/// The name in both lists with the least sum of its places.
fn choose_fixed<'a>(offered: &'a [Box<str>], accepted: &[Box<str>]) -> Option<&'a str> {
    let ranked = offered.iter().enumerate().filter_map(|(rank, name)| {
        let other = accepted.iter().position(|accepted| accepted == name)?;
        Some((rank + other, &**name))
    });
    ranked.min().map(|(_, name)| name)
}

/// One order of the names of both lists, which keeps that of `first`.
fn merged<'a>(first: &[&'a str], second: &[&'a str]) -> Vec<&'a str> {
    // Names of `second` alone, each run with the name of `first` that follows it there.
    let mut runs = Vec::new();
    let mut run = Vec::new();
    for name in second {
        if first.contains(name) {
            runs.push((*name, std::mem::take(&mut run)));
        } else {
            run.push(*name);
        }
    }
    let before = |follower: &str| {
        let runs = runs.iter().filter(move |(name, _)| *name == follower);
        runs.flat_map(|(_, run)| run.iter().copied()).collect::<Vec<_>>()
    };
    let all = first.iter().flat_map(|name| before(name).into_iter().chain([*name])).chain(run);
    let mut order = Vec::with_capacity(first.len() + second.len());
    for name in all {
        // Whoever names one twice ranks it by the first.
        if !order.contains(&name) {
            order.push(name);
        }
    }
    order
}

fn names(list: &[Box<str>]) -> Vec<&str> {
    list.iter().map(|name| &**name).collect()
}

fn has(list: &[Box<str>], name: &str) -> bool {
    list.iter().any(|other| **other == *name)
}

#[cfg(test)]
mod tests;
