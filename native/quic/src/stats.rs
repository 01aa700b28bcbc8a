//! Counters.

use std::time::Duration;

/// Figures of one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// Smoothed round-trip time.
    pub rtt: Duration,
    /// The least round-trip time seen.
    pub min_rtt: Duration,
    /// Bytes that may be in flight.
    pub window: u64,
    /// Bytes in flight.
    pub in_flight: u64,
    /// Written and not yet sent, about.
    pub unsent: u64,
    /// The largest UDP payload in use.
    pub mtu: u16,
    /// UDP datagrams and their bytes sent.
    pub datagrams_sent: u64,
    /// Bytes of UDP payload sent.
    pub bytes_sent: u64,
    /// UDP datagrams received.
    pub datagrams_received: u64,
    /// Bytes of UDP payload received.
    pub bytes_received: u64,
    /// Packets declared lost.
    pub packets_lost: u64,
    /// Times the window shrank.
    pub congestion_events: u64,
    /// Messages that the other end has, by its own word.
    pub messages_delivered: u64,
    /// Messages cancelled before the other end had them, by its own word.
    pub messages_cancelled: u64,
    /// Messages replaced before the other end had them, by its own word.
    pub messages_replaced: u64,
    /// Messages whose time was over before the other end had them, by its own word.
    pub messages_expired: u64,
    /// Messages that the other end refused.
    pub messages_refused: u64,
    /// Whole messages received.
    pub messages_received: u64,
    /// Messages that the other end cancelled before they were whole.
    pub peer_cancelled: u64,
    /// Messages that the other end replaced before they were whole.
    pub peer_replaced: u64,
    /// Messages whose time was over at the other end before they were whole.
    pub peer_expired: u64,
    /// Messages refused here for their length.
    pub messages_too_long: u64,
    /// Bytes of messages in assembly or not released.
    pub messages_held: u64,
    /// Message streams that wait for room.
    pub messages_waiting: u64,
}

/// Counters over all connections of a node.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuicStats {
    /// Connections dialled.
    pub dialled: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Incoming connections refused with a code.
    pub refused: u64,
    /// Incoming connections refused because no protocol is common.
    pub no_protocol: u64,
    /// Incoming connections refused because what they offer is below a floor.
    pub below_floor: u64,
    /// Incoming connections refused because this end alone offers the protocol of the pair, and dials it.
    pub peer_dials: u64,
    /// Connections ended because the ends saw different hellos.
    pub lists_differ: u64,
    /// Announcements of newer lists.
    pub announcements: u64,
    /// Hellos that could not be read.
    pub malformed_hellos: u64,
    /// Hellos of a version not spoken here.
    pub unknown_hello_versions: u64,
    /// Connections ended because a peer broke the protocol's rules.
    pub violations: u64,
    /// Stateless resets received.
    pub resets_received: u64,
    /// Responses without a connection: version negotiation, stateless reset, refusal.
    pub responses: u64,
    /// Responses dropped because their queue was full.
    pub responses_dropped: u64,
    /// Datagrams dropped because they asked for more work or memory than their peer may: small pieces of streams out of
    /// order, pieces that overlap.
    pub datagrams_too_costly: u64,
    /// Datagrams that belonged to nothing.
    pub datagrams_dropped: u64,
}
