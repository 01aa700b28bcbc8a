//! Numbers for the addresses that a script's datagrams come from and go to.

use std::collections::HashMap;
use std::net::{SocketAddr, SocketAddrV6};

/// JavaScript keeps a table of the same numbers, and says when to forget both.
#[derive(Default)]
pub(crate) struct Paths {
    numbers: HashMap<SocketAddr, u32>,
    addresses: Vec<SocketAddr>,
}

impl Paths {
    pub(crate) fn number(&mut self, address: SocketAddr) -> u32 {
        let address = canonical(address);
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

/// The one spelling of an address: IPv4's own, also where a dual-stack socket shows it as IPv6's; without a flow label,
/// which is no part of an endpoint.
pub(crate) fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => address,
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => SocketAddrV6::new(*v6.ip(), v6.port(), 0, v6.scope_id()).into(),
        },
    }
}
