//! Counters as names and numbers.

use std::time::{Duration, Instant};

use napi::Env;
use napi::bindgen_prelude::{JsObjectValue, Object};
use warren_engine::{ConnectionStats, DeviceStats, LaneStats, PeerStats};
use warren_io::IoStats;

use crate::errors::{self, Result};

pub(crate) type Entries = Vec<(String, f64)>;

pub(crate) fn object<'env>(env: &'env Env, entries: Entries) -> Result<Object<'env>> {
    let mut object = Object::new(env).map_err(errors::from_node)?;
    for (name, value) in entries {
        object.set_named_property(&name, value).map_err(errors::from_node)?;
    }
    Ok(object)
}

pub(crate) fn io(stats: &IoStats) -> Entries {
    stats.entries().into_iter().map(|(name, value)| (name, value as f64)).collect()
}

pub(crate) fn device(stats: &DeviceStats) -> Entries {
    let (wireguard, quic) = (&stats.wireguard, &stats.quic);
    let (received, sent) = (&wireguard.received, &wireguard.sent);
    named(&[
        ("peers", stats.peers),
        ("connections", stats.connections),
        ("pendingConnections", stats.pending_connections),
        ("streams", stats.streams),
        ("queuedEvents", stats.queued_events),
        ("refusedConnections", stats.refused_connections),
        ("malformedPackets", stats.malformed_packets),
        ("packetsSentDropped", stats.tx_packets_dropped),
        ("packetsReceivedDropped", stats.rx_packets_dropped),
        ("initiationsSent", wireguard.initiations_sent),
        ("initiationsOnSuspicion", wireguard.initiations_on_suspicion),
        ("initiationsPutOff", wireguard.initiations_put_off),
        ("initiationsAnswered", wireguard.initiations_answered),
        ("sessions", wireguard.sessions),
        ("cookiesSent", wireguard.cookies_sent),
        ("receiveDroppedMalformed", received.malformed),
        ("receiveDroppedOversized", received.oversized),
        ("receiveDroppedUnknownIndex", received.unknown_index),
        ("receiveDroppedWrongMac1", received.wrong_mac1),
        ("receiveDroppedUnauthenticated", received.unauthenticated),
        ("receiveDroppedReplayed", received.replayed),
        ("receiveDroppedExpired", received.expired),
        ("receiveDroppedNotIp", received.not_ip),
        ("receiveDroppedWrongSource", received.wrong_source),
        ("receiveDroppedStaleInitiation", received.stale_initiations),
        ("receiveDroppedStranger", received.strangers),
        ("receiveDroppedUnderLoad", received.under_load),
        ("receiveDroppedSourceLimited", received.source_limited),
        ("receiveDroppedHandshakeOverflow", received.handshake_overflow),
        ("sendDroppedOversized", sent.oversized),
        ("sendDroppedNoEndpoint", sent.no_endpoint),
        ("sendDroppedStagedOverflow", sent.staged_overflow),
        ("sendDroppedStagedExpired", sent.staged_expired),
        ("sendDroppedOutgoingOverflow", sent.outgoing_overflow),
        ("dialled", quic.dialled),
        ("accepted", quic.accepted),
        ("refused", quic.refused),
        ("refusedNoProtocol", quic.no_protocol),
        ("malformedHellos", quic.malformed_hellos),
        ("unknownHelloVersions", quic.unknown_hello_versions),
        ("protocolViolations", quic.violations),
        ("resetsReceived", quic.resets_received),
        ("responses", quic.responses),
        ("responsesDropped", quic.responses_dropped),
        ("strayDatagrams", quic.datagrams_dropped),
        ("costlyDatagrams", quic.datagrams_too_costly),
    ])
}

pub(crate) fn peer(stats: &PeerStats, now: Instant) -> Entries {
    let wireguard = &stats.wireguard;
    let mut entries = named(&[
        ("connections", stats.connections),
        ("up", stats.has_session.into()),
        ("packetsReceived", stats.rx_packets),
        ("packetsReceivedDropped", stats.rx_packets_dropped),
        ("packetsReceivedOversized", wireguard.received_oversized),
        ("packetsSent", stats.tx_packets),
        ("packetsSentDropped", stats.tx_packets_dropped),
        ("datagramsSent", wireguard.sent_packets),
        ("bytesSent", wireguard.sent_bytes),
        ("datagramsReceived", wireguard.received_packets),
        ("bytesReceived", wireguard.received_bytes),
        ("sessions", wireguard.sessions),
        ("stagedBytes", wireguard.staged_bytes as u64),
        ("stagedDropped", wireguard.staged_dropped),
    ]);
    let ages = [("handshakeAgeMs", wireguard.last_handshake), ("receivedAgeMs", wireguard.last_received)];
    for (name, instant) in ages {
        if let Some(instant) = instant {
            entries.push((name.to_owned(), milliseconds(now.saturating_duration_since(instant))));
        }
    }
    entries
}

pub(crate) fn connection(stats: &ConnectionStats) -> Entries {
    let quic = &stats.quic;
    let mut entries = named(&[
        ("window", quic.window),
        ("inFlight", quic.in_flight),
        ("unsent", quic.unsent),
        ("mtu", quic.mtu.into()),
        ("datagramsSent", quic.datagrams_sent),
        ("bytesSent", quic.bytes_sent),
        ("datagramsReceived", quic.datagrams_received),
        ("bytesReceived", quic.bytes_received),
        ("packetsLost", quic.packets_lost),
        ("congestionEvents", quic.congestion_events),
        ("messagesUnsettled", stats.unsettled_messages),
        ("messagesDelivered", quic.messages_delivered),
        ("messagesCancelled", quic.messages_cancelled),
        ("messagesReplaced", quic.messages_replaced),
        ("messagesExpired", quic.messages_expired),
        ("messagesRefused", quic.messages_refused),
        ("messagesReceived", quic.messages_received),
        ("peerCancelled", quic.peer_cancelled),
        ("peerReplaced", quic.peer_replaced),
        ("peerExpired", quic.peer_expired),
        ("messagesTooLong", quic.messages_too_long),
        ("receiveHeldBytes", quic.messages_held),
        ("receiveWaiting", quic.messages_waiting),
        ("pacedBitsPerSecond", stats.path.paced.unwrap_or_default()),
        ("competes", stats.path.competes.into()),
    ]);
    entries.push(("queueMs".to_owned(), milliseconds(stats.path.queue)));
    entries.push(("rttMs".to_owned(), milliseconds(quic.rtt)));
    entries.push(("minRttMs".to_owned(), milliseconds(quic.min_rtt)));
    entries.extend(stats.lanes.iter().flat_map(lane));
    entries
}

fn lane(stats: &LaneStats) -> Entries {
    let numbers = [
        ("queuedBytes", stats.queued_bytes as f64),
        ("queuedMessages", stats.queued_messages as f64),
        ("oldestMs", milliseconds(stats.oldest)),
        ("sentBytes", stats.sent_bytes as f64),
        ("delivered", stats.delivered as f64),
        ("expired", stats.expired as f64),
        ("cancelled", stats.cancelled as f64),
        ("replaced", stats.replaced as f64),
        ("dropped", stats.dropped as f64),
        ("lost", stats.lost as f64),
    ];
    numbers.into_iter().map(|(name, value)| (format!("lane{}.{name}", stats.priority), value)).collect()
}

fn named(counters: &[(&str, u64)]) -> Entries {
    counters.iter().map(|(name, value)| ((*name).to_owned(), *value as f64)).collect()
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
