//! Numbers of the protocol. Section numbers are those of the WireGuard whitepaper
//! (<https://www.wireguard.com/papers/wireguard.pdf>).

/// The longest datagram that UDP can carry, and so the least length of the caller's plaintext buffer.
pub const MAX_DATAGRAM: usize = 65_535;
