//! Settings of a node's QUIC.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use quinn_proto::{AckFrequencyConfig, MtuDiscoveryConfig, TransportConfig, VarInt};

use crate::Protocols;
use crate::flight::{FlightConfig, LONG};
use crate::gauge::Gauge;
use crate::parameters::{StreamShares, first_room, floor};

/// Settings of one node's QUIC.
#[derive(Debug, Clone)]
pub struct Config {
    /// Tells this life of the node from its earlier and later ones; random for each.
    pub incarnation: u64,
    /// Application protocols for peers that have none of their own: at most 3.5 KB of names in all.
    pub protocols: Protocols,
    /// The UDP payload that connections begin with, since about any path carries it. At least [`MIN_UDP_PAYLOAD`].
    pub initial_udp_payload: u16,
    /// The largest UDP payload that is taken, and that the other end may send. At least `initial_udp_payload`.
    pub max_udp_payload: u16,
    /// Bound of what is searched beyond `initial_udp_payload` (RFC 8899), up to `max_udp_payload`. Absent: nothing is.
    pub first_hop: Option<FirstHop>,
    /// Secret from which stateless reset tokens come; the same in each life of a node.
    pub reset_key: [u8; 32],
    /// Secret from which connection IDs come.
    pub cid_key: [u8; 32],
    /// Bytes that one peer may send on one connection before they are read. At least 4 MiB.
    pub receive_window: u64,
    /// Bytes that one peer may send on one stream before they are read. At least 256 KiB.
    pub stream_receive_window: u64,
    /// Byte streams of each kind that one peer may have open on one connection, and as many messages. At least 32; 256
    /// cost 36 KiB a connection whose peer uses them.
    pub streams_per_connection: u32,
    /// The longest message accepted.
    pub message_bytes: usize,
    /// Bytes of messages in assembly or not yet released, of one connection and one lane and those above it; all lanes
    /// together may hold four times as many. At least `message_bytes`.
    pub receive_bytes_per_connection: usize,
    /// Seed of every random choice.
    pub seed: [u8; 32],
}

impl Default for Config {
    fn default() -> Self {
        Self {
            incarnation: 0,
            protocols: Vec::new().into(),
            initial_udp_payload: 1372,
            max_udp_payload: 1372,
            first_hop: None,
            reset_key: [0; 32],
            cid_key: [0; 32],
            receive_window: 32 << 20,
            stream_receive_window: 4 << 20,
            streams_per_connection: 256,
            message_bytes: 16 << 20,
            receive_bytes_per_connection: 16 << 20,
            seed: [0; 32],
        }
    }
}

impl Config {
    /// Raises what is below the least values.
    pub(crate) fn sound(self) -> Self {
        let initial_udp_payload = self.initial_udp_payload.clamp(MIN_UDP_PAYLOAD, 65_527);
        Self {
            initial_udp_payload,
            max_udp_payload: self.max_udp_payload.clamp(initial_udp_payload, 65_527),
            receive_window: self.receive_window.clamp(floor::RECEIVE_WINDOW, WINDOW_MAX),
            stream_receive_window: self.stream_receive_window.clamp(floor::STREAM_RECEIVE_WINDOW, WINDOW_MAX),
            streams_per_connection: self.streams_per_connection.clamp(floor::STREAMS as u32, STREAMS_MAX),
            receive_bytes_per_connection: self.receive_bytes_per_connection.max(self.message_bytes),
            ..self
        }
    }

    /// Streams that a peer is told it may have open: bidirectional ones, and unidirectional ones.
    pub(crate) fn streams(&self) -> [u64; 2] {
        [self.streams_per_connection, StreamShares::announce(self.streams_per_connection)].map(u64::from)
    }

    /// The largest UDP payload that is worth a try on the way to an endpoint.
    fn upper_bound(&self, endpoint: Option<SocketAddr>) -> u16 {
        let first_hop = self.first_hop.as_ref().zip(endpoint).and_then(|(hop, endpoint)| hop.0(endpoint));
        let carried = first_hop.unwrap_or(0).min(self.max_udp_payload);
        if carried < self.initial_udp_payload.saturating_add(GAIN_MIN) {
            self.initial_udp_payload
        } else {
            carried
        }
    }

