//! Figures by name, as `stats()` of devices, peers and connections has them.
//!
//! The tables below are the one place of a figure's name, kind, unit and meaning. `scripts/build/figures.mjs` writes
//! `lib/generated/figures.ts` and `docs/figures.md` from them, a line of the table to a name: the doc comments are for
//! users.

use std::time::{Duration, Instant};

use napi::Env;
use napi::bindgen_prelude::{JsObjectValue, Object};
use warren_engine::{ConnectionStats, DeviceStats, PeerStats};
use warren_io::IoStats;

use crate::errors::{self, Result};

pub(crate) type Entries = Vec<(String, f64)>;

/// The figures of a table, as an object of JavaScript's.
pub(crate) type DeviceFigures<'env> = Object<'env>;
/// The same of a peer.
pub(crate) type PeerFigures<'env> = Object<'env>;
/// The same of a connection.
pub(crate) type ConnectionFigures<'env> = Object<'env>;

pub(crate) fn object<'env>(env: &'env Env, entries: Entries) -> Result<Object<'env>> {
    let mut object = Object::new(env).map_err(errors::from_node)?;
    for (name, value) in entries {
        object.set_named_property(&name, value).map_err(errors::from_node)?;
    }
    Ok(object)
}

/// Figures of a device, with the errors of its socket that ever happened.
pub(crate) fn device(stats: &DeviceStats, io: &IoStats) -> Entries {
    let mut entries = device_figures(stats, io);
    entries.extend(io.errors().map(|(name, count)| (name, counter(count).unwrap_or_default())));
    entries
}

