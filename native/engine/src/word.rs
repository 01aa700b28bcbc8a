//! Words between engines beside QUIC, on its port: ten bytes, of which the tunnel is the seal.
//!
//! Mark (1 byte), kind (1 byte), incarnation of the sender (8 bytes, big-endian). Further bytes are of a later warren,
//! as are kinds that are not known here: both are ignored, and an end that does not know words ignores each.

/// A word of an engine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// This process ends the tunnel, and has said all.
    Goodbye(u64),
    /// This process does not know what it was asked for.
    Stranger(u64),
}

impl Word {
    /// Whether a payload of QUIC's port is a word: no QUIC packet of ours begins with two zero bits (RFC 9000 section
    /// 17: the fixed bit, which is never greased here, or the form bit of a version negotiation).
    pub(crate) fn is_one(payload: &[u8]) -> bool {
        payload.first().is_some_and(|first| first & 0xc0 == 0)
    }

    /// `None`: a later warren's, or none of ours.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (&[mark, kind], rest) = payload.split_first_chunk()?;
        let incarnation = u64::from_be_bytes(*rest.first_chunk()?);
        match (mark, kind) {
            (MARK, GOODBYE) => Some(Self::Goodbye(incarnation)),
            (MARK, STRANGER) => Some(Self::Stranger(incarnation)),
            _ => None,
        }
    }

    pub(crate) fn encode(self) -> [u8; LENGTH] {
        let (kind, incarnation) = match self {
            Self::Goodbye(incarnation) => (GOODBYE, incarnation),
            Self::Stranger(incarnation) => (STRANGER, incarnation),
        };
        let mut out = [MARK; LENGTH];
        out[1] = kind;
        out[2..].copy_from_slice(&incarnation.to_be_bytes());
        out
    }
}

const MARK: u8 = 0x01;
const GOODBYE: u8 = 1;
const STRANGER: u8 = 2;
const LENGTH: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_and_nothing_else_is_one() {
        for word in [Word::Goodbye(7), Word::Stranger(u64::MAX)] {
            let mut bytes = word.encode().to_vec();
            assert!(Word::is_one(&bytes));
            assert_eq!(Word::read(&bytes[..LENGTH - 1]), None);
            assert_eq!(Word::read(&bytes), Some(word));
            bytes.push(9);
            assert_eq!(Word::read(&bytes), Some(word), "a later warren says more");
            bytes[1] = 3;
            assert_eq!(Word::read(&bytes), None, "a later warren's word");
        }
        assert!(!Word::is_one(&[]));
        assert!(!Word::is_one(&[0x40]) && !Word::is_one(&[0x80]) && !Word::is_one(&[0xc0]));
    }
}
