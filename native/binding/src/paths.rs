//! Numbers for the addresses that a script's datagrams come from and go to.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

/// JavaScript keeps a table of the same numbers, and says when to forget both.
#[derive(Default)]
pub(crate) struct Paths {
    numbers: HashMap<SocketAddr, u32>,
    addresses: Vec<SocketAddr>,
}

impl Paths {
    pub(crate) fn number(&mut self, address: SocketAddr) -> u32 {
        let address = SocketAddr::new(canonical(address.ip()), address.port());
        let next = self.addresses.len() as u32;
        let number = *self.numbers.entry(address).or_insert(next);
        if number == next {
            self.addresses.push(address);
        }
        number
    }

    pub(crate) fn address(&self, number: u32) -> Option<SocketAddr> {
        self.addresses.get(number as usize).copied()
    }

    pub(crate) fn clear(&mut self) {
        self.numbers.clear();
        self.addresses.clear();
    }
}

/// A dual-stack socket shows IPv4 addresses as IPv6's.
fn canonical(ip: IpAddr) -> IpAddr {
    ip.to_canonical()
}
