//! One UDP socket that takes and gives datagrams in batches, in two halves: who receives and who sends may be two threads.

mod ecn;
#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
mod portable;
mod send_queue;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use warren_engine::{Ecn, Path, TransmitBatch};

use crate::bind::{BindError, Listen, bind};
use crate::stats::IoStats;
#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
use linux as system;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
use portable as system;
use send_queue::SendQueue;

/// Whether the system may join datagrams (UDP GSO and GRO); without it every datagram is on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offload {
    /// All that the system can, found out at run time.
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
    /// Holds them at its beginning; a buffer that is left in its place must be [`RECEIVE_BUFFER`] long too.
    pub(crate) buffer: &'a mut Vec<u8>,
    pub(crate) len: usize,
}

/// Outcome of sending.
pub(crate) enum Flushed {
    /// All of the batch, but for what was counted as an error.
    All,
    /// The socket has no room: call `resume` when it is writable.
    Blocked,
}

/// The socket is gone (closed from outside, its device removed): bind it anew.
#[derive(Debug)]
pub(crate) struct Lost(pub(crate) io::Error);

/// Nothing could be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// The socket works: this is about a datagram that was sent earlier. Anyone can forge it.
    Report,
    /// Reading fails, and may do so again.
    Failed {
        /// The system's error.
        error: io::Error,
        /// The socket is gone.
        lost: bool,
    },
}

/// The system does not send along this path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable {
    pub(crate) path: Path,
    /// The system's error number.
    pub(crate) error: i32,
}

/// The half that receives. The socket is closed when both halves are dropped.
pub(crate) struct Receiver {
    socket: Arc<socket2::Socket>,
    system: system::Receiver,
    local: SocketAddr,
}

/// The half that sends.
pub(crate) struct Sender {
    socket: Arc<socket2::Socket>,
    system: system::Sender,
    send_queue: SendQueue,
    /// Paths of the batch along which the system does not send, each once.
    unreachable: Vec<Unreachable>,
}

/// Binds a socket.
pub(crate) fn open(listen: Listen, offload: Offload) -> Result<(Receiver, Sender), BindError> {
    let socket = Arc::new(bind(listen)?);
    let unbound =
        SocketAddr::new(listen.host.unwrap_or(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED)), listen.port);
    let local = local_address(&socket).map_err(|source| BindError::Other { address: unbound, source })?;
    let (receiver, sender) = system::open(&socket, local.is_ipv6(), offload)
        .map_err(|source| BindError::Other { address: local, source })?;
    let receiver = Receiver { socket: Arc::clone(&socket), system: receiver, local };
    let sender = Sender { socket, system: sender, send_queue: SendQueue::default(), unreachable: Vec::new() };
    Ok((receiver, sender))
}

impl Receiver {
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
    ) -> Result<bool, Unread> {
        stats.receive_calls += 1;
        match self.system.receive(&self.socket, stats, each) {
            Ok(more) => Ok(more),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(true),
            Err(error) => {
                stats.count_receive_error(&error);
                let lost = is_any(&error, &LOST_READING);
                Err(if is_any(&error, &REPORTS) { Unread::Report } else { Unread::Failed { error, lost } })
            }
        }
    }
}

impl Sender {
    /// Sends a batch. Nothing of an earlier one may be left.
    pub(crate) fn send(&mut self, batch: &TransmitBatch, stats: &mut IoStats) -> Result<Flushed, Lost> {
        self.send_queue.begin(batch, self.system.can_segment());
        self.resume(batch, stats)
    }

    /// Sends the rest of the batch that `send` was called with.
    pub(crate) fn resume(&mut self, batch: &TransmitBatch, stats: &mut IoStats) -> Result<Flushed, Lost> {
        while !self.send_queue.is_empty() {
            stats.send_calls += 1;
            match self.system.send(&self.socket, batch, &self.send_queue) {
                Ok(count) => self.send_queue.sent(count, stats),
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => {
                        stats.send_blocked += 1;
                        return Ok(Flushed::Blocked);
                    }
                    io::ErrorKind::Interrupted => {}
                    _ if is_any(&error, &LOST_SENDING) => return Err(Lost(error)),
                    _ => self.recover(&error, batch, stats),
                },
            }
        }
        Ok(Flushed::All)
    }

    /// Takes the paths of the batch that was sent last which lead nowhere from here.
    pub(crate) fn take_unreachable(&mut self) -> Vec<Unreachable> {
        std::mem::take(&mut self.unreachable)
    }

    /// Tries the first message again in a humbler form, or counts it and goes on.
    fn recover(&mut self, error: &io::Error, batch: &TransmitBatch, stats: &mut IoStats) {
        if self.send_queue.first_is_segmented() && is_any(error, &SEGMENTATION) {
            if is_any(error, &NO_SEGMENTATION) {
                self.system.stop_segmenting();
            }
            self.send_queue.split_first();
        } else if is_any(error, &UNREACHABLE) && self.send_queue.drop_source(batch) {
            // The address the packet came to is gone from this machine, or leads there no more: let the system choose.
        } else {
            stats.count_send_error(error);
            let Some(skipped) = self.send_queue.skip() else { return };
            let path = batch.groups[skipped.group].path;
            let known = self.unreachable.iter().any(|one| one.path == path);
            if let Some(code) = error.raw_os_error()
                && UNREACHABLE.contains(&code)
                && !known
            {
                self.unreachable.push(Unreachable { path, error: code });
            }
        }
    }
}

