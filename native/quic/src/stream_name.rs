//! The name of a byte stream.

use std::fmt;

/// Name that the opener of a byte stream gives it: at most 255 bytes, empty for none. Its meaning is the applications'.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StreamName(Box<str>);

impl StreamName {
    /// `None`: longer than 255 bytes.
    pub fn new(name: &str) -> Option<Self> {
        u8::try_from(name.len()).is_ok().then(|| Self(name.into()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the stream has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn from_utf8(bytes: &[u8]) -> Option<Self> {
        Self::new(std::str::from_utf8(bytes).ok()?)
    }

    /// In bytes.
    pub(crate) fn length(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }
}

impl fmt::Debug for StreamName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}
