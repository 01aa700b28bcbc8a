//! Turns to send, and the bounds on them.

use std::time::Instant;

use warren_wireguard::{Path, PeerId};

use crate::config::Config;
use crate::connection::Connection;
use crate::control::Control;
use crate::farewells::Farewells;
use crate::ids::{ConnectionId, Priority};
use crate::lanes::Lanes;
use crate::overhead::{self, ip_udp};
use crate::pacing::{Groups, Order};
use crate::policy::Policies;
use crate::transport::{ConnectionHandle, STAMP_MICROS};
use crate::uplink::Uplink;

/// Turns to send, and the bounds on what leaves in them.
///
/// A lane of a connection, a peer's raw packets and what a peer asked for stand here, each once, while they have
/// something. Their bytes stay where they are: in lanes and streams of connections, and with their peer. Four bounds
/// hold a turn back: the uplink, the peer's share of it for control, the bottleneck that its connection shares with
/// others, and the rate of its lane; each is charged for a datagram once that has left. All that is held back has a
/// deadline, which [`Departures::deadlines`] tells.
pub(super) struct Departures {
    /// Data that may leave, most urgent first.
    pub(super) lanes: Lanes<PeerId, Member>,
    /// Control traffic that may leave beside data.
    pub(super) control: Control,
    /// Last words to peers.
    pub(super) farewells: Farewells,
    pub(super) uplink: Option<Uplink>,
    pub(super) policies: Policies,
    /// Connections by bottleneck, and the turns that wait for it.
    pub(super) pacing: Groups<Paced>,
    /// Orders of pacing to connections.
    pub(super) orders: Vec<(ConnectionId, Order)>,
    /// Control traffic found the uplink too deep in debt.
    pub(super) control_waits: bool,
    /// The peer whose share pays for what leaves.
    pub(super) payer: Option<PeerId>,
    /// The lane of the raw packets whose turn it is.
    pub(super) turn: Option<Priority>,
    /// Begin of this engine's clock of departures.
    clock: Instant,
    /// QUIC payloads on their way out.
    pub(super) payloads: Vec<u8>,
    /// One inner packet on its way out.
    pub(super) packet: Vec<u8>,
}

/// Member of a lane of the device, which takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Member {
    /// The same lane of a connection.
    Connection(ConnectionId),
    /// Raw packets to a peer.
    Packets(PeerId),
    /// Packets to a peer that waited for a session, beyond its share of control.
    Staged(PeerId),
    /// Data of a connection that was lost, and leaves again, beyond its peer's share of control.
    Lost(ConnectionId),
}

/// Turn that waits for its bottleneck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paced {
    /// A turn in a lane of the device.
    Turn(Priority, ConnectionId),
    /// Frames that QUIC holds and sends again.
    Control(ConnectionHandle),
}

