//! Names of sockets without a socket, so that Miri can follow.

use std::mem::MaybeUninit;
use std::net::SocketAddr;

use super::{decode_name, encode_name};

#[test]
fn an_address_is_the_same_after_the_way_through_either_familys_name() {
    for (remote, ipv6_socket, family, len) in [
        ("192.0.2.1:51820", false, libc::AF_INET, size_of::<libc::sockaddr_in>()),
        ("192.0.2.1:51820", true, libc::AF_INET6, size_of::<libc::sockaddr_in6>()),
        ("[2001:db8::1]:443", true, libc::AF_INET6, size_of::<libc::sockaddr_in6>()),
        ("[fe80::1%7]:1", true, libc::AF_INET6, size_of::<libc::sockaddr_in6>()),
    ] {
        let remote: SocketAddr = remote.parse().expect("an address");
        let mut name = MaybeUninit::<libc::sockaddr_in6>::zeroed();
        assert_eq!(encode_name(remote, ipv6_socket, &mut name) as usize, len);
        // SAFETY: all zeros is one, and so is what was written over them.
        let name = unsafe { name.assume_init_ref() };
        assert_eq!(libc::c_int::from(name.sin6_family), family);
        assert_eq!(decode_name(name), Some(remote));
    }
}

#[test]
fn a_name_of_no_family_or_another_is_no_address() {
    // SAFETY: all zeros is a name of the family AF_UNSPEC.
    let mut name: libc::sockaddr_in6 = unsafe { std::mem::zeroed() };
    assert_eq!(decode_name(&name), None);
    name.sin6_family = libc::AF_UNIX as libc::sa_family_t;
    assert_eq!(decode_name(&name), None);
}
