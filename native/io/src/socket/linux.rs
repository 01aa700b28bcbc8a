//! UDP on Linux: recvmmsg and sendmmsg, with segmentation (UDP_SEGMENT) and coalescing (UDP_GRO) where the kernel has
//! them.
#![expect(unsafe_code, reason = "recvmmsg, sendmmsg and their socket options have no safe interface")]

mod control_messages;

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::ptr;

use socket2::Socket;
use warren_engine::{Path, TransmitBatch};

use super::send_queue::SendQueue;
use super::{Offload, RECEIVE_BUFFER, Received};
use crate::stats::IoStats;
use control_messages::{ControlMessages, Outer};

pub(super) struct Receiver {
    buffers: Vec<Vec<u8>>,
    /// Messages to ask for next.
    room: usize,
}

pub(super) struct Sender {
    ipv6: bool,
    segments: bool,
    /// Datagrams may be fragmented on their way, as the system sees fit; else none is.
    fragments: bool,
}

pub(super) fn open(socket: &Socket, ipv6: bool, offload: Offload) -> io::Result<(Receiver, Sender)> {
    // A dual-stack socket reports IPv4's type of service only if asked for it by IPv4's name.
    set(socket, libc::IPPROTO_IP, libc::IP_RECVTOS, 1)
        .or_else(|error| if ipv6 { Ok(()) } else { Err(error) })?;
    if ipv6 {
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVTCLASS, 1)?;
        set(socket, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, 1)?;
    } else {
        set(socket, libc::IPPROTO_IP, libc::IP_PKTINFO, 1)?;
    }
    let auto = offload == Offload::Auto;
    // Linux 4.18 has UDP_SEGMENT, 5.0 UDP_GRO.
    let segments = auto && set(socket, libc::SOL_UDP, libc::UDP_SEGMENT, 0).is_ok();
    if auto {
        let _ = set(socket, libc::SOL_UDP, libc::UDP_GRO, 1);
    }
    let buffers = vec![vec![0; RECEIVE_BUFFER]; RECEIVE_MESSAGES];
    Ok((Receiver { buffers, room: RECEIVE_MESSAGES_OF_BULK }, Sender { ipv6, segments, fragments: true }))
}

impl Receiver {
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        stats: &mut IoStats,
        each: &mut dyn FnMut(Received<'_>),
    ) -> io::Result<bool> {
        let mut names: [MaybeUninit<libc::sockaddr_in6>; RECEIVE_MESSAGES] =
            [const { MaybeUninit::zeroed() }; RECEIVE_MESSAGES];
        let mut controls = [const { ControlMessages::new() }; RECEIVE_MESSAGES];
        let mut slices = [const { NO_SLICE }; RECEIVE_MESSAGES];
        // SAFETY: an mmsghdr is plain data for which all zeros means "nothing".
        let mut headers: [libc::mmsghdr; RECEIVE_MESSAGES] = unsafe { mem::zeroed() };
        for (index, buffer) in self.buffers.iter_mut().enumerate().take(self.room) {
            slices[index] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let header = &mut headers[index].msg_hdr;
            header.msg_name = names[index].as_mut_ptr().cast();
            header.msg_namelen = size_of::<libc::sockaddr_in6>() as libc::socklen_t;
            header.msg_iov = &mut slices[index];
            header.msg_iovlen = 1;
            controls[index].attach_for_receiving(header);
        }

        // SAFETY: every header points at a name, a slice, a buffer and a control block that live, unmoved, until the
        // results are read below; the buffers are vectors of their own.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                self.room as libc::c_uint,
                libc::MSG_DONTWAIT as _,
                ptr::null_mut(),
            )
        };
        if count < 0 {
            return Err(io::Error::last_os_error());
        }

        let count = count as usize;
        let mut bytes = 0;
        for (index, buffer) in self.buffers.iter_mut().enumerate().take(count) {
            let header = &headers[index];
            // SAFETY: zeroed before the call, so initialised whatever the kernel wrote of it.
            let name = unsafe { names[index].assume_init_ref() };
            let len = header.msg_len as usize;
            bytes += len;
            let Some(remote) = decode_name(name) else { continue };
            if header.msg_hdr.msg_flags & (libc::MSG_TRUNC | libc::MSG_CTRUNC) != 0 {
                stats.receive_truncated += 1;
                continue;
            }
            let Outer { ecn, local, segment } = control_messages::decode(&header.msg_hdr);
            let segment = segment.unwrap_or(len).max(1);
            stats.datagrams_received += len.div_ceil(segment) as u64;
            stats.bytes_received += len as u64;
            each(Received { path: Path { remote, local }, ecn, segment, buffer, len });
        }
        let is_full = count == self.room;
        self.room = (RECEIVE_BYTES * count / bytes.max(1)).clamp(RECEIVE_MESSAGES_OF_BULK, RECEIVE_MESSAGES);
        Ok(is_full)
    }
}

impl Sender {
    pub(super) fn can_segment(&self) -> bool {
        self.segments
    }

    pub(super) fn stop_segmenting(&mut self) {
        self.segments = false;
    }

