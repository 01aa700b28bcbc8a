mod arrivals;
mod closing;
mod control;
mod dial;
mod drained;
mod events;
mod figures;
mod goodbye;
mod incoming;
mod liveness;
mod messages;
mod pacing;
mod peers;
mod progress;
mod receive;
mod renewal;
mod room;
mod settle;
mod streams;
mod transmit;
mod write;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::net::Ipv6Addr;
use std::time::Instant;

use blake2::{Blake2s256, Digest};
use rustc_hash::FxHashMap;
use warren_quic::{ConnectionHandle, Quic};
use warren_wireguard::{Device, MAX_DATAGRAM, PeerId};
use zeroize::Zeroize;

use crate::arrivals::{Arrivals, Tally};
use crate::config::Config;
use crate::connection::Connection;
use crate::control::Control;
use crate::error::ConfigError;
use crate::expiries::Expiries;
use crate::ids::{ConnectionId, Priority, StreamId};
use crate::lane_sums::LaneSums;
use crate::lanes::Lanes;
use crate::pacing::{Groups, Order};
use crate::payloads::Payloads;
use crate::peer::Peer;
use crate::policy::Policies;
use crate::stats::{DeviceStats, LaneStats};
use crate::stream::Stream;
use crate::timers::Timers;
use crate::told::Told;
use crate::uplink::Uplink;
use drained::Drained;
use goodbye::Farewells;

/// One warren node; see the crate's documentation for how to drive it.
pub struct Engine {
    config: Config,
    address: Ipv6Addr,
    wireguard: Device,
    quic: Quic,

    peers: FxHashMap<PeerId, Peer>,
    connections: FxHashMap<ConnectionId, Connection>,
    connection_of: FxHashMap<ConnectionHandle, ConnectionId>,
    streams: FxHashMap<StreamId, Stream>,
    /// Ids of `peers`, in order, for whoever goes through all of them.
    peer_order: BTreeSet<PeerId>,
    next_connection: u32,
    next_stream: u64,

    /// Accepted and not claimed.
    pending_connections: usize,
    /// Of those, the ones that wait on their diallers, by when that peer began to keep this end waiting.
    incomplete: BTreeSet<(Instant, ConnectionId)>,
    /// Of the peers', with an `Event::Connected` that the caller has not taken.
    untaken_connections: usize,
    /// Being closed gracefully.
    closing: BTreeSet<ConnectionId>,
    /// Of those, where something happened since they were looked at.
    progressed: BTreeSet<ConnectionId>,
    /// The first of those whose turn it is to be looked at.
    look_from: ConnectionId,
    /// `shutdown` was called.
    shut: bool,

    timers: Timers,
    events: Told,
    counters: DeviceStats,

    /// Data that may leave, most urgent first.
    lanes: Lanes<PeerId, Member>,
    /// What may leave beside data.
    control: Control,
    /// Whose share pays for what leaves.
    payer: Option<PeerId>,
    /// Whose datagram is being worked off, and when the session under which it came was made.
    in_hand: Option<(PeerId, Instant)>,
    /// Datagrams that wait to be worked off.
    arrivals: Arrivals,
    /// Of those that were worked off since the time they took was told.
    tally: Tally,
    /// Last words to peers.
    farewells: Farewells,
    uplink: Option<Uplink>,
    policies: Policies,
    expiries: Expiries,
    /// Figures of connections that ended lately, oldest first.
    ended: VecDeque<(ConnectionId, Vec<LaneStats>)>,
    /// Sums over all that ended.
    past_lanes: LaneSums,
    /// Who shares which bottleneck, and what waits for it.
    pacing: Groups<Waiting>,
    /// What pacing has to say to connections.
    orders: Vec<(ConnectionId, Order)>,
    /// When this engine's clock of departures began.
    clock: Instant,
    /// Control traffic found the uplink too deep in debt.
    control_waits: bool,
    drained: Drained,
    /// The lane of the raw packets whose turn it is.
    turn: Option<Priority>,

    /// Decrypted packets.
    plaintext: Box<[u8]>,
    /// Of those, what QUIC and the caller may keep.
    payload_copies: Payloads,
    /// QUIC payloads on their way out.
    payloads: Vec<u8>,
    /// One inner packet on its way out.
    packet: Vec<u8>,
}

/// What takes turns in a lane of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    /// The same lane of a connection.
    Connection(ConnectionId),
    /// Raw packets to a peer.
    Packets(PeerId),
    /// Packets to a peer that waited for a session, beyond its share of control.
    Staged(PeerId),
    /// Data of a connection that was lost, and leaves again, beyond its peer's share of control.
    Lost(ConnectionId),
}

/// What waits for its bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// A turn in a lane of the device.
    Turn(Priority, ConnectionId),
    /// What QUIC holds and sends again.
    Control(ConnectionHandle),
}

