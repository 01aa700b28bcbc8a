//! Figures of a device, its peers, its connections and their lanes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::ids::Priority;
use crate::quic::{QuicFigures, QuicTotals};

/// Counters of a device since it was made, and a few levels of this instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceStats<T = QuicTotals> {
    /// UDP datagrams that came in.
    pub rx_datagrams: u64,
    /// Their payload bytes.
    pub rx_bytes: u64,
    /// UDP datagrams handed out.
    pub tx_datagrams: u64,
    /// Their payload bytes.
    pub tx_bytes: u64,
    /// Peers configured now.
    pub peers: u64,
    /// Connections of any phase now.
    pub connections: u64,
    /// Accepted connections that the caller has not claimed yet.
    pub pending_connections: u64,
    /// Streams known now.
    pub streams: u64,
    /// Events that the caller has not taken yet.
    pub queued_events: u64,
    /// Connections refused because too many waited to be claimed.
    pub refused_connections: u64,
    /// Dials of peers that were given up for others, since their diallers had kept this end waiting.
    pub displaced_dials: u64,
    /// Answers to what belongs to no connection, and dials, of peers that ask for more than they may have.
    pub answers_withheld: u64,
    /// Decrypted packets with warren's addresses and ports, but wrong lengths or checksum.
    pub malformed_packets: u64,
    /// Raw packets to peers that found the queue full.
    pub tx_packets_dropped: u64,
    /// Raw packets from peers that found the caller's queue full.
    pub rx_packets_dropped: u64,
    /// Unreliable datagrams of connections that found the queue full, or the path too short for them.
    pub tx_datagrams_dropped: u64,
    /// Unreliable datagrams of connections that found the caller's queue full.
    pub rx_datagrams_dropped: u64,
    /// Datagrams that waited for their turn, and were dropped from the longest queue when there was no room.
    pub rx_overflow: u64,
    /// The tunnels', drops by reason among them.
    pub wireguard: warren_wireguard::Stats,
    /// The transport's over all connections.
    pub transport: T,
}

/// Counters of one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Connections of any phase now.
    pub connections: u64,
    /// Raw packets handed to the caller.
    pub rx_packets: u64,
    /// Raw packets that found the caller's queue full.
    pub rx_packets_dropped: u64,
    /// Raw packets that left: sealed by the tunnel and handed out.
    pub tx_packets: u64,
    /// Raw packets that wait for their turn to leave now; those that wait for a session are the tunnel's.
    pub queued_packets: u64,
    /// Raw packets that found the queue full.
    pub tx_packets_dropped: u64,
    /// Its endpoint, as far as known.
    pub endpoint: Option<SocketAddr>,
    /// Whether a packet to it would leave at once.
    pub has_session: bool,
    /// The tunnel's own.
    pub wireguard: warren_wireguard::PeerStats,
}

/// Counters of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionStats<F = QuicFigures> {
    /// Messages whose end is not known yet.
    pub unsettled_messages: u64,
    /// The transport's own.
    pub transport: F,
    /// Figures of its bottleneck; all zero within a host, which has none.
    pub path: PathFigures,
    /// Every lane that was ever used, lowest first.
    pub lanes: Vec<LaneStats>,
}

/// Pacing's figures of a connection's bottleneck.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathFigures {
    /// Time that the packet acknowledged last waited in its queue.
    pub queue: Duration,
    /// Outer bits a second that may leave towards the peer; `None`: no bound.
    pub paced: Option<u64>,
    /// The queue is a foreign flow's, which keeps it long: most of the wait of urgent data is not this device's.
    pub competes: bool,
}

/// Counters of one priority: of one connection, or of several together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneStats {
    /// The lane's priority.
    pub priority: Priority,
    /// Message bytes that have not begun to leave.
    pub queued_bytes: u64,
    /// Messages that have not begun to leave.
    pub queued_messages: u64,
    /// Time that the oldest of them has waited.
    pub oldest: Duration,
    /// Message and stream bytes handed to the transport.
    pub sent_bytes: u64,
    /// Messages that the peer's device holds whole.
    pub delivered: u64,
    /// Messages whose lifetime ended before the peer's device held them.
    pub expired: u64,
    /// Messages the caller gave up in time.
    pub cancelled: u64,
    /// Messages the caller gave up in time for newer ones.
    pub replaced: u64,
    /// Messages refused by the peer, or dropped by a full lane.
    pub dropped: u64,
    /// Messages whose connection ended first.
    pub lost: u64,
    /// Times that messages waited for their first byte to be handed to the transport.
    pub waited: Histogram,
    /// Times from the queue until the peer's device held the message.
    pub delivery: Histogram,
}

impl LaneStats {
    /// Adds the figures of another lane of this priority; `oldest` is that of the older.
    pub(crate) fn add(&mut self, other: &Self) {
        self.queued_bytes += other.queued_bytes;
        self.queued_messages += other.queued_messages;
        self.oldest = self.oldest.max(other.oldest);
        self.sent_bytes += other.sent_bytes;
        self.delivered += other.delivered;
        self.expired += other.expired;
        self.cancelled += other.cancelled;
        self.replaced += other.replaced;
        self.dropped += other.dropped;
        self.lost += other.lost;
        self.waited.add(&other.waited);
        self.delivery.add(&other.delivery);
    }
}