    /// Sends some of the messages, at least one. An error is the first message's.
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        batch: &TransmitBatch,
        queue: &SendQueue,
    ) -> io::Result<usize> {
        let mut names: [MaybeUninit<libc::sockaddr_in6>; SEND_MESSAGES] =
            [const { MaybeUninit::zeroed() }; SEND_MESSAGES];
        let mut controls = [const { ControlMessages::new() }; SEND_MESSAGES];
        let mut slices = [const { NO_SLICE }; SEND_MESSAGES];
        // SAFETY: an mmsghdr is plain data for which all zeros means "nothing".
        let mut headers: [libc::mmsghdr; SEND_MESSAGES] = unsafe { mem::zeroed() };
        let mut count = 0;
        let mut fragments = None;
        for message in queue.iter().take(SEND_MESSAGES) {
            let group = &batch.groups[message.group];
            if message.segment > UNFRAGMENTED {
                if fragments.is_some_and(|fragments| fragments == group.whole) {
                    break;
                }
                fragments = Some(!group.whole);
            }
            let bytes = &batch.bytes[message.start..message.start + message.len];
            slices[count] = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
            let header = &mut headers[count].msg_hdr;
            header.msg_name = names[count].as_mut_ptr().cast();
            header.msg_namelen = encode_name(group.path.remote, self.ipv6, &mut names[count]);
            header.msg_iov = &mut slices[count];
            header.msg_iovlen = 1;
            let outer = Outer {
                ecn: group.ecn,
                local: group.path.local.filter(|_| message.from_source),
                segment: (message.len > message.segment).then_some(message.segment),
            };
            controls[count].attach_for_sending(header, &outer, group.path.remote.is_ipv4(), self.ipv6);
            count += 1;
        }

        if let Some(fragments) = fragments {
            self.set_fragments(socket, fragments)?;
        }
        // SAFETY: every header points at a name, a slice, bytes and a control block that outlive the call; the kernel
        // only reads the bytes, so casting away `const` lets nothing write to them.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                headers.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT as _,
            )
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(sent as usize) }
    }

    /// Lets the system fragment what is sent from now on, or forbids it on the whole way (ip(7), `IP_MTU_DISCOVER`).
    /// IPv4 has no such word for a single datagram.
    fn set_fragments(&mut self, socket: &Socket, fragments: bool) -> io::Result<()> {
        if self.fragments == fragments {
            return Ok(());
        }
        let of_ipv4 = if fragments { libc::IP_PMTUDISC_WANT } else { libc::IP_PMTUDISC_PROBE };
        let of_ipv6 = if fragments { libc::IPV6_PMTUDISC_WANT } else { libc::IPV6_PMTUDISC_PROBE };
        if self.ipv6 {
            set(socket, libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER, of_ipv6)?;
        }
        // A dual-stack socket sends IPv4 too, by IPv4's own setting.
        set(socket, libc::IPPROTO_IP, libc::IP_MTU_DISCOVER, of_ipv4)
            .or_else(|error| if self.ipv6 { Ok(()) } else { Err(error) })?;
        self.fragments = fragments;
        Ok(())
    }
}

fn set(socket: &Socket, level: libc::c_int, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: `value` lives through the call, and its size is the one given.
    let failed = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            (&raw const value).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        )
    };
    if failed == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn decode_name(name: &libc::sockaddr_in6) -> Option<SocketAddr> {
    match libc::c_int::from(name.sin6_family) {
        libc::AF_INET => {
            // SAFETY: the kernel wrote a sockaddr_in, which is smaller and no more aligned than a sockaddr_in6.
            let name = unsafe { &*(&raw const *name).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(name.sin_addr.s_addr));
            Some(SocketAddrV4::new(ip, u16::from_be(name.sin_port)).into())
        }
        libc::AF_INET6 => {
            let ip = Ipv6Addr::from(name.sin6_addr.s6_addr);
            let port = u16::from_be(name.sin6_port);
            Some(match ip.to_ipv4_mapped() {
                Some(ip) => SocketAddrV4::new(ip, port).into(),
                None => SocketAddrV6::new(ip, port, 0, name.sin6_scope_id).into(),
            })
        }
        _ => None,
    }
}

fn encode_name(
    remote: SocketAddr,
    ipv6_socket: bool,
    name: &mut MaybeUninit<libc::sockaddr_in6>,
) -> libc::socklen_t {
    let remote = match remote {
        SocketAddr::V4(remote) if !ipv6_socket => {
            let encoded = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: remote.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*remote.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: a sockaddr_in fits into the room of a sockaddr_in6, whose alignment is no smaller.
            unsafe { name.as_mut_ptr().cast::<libc::sockaddr_in>().write(encoded) };
            return size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        SocketAddr::V4(remote) => SocketAddrV6::new(remote.ip().to_ipv6_mapped(), remote.port(), 0, 0),
        SocketAddr::V6(remote) => remote,
    };
    name.write(libc::sockaddr_in6 {
        sin6_family: libc::AF_INET6 as libc::sa_family_t,
        sin6_port: remote.port().to_be(),
        sin6_flowinfo: 0,
        sin6_addr: libc::in6_addr { s6_addr: remote.ip().octets() },
        sin6_scope_id: remote.scope_id(),
    });
    size_of::<libc::sockaddr_in6>() as libc::socklen_t
}

const NO_SLICE: libc::iovec = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };

/// A coalesced message holds some 40 datagrams: the loop looks at commands, at what must leave and at what came after
/// each (some 60 us). What comes one by one, as from strangers, is taken by the dozen.
const RECEIVE_MESSAGES_OF_BULK: usize = 1;
const RECEIVE_BYTES: usize = RECEIVE_MESSAGES_OF_BULK * RECEIVE_BUFFER;
const RECEIVE_MESSAGES: usize = 32;
/// The longest UDP payload that no IPv4 path fragments in practice: 576 bytes (RFC 791) less 28.
const UNFRAGMENTED: usize = 548;
/// A batch of the engine is mostly one or two groups; without segmentation two or more calls send it.
const SEND_MESSAGES: usize = 16;

#[cfg(test)]
mod tests;
