//! The Internet checksum (RFC 1071).

/// One's-complement sum of `bytes` as big-endian 16-bit words (RFC 1071), not folded below 64 bits.
///
/// Eight 32-bit lanes a step, in native order, so that the compiler vectorises it: the order of bytes only rotates
/// the folded sum (RFC 1071 section 2 (B)). A lane overflows after 65,536 steps; a packet has at most 4,096.
pub(crate) fn sum(bytes: &[u8]) -> u64 {
    debug_assert!(bytes.len() <= 1 << 17);
    let mut lanes = [0u32; 16];
    let mut chunks = bytes.chunks_exact(32);
    for chunk in &mut chunks {
        for (lane, word) in lanes.iter_mut().zip(chunk.chunks_exact(2)) {
            *lane += u32::from(u16::from_ne_bytes([word[0], word[1]]));
        }
    }
    let mut total: u64 = lanes.iter().map(|&lane| u64::from(lane)).sum();
    let mut words = chunks.remainder().chunks_exact(2);
    for word in &mut words {
        total += u64::from(u16::from_ne_bytes([word[0], word[1]]));
    }
    if let [last] = words.remainder() {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    u64::from(u16::from_be_bytes(fold(total).to_ne_bytes()))
}

/// Folds a sum to 16 bits with end-around carry.
pub(crate) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
