//! Keys as types: parsed at the edge, wiped when dropped, never printed when secret.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use blake2::{Blake2s256, Digest};
use rand::CryptoRng;
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A text or a byte string that is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 44 characters of canonical base64; write the key as `wg genkey` and `wg pubkey` do.
    #[error("a key is 44 characters of base64, as `wg genkey` prints it")]
    Text,
    /// Raw bytes, but not 32 of them.
    #[error("a key is 32 bytes, not {length}")]
    Length {
        /// Number of bytes given.
        length: usize,
    },
}

/// The secret half of a node's identity; clamped on use (RFC 7748 section 5), wiped when dropped.
#[derive(Clone)]
pub struct PrivateKey(StaticSecret);

impl PrivateKey {
    /// Draws a new key.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
        rng.fill_bytes(&mut *bytes);
        PrivateKey::from_bytes(*bytes)
    }

    /// Takes 32 bytes as they are, clamping them as wg(8) does so that the exported text is the one it would print.
    pub fn from_bytes(mut bytes: [u8; KEY_LENGTH]) -> Self {
        bytes[0] &= 248;
        bytes[31] = (bytes[31] & 127) | 64;
        let key = Self(StaticSecret::from(bytes));
        bytes.zeroize();
        key
    }

    /// Reads the text of `wg genkey`.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Ok(PrivateKey::from_bytes(*decode(text)?))
    }

    /// The identity that others know.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The text of `wg genkey`: the only way by which the key leaves this type as text.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(self.0.as_bytes()))
    }

    /// The raw key, for deriving further secrets from it.
    pub fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        self.0.as_bytes()
    }

    pub(crate) fn secret(&self) -> &StaticSecret {
        &self.0
    }
}

impl TryFrom<&[u8]> for PrivateKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(PrivateKey::from_bytes(bytes.try_into().map_err(|_| KeyError::Length { length: bytes.len() })?))
    }
}

impl FromStr for PrivateKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PrivateKey::from_base64(text)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(redacted)")
    }
}

/// A node's identity. Ordered and hashed by its bytes; printed as canonical base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; KEY_LENGTH]);

impl PublicKey {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads the text of `wg pubkey`.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*decode(text)?))
    }

    /// The raw key.
    pub const fn as_bytes(&self) -> &[u8; KEY_LENGTH] {
        &self.0
    }

    /// The inner address that belongs to this key alone: `fd` and 120 bits of BLAKE2s-256 over a domain and the key.
    ///
    /// The range is that of RFC 4193 (locally assigned); nodes need no address plan.
    pub fn derived_address(&self) -> Ipv6Addr {
        let digest = Blake2s256::new().chain_update(ADDRESS_DOMAIN).chain_update(self.0).finalize();
        let mut octets = [0xfd; 16];
        octets[1..].copy_from_slice(&digest[..15]);
        Ipv6Addr::from(octets)
    }

    /// Whether Diffie-Hellman with this key gives all zeros whatever the other key is (RFC 7748 section 6.1).
    pub fn is_low_order(&self) -> bool {
        let mut masked = self.0;
        masked[31] &= 0x7f;
        LOW_ORDER.contains(&masked)
    }

    pub(crate) fn point(&self) -> x25519_dalek::PublicKey {
        x25519_dalek::PublicKey::from(self.0)
    }
}

impl TryFrom<&[u8]> for PublicKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self(bytes.try_into().map_err(|_| KeyError::Length { length: bytes.len() })?))
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PublicKey::from_base64(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A secret that two peers share besides their keys (whitepaper section 5.4.2, `Q`); wiped when dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PresharedKey([u8; KEY_LENGTH]);

impl PresharedKey {
    /// Takes 32 bytes as they are.
    pub const fn from_bytes(bytes: [u8; KEY_LENGTH]) -> Self {
        Self(bytes)
    }

    /// Reads the text of `wg genpsk`.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*decode(text)?))
    }

    pub(crate) fn bytes(&self) -> [u8; KEY_LENGTH] {
        self.0
    }
}

impl TryFrom<&[u8]> for PresharedKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        Ok(Self(bytes.try_into().map_err(|_| KeyError::Length { length: bytes.len() })?))
    }
}

impl FromStr for PresharedKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        PresharedKey::from_base64(text)
    }
}

impl fmt::Debug for PresharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresharedKey(redacted)")
    }
}

fn decode(text: &str) -> Result<Zeroizing<[u8; KEY_LENGTH]>, KeyError> {
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    // The decoder wants room for what the text's length could at most give: 33 bytes for 44 characters.
    let mut room = Zeroizing::new([0; KEY_LENGTH + 1]);
    match BASE64.decode_slice(text, &mut *room) {
        Ok(KEY_LENGTH) => bytes.copy_from_slice(&room[..KEY_LENGTH]),
        _ => return Err(KeyError::Text),
    }
    Ok(bytes)
}

const fn near_zero(low: u8) -> [u8; KEY_LENGTH] {
    let mut bytes = [0; KEY_LENGTH];
    bytes[0] = low;
    bytes
}

const fn near_prime(low: u8) -> [u8; KEY_LENGTH] {
    let mut bytes = [0xff; KEY_LENGTH];
    bytes[0] = low;
    bytes[31] = 0x7f;
    bytes
}

/// Length of every WireGuard key in bytes.
pub const KEY_LENGTH: usize = 32;

const ADDRESS_DOMAIN: &[u8] = b"warren inner address v1";

/// Every encoding of a point of small order, the sign bit cleared: 0, 1, the two of order 8, p - 1, p, p + 1
/// (<https://cr.yp.to/ecdh.html>, "Validate"). A test shows that each gives an all-zero secret.
const LOW_ORDER: [[u8; KEY_LENGTH]; 7] = [
    near_zero(0),
    near_zero(1),
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04,
        0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
    ],
    near_prime(0xec),
    near_prime(0xed),
    near_prime(0xee),
];
