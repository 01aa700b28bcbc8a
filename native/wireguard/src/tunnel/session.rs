//! A tunnel's sessions as it mirrors them, and its verdict on a datagram.

use std::net::IpAddr;
use std::time::Instant;

use super::Tunnel;
use crate::constants::REJECT_AFTER_TIME;

/// A pair of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(super) index: u32,
    pub(super) peer_index: u32,
    /// As boringtun has it: when the response was made here, or came.
    pub(crate) established: Instant,
    /// Instant from which its age counts: never later than the other end's, however long the response was under way, so
    /// that nothing is sealed that the other end refuses already.
    pub(super) dated: Instant,
    /// Instant at which the first message of its handshake was made, or came.
    pub(crate) began: Instant,
    pub(super) initiator: bool,
    pub(super) confirmed: bool,
    /// Both ends initiated at once, so that each holds a session of its own making.
    pub(super) contested: bool,
}

impl Tunnel {
    /// Whether one of its sessions, also one that seals no more, has this name here.
    pub(crate) fn knows(&self, index: u32) -> bool {
        self.sessions.iter().flatten().any(|session| session.index == index)
    }
}

impl Session {
    /// Its name at the other end.
    pub(crate) fn peer_index(&self) -> u32 {
        self.peer_index
    }

    /// Instant from which nothing is sealed under it.
    pub(crate) fn expires(&self) -> Instant {
        self.dated + REJECT_AFTER_TIME
    }

    /// Instant until which datagrams that the other end sealed under it are opened.
    pub(super) fn refused_after(&self) -> Instant {
        self.established + REJECT_AFTER_TIME
    }
}

/// Content of an authenticated datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authenticated {
    pub(crate) content: Content,
    /// The first datagram of this session: since now both ends have it.
    pub(crate) confirmed: bool,
    /// Instant at which the session was made.
    pub(crate) established: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Keepalive,
    /// An IP packet of this length.
    Packet {
        len: usize,
        source: IpAddr,
    },
    NotIp,
}

/// Reason why a datagram did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotOpened {
    UnknownSession,
    ExpiredSession,
    Unauthenticated,
    Replayed,
}
