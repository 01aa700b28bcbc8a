//! The formats of warren, written a second time: as an attacker would write them.

mod packets;
mod quic_end;

pub(crate) use packets::{internet_checksum, ipv6, mac1, udp};
pub(crate) use quic_end::{Level, QuicEnd, Side, crypto, field, good_parameters, stream};

/// Appends a variable-length integer (RFC 9000 section 16).
pub(crate) fn put(out: &mut Vec<u8>, value: u64) {
    match value {
        0..0x40 => out.push(value as u8),
        0x40..0x4000 => out.extend_from_slice(&(value as u16 | 0x4000).to_be_bytes()),
        0x4000..0x4000_0000 => out.extend_from_slice(&(value as u32 | 0x8000_0000).to_be_bytes()),
        _ => out.extend_from_slice(&(value | 0xc000_0000_0000_0000).to_be_bytes()),
    }
}

/// Takes a variable-length integer from the front.
pub(crate) fn get(bytes: &mut &[u8]) -> Option<u64> {
    let length = 1 << (bytes.first()? >> 6);
    let head = bytes.get(..length)?;
    *bytes = &bytes[length..];
    let value = head.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    Some(value & (u64::MAX >> 2 >> (64 - 8 * length)))
}

/// Takes this many bytes from the front.
pub(crate) fn cut<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = tail;
    Some(head)
}
