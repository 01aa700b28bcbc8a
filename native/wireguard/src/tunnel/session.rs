//! What a tunnel knows of its sessions, and what it says of a datagram.

use std::net::IpAddr;
use std::time::Instant;

use crate::constants::REJECT_AFTER_TIME;

/// A pair of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    pub(super) index: u32,
    pub(super) peer_index: u32,
    /// As boringtun has it: when the response was made here, or came.
    pub(crate) established: Instant,
    /// What its age counts from: never later than the other end's, however long the response was under way, so that
    /// nothing is sealed that the other end refuses already.
    pub(super) dated: Instant,
    /// When the first message of its handshake was made, or came.
    pub(crate) began: Instant,
    pub(super) initiator: bool,
    pub(super) confirmed: bool,
    /// Both ends initiated at once, so that each holds a session of its own making.
    pub(super) contested: bool,
}

impl Session {
    /// From when on nothing is sealed under it.
    pub(crate) fn expires(&self) -> Instant {
        self.dated + REJECT_AFTER_TIME
    }

    /// Until when what the other end sealed under it is opened.
    pub(super) fn refused_after(&self) -> Instant {
        self.established + REJECT_AFTER_TIME
    }
}

/// What an authenticated datagram held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) content: Content,
    /// The first datagram of this session: since now both ends have it.
    pub(crate) confirmed: bool,
    /// When the session was made.
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

/// Why a datagram did not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    UnknownSession,
    ExpiredSession,
    Unauthenticated,
    Replayed,
}