    /// quinn-proto's settings for one connection, over a path to this endpoint and of this round trip.
    pub(crate) fn transport(
        &self,
        gauge: Arc<Gauge>,
        endpoint: Option<SocketAddr>,
        round_trip: Option<Duration>,
    ) -> Arc<TransportConfig> {
        let round_trip =
            round_trip.map_or(UNKNOWN_RTT, |known| known.clamp(INITIAL_RTT_MIN, INITIAL_RTT_MAX));
        let longest = self.upper_bound(endpoint);
        let mut discovery = MtuDiscoveryConfig::default();
        discovery.upper_bound(longest).black_hole_cooldown(BLACK_HOLE_COOLDOWN);
        if longest > LONG {
            // quinn-proto tries the middle, and then the end at once: a loopback carries all that its interface takes,
            // and each probe costs as much as a short connection.
            discovery.minimum_change((longest - self.initial_udp_payload) / 4 + 1);
        }
        let unacknowledged = unacknowledged(longest);
        let mut acknowledging = AckFrequencyConfig::default();
        acknowledging.ack_eliciting_threshold(unacknowledged.into()).max_ack_delay(Some(ACK_DELAY));
        let window = |bytes: u64| VarInt::from_u64(bytes).unwrap_or(VarInt::MAX);
        let [bidirectional, unidirectional] = first_room(self.streams());
        let mut transport = TransportConfig::default();
        transport
            .max_concurrent_uni_streams(window(unidirectional))
            .max_concurrent_bidi_streams(window(bidirectional))
            .receive_window(window(self.receive_window))
            .stream_receive_window(window(self.stream_receive_window))
            .send_window(SEND_WINDOW)
            .max_idle_timeout(None)
            .keep_alive_interval(None)
            .initial_rtt(round_trip)
            .packet_threshold(PACKET_THRESHOLD)
            .ack_frequency_config(Some(acknowledging))
            // Where the path carries less, packets vanish, and black hole detection goes down to the least and searches
            // upwards from there.
            .initial_mtu(self.initial_udp_payload)
            .min_mtu(MIN_UDP_PAYLOAD)
            .mtu_discovery_config(Some(discovery))
            .crypto_buffer_size(CRYPTO_BUFFER)
            .allow_spin(false)
            .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
            .datagram_send_buffer_size(DATAGRAM_BUFFER)
            .congestion_controller_factory(Arc::new(FlightConfig { gauge, unacknowledged }))
            .enable_segmentation_offload(true);
        Arc::new(transport)
    }
}

/// Knows the longest UDP payload inside of the tunnel that the first hop towards an endpoint carries; `None`: it cannot
/// be found out.
#[derive(Clone)]
pub struct FirstHop(pub Arc<dyn Fn(SocketAddr) -> Option<u16> + Send + Sync>);

impl fmt::Debug for FirstHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FirstHop")
    }
}

/// Packets that the other end keeps without acknowledging them, beside packets as long as these.
fn unacknowledged(longest: u16) -> u32 {
    (UNACKNOWLEDGED_BYTES / u32::from(longest)).clamp(UNACKNOWLEDGED_MIN, UNACKNOWLEDGED)
}

/// The least UDP payload that QUIC needs (RFC 9000 section 14).
pub const MIN_UDP_PAYLOAD: u16 = 1200;

/// Bytes that may be written and not acknowledged on one connection: a bound for memory, far above what flies.
const SEND_WINDOW: u64 = 32 << 20;

/// Bytes of unreliable datagrams that wait, either way; then the oldest received are dropped, and none is taken to
/// send.
const DATAGRAM_BUFFER: usize = 256 << 10;

/// The round trip of a path that nobody measured (RFC 9002 section 6.2.2).
const UNKNOWN_RTT: Duration = Duration::from_millis(333);

/// Bounds of what is believed of a path before the first sample: a first probe timeout of three times as much is
/// neither spent on an answer that is under way, nor longer than a dialler waits.
const INITIAL_RTT_MIN: Duration = Duration::from_millis(1);
const INITIAL_RTT_MAX: Duration = Duration::from_secs(1);

/// Packets that may overtake one before it counts as lost: a batch of segments, where RFC 9002 says 3. What is really
/// lost is found an eighth of a round trip later at most, by the time threshold.
const PACKET_THRESHOLD: u32 = 16;

/// Packets that the other end keeps without acknowledging them, and for how long (draft-ietf-quic-ack-frequency). Where
/// it acknowledges every second one, an acknowledgement wakes us for each: every tenth takes a sixth of the CPU time
/// off 100 Mbit/s (35 to 30 s/GB, both ends), and nothing of what pacing sees. A lone packet is acknowledged as soon as
/// the draft allows, but for a millisecond.
const UNACKNOWLEDGED: u32 = 9;
/// The same in bytes, which bounds what must fly (`flight.rs`): with nine packets of 65,408 bytes an urgent message
/// within a host waits twice as long, 1.5 ms, and with one bulk is slower by a tenth.
const UNACKNOWLEDGED_BYTES: u32 = 160 << 10;
const UNACKNOWLEDGED_MIN: u32 = 2;
pub(crate) const ACK_DELAY: Duration = Duration::from_millis(2);

/// Before larger packets are tried again. The tunnel's MTU is usually right and the loss was chance, so sooner than
/// quinn-proto's minute.
const BLACK_HOLE_COOLDOWN: Duration = Duration::from_secs(10);

/// Gain below which no longer packets are searched: over an ordinary path of 1,500 bytes nothing is.
const GAIN_MIN: u16 = 128;

/// Bytes of the handshake that may wait for their turn: twice the longest hello.
const CRYPTO_BUFFER: usize = 8 << 10;

/// More than any window needs, and far from where sums overflow.
const WINDOW_MAX: u64 = 1 << 40;

/// quinn-proto reserves each stream that a peer may open, once it uses some: 2^16 cost some 10 MB a connection.
const STREAMS_MAX: u32 = 1 << 16;
