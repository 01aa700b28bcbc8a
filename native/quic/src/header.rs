//! Headers: the first bytes of each stream, which say what it is.
//!
//! kind (1 byte), format version (1 byte), and then of a message: priority (1 byte), length (varint); of a byte stream:
//! priority (1 byte), and in version 2, for one that has a name, its length (1 byte) and its UTF-8; of the control
//! stream: nothing.
//!
//! A byte stream without a name keeps version 1, which ends of before there were names read too.

use crate::{StreamName, varint};

/// Content of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Header {
    Control,
    Message { priority: u8, length: u64 },
    Bytes { priority: u8, name: StreamName },
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_LENGTH);
        match *self {
            Self::Control => out.extend_from_slice(&[KIND_CONTROL, VERSION]),
            Self::Bytes { priority, ref name } if name.is_empty() => {
                out.extend_from_slice(&[KIND_BYTES, VERSION, priority]);
            }
            Self::Bytes { priority, ref name } => {
                out.extend_from_slice(&[KIND_BYTES, NAMED, priority, name.length()]);
                out.extend_from_slice(name.as_str().as_bytes());
            }
            Self::Message { priority, length } => {
                out.extend_from_slice(&[KIND_MESSAGE, VERSION, priority]);
                varint::put(&mut out, length);
            }
        }
        out
    }
}

/// Reads a header that may come in pieces, and never more than it.
#[derive(Debug, Default)]
pub(crate) struct HeaderReader {
    bytes: [u8; MAX_LENGTH],
    length: usize,
    /// Apart, so that streams without one take no room for it.
    name: Vec<u8>,
}

/// A kind or version of a later warren.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl HeaderReader {
    /// Number of bytes to read next; 0 when the header is complete.
    pub(crate) fn wants(&self) -> usize {
        let known = &self.bytes[..self.length];
        let whole = match known {
            [KIND_MESSAGE, VERSION, _, first, ..] => 3 + varint::length_of(*first),
            [KIND_MESSAGE, VERSION, ..] => 4,
            [KIND_BYTES, VERSION, ..] => 3,
            [KIND_BYTES, NAMED, _, length, ..] => BEFORE_NAME + usize::from(*length),
            [KIND_BYTES, NAMED, ..] => BEFORE_NAME,
            _ => 2,
        };
        whole - self.length - self.name.len()
    }

    /// Takes at most [`HeaderReader::wants`] bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.length == BEFORE_NAME && self.bytes[..2] == [KIND_BYTES, NAMED] {
            return self.name.extend_from_slice(bytes);
        }
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// The header, when it is complete.
    ///
    /// A name that is no UTF-8 is one of a later warren.
    pub(crate) fn header(&self) -> Option<Result<Header, Unknown>> {
        if self.wants() > 0 {
            return None;
        }
        Some(match self.bytes[..self.length] {
            [KIND_CONTROL, VERSION] => Ok(Header::Control),
            [KIND_BYTES, VERSION, priority] => Ok(Header::Bytes { priority, name: StreamName::default() }),
            [KIND_BYTES, NAMED, priority, _] => match StreamName::from_utf8(&self.name) {
                Some(name) => Ok(Header::Bytes { priority, name }),
                None => Err(Unknown),
            },
            [KIND_MESSAGE, VERSION, priority, ref length @ ..] => match varint::take(&mut &*length) {
                Some(length) => Ok(Header::Message { priority, length }),
                None => Err(Unknown),
            },
            _ => Err(Unknown),
        })
    }
}

/// The format version of all kinds, but of byte streams with a name.
const VERSION: u8 = 1;
const NAMED: u8 = 2;

const KIND_CONTROL: u8 = 0;
const KIND_MESSAGE: u8 = 1;
const KIND_BYTES: u8 = 2;

/// The longest header, but for a name.
const MAX_LENGTH: usize = 3 + 8;

/// In front of a name.
const BEFORE_NAME: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_byte_by_byte() {
        let headers = [
            Header::Control,
            Header::Bytes { priority: 200, name: StreamName::default() },
            Header::Bytes { priority: 0, name: StreamName::from_utf8(b"x").unwrap_or_default() },
            Header::Bytes { priority: 255, name: StreamName::new(&"ü".repeat(127)).unwrap_or_default() },
            Header::Message { priority: 0, length: 0 },
            Header::Message { priority: 255, length: 63 },
            Header::Message { priority: 7, length: 70_000 },
            Header::Message { priority: 7, length: varint::MAX },
        ];
        for header in headers {
            let mut reader = HeaderReader::default();
            for byte in header.encode() {
                assert_eq!(reader.header(), None);
                assert!(reader.wants() > 0);
                reader.push(&[byte]);
            }
            assert_eq!(reader.header(), Some(Ok(header)));
        }
    }

    #[test]
    fn unknown_kinds_and_versions_are_told() {
        for bytes in [[3, 1], [1, 2], [0, 0], [2, 3]] {
            let mut reader = HeaderReader::default();
            reader.push(&bytes);
            assert_eq!(reader.header(), Some(Err(Unknown)));
        }
    }

    #[test]
    fn a_stream_without_a_name_is_as_before_there_were_names() {
        assert_eq!(Header::Bytes { priority: 7, name: StreamName::default() }.encode(), [2, 1, 7]);
    }

    #[test]
    fn a_name_that_is_no_text_is_told() {
        let mut reader = HeaderReader::default();
        for byte in [2, 2, 0, 2, 0xc3, 0x28] {
            reader.push(&[byte]);
        }
        assert_eq!(reader.header(), Some(Err(Unknown)));
    }
}
