//! Control messages: facts beside a datagram (cmsg(3), udp(7), ip(7), ipv6(7)).

use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

use warren_engine::Ecn;

use super::super::ecn;

/// Facts that stand, or shall stand, in the outer header.
#[derive(Debug, Default)]
pub(super) struct Outer {
    pub(super) ecn: Ecn,
    /// The address of this machine that the datagram came to, or leaves from.
    pub(super) local: Option<IpAddr>,
    /// Size of one datagram, if there are several.
    pub(super) segment: Option<usize>,
}

/// Room for the control messages of one datagram, aligned as a cmsghdr.
#[repr(align(8))]
pub(super) struct ControlMessages([u8; CONTROL_LEN]);

impl ControlMessages {
    pub(super) const fn new() -> Self {
        Self([0; CONTROL_LEN])
    }

    pub(super) fn attach_for_receiving(&mut self, header: &mut libc::msghdr) {
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
    }

    pub(super) fn attach_for_sending(
        &mut self,
        header: &mut libc::msghdr,
        outer: &Outer,
        to_ipv4: bool,
        ipv6_socket: bool,
    ) {
        header.msg_control = self.0.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_LEN as _;
        let mut writer = Writer { header, used: 0, next: ptr::null_mut() };
        // SAFETY: the header's control block is this one, and the four messages fit into it: see CONTROL_LEN.
        unsafe {
            writer.next = libc::CMSG_FIRSTHDR(writer.header);
            if outer.ecn != Ecn::NotEct {
                let bits = libc::c_int::from(ecn::to_bits(outer.ecn));
                if to_ipv4 {
                    writer.push(libc::IPPROTO_IP, libc::IP_TOS, bits);
                } else {
                    writer.push(libc::IPPROTO_IPV6, libc::IPV6_TCLASS, bits);
                }
            }
            match outer.local {
                None => {}
                Some(IpAddr::V4(local)) if !ipv6_socket => {
                    let mut info: libc::in_pktinfo = mem::zeroed();
                    info.ipi_spec_dst.s_addr = u32::from(local).to_be();
                    writer.push(libc::IPPROTO_IP, libc::IP_PKTINFO, info);
                }
                Some(local) => {
                    let mut info: libc::in6_pktinfo = mem::zeroed();
                    info.ipi6_addr.s6_addr = match local {
                        IpAddr::V4(local) => local.to_ipv6_mapped().octets(),
                        IpAddr::V6(local) => local.octets(),
                    };
                    writer.push(libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, info);
                }
            }
            if let Some(segment) = outer.segment {
                writer.push(libc::SOL_UDP, libc::UDP_SEGMENT, segment as u16);
            }
        }
        let used = writer.used;
        header.msg_controllen = used as _;
        if used == 0 {
            header.msg_control = ptr::null_mut();
        }
    }
}

/// Reads the control messages of a header that recvmmsg filled.
pub(super) fn decode(header: &libc::msghdr) -> Outer {
    let mut outer = Outer::default();
    // SAFETY: the kernel filled the control block, which lives, and set its length; CMSG_NXTHDR stays within that, and
    // each payload is read unaligned with the type that its level and type name.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let data = libc::CMSG_DATA(message);
            match ((*message).cmsg_level, (*message).cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TOS) => outer.ecn = ecn::from_bits(ptr::read_unaligned(data)),
                (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                    outer.ecn = ecn::from_bits(ptr::read_unaligned(data.cast::<libc::c_int>()) as u8);
                }
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = ptr::read_unaligned(data.cast::<libc::in_pktinfo>());
                    outer.local = Some(Ipv4Addr::from(u32::from_be(info.ipi_addr.s_addr)).into());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = ptr::read_unaligned(data.cast::<libc::in6_pktinfo>());
                    outer.local = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical());
                }
                (libc::SOL_UDP, libc::UDP_GRO) => {
                    outer.segment = Some(ptr::read_unaligned(data.cast::<libc::c_int>()) as usize);
                }
                _ => {}
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    outer
}

struct Writer<'a> {
    header: &'a mut libc::msghdr,
    used: usize,
    next: *mut libc::cmsghdr,
}

impl Writer<'_> {
    /// # Safety
    /// `next` points into the header's control block, with room for this message and the header of one more.
    unsafe fn push<T: Copy>(&mut self, level: libc::c_int, kind: libc::c_int, value: T) {
        let size = size_of::<T>() as libc::c_uint;
        // SAFETY: as the caller promises.
        unsafe {
            (*self.next).cmsg_level = level;
            (*self.next).cmsg_type = kind;
            (*self.next).cmsg_len = libc::CMSG_LEN(size) as _;
            ptr::write_unaligned(libc::CMSG_DATA(self.next).cast(), value);
            self.used += libc::CMSG_SPACE(size) as usize;
            self.next = libc::CMSG_NXTHDR(self.header, self.next);
        }
    }
}

/// Received: IPV6_PKTINFO 40, IPV6_TCLASS or IP_TOS 24, UDP_GRO 24, and as much again for kernels that send both
/// families'.
const CONTROL_LEN: usize = 192;

#[cfg(test)]
mod tests;