impl Engine {
    /// A node without peers.
    pub fn new(mut config: Config, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let (mtu, uplink) = (config.mtu, config.uplink);
        let mut wireguard = Device::new(config.wireguard(), now);
        if let Some(uplink) = uplink {
            wireguard.bound_replies(uplink / REPLIES);
        }
        let quic = Quic::new(config.quic());
        config.seed.zeroize();
        Ok(Self {
            address: wireguard.public_key().derived_address(),
            uplink: Uplink::new(&config, now),
            policies: Policies::new(&config.lanes, config.mtu, now),
            expiries: Expiries::default(),
            ended: VecDeque::new(),
            past_lanes: LaneSums::default(),
            config,
            wireguard,
            quic,
            peers: FxHashMap::default(),
            connections: FxHashMap::default(),
            connection_of: FxHashMap::default(),
            streams: FxHashMap::default(),
            peer_order: BTreeSet::new(),
            next_connection: 0,
            next_stream: 1,
            pending_connections: 0,
            incomplete: BTreeSet::new(),
            untaken_connections: 0,
            closing: BTreeSet::new(),
            progressed: BTreeSet::new(),
            look_from: ConnectionId(0),
            shut: false,
            timers: Timers::default(),
            events: Told::new(),
            counters: DeviceStats::default(),
            lanes: Lanes::new(),
            control: Control::new(uplink, mtu),
            payer: None,
            in_hand: None,
            arrivals: Arrivals::new(),
            tally: Tally::default(),
            farewells: Farewells::default(),
            pacing: Groups::new(pacing::outer(mtu)),
            orders: Vec::new(),
            clock: now,
            control_waits: false,
            drained: Drained::default(),
            turn: None,
            plaintext: vec![0; MAX_DATAGRAM].into_boxed_slice(),
            payload_copies: Payloads::new(mtu.into()),
            payloads: Vec::new(),
            packet: Vec::new(),
        })
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wireguard.handle_timeout(now);
        self.quic.handle_timeout(now);
        while let Some((connection, timer)) = self.timers.pop(now) {
            self.handle_timer(connection, timer, now);
        }
        self.expire(now);
        self.release_paced(now);
        self.tell_drained(now);
        self.settle(now);
    }

    /// The next deadline, and its reason.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let rooms = [self.wireguard.poll_timeout(), self.quic.poll_timeout(), self.timers.next()];
        let lanes = self.policies.deadline(&self.lanes).map(|at| (at, "lane rate"));
        let pacing = self.pacing.next_due().map(|at| (at, "pacing"));
        let events = self.events.deadline().map(|at| (at, "events"));
        rooms
            .into_iter()
            .chain([
                self.uplink_deadline(),
                pacing,
                lanes,
                events,
                self.expiries.next(),
                self.drained.deadline(),
            ])
            .flatten()
            .min_by_key(|&(at, _)| at)
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = (self.peers.len(), self.connections.len(), self.streams.len());
        f.debug_struct("Engine").field("peers, connections, streams", &counts).finish_non_exhaustive()
    }
}

impl Config {
    fn check(&self) -> Result<(), ConfigError> {
        if !(MIN_MTU..=MAX_MTU).contains(&self.mtu) {
            return Err(ConfigError::Mtu(self.mtu));
        }
        for (index, protocol) in self.protocols.iter().enumerate() {
            if !is_protocol(protocol) || self.protocols[..index].contains(protocol) {
                return Err(ConfigError::Protocol(protocol.clone()));
            }
        }
        if self.uplink == Some(0) {
            return Err(ConfigError::Uplink);
        }
        for (index, lane) in self.lanes.iter().enumerate() {
            let again = self.lanes[..index].iter().any(|other| other.priority == lane.priority);
            if again || lane.rate == Some(0) {
                return Err(ConfigError::Lane(lane.priority));
            }
        }
        Ok(())
    }

    fn wireguard(&self) -> warren_wireguard::Config {
        warren_wireguard::Config {
            private_key: self.private_key.clone(),
            mtu: self.mtu,
            report_strangers: self.authorize,
            authorize_timeout: self.authorize_timeout,
            limits: warren_wireguard::Limits {
                peers: self.limits.peers,
                pending_authorizations: self.limits.pending_authorizations,
                handshakes_per_second: self.limits.handshakes_per_second,
                staged_bytes_per_peer: self.limits.packet_bytes_per_peer,
            },
            seed: derived(&self.seed, b"wireguard"),
        }
    }

    fn quic(&self) -> warren_quic::Config {
        warren_quic::Config {
            incarnation: self.incarnation,
            protocols: self.protocols.clone(),
            max_udp_payload: self
                .mtu
                .saturating_sub(warren_netstack::HEADER_LEN as u16)
                .max(MIN_QUIC_PAYLOAD),
            reset_key: derived(self.private_key.as_bytes(), b"warren stateless reset v1"),
            cid_key: derived(self.private_key.as_bytes(), b"warren connection ids v1"),
            streams_per_connection: self.limits.streams_per_connection,
            message_bytes: self.limits.message_bytes,
            receive_bytes_per_connection: self.limits.receive_bytes_per_connection,
            seed: derived(&self.seed, b"quic"),
            ..warren_quic::Config::default()
        }
    }
}

/// Whether it can be the name of an application protocol.
fn is_protocol(name: &str) -> bool {
    (1..=255).contains(&name.len())
}

/// A further secret of a secret, one for each label.
fn derived(secret: &[u8; 32], label: &[u8]) -> [u8; 32] {
    Blake2s256::new().chain_update(label).chain_update(secret).finalize().into()
}

/// A sixty-fourth of the uplink for cookies to where peers are, and one for all others: 17 a second of each at 1 Mbit/s.
const REPLIES: u64 = 64;
/// What every IPv4 host takes (RFC 791).
const MIN_MTU: u16 = 576;
/// 65,507 bytes of UDP payload less WireGuard's 32.
const MAX_MTU: u16 = 65_475;
/// RFC 9000 section 14.1.
const MIN_QUIC_PAYLOAD: u16 = 1_200;
