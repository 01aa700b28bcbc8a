//! Sockets that send from addresses of 127.0.0.0/8 that nobody gave them.
#![expect(unsafe_code, reason = "sendmmsg and the choice of a source address have no safe interface")]

use std::io::{Error, ErrorKind, Result};
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

/// Each bound to a port of its own on all addresses, so that it hears what is answered to any of them.
pub(crate) struct Sender {
    sockets: Vec<UdpSocket>,
    target: SocketAddrV4,
    batches: usize,
    /// The last source address, counted up through 127.0.0.0/8.
    source: u32,
    pub(crate) sent: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) answers: u64,
    pub(crate) answer_bytes: u64,
}

impl Sender {
    pub(crate) fn new(target: SocketAddrV4) -> Result<Self> {
        let bind = || -> Result<UdpSocket> {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let sockets = (0..PORTS).map(|_| bind()).collect::<Result<_>>()?;
        Ok(Self {
            sockets,
            target,
            batches: 0,
            source: 0,
            sent: 0,
            sent_bytes: 0,
            answers: 0,
            answer_bytes: 0,
        })
    }

    /// Sends one batch, each datagram from another address.
    pub(crate) fn send<'a>(&mut self, datagrams: &mut impl Iterator<Item = &'a Vec<u8>>) -> Result<()> {
        let mut name = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: self.target.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from(*self.target.ip()).to_be() },
            sin_zero: [0; 8],
        };
        let mut slices = [libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 }; BATCH];
        let mut controls = [const { Control([0; CONTROL]) }; BATCH];
        // SAFETY: an mmsghdr is plain data for which all zeros means "nothing".
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        for ((header, slice), control) in headers.iter_mut().zip(&mut slices).zip(&mut controls) {
            let Some(datagram) = datagrams.next() else { break };
            slice.iov_base = datagram.as_ptr().cast_mut().cast();
            slice.iov_len = datagram.len();
            let header = &mut header.msg_hdr;
            header.msg_name = (&raw mut name).cast();
            header.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
            header.msg_iov = slice;
            header.msg_iovlen = 1;
            header.msg_control = control.0.as_mut_ptr().cast();
            header.msg_controllen = CONTROL as _;
            // A stride that is prime to the size of 127.0.0.0/8 visits all of it; the first and the last are no
            // sources.
            self.source = (self.source + 7_919) % 0xff_fffe;
            // SAFETY: the control block has room for exactly this message, and is aligned for its header.
            unsafe {
                let message = libc::CMSG_FIRSTHDR(header);
                (*message).cmsg_level = libc::IPPROTO_IP;
                (*message).cmsg_type = libc::IP_PKTINFO;
                (*message).cmsg_len = libc::CMSG_LEN(size_of::<libc::in_pktinfo>() as u32) as _;
                let mut info: libc::in_pktinfo = mem::zeroed();
                info.ipi_spec_dst.s_addr = (0x7f00_0001 + self.source).to_be();
                ptr::write_unaligned(libc::CMSG_DATA(message).cast(), info);
            }
        }
        let socket = &self.sockets[self.batches % PORTS];
        self.batches += 1;
        // SAFETY: names, slices, datagrams and control blocks outlive the call, which only reads them.
        let count = unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), BATCH as u32, 0) };
        if count < 0 {
            let error = Error::last_os_error();
            return if error.kind() == ErrorKind::WouldBlock { Ok(()) } else { Err(error) };
        }
        self.sent += count as u64;
        self.sent_bytes += slices[..count as usize].iter().map(|slice| slice.iov_len as u64).sum::<u64>();
        Ok(())
    }

    /// Counts what came back.
    pub(crate) fn hear(&mut self) -> Result<()> {
        let mut room = [0; 2_048];
        for socket in &self.sockets {
            loop {
                match socket.recv(&mut room) {
                    Ok(length) => {
                        self.answers += 1;
                        self.answer_bytes += length as u64;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Datagrams handed over in one system call.
pub(crate) const BATCH: usize = 64;

/// `CMSG_SPACE` of an `in_pktinfo`.
const CONTROL: usize = 32;

const PORTS: usize = 16;
