//! Cryptokey routing: the peer that an inner address belongs to (whitepaper section 2).

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use crate::config::PeerId;
use crate::prefix::Prefix;

/// All prefixes of a device. A lookup tries the lengths in use, longest first: two or three in practice.
///
/// Only the owner of the device adds prefixes, so an unkeyed hash is safe from crafted collisions.
#[derive(Default)]
pub(crate) struct AllowedIps {
    owners: FxHashMap<Prefix, PeerId>,
    v4: Lengths,
    v6: Lengths,
}

/// Number of prefixes of each length in use, the longest first.
type Lengths = BTreeMap<Reverse<u8>, usize>;

impl AllowedIps {
    /// The peer whose prefix is the longest that holds the address.
    ///
    /// In the range of derived addresses only prefixes of a site or less count ([`SITE_BITS`]): a default route or a
    /// whole `fd00::/8` never covers the derived address of a peer that is not there.
    pub(crate) fn owner(&self, address: IpAddr) -> Option<PeerId> {
        let lengths = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let least = if is_derived_range(address) { SITE_BITS } else { 0 };
        let candidates = lengths.keys().map(|bits| bits.0).take_while(|bits| *bits >= least);
        candidates.filter_map(|bits| Prefix::new(address, bits).ok()).find_map(|prefix| self.exact(&prefix))
    }

    /// The peer that has this very prefix.
    pub(crate) fn exact(&self, prefix: &Prefix) -> Option<PeerId> {
        self.owners.get(prefix).copied()
    }

    pub(crate) fn insert(&mut self, prefix: Prefix, owner: PeerId) {
        if self.owners.insert(prefix, owner).is_none() {
            *self.lengths(&prefix).entry(Reverse(prefix.bits())).or_default() += 1;
        }
    }

    pub(crate) fn remove(&mut self, prefix: &Prefix) {
        if self.owners.remove(prefix).is_none() {
            return;
        }
        if let Entry::Occupied(mut count) = self.lengths(prefix).entry(Reverse(prefix.bits())) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn lengths(&mut self, prefix: &Prefix) -> &mut Lengths {
        if prefix.address().is_ipv4() { &mut self.v4 } else { &mut self.v6 }
    }
}

fn is_derived_range(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.octets()[0] == 0xfd)
}

/// The shortest prefix that a site may have in `fd00::/8`: 8 bits and a global ID of 40 (RFC 4193 section 3.1).
const SITE_BITS: u8 = 48;
