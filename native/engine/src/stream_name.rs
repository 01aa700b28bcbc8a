//! The name that the opener of a byte stream gives it.

use std::fmt;

/// A byte stream's name, given by its opener: at most 255 bytes, empty for none. Its meaning is the applications'.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamName(Box<str>);

impl StreamName {
    /// The longest, in bytes.
    pub const MAX: usize = 255;

    /// `None`: longer than [`StreamName::MAX`].
    pub fn new(name: &str) -> Option<Self> {
        (name.len() <= Self::MAX).then(|| Self(name.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the stream has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