fn local_address(socket: &socket2::Socket) -> io::Result<SocketAddr> {
    socket.local_addr()?.as_socket().ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))
}

fn is_any(error: &io::Error, codes: &[i32]) -> bool {
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}

/// The longest UDP payload, and so the most that a system coalesces.
pub(crate) const RECEIVE_BUFFER: usize = 65_536;

#[cfg(unix)]
const LOST_READING: [i32; 4] = [libc::EBADF, libc::ENOTSOCK, libc::ENODEV, libc::EPIPE];
// Not ENODEV: it speaks of the interface that a link-local destination names.
#[cfg(unix)]
const LOST_SENDING: [i32; 3] = [libc::EBADF, libc::ENOTSOCK, libc::EPIPE];
// Errors that ICMP told about a datagram (icmp(7)), for systems that tell them to sockets without a peer.
#[cfg(unix)]
const REPORTS: [i32; 6] = [
    libc::ECONNREFUSED,
    libc::ECONNRESET,
    libc::EHOSTUNREACH,
    libc::EHOSTDOWN,
    libc::ENETUNREACH,
    libc::EMSGSIZE,
];
// EIO: the device cannot checksum, so it never will. The others: a segment is longer than the path's MTU (udp(7)).
#[cfg(unix)]
const SEGMENTATION: [i32; 3] = [libc::EIO, libc::EINVAL, libc::EMSGSIZE];
#[cfg(unix)]
const NO_SEGMENTATION: [i32; 1] = [libc::EIO];
// No route, or one that forbids (EACCES, EINVAL: ip-route(8)); a socket of the other family; an interface that is down
// or gone; a local firewall (EPERM). With an IP_PKTINFO or IPV6_PKTINFO they may speak of its address.
#[cfg(unix)]
const UNREACHABLE: [i32; 10] = [
    libc::ENETUNREACH,
    libc::EHOSTUNREACH,
    libc::EHOSTDOWN,
    libc::ENETDOWN,
    libc::ENODEV,
    libc::EAFNOSUPPORT,
    libc::EADDRNOTAVAIL,
    libc::EINVAL,
    libc::EACCES,
    libc::EPERM,
];

// WSAENOTSOCK, WSAEBADF, WSAENETDOWN, WSAESHUTDOWN.
#[cfg(not(unix))]
const LOST_READING: [i32; 4] = [10_038, 10_009, 10_050, 10_058];
#[cfg(not(unix))]
const LOST_SENDING: [i32; 3] = [10_038, 10_009, 10_058];
// WSAECONNREFUSED, WSAECONNRESET, WSAENETRESET, WSAEHOSTUNREACH, WSAEHOSTDOWN, WSAENETUNREACH, WSAEMSGSIZE.
#[cfg(not(unix))]
const REPORTS: [i32; 7] = [10_061, 10_054, 10_052, 10_065, 10_064, 10_051, 10_040];
// WSAEINVAL, WSAEMSGSIZE, WSAEOPNOTSUPP.
#[cfg(not(unix))]
const SEGMENTATION: [i32; 3] = [10_022, 10_040, 10_045];
#[cfg(not(unix))]
const NO_SEGMENTATION: [i32; 1] = [10_045];
// WSAENETUNREACH, WSAEHOSTUNREACH, WSAEHOSTDOWN, WSAENETDOWN, WSAEAFNOSUPPORT, WSAEADDRNOTAVAIL, WSAEINVAL, WSAEACCES.
#[cfg(not(unix))]
const UNREACHABLE: [i32; 8] = [10_051, 10_065, 10_064, 10_050, 10_047, 10_049, 10_022, 10_013];
