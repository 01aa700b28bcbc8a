//! Fields and frames that mean nothing, so that ends go on skipping what they do not know (RFC 8701).

use crate::varint;

/// Random types of the form 31 * n + 27, as QUIC reserves transport parameters (RFC 9000 section 18.1), with random
/// values.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Grease {
    random: [u8; 32],
}

impl Grease {
    /// Drawn from these random bytes.
    pub(crate) fn new(random: [u8; 32]) -> Self {
        Self { random }
    }

    /// Appends one to the fields of a hello, or to the frames of a control stream, which look alike.
    pub(crate) fn put(&self, purpose: Purpose, out: &mut Vec<u8>) {
        let at = match purpose {
            Purpose::Hello => 0,
            Purpose::Control => self.random.len() / 2,
        };
        let random = &self.random[at..at + self.random.len() / 2];
        let number = random[..4].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        // Types of one byte to eight.
        let number = number >> (random[4] % 32);
        let value = &random[6..6 + usize::from(random[5] % 11)];
        varint::put(out, 31 * number + 27);
        varint::put(out, value.len() as u64);
        out.extend_from_slice(value);
    }

    /// Whether that of a hello stands before all other fields, else after them.
    pub(crate) fn is_first(&self) -> bool {
        self.random[4] & 128 != 0
    }
}

/// Place of a reserved type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Hello,
    Control,
}
