//! Protocols that an end offers to one peer and accepts from it.

/// An end's word about its protocols for one peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lists {
    /// Counts the changes of one process's lists for one peer, over all connections. `None`: an end of a build whose
    /// lists never change, which accepts a dial for what it offers and for nothing else.
    pub generation: Option<u64>,
    /// Protocols that it dials with, best first.
    pub offer: Vec<Box<str>>,
    /// Protocols that it accepts from diallers, best first.
    pub accept: Vec<Box<str>>,
    /// Transports that it speaks, best first.
    pub transports: Vec<Box<str>>,
}

/// This end's own protocols for one peer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Protocols {
    /// Told to the peer.
    pub lists: Lists,
    /// Known here, and left out of the lists because a floor excludes them. A dial that offers one is told so.
    pub below: Vec<Box<str>>,
}

impl Lists {
    /// Lists that the public rules allow: at most 64 names of 1 to 255 bytes in each, none twice.
    pub fn are_sound(&self) -> bool {
        [&self.offer, &self.accept, &self.transports].into_iter().all(|names| is_sound(names))
    }
}

impl Protocols {
    /// Protocols whose lists may be told.
    pub fn are_sound(&self) -> bool {
        self.lists.are_sound() && is_sound(&self.below)
    }
}

/// One list for both, of the first generation.
impl From<Vec<Box<str>>> for Protocols {
    fn from(names: Vec<Box<str>>) -> Self {
        let lists = Lists {
            generation: Some(0),
            offer: names.clone(),
            accept: names,
            transports: vec![TRANSPORT.into()],
        };
        Self { lists, below: Vec::new() }
    }
}

fn is_sound(names: &[Box<str>]) -> bool {
    let mut all = names.iter().enumerate();
    names.len() <= MAX_NAMES
        && all.all(|(at, name)| (1..=255).contains(&name.len()) && !names[..at].contains(name))
}

/// The most names in a list.
pub const MAX_NAMES: usize = 64;

/// The only transport so far.
const TRANSPORT: &str = "quic/1";
