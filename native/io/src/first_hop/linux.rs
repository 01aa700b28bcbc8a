//! Linux: the route of a connected socket (ip(7) and ipv6(7), `IP_MTU` and `IPV6_MTU`).
#![expect(unsafe_code, reason = "IP_MTU has no safe interface")]

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd;

use socket2::{Domain, Protocol, Socket, Type};

pub(super) fn mtu(remote: SocketAddr) -> Option<usize> {
    let remote = match remote.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::new(ip.into(), remote.port()),
        IpAddr::V6(_) => remote,
    };
    let socket = Socket::new(Domain::for_address(remote), Type::DGRAM, Some(Protocol::UDP)).ok()?;
    // Sends nothing.
    socket.connect(&remote.into()).ok()?;
    let (level, name) = match remote {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_MTU),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_MTU),
    };
    let mut mtu: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both pointers live through the call, and `size` is that of `mtu`.
    let failed =
        unsafe { libc::getsockopt(socket.as_raw_fd(), level, name, (&raw mut mtu).cast(), &raw mut size) };
    if failed == 0 { usize::try_from(mtu).ok() } else { None }
}
