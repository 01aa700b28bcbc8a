//! Variable-length integers (RFC 9000 section 16).

/// Appends a value, which must not exceed [`MAX`].
pub(crate) fn put(out: &mut Vec<u8>, value: u64) {
    debug_assert!(value <= MAX);
    if value < 1 << 6 {
        out.push(value as u8);
    } else if value < 1 << 14 {
        out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes());
    } else if value < 1 << 30 {
        out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes());
    } else {
        out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes());
    }
}

/// Takes a value from the front; `None` leaves `bytes` as it is: more are needed.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let length = length_of(*bytes.first()?);
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head[1..].iter().fold(u64::from(head[0] & 0x3f), |value, byte| value << 8 | u64::from(*byte)))
}

/// Number of bytes that a value takes, by its first byte.
pub(crate) fn length_of(first: u8) -> usize {
    1 << (first >> 6)
}

/// The largest value that fits.
pub(crate) const MAX: u64 = (1 << 62) - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_encoding() {
        for value in [0, 1, 63, 64, 16383, 16384, (1 << 30) - 1, 1 << 30, MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(bytes.len(), length_of(bytes[0]));
            for cut in 0..bytes.len() {
                assert_eq!(take(&mut &bytes[..cut]), None);
            }
            let mut rest = &bytes[..];
            assert_eq!(take(&mut rest), Some(value));
            assert!(rest.is_empty());
        }
    }
}
