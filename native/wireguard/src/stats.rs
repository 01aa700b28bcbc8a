//! Counters. Trouble caused by a packet is a counter here, never an error.

use std::time::Instant;

/// A device's work and drops, counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Handshake initiations sent.
    pub initiations_sent: u64,
    /// Initiations sent beside a session that went unanswered.
    pub initiations_on_suspicion: u64,
    /// Initiations that had to wait because too many others left at the time.
    pub initiations_put_off: u64,
    /// Handshake initiations that opened to a peer and were answered.
    pub initiations_answered: u64,
    /// Sessions confirmed, first ones and later ones.
    pub sessions: u64,
    /// Cookie replies sent while under load.
    pub cookies_sent: u64,
    /// Datagrams dropped on receipt, by reason.
    pub received: ReceiveDrops,
    /// Packets dropped on sending, by reason.
    pub sent: SendDrops,
}

/// Datagrams dropped on receipt, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceiveDrops {
    /// Not a WireGuard message: unknown type, or a length that its type cannot have.
    pub malformed: u64,
    /// Longer than our MTU allows.
    pub oversized: u64,
    /// For a session that we do not have.
    pub unknown_index: u64,
    /// Handshake messages whose first MAC is wrong: their sender does not know our public key.
    pub wrong_mac1: u64,
    /// Did not authenticate.
    pub unauthenticated: u64,
    /// Seen before, or too old for the window of 1,024 packets.
    pub replayed: u64,
    /// For a session older than 180 s (whitepaper section 6.2).
    pub expired: u64,
    /// Authenticated, but no IP packet.
    pub not_ip: u64,
    /// Authenticated, but the inner source is not the sender's (whitepaper section 2).
    pub wrong_source: u64,
    /// Initiations no newer than the newest of their key, too soon after it, or left for our own that they crossed.
    pub stale_initiations: u64,
    /// Initiations of unknown keys: not asked for, over the limits, or asked about already.
    pub strangers: u64,
    /// Handshake messages without a valid cookie while under load.
    pub under_load: u64,
    /// Initiations with a valid cookie while under load, of a source whose others opened to no peer.
    pub source_limited: u64,
    /// Handshake messages that found the queue full.
    pub handshake_overflow: u64,
}

/// Packets dropped on sending, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendDrops {
    /// Longer than the MTU.
    pub oversized: u64,
    /// To a peer without a session and without an endpoint.
    pub no_endpoint: u64,
    /// Staged, and pushed out by newer ones.
    pub staged_overflow: u64,
    /// Staged, and given up with the handshake.
    pub staged_expired: u64,
    /// Handshake messages that found the outgoing queue full: the owner does not drain it.
    pub outgoing_overflow: u64,
}

/// One peer's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Datagrams of sessions sent, keepalives included.
    pub sent_packets: u64,
    /// Their bytes, WireGuard's own 32 each included.
    pub sent_bytes: u64,
    /// Authenticated datagrams of sessions received, keepalives included.
    pub received_packets: u64,
    /// Their bytes, WireGuard's own 32 each included.
    pub received_bytes: u64,
    /// Sessions confirmed.
    pub sessions: u64,
    /// Time at which the newest session was confirmed.
    pub last_handshake: Option<Instant>,
    /// Time at which something authenticated last came in.
    pub last_received: Option<Instant>,
    /// Bytes waiting for a session.
    pub staged_bytes: usize,
    /// Packets that were staged and never left.
    pub staged_dropped: u64,
    /// Datagrams under its sessions that were dropped as longer than our MTU allows.
    pub received_oversized: u64,
}
