//! Control messages without a kernel, so that Miri can follow: ours as the kernel would read them, and the kernel's as
//! we read them.

use std::mem;
use std::net::IpAddr;

use warren_engine::Ecn;

use super::{CONTROL_LEN, ControlMessages, Outer, Writer, decode};

fn header() -> libc::msghdr {
    // SAFETY: all zeros is a header of nothing.
    unsafe { mem::zeroed() }
}

/// Level, type and payload of each message.
fn messages(header: &libc::msghdr) -> Vec<(libc::c_int, libc::c_int, Vec<u8>)> {
    let mut messages = Vec::new();
    // SAFETY: the block that the header points to lives, and its messages are complete.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let len = (*message).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
            let data = std::slice::from_raw_parts(libc::CMSG_DATA(message), len);
            messages.push(((*message).cmsg_level, (*message).cmsg_type, data.to_vec()));
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    messages
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn the_most_that_a_datagram_says_fits_and_stands_there_as_the_kernel_wants_it() {
    for (local, to_ipv4, ipv6_socket, pktinfo) in [
        ("192.0.2.9", true, false, (libc::IPPROTO_IP, libc::IP_PKTINFO, 12)),
        ("192.0.2.9", true, true, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)),
        ("2001:db8::9", false, true, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, 20)),
    ] {
        let (mut control, mut header) = (ControlMessages::new(), header());
        let outer = Outer { ecn: Ecn::Ect1, local: Some(ip(local)), segment: Some(1_452) };
        control.attach_for_sending(&mut header, &outer, to_ipv4, ipv6_socket);
        let messages = messages(&header);
        let bits =
            if to_ipv4 { (libc::IPPROTO_IP, libc::IP_TOS) } else { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) };
        assert_eq!(messages.len(), 3, "{local}");
        assert_eq!(messages[0], (bits.0, bits.1, 1i32.to_ne_bytes().to_vec()));
        assert_eq!((messages[1].0, messages[1].1, messages[1].2.len()), pktinfo);
        assert_eq!(messages[2], (libc::SOL_UDP, libc::UDP_SEGMENT, 1_452u16.to_ne_bytes().to_vec()));
    }
}

#[test]
fn nothing_to_say_is_no_control_block_at_all() {
    let (mut control, mut header) = (ControlMessages::new(), header());
    control.attach_for_sending(&mut header, &Outer::default(), true, true);
    assert!(header.msg_control.is_null());
    assert_eq!(header.msg_controllen, 0);
}

#[test]
fn what_a_kernel_writes_for_either_family_is_read() {
    let (mut control, mut header) = (ControlMessages::new(), header());
    control.attach_for_receiving(&mut header);
    // SAFETY: plain data, of which zeros are some.
    let (mut v4, mut v6): (libc::in_pktinfo, libc::in6_pktinfo) = unsafe { mem::zeroed() };
    v4.ipi_addr.s_addr = u32::from_ne_bytes([192, 0, 2, 9]);
    v6.ipi6_addr.s6_addr = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 10];
    for (is_ipv6, local) in [(false, "192.0.2.9"), (true, "192.0.2.10")] {
        // SAFETY: the header has a block.
        let first = unsafe { libc::CMSG_FIRSTHDR(&header) };
        let mut writer = Writer { header: &mut header, used: 0, next: first };
        // SAFETY: 40, 24 and 24 bytes of 192.
        unsafe {
            if is_ipv6 {
                writer.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, v6);
                writer.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, 3i32);
            } else {
                writer.push(libc::IPPROTO_IP, libc::IP_PKTINFO, v4);
                writer.push(libc::IPPROTO_IP, libc::IP_TOS, 3u8);
            }
            writer.push(libc::SOL_UDP, libc::UDP_GRO, 1_452i32);
        }
        let used = writer.used;
        header.msg_controllen = used as _;
        let outer = decode(&header);
        assert_eq!((outer.ecn, outer.local, outer.segment), (Ecn::Ce, Some(ip(local)), Some(1_452)));
        header.msg_controllen = CONTROL_LEN as _;
    }
}

#[test]
fn a_block_of_which_the_kernel_used_nothing_says_nothing() {
    let (mut control, mut header) = (ControlMessages::new(), header());
    control.attach_for_receiving(&mut header);
    header.msg_controllen = 0;
    let outer = decode(&header);
    assert_eq!((outer.ecn, outer.local, outer.segment), (Ecn::NotEct, None, None));
}
