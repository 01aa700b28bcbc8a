//! Fields of records: a number, or bytes in the slab.

use std::borrow::Cow;

use crate::encoded::Encoded;

/// A field on its way into a record.
pub(crate) enum Value<'a> {
    /// One word.
    Number(f64),
    /// Two words, and its place in the slab.
    Bytes(&'a [u8]),
}

impl Value<'_> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Bytes(bytes) => bytes.len(),
        }
    }
}

pub(crate) trait Field {
    fn value(&self) -> Value<'_>;
}

impl Field for f64 {
    fn value(&self) -> Value<'_> {
        Value::Number(*self)
    }
}

impl Field for bool {
    fn value(&self) -> Value<'_> {
        Value::Number(f64::from(u8::from(*self)))
    }
}

impl Field for Cow<'_, str> {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self.as_bytes())
    }
}

impl Field for Encoded {
    fn value(&self) -> Value<'_> {
        Value::Bytes(&self.0)
    }
}

impl Field for &[u8] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(self)
    }
}
