//! One UDP socket that takes and gives datagrams in batches.

mod ecn;
#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
mod linux;
mod outgoing;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
mod portable;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};

use warren_engine::{Ecn, Path, TransmitBatch};

use crate::bind::{BindError, Listen, bind};
use crate::stats::IoStats;
#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
use linux as system;
use outgoing::Outgoing;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
use portable as system;

/// Whether the system may join datagrams (UDP GSO and GRO); without it every datagram is on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offload {
    /// What the system can, found out at run time.
    #[default]
    Auto,
    /// Neither segmentation nor coalescing.
    Off,
}

/// One or several datagrams of `segment` bytes each from one source; the last may be shorter.
pub(crate) struct Received<'a> {
    pub(crate) path: Path,
    pub(crate) ecn: Ecn,
    pub(crate) segment: usize,
    pub(crate) bytes: &'a mut [u8],
}

/// How sending went.
pub(crate) enum Sent {
    /// All of the batch, but for what was counted as an error.
    All,
    /// The socket has no room: call `resume` when it is writable.
    Blocked,
}

/// The socket is gone (closed from outside, its device removed): bind it anew.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) io::Error);

pub(crate) struct Socket {
    socket: socket2::Socket,
    system: system::Udp,
    outgoing: Outgoing,
    local: SocketAddr,
}

impl Socket {
    pub(crate) fn bind(listen: Listen, offload: Offload) -> Result<Self, BindError> {
        let socket = bind(listen)?;
        let unbound =
            SocketAddr::new(listen.host.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)), listen.port);
        let local = local_address(&socket).map_err(|source| BindError::Other { address: unbound, source })?;
        let system = system::Udp::new(&socket, local.is_ipv6(), offload)
            .map_err(|source| BindError::Other { address: local, source })?;
        Ok(Self { socket, system, outgoing: Outgoing::default(), local })
    }

    pub(crate) fn local_address(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn source(&self) -> &socket2::Socket {
        &self.socket
    }

    /// Takes one bounded batch. `true`: there may be more at once.
    pub(crate) fn receive(
        &mut self,
        stats: &mut IoStats,
        each: &mut dyn FnMut(Received<'_>),
    ) -> Result<bool, Lost> {
        stats.receive_calls += 1;
        match self.system.receive(&self.socket, stats, each) {
            Ok(more) => Ok(more),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => {
                stats.count_receive_error(&error);
                if is_any(&error, &LOST) { Err(Lost(error)) } else { Ok(true) }
            }
        }
    }

    /// Sends a batch. Nothing of an earlier one may be left.
    pub(crate) fn send(&mut self, batch: &TransmitBatch, stats: &mut IoStats) -> Result<Sent, Lost> {
        self.outgoing.begin(batch, self.system.can_segment());
        self.resume(batch, stats)
    }

    /// Sends what is left of the batch that `send` was called with.
    pub(crate) fn resume(&mut self, batch: &TransmitBatch, stats: &mut IoStats) -> Result<Sent, Lost> {
        while !self.outgoing.is_empty() {
            stats.send_calls += 1;
            match self.system.send(&self.socket, batch, &self.outgoing) {
                Ok(count) => self.outgoing.sent(count, stats),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {
                        stats.send_blocked += 1;
                        return Ok(Sent::Blocked);
                    }
                    io::ErrorKind::Interrupted => {}
                    _ if is_any(&error, &LOST) => return Err(Lost(error)),
                    _ => self.recover(&error, stats),
                },
            }
        }
        Ok(Sent::All)
    }

    /// Tries the first message again in a humbler form, or counts it and goes on.
    fn recover(&mut self, error: &io::Error, stats: &mut IoStats) {
        if self.outgoing.first_is_segmented() && is_any(error, &SEGMENTATION) {
            if is_any(error, &NO_SEGMENTATION) {
                self.system.stop_segmenting();
            }
            self.outgoing.split_first();
        } else if is_any(error, &SOURCE) && self.outgoing.drop_source() {
            // The address the packet came to is gone from this machine: let the system choose.
        } else {
            stats.count_send_error(error);
            self.outgoing.skip();
        }
    }
}

fn local_address(socket: &socket2::Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
}

fn is_any(error: &io::Error, codes: &[i32]) -> bool {
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

#[cfg(unix)]
const LOST: [i32; 4] = [libc::EBADF, libc::ENOTSOCK, libc::ENODEV, libc::EPIPE];
// EIO: the device cannot checksum, so it never will. The others: a segment is longer than the path's MTU (udp(7)).
#[cfg(unix)]
const SEGMENTATION: [i32; 3] = [libc::EIO, libc::EINVAL, libc::EMSGSIZE];
#[cfg(unix)]
const NO_SEGMENTATION: [i32; 1] = [libc::EIO];
// An IP_PKTINFO or IPV6_PKTINFO with an address that this machine has no more.
#[cfg(unix)]
const SOURCE: [i32; 3] = [libc::EINVAL, libc::EADDRNOTAVAIL, libc::ENETUNREACH];

// WSAENOTSOCK, WSAEBADF, WSAENETDOWN, WSAESHUTDOWN.
#[cfg(not(unix))]
const LOST: [i32; 4] = [10_038, 10_009, 10_050, 10_058];
// WSAEINVAL, WSAEMSGSIZE, WSAEOPNOTSUPP.
#[cfg(not(unix))]
const SEGMENTATION: [i32; 3] = [10_022, 10_040, 10_045];
#[cfg(not(unix))]
const NO_SEGMENTATION: [i32; 1] = [10_045];
// WSAEINVAL, WSAEADDRNOTAVAIL, WSAENETUNREACH.
#[cfg(not(unix))]
const SOURCE: [i32; 3] = [10_022, 10_049, 10_051];
