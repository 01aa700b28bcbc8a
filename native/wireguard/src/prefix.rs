//! Ranges of inner addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of inner addresses, such as `10.0.0.0/8`; host bits are cleared, as wg(8) does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix {
    address: IpAddr,
    bits: u8,
}

/// A text that is no prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a prefix is an IP address, and after a slash how many bits of it count: 10.0.0.0/8 or fd00::1")]
pub struct PrefixError;

impl Prefix {
    /// The range of all addresses that share the first `bits` with `address`.
    pub fn new(address: IpAddr, bits: u8) -> Result<Self, PrefixError> {
        let address = match address {
            IpAddr::V4(v4) if bits <= 32 => {
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask(bits + 96) as u32))
            }
            IpAddr::V6(v6) if bits <= 128 => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask(bits))),
            IpAddr::V4(_) | IpAddr::V6(_) => return Err(PrefixError),
        };
        Ok(Self { address, bits })
    }

    /// The range of one address.
    pub fn host(address: IpAddr) -> Self {
        Self { address, bits: if address.is_ipv4() { 32 } else { 128 } }
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Number of bits that count.
    pub fn bits(&self) -> u8 {
        self.bits
    }
}

impl FromStr for Prefix {
    type Err = PrefixError;

    fn from_str(text: &str) -> Result<Self, PrefixError> {
        let Some((address, bits)) = text.split_once('/') else {
            return Ok(Prefix::host(text.parse().map_err(|_| PrefixError)?));
        };
        if !bits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PrefixError);
        }
        Prefix::new(address.parse().map_err(|_| PrefixError)?, bits.parse().map_err(|_| PrefixError)?)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({self})")
    }
}

/// The first `bits` of 128.
fn mask(bits: u8) -> u128 {
    u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0)
}
