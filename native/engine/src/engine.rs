//! One warren node: its parts, its making and its deadlines.

mod admissions;
mod arrivals;
mod calls;
mod closing;
mod control;
mod departures;
mod dial;
mod drained;
mod early;
mod events;
mod figures;
mod goodbye;
mod graces;
mod heard;
mod incoming;
mod intake;
mod liveness;
mod messages;
mod pacing;
mod peers;
mod progress;
mod protocols;
mod receive;
mod renewal;
mod room;
mod streams;
mod transmit;
mod write;

use std::fmt;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Instant;

use warren_protocols::Protocols;
use warren_wireguard::Device;
use zeroize::Zeroize;

use crate::config::Config;
use crate::error::ConfigError;
use crate::past::Past;
use crate::quic::{Quic, quic};
use crate::roster::Roster;
use crate::stats::DeviceStats;
use crate::stream_table::StreamTable;
use crate::told::Told;
use crate::transport::Transport;
use admissions::Admissions;
use calls::Calls;
use departures::Departures;
use drained::Drained;
use graces::Graces;
use intake::Intake;

/// One warren node; see the crate's documentation for how to drive it.
///
/// Its connections are those of a [`Transport`]: QUIC, unless [`Engine::over`] is given another.
pub struct Engine<T: Transport = Quic> {
    config: Config,
    address: Ipv6Addr,
    wireguard: Device,
    transport: T,

    /// For peers that have none of their own.
    protocols: Arc<Protocols>,
    peers: Roster,
    calls: Calls,
    streams: StreamTable,
    admissions: Admissions,
    graces: Graces,
    /// `shutdown` was called.
    shut: bool,

    intake: Intake,
    departures: Departures,
    drained: Drained,

    events: Told,
    counters: DeviceStats<T::Totals>,
    past: Past,
}

impl Engine {
    /// A node without peers, over QUIC.
    pub fn new(config: Config, now: Instant) -> Result<Self, ConfigError> {
        Self::over(quic(&config), config, now)
    }
}

impl<T: Transport> Engine<T> {
    /// A node without peers, over a transport that has no connections.
    pub fn over(transport: T, mut config: Config, now: Instant) -> Result<Self, ConfigError> {
        config.check()?;
        let mut wireguard = Device::new(config.wireguard(), now);
        if let Some(uplink) = config.uplink {
            wireguard.bound_replies(uplink / REPLIES);
        }
        config.seed.zeroize();
        Ok(Self {
            address: wireguard.public_key().derived_address(),
            wireguard,
            transport,
            protocols: Arc::new(config.protocols.clone()),
            peers: Roster::default(),
            calls: Calls::default(),
            streams: StreamTable::new(),
            admissions: Admissions::default(),
            graces: Graces::new(),
            shut: false,
            intake: Intake::new(config.base_mtu()),
            departures: Departures::new(&config, now),
            drained: Drained::default(),
            events: Told::new(),
            counters: DeviceStats::default(),
            past: Past::default(),
            config,
        })
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.wireguard.handle_timeout(now);
        self.transport.handle_timeout(now);
        while let Some((connection, timer)) = self.calls.timers.pop(now) {
            self.handle_timer(connection, timer, now);
        }
        self.expire(now);
        self.release_paced(now);
        self.tell_drained(now);
        self.hear_rooms(now);
    }

    /// The next deadline, and its reason.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let rooms = [self.wireguard.poll_timeout(), self.transport.poll_timeout()];
        let events = self.events.deadline().map(|at| (at, "events"));
        rooms
            .into_iter()
            .flatten()
            .chain(self.calls.deadlines())
            .chain(self.departures.deadlines())
            .chain(self.drained.deadline())
            .chain(events)
            .min_by_key(|&(at, _)| at)
    }
}

impl<T: Transport> fmt::Debug for Engine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = (self.peers.len(), self.calls.connections.len(), self.streams.len());
        f.debug_struct("Engine").field("peers, connections, streams", &counts).finish_non_exhaustive()
    }
}

/// A sixty-fourth of the uplink for cookies to where peers are, and one for all others: 17 a second of each at 1
/// Mbit/s.
const REPLIES: u64 = 64;