/// Writes a function that gives the figures of a table. The kinds are the functions at the end of this file: `counter`
/// never falls while its owner lives, `level` is of this moment, and a `known_level` is left out while there is none.
macro_rules! figures {
    (
        $(#[$about:meta])*
        fn $function:ident($($argument:ident: $type:ty),+) -> $interface:ident {
            $($(#[doc = $doc:literal])+ $name:ident: $kind:ident = $value:expr;)+
        }
    ) => {
        $(#[$about])*
        pub(crate) fn $function($($argument: $type),+) -> Entries {
            let figures = [$((stringify!($name), $kind($value))),+];
            figures.into_iter().filter_map(|(name, figure)| Some((name.to_owned(), figure?))).collect()
        }
    };
}

figures! {
    /// Figures of a device.
    fn device_figures(stats: &DeviceStats, io: &IoStats) -> DeviceFigures {
        /// Number of peers.
        peers: level = stats.peers;
        /// Number of connections, those under way included.
        connections: level = stats.connections;
        /// Number of accepted connections that nobody took yet: no listener was told of them, and `device.messages()`
        /// was never called.
        pendingConnections: level = stats.pending_connections;
        /// Number of open streams.
        streams: level = stats.streams;
        /// Number of events that the engine has for this process and that were not taken yet.
        queuedEvents: level = stats.queued_events;
        /// Number of connections refused because too many waited for a listener.
        refusedConnections: counter = stats.refused_connections;
        /// Number of peers' dials given up for others, because their diallers kept this end waiting.
        displacedDials: counter = stats.displaced_dials;
        /// Number of answers that a peer was not given, because it asked for more than it may have.
        answersWithheld: counter = stats.answers_withheld;
        /// Number of packets from peers with warren's addresses and ports, and wrong lengths or checksum.
        malformedPackets: counter = stats.malformed_packets;
        /// Number of raw packets to peers that found the queue full.
        packetsSentDropped: counter = stats.tx_packets_dropped;
        /// Number of raw packets from peers that this process took too slowly.
        packetsReceivedDropped: counter = stats.rx_packets_dropped;
        /// Number of unreliable datagrams of connections that found the queue full, or the path too short for them.
        datagramsSentDropped: counter = stats.tx_datagrams_dropped;
        /// Number of unreliable datagrams of connections that this process took too slowly.
        datagramsReceivedDropped: counter = stats.rx_datagrams_dropped;

        /// Number of handshake initiations sent.
        initiationsSent: counter = stats.wireguard.initiations_sent;
        /// Number of initiations sent beside a session that went unanswered.
        initiationsOnSuspicion: counter = stats.wireguard.initiations_on_suspicion;
        /// Number of initiations that waited because too many others left at the time.
        initiationsPutOff: counter = stats.wireguard.initiations_put_off;
        /// Number of peers' initiations that were answered.
        initiationsAnswered: counter = stats.wireguard.initiations_answered;
        /// Number of sessions confirmed, renewals included.
        sessions: counter = stats.wireguard.sessions;
        /// Number of cookie replies sent under load.
        cookiesSent: counter = stats.wireguard.cookies_sent;

        /// Number of datagrams dropped that are no WireGuard messages: unknown type, or wrong length.
        receiveDroppedMalformed: counter = stats.wireguard.received.malformed;
        /// Number of datagrams dropped that are longer than the MTU allows.
        receiveDroppedOversized: counter = stats.wireguard.received.oversized;
        /// Number of datagrams dropped for a session that does not exist.
        receiveDroppedUnknownIndex: counter = stats.wireguard.received.unknown_index;
        /// Number of handshake messages dropped whose sender does not know this device's public key.
        receiveDroppedWrongMac1: counter = stats.wireguard.received.wrong_mac1;
        /// Number of datagrams dropped that did not authenticate.
        receiveDroppedUnauthenticated: counter = stats.wireguard.received.unauthenticated;
        /// Number of datagrams dropped that came before, or are older than the window of 1,024 packets.
        receiveDroppedReplayed: counter = stats.wireguard.received.replayed;
        /// Number of datagrams dropped for a session older than 180 s.
        receiveDroppedExpired: counter = stats.wireguard.received.expired;
        /// Number of packets from peers dropped that are no IP packets.
        receiveDroppedNotIp: counter = stats.wireguard.received.not_ip;
        /// Number of packets from peers dropped whose source is not in the sender's `allowedIPs`.
        receiveDroppedWrongSource: counter = stats.wireguard.received.wrong_source;
        /// Number of initiations dropped: no newer than the last of their key, too soon after it, or left for this
        /// device's own.
        receiveDroppedStaleInitiation: counter = stats.wireguard.received.stale_initiations;
        /// Number of initiations of unknown keys dropped: not asked for, over the limits, or asked about already.
        receiveDroppedStranger: counter = stats.wireguard.received.strangers;
        /// Number of handshake messages dropped without a valid cookie, under load.
        receiveDroppedUnderLoad: counter = stats.wireguard.received.under_load;
        /// Number of initiations dropped under load of a source whose others came from no peer.
        receiveDroppedSourceLimited: counter = stats.wireguard.received.source_limited;
        /// Number of handshake messages dropped that found the queue full.
        receiveDroppedHandshakeOverflow: counter = stats.wireguard.received.handshake_overflow;
        /// Number of datagrams dropped from the longest queue of those that wait to be decrypted.
        receiveDroppedOverflow: counter = stats.rx_overflow;

        /// Number of packets to peers dropped that are longer than the MTU.
        sendDroppedOversized: counter = stats.wireguard.sent.oversized;
        /// Number of packets to peers dropped without a session and without an endpoint.
        sendDroppedNoEndpoint: counter = stats.wireguard.sent.no_endpoint;
        /// Number of packets that waited for a session and were dropped for newer ones.
        sendDroppedStagedOverflow: counter = stats.wireguard.sent.staged_overflow;
        /// Number of packets that waited for a session and were dropped when its handshake was given up.
        sendDroppedStagedExpired: counter = stats.wireguard.sent.staged_expired;
        /// Number of handshake messages dropped that found the outgoing queue full.
        sendDroppedOutgoingOverflow: counter = stats.wireguard.sent.outgoing_overflow;

        /// Number of connections dialled.
        dialled: counter = stats.transport.dialled;
        /// Number of connections accepted.
        accepted: counter = stats.transport.accepted;
        /// Number of incoming connections refused with a code.
        refused: counter = stats.transport.refused;
        /// Number of incoming connections refused because no protocol is common.
        refusedNoProtocol: counter = stats.transport.no_protocol;
        /// Number of incoming connections refused because what they offered is below a floor.
        refusedBelowFloor: counter = stats.transport.below_floor;
        /// Number of incoming connections refused because this device alone offers the protocol of the pair, and dials
        /// it.
        refusedPeerDials: counter = stats.transport.peer_dials;
        /// Number of connections ended while they came up because a hello was altered on its way.
        listsDiffered: counter = stats.transport.lists_differ;
        /// Number of announcements of peers that they offer or accept other protocols from then on.
        announcementsReceived: counter = stats.transport.announcements;
        /// Number of hellos of peers that could not be read.
        malformedHellos: counter = stats.transport.malformed_hellos;
        /// Number of hellos of peers in a version that is not spoken here.
        unknownHelloVersions: counter = stats.transport.unknown_hello_versions;
        /// Number of connections ended because the peer broke the protocol's rules.
        protocolViolations: counter = stats.transport.violations;
        /// Number of stateless resets received.
        resetsReceived: counter = stats.transport.resets_received;
        /// Number of answers to datagrams that belong to no connection.
        responses: counter = stats.transport.responses;
        /// Number of such answers that found their queue full.
        responsesDropped: counter = stats.transport.responses_dropped;
        /// Number of QUIC datagrams dropped that belonged to no connection and could not be answered.
        strayDatagrams: counter = stats.transport.datagrams_dropped;
        /// Number of QUIC datagrams dropped that asked for more work or memory than their peer may have: small pieces
        /// out of order, pieces that overlap.
        costlyDatagrams: counter = stats.transport.datagrams_too_costly;

        /// Number of UDP datagrams that the system took.
        datagramsSent: counter = io.datagrams_sent;
        /// Number of UDP datagrams that the system gave.
        datagramsReceived: counter = io.datagrams_received;
        /// Payload bytes of the datagrams sent.
        bytesSent: counter = io.bytes_sent;
        /// Payload bytes of the datagrams received.
        bytesReceived: counter = io.bytes_received;
        /// Number of system calls that sent, of the native driver: beside `datagramsSent` it shows how full the batches
        /// are.
        sendCalls: counter = io.send_calls;
        /// Number of system calls that asked for datagrams, of the native driver.
        receiveCalls: counter = io.receive_calls;
        /// Number of times that the socket had no room and a batch waited for it, with the native driver.
        sendBlocked: counter = io.send_blocked;
        /// Number of datagrams larger than the receive buffer, with the native driver.
        receiveTruncated: counter = io.receive_truncated;
        /// Number of times that the socket was lost and bound anew.
        socketRebound: counter = io.rebound;
    }
}

figures! {
    /// Figures of a peer.
    fn peer(stats: &PeerStats, now: Instant) -> PeerFigures {
        /// Number of connections, those under way included.
        connections: level = stats.connections;
        /// Number of usable sessions, 1 or 0: with 1 a packet leaves at once.
        up: level = stats.has_session;
        /// Number of raw packets received and handed to this process.
        packetsReceived: counter = stats.rx_packets;
        /// Number of raw packets received that this process took too slowly.
        packetsReceivedDropped: counter = stats.rx_packets_dropped;
        /// Number of raw packets received that are longer than this device's `mtu`, and were dropped.
        packetsReceivedOversized: counter = stats.wireguard.received_oversized;
        /// Number of raw packets that left.
        packetsSent: counter = stats.tx_packets;
        /// Number of raw packets that found the queue full.
        packetsSentDropped: counter = stats.tx_packets_dropped;
        /// Number of raw packets that wait for their turn to leave. Without a session they move on to `stagedBytes`.
        queuedPackets: level = stats.queued_packets;
        /// Number of encrypted datagrams sent, keepalives included.
        datagramsSent: counter = stats.wireguard.sent_packets;
        /// Bytes of the datagrams sent, WireGuard's own 32 of each included.
        bytesSent: counter = stats.wireguard.sent_bytes;
        /// Number of authenticated datagrams received, keepalives included.
        datagramsReceived: counter = stats.wireguard.received_packets;
        /// Bytes of the datagrams received, WireGuard's own 32 of each included.
        bytesReceived: counter = stats.wireguard.received_bytes;
        /// Number of sessions confirmed, renewals included.
        sessions: counter = stats.wireguard.sessions;
        /// Bytes of packets that wait for a session.
        stagedBytes: level = stats.wireguard.staged_bytes;
        /// Number of packets that waited for a session and were dropped.
        stagedDropped: counter = stats.wireguard.staged_dropped;
        /// Milliseconds since the newest session was confirmed; absent before the first.
        handshakeAgeMs: known_level = since(stats.wireguard.last_handshake, now);
        /// Milliseconds since something authenticated came in; absent before that.
        receivedAgeMs: known_level = since(stats.wireguard.last_received, now);
    }
}

figures! {
    /// Figures of a connection.
    fn connection(stats: &ConnectionStats) -> ConnectionFigures {
        /// Bytes that may be in flight: the congestion window.
        window: level = stats.transport.window;
        /// Bytes in flight.
        inFlight: level = stats.transport.in_flight;
        /// Bytes written to the transport and not sent yet, about.
        unsent: level = stats.transport.unsent;
        /// Bytes of the largest datagram in use inside the tunnel.
        mtu: level = stats.transport.mtu;
        /// Number of QUIC datagrams sent.
        datagramsSent: counter = stats.transport.datagrams_sent;
        /// Payload bytes of the datagrams sent.
        bytesSent: counter = stats.transport.bytes_sent;
        /// Number of QUIC datagrams received.
        datagramsReceived: counter = stats.transport.datagrams_received;
        /// Payload bytes of the datagrams received.
        bytesReceived: counter = stats.transport.bytes_received;
        /// Number of packets declared lost.
        packetsLost: counter = stats.transport.packets_lost;
        /// Number of times that the congestion window shrank.
        congestionEvents: counter = stats.transport.congestion_events;
        /// Number of messages sent whose outcome is not known yet.
        messagesUnsettled: level = stats.unsettled_messages;
        /// Number of messages that the peer's device holds.
        messagesDelivered: counter = stats.transport.messages_delivered;
        /// Number of messages cancelled before the peer's device held them.
        messagesCancelled: counter = stats.transport.messages_cancelled;
        /// Number of messages replaced before the peer's device held them.
        messagesReplaced: counter = stats.transport.messages_replaced;
        /// Number of messages whose lifetime ended before the peer's device held them.
        messagesExpired: counter = stats.transport.messages_expired;
        /// Number of messages that the peer's device refused.
        messagesRefused: counter = stats.transport.messages_refused;
        /// Number of whole messages received.
        messagesReceived: counter = stats.transport.messages_received;
        /// Number of messages that the peer cancelled before they were whole here.
        peerCancelled: counter = stats.transport.peer_cancelled;
        /// Number of messages that the peer replaced before they were whole here.
        peerReplaced: counter = stats.transport.peer_replaced;
        /// Number of messages whose lifetime ended at the peer before they were whole here.
        peerExpired: counter = stats.transport.peer_expired;
        /// Number of messages refused here for their length.
        messagesTooLong: counter = stats.transport.messages_too_long;
        /// Bytes of messages that arrive, or arrived and were not read yet.
        receiveHeldBytes: level = stats.transport.messages_held;
        /// Number of messages at the peer that wait for room here.
        receiveWaiting: level = stats.transport.messages_waiting;
        /// Bits per second that may leave towards the peer, outer headers included; 0 for no bound.
        pacedBitsPerSecond: level = stats.path.paced.unwrap_or_default();
        /// Number of foreign flows seen to keep the bottleneck's queue long, 1 or 0: with 1, most of `queueMs` is
        /// theirs.
        competes: level = stats.path.competes;
        /// Milliseconds that the packet acknowledged last waited in the bottleneck's queue.
        queueMs: level = stats.path.queue;
        /// Milliseconds of the smoothed round-trip time.
        rttMs: level = stats.transport.rtt;
        /// Milliseconds of the least round-trip time seen.
        minRttMs: level = stats.transport.min_rtt;
    }
}

/// A number that never falls while its owner lives.
fn counter(count: u64) -> Option<f64> {
    Some(count as f64)
}

/// A number of this moment.
fn level(value: impl Level) -> Option<f64> {
    Some(value.number())
}

/// A number of this moment, if there is one.
fn known_level(value: Option<impl Level>) -> Option<f64> {
    value.map(Level::number)
}

fn since(instant: Option<Instant>, now: Instant) -> Option<Duration> {
    instant.map(|instant| now.saturating_duration_since(instant))
}

/// A value that can be told as a number.
trait Level {
    /// Durations are in milliseconds.
    fn number(self) -> f64;
}

impl Level for u64 {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Level for usize {
    fn number(self) -> f64 {
        self as f64
    }
}

impl Level for u16 {
    fn number(self) -> f64 {
        self.into()
    }
}

impl Level for bool {
    fn number(self) -> f64 {
        u8::from(self).into()
    }
}

impl Level for Duration {
    fn number(self) -> f64 {
        self.as_secs_f64() * 1e3
    }
}
