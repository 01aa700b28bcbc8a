//! The driver's counters, by name.

use std::io;

/// Counters of one socket; they only rise.
#[derive(Clone, Debug, Default)]
pub struct IoStats {
    /// Datagrams that the system took.
    pub datagrams_sent: u64,
    /// Datagrams that the system gave.
    pub datagrams_received: u64,
    /// Their payload bytes.
    pub bytes_sent: u64,
    /// Their payload bytes.
    pub bytes_received: u64,
    /// System calls that sent: beside the datagrams they show how full the batches are.
    pub send_calls: u64,
    /// System calls that asked for datagrams.
    pub receive_calls: u64,
    /// Times the socket had no room, and the batch waited for it.
    pub send_blocked: u64,
    /// Datagrams larger than the receive buffer.
    pub receive_truncated: u64,
    /// Times the socket was lost and bound anew.
    pub rebound: u64,
    send_errors: [u64; ERRORS.len()],
    receive_errors: [u64; ERRORS.len()],
}

impl IoStats {
    /// Number of times that each error happened, as `sendErrorEPERM`; one that never did is left out.
    pub fn errors(&self) -> impl Iterator<Item = (String, u64)> {
        let named = |prefix: &'static str, counts: [u64; ERRORS.len()]| {
            let happened = ERRORS.iter().zip(counts).filter(|(_, count)| *count > 0);
            happened.map(move |((_, name), count)| (format!("{prefix}{name}"), count))
        };
        named("sendError", self.send_errors).chain(named("receiveError", self.receive_errors))
    }

    pub(crate) fn count_send_error(&mut self, error: &io::Error) {
        self.send_errors[kind(error)] += 1;
    }

    pub(crate) fn count_receive_error(&mut self, error: &io::Error) {
        self.receive_errors[kind(error)] += 1;
    }
}

fn kind(error: &io::Error) -> usize {
    let code = error.raw_os_error().unwrap_or(0);
    ERRORS.iter().position(|(known, _)| *known == code).unwrap_or(ERRORS.len() - 1)
}

#[cfg(unix)]
const ERRORS: [(i32, &str); 18] = [
    (libc::ENETUNREACH, "ENETUNREACH"),
    (libc::EHOSTUNREACH, "EHOSTUNREACH"),
    (libc::ENETDOWN, "ENETDOWN"),
    (libc::EHOSTDOWN, "EHOSTDOWN"),
    (libc::ECONNREFUSED, "ECONNREFUSED"),
    (libc::ECONNRESET, "ECONNRESET"),
    (libc::EMSGSIZE, "EMSGSIZE"),
    (libc::EPERM, "EPERM"),
    (libc::EACCES, "EACCES"),
    (libc::EADDRNOTAVAIL, "EADDRNOTAVAIL"),
    (libc::EAFNOSUPPORT, "EAFNOSUPPORT"),
    (libc::ENODEV, "ENODEV"),
    (libc::ENOTCONN, "ENOTCONN"),
    (libc::ENOMEM, "ENOMEM"),
    (libc::EIO, "EIO"),
    (libc::EINVAL, "EINVAL"),
    (libc::ENOBUFS, "ENOBUFS"),
    (0, "Other"),
];

// Winsock's numbers (WSAENETUNREACH and so on).
#[cfg(not(unix))]
const ERRORS: [(i32, &str); 15] = [
    (10_051, "ENETUNREACH"),
    (10_065, "EHOSTUNREACH"),
    (10_050, "ENETDOWN"),
    (10_064, "EHOSTDOWN"),
    (10_061, "ECONNREFUSED"),
    (10_054, "ECONNRESET"),
    (10_040, "EMSGSIZE"),
    (1, "EPERM"),
    (10_013, "EACCES"),
    (10_049, "EADDRNOTAVAIL"),
    (10_047, "EAFNOSUPPORT"),
    (10_057, "ENOTCONN"),
    (10_022, "EINVAL"),
    (10_055, "ENOBUFS"),
    (0, "Other"),
];
