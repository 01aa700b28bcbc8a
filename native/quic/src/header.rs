//! The first bytes of each stream: what it is.
//!
//! kind (1 byte), format version (1 byte), and then of a message: priority (1 byte), length (varint); of a byte
//! stream: priority (1 byte); of the control stream: nothing.

use crate::varint;

/// The only format version so far, of all kinds.
const VERSION: u8 = 1;

const KIND_CONTROL: u8 = 0;
const KIND_MESSAGE: u8 = 1;
const KIND_BYTES: u8 = 2;

/// The longest header.
const MAX_LENGTH: usize = 3 + 8;

/// What a stream carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Control,
    Message { priority: u8, length: u64 },
    Bytes { priority: u8 },
}

impl Header {
    pub(crate) fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_LENGTH);
        match self {
            Self::Control => out.extend_from_slice(&[KIND_CONTROL, VERSION]),
            Self::Bytes { priority } => out.extend_from_slice(&[KIND_BYTES, VERSION, priority]),
            Self::Message { priority, length } => {
                out.extend_from_slice(&[KIND_MESSAGE, VERSION, priority]);
                varint::put(&mut out, length);
            }
        }
        out
    }
}

/// Reads a header that may come in pieces, and never more than it.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct HeaderReader {
    bytes: [u8; MAX_LENGTH],
    length: usize,
}

/// A kind or version of a later warren.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unknown;

impl HeaderReader {
    /// How many bytes to read next; 0 when the header is complete.
    pub(crate) fn wants(&self) -> usize {
        let known = &self.bytes[..self.length];
        let whole = match known {
            [KIND_MESSAGE, VERSION, _, first, ..] => 3 + varint::length_of(*first),
            [KIND_MESSAGE, VERSION, ..] => 4,
            [KIND_BYTES, VERSION, ..] => 3,
            _ => 2,
        };
        whole - self.length
    }

    /// Takes at most [`HeaderReader::wants`] bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    /// The header, when it is complete.
    pub(crate) fn header(&self) -> Option<Result<Header, Unknown>> {
        if self.wants() > 0 {
            return None;
        }
        Some(match self.bytes[..self.length] {
            [KIND_CONTROL, VERSION] => Ok(Header::Control),
            [KIND_BYTES, VERSION, priority] => Ok(Header::Bytes { priority }),
            [KIND_MESSAGE, VERSION, priority, ref length @ ..] => match varint::take(&mut &*length) {
                Some(length) => Ok(Header::Message { priority, length }),
                None => Err(Unknown),
            },
            _ => Err(Unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_survive_byte_by_byte() {
        let headers = [
            Header::Control,
            Header::Bytes { priority: 200 },
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
        for bytes in [[3, 1], [1, 2], [0, 0]] {
            let mut reader = HeaderReader::default();
            reader.push(&bytes);
            assert_eq!(reader.header(), Some(Err(Unknown)));
        }
    }
}