impl Departures {
    /// No turns yet.
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            lanes: Lanes::new(),
            control: Control::new(config.uplink, config.base_mtu()),
            farewells: Farewells::default(),
            uplink: config.uplink.map(|rate| Uplink::new(rate, config.base_mtu(), now)),
            policies: Policies::new(&config.lanes, config.base_mtu(), now),
            pacing: Groups::new(overhead::outer(config.base_mtu())),
            orders: Vec::new(),
            control_waits: false,
            payer: None,
            turn: None,
            clock: now,
            payloads: Vec::new(),
            packet: Vec::new(),
        }
    }

    /// Deadlines of all turns that are held back, each with its reason.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, &'static str)> {
        let lanes = self.policies.deadline(&self.lanes).map(|at| (at, "lane rate"));
        let pacing = self.pacing.next_due().map(|at| (at, "pacing"));
        [self.uplink_deadline(), pacing, lanes].into_iter().flatten()
    }

    /// Deadline at which the uplink lets waiting traffic go on.
    pub(super) fn uplink_deadline(&self) -> Option<(Instant, &'static str)> {
        let uplink = self.uplink.as_ref()?;
        if self.control_waits {
            return Some((uplink.control_deadline(), "uplink debt"));
        }
        let data = (!self.lanes.is_empty() || self.control.waits()).then(|| uplink.data_deadline());
        let share = self.control.deadline();
        data.into_iter().chain(share).min().map(|at| (at, "uplink"))
    }

    /// Lets a lane of a connection take turns, if it has something and the transport has room.
    pub(super) fn schedule(&mut self, id: ConnectionId, connection: &mut Connection, priority: Priority) {
        if connection.is_parked(priority) || !connection.sends() {
            return;
        }
        if let Some(lane) = connection.lanes.get_mut(&priority)
            && !lane.scheduled
            && lane.has_work()
        {
            lane.scheduled = true;
            self.lanes.push(priority, connection.peer, Member::Connection(id));
        }
    }

    /// Lets all lanes of a connection with something take turns: the transport may have room again.
    pub(super) fn revive(&mut self, id: ConnectionId, connection: &mut Connection) {
        connection.parked = None;
        if !connection.sends() {
            return;
        }
        for (&priority, lane) in &mut connection.lanes {
            if !lane.scheduled && lane.has_work() {
                lane.scheduled = true;
                self.lanes.push(priority, connection.peer, Member::Connection(id));
            }
        }
    }

    /// Lets only those lanes take turns whose rate allows it now.
    pub(super) fn pause_lanes(&mut self, now: Instant) {
        self.policies.pause(&mut self.lanes, now);
    }

    /// Puts a turn off until the bottleneck has room.
    pub(super) fn wait_turn(&mut self, id: ConnectionId, priority: Priority, now: Instant) {
        self.pacing.wait(id, Paced::Turn(priority, id), now);
    }

    /// Charges the uplink, a peer's share of it and the lane of raw packets for a datagram that left along this path.
    pub(super) fn charge(&mut self, path: Path, len: usize, now: Instant) {
        let ipv6 = path.remote.ip().to_canonical().is_ipv6();
        if let Some(uplink) = &mut self.uplink {
            uplink.charge(len, ipv6, now);
        }
        if let Some(peer) = self.payer {
            self.control.charge(peer, len + ip_udp(ipv6), now);
        }
        if let Some(priority) = self.turn {
            self.policies.charge(priority, len, ipv6, now);
        }
    }

    /// Ticks of this engine's clock, for the peer to tell delays by.
    pub(super) fn stamp(&self, now: Instant) -> u32 {
        (now.saturating_duration_since(self.clock).as_micros() as u64 / STAMP_MICROS) as u32
    }

    /// Whether a lane of a connection stands in a queue; an error if that queue has no deadline.
    pub(super) fn has_turn(&self, priority: Priority, id: ConnectionId) -> Result<bool, String> {
        if self.pacing.waits(&Paced::Turn(priority, id))? {
            return Ok(true);
        }
        let stands = self.lanes.members(priority).any(|member| member == Member::Connection(id));
        let is_paused = self.lanes.is_paused(priority) && self.policies.deadline(&self.lanes).is_some();
        if stands && !is_paused && self.uplink_deadline().is_none() {
            return Err(format!("lane {priority} has its turn, and the batch came back empty"));
        }
        Ok(stands)
    }

    /// The same for control traffic of a connection, after whose turn all its lanes are tried again.
    pub(super) fn has_control_turn(
        &self,
        peer: Option<PeerId>,
        handle: ConnectionHandle,
    ) -> Result<bool, String> {
        if self.pacing.waits(&Paced::Control(handle))? {
            return Ok(true);
        }
        let Some(peer) = peer else { return Ok(false) };
        let stands = self.control.has_turn(peer, handle)?;
        if stands && self.uplink_deadline().is_none() {
            return Err("its control traffic has its turn, and the batch came back empty".into());
        }
        Ok(stands)
    }
}
