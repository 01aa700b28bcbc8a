//! Systems that this machine is not: each a function that opens, or refuses to.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{BindError, Listen, bind_with};

#[test]
fn without_a_host_one_socket_serves_both_families() {
    assert_eq!(bind_with(EVERYWHERE, Ok).expect("both"), (Ipv6Addr::UNSPECIFIED, 51820).into());
}

#[test]
fn where_there_is_no_ipv6_ipv4_alone_is_bound() {
    let kernel_without = io::Error::from_raw_os_error(super::NO_ADDRESS_FAMILY);
    let disabled = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for error in [kernel_without, disabled] {
        let error = std::cell::Cell::new(Some(error));
        let open = |address: SocketAddr| match address {
            SocketAddr::V6(_) => Err(error.take().expect("IPv6 is tried once")),
            SocketAddr::V4(_) => Ok(address),
        };
        assert_eq!(bind_with(EVERYWHERE, open).expect("IPv4"), (Ipv4Addr::UNSPECIFIED, 51820).into());
    }
}

#[test]
fn a_host_that_was_named_has_no_way_out() {
    let host = Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
    let refuse = |_| Err::<(), _>(io::Error::from_raw_os_error(super::NO_ADDRESS_FAMILY));
    let bound = bind_with(Listen { host, ..EVERYWHERE }, refuse);
    assert!(matches!(bound, Err(BindError::Other { address, .. }) if address.is_ipv6()));
}

#[test]
fn a_port_in_use_does_not_fall_back_to_half_of_the_addresses() {
    let bound = bind_with(EVERYWHERE, |_| Err::<(), _>(io::ErrorKind::AddrInUse.into()));
    assert!(matches!(bound, Err(BindError::InUse(address)) if address.is_ipv6()));
}

const EVERYWHERE: Listen = Listen { host: None, port: 51820 };
