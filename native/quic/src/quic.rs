//! The connections of one node with all of its peers.

mod arrival;
mod commands;
mod departure;
mod dials;
mod removal;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::cid::Secrets;
use crate::connection::{Connection, Events};
use crate::deadlines::Deadlines;
use crate::peer::{Peer, Undecided};
use crate::weigh::{Allowance, Weight};
use crate::{
    CloseCause, Closed, Config, ConnectionHandle, ConnectionStats, Event, PeerTag, Protocols, QuicStats,
};

/// The connections of one node with all of its peers. The crate's documentation says how to drive it.
pub struct Quic {
    config: Arc<Config>,
    secrets: Secrets,
    /// For peers that have none of their own.
    protocols: Arc<Protocols>,
    protocols_of: FxHashMap<PeerTag, Arc<Protocols>>,
    peers: FxHashMap<PeerTag, Peer>,
    slots: FxHashMap<ConnectionHandle, Slot>,
    /// Allowances of peers that spent some. They outlive connections, or a redial would fill them.
    allowances: FxHashMap<PeerTag, Allowance>,
    endpoints: u64,
    next: u32,
    touched: Vec<ConnectionHandle>,
    ready: VecDeque<ConnectionHandle>,
    deadlines: Deadlines,
    events: Events,
    responses: VecDeque<(PeerTag, Vec<u8>)>,
    scratch: Vec<u8>,
    totals: QuicStats,
    /// Weight of the datagram in hand.
    weight: Weight,
}

enum Slot {
    Undecided { peer: PeerTag, observed: Option<SocketAddr>, undecided: Box<Undecided> },
    Made(Box<Connection>),
}

impl Quic {
    /// A node without connections. Settings below their least values are raised to them.
    pub fn new(config: Config) -> Self {
        let mut config = config.sound();
        Self {
            secrets: Secrets::take(&mut config),
            protocols: Arc::new(std::mem::take(&mut config.protocols)),
            protocols_of: FxHashMap::default(),
            config: Arc::new(config),
            peers: FxHashMap::default(),
            slots: FxHashMap::default(),
            allowances: FxHashMap::default(),
            endpoints: 0,
            next: 0,
            touched: Vec::new(),
            ready: VecDeque::new(),
            deadlines: Deadlines::default(),
            events: Events::new(),
            responses: VecDeque::new(),
            scratch: Vec::new(),
            totals: QuicStats::default(),
            weight: Weight::default(),
        }
    }

    /// Closes at once; what was not delivered is lost. [`Event::Closed`] follows. Codes from 2^62 - 256 on do not
    /// survive.
    pub fn close(&mut self, connection: ConnectionHandle, code: u64, reason: &[u8], now: Instant) {
        if let Some(Slot::Made(made)) = self.slots.get_mut(&connection) {
            made.close(code, reason, now, &mut self.events);
            self.touch(connection);
        }
    }

    /// Asks the other end for a sign of life.
    pub fn ping(&mut self, connection: ConnectionHandle) {
        if let Some(made) = self.made(connection) {
            made.ping();
            self.mark_ready(connection);
        }
    }

    /// Does what was due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, connection)) = self.deadlines.pop(now) {
            let Some(Slot::Made(made)) = self.slots.get_mut(&connection) else { continue };
            if made.armed != Some(at) {
                continue;
            }
            made.armed = None;
            match made.deadline() {
                Some(deadline) if deadline <= now => {
                    if made.has_lingered(now) {
                        self.forget(connection);
                        continue;
                    }
                    made.handle_timeout(now);
                    self.touch(connection);
                }
                later => self.deadlines.set(connection, &mut made.armed, later),
            }
        }
    }

    /// Instant at which [`Quic::handle_timeout`] wants to be called, and the reason. Sometimes too early, never too
    /// late.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.deadlines.next().map(|at| (at, "QUIC: loss, acknowledgement or close"))
    }

    /// Connections that want [`Quic::poll_transmit`], or whose [`Quic::room`] may have grown; each once.
    pub fn poll_ready(&mut self, now: Instant) -> Option<ConnectionHandle> {
        self.exchange(now);
        while let Some(connection) = self.ready.pop_front() {
            if self.made(connection).is_some_and(|made| std::mem::take(&mut made.ready)) {
                return Some(connection);
            }
        }
        None
    }

    /// Appends one UDP payload that belongs to no connection (a refusal, a stateless reset, a version negotiation) to
    /// `out`, which the caller has cleared, and says whom it is for.
    pub fn poll_response(&mut self, out: &mut Vec<u8>) -> Option<PeerTag> {
        let (peer, response) = self.responses.pop_front()?;
        out.extend_from_slice(&response);
        Some(peer)
    }

    /// The next event, and its connection.
    pub fn poll_event(&mut self, now: Instant) -> Option<(ConnectionHandle, Event)> {
        self.exchange(now);
        self.events.pop_front()
    }

    /// The peer of a connection, while it exists.
    pub fn peer_of(&self, connection: ConnectionHandle) -> Option<PeerTag> {
        self.slots.get(&connection).map(|slot| match slot {
            Slot::Undecided { peer, .. } => *peer,
            Slot::Made(made) => made.peer,
        })
    }

    /// Instant since which this end waits for an answer: that of the oldest packet that asks for one, sent after
    /// anything was received.
    pub fn unanswered_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.seen(connection)?.unanswered_since()
    }

    /// Instant since which this end waits for an acknowledgement of what left last, whatever else was received
    /// meanwhile.
    pub fn unacknowledged_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.seen(connection)?.unacknowledged_since()
    }

    /// Instant at which the last datagram of a connection came; before any, at which it was made.
    pub fn last_heard(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.seen(connection).map(Connection::last_heard)
    }

    /// Longest time that an answer takes when nothing is lost: about that which quinn-proto waits before its first
    /// probe.
    pub fn probe_timeout(&self, connection: ConnectionHandle) -> Option<Duration> {
        self.seen(connection).map(Connection::probe_timeout)
    }

    /// Figures of one connection.
    pub fn stats(&self, connection: ConnectionHandle) -> Option<ConnectionStats> {
        self.seen(connection).map(Connection::stats)
    }

    /// Counters over all connections.
    pub fn totals(&self) -> QuicStats {
        self.totals
    }

    #[cfg(test)]
    pub(crate) fn inside(&mut self, connection: ConnectionHandle) -> &mut Connection {
        self.made(connection).expect("it was made")
    }

    fn name(&mut self) -> ConnectionHandle {
        let handle = ConnectionHandle(self.next);
        self.next += 1;
        handle
    }

    fn peer(&mut self, tag: PeerTag) -> &mut Peer {
        self.peers.entry(tag).or_insert_with(|| {
            self.endpoints += 1;
            Peer::new(tag, self.endpoints, &self.config, &self.secrets)
        })
    }

    fn made(&mut self, handle: ConnectionHandle) -> Option<&mut Connection> {
        match self.slots.get_mut(&handle) {
            Some(Slot::Made(made)) => Some(made),
            Some(Slot::Undecided { .. }) | None => None,
        }
    }

    fn seen(&self, handle: ConnectionHandle) -> Option<&Connection> {
        match self.slots.get(&handle) {
            Some(Slot::Made(made)) => Some(made),
            Some(Slot::Undecided { .. }) | None => None,
        }
    }

    fn touch(&mut self, handle: ConnectionHandle) {
        if let Some(Slot::Made(made)) = self.slots.get_mut(&handle)
            && !std::mem::replace(&mut made.touched, true)
        {
            self.touched.push(handle);
        }
    }

    fn mark_ready(&mut self, handle: ConnectionHandle) {
        if let Some(Slot::Made(made)) = self.slots.get_mut(&handle)
            && !std::mem::replace(&mut made.ready, true)
        {
            self.ready.push_back(handle);
        }
    }

    /// Lets endpoints and connections that were touched exchange their events; the owner's events follow.
    fn exchange(&mut self, now: Instant) {
        let slots = &self.slots;
        self.deadlines.sweep_if_stale(
            |at, handle| matches!(slots.get(&handle), Some(Slot::Made(made)) if made.armed == Some(at)),
        );
        for handle in std::mem::take(&mut self.touched) {
            let Some(Slot::Made(made)) = self.slots.get_mut(&handle) else { continue };
            made.touched = false;
            let mut drained = false;
            while let Some(event) = made.poll_endpoint_event() {
                drained |= event.is_drained();
                let peer = self.peers.get_mut(&made.peer);
                if let Some(event) = peer.and_then(|peer| peer.handle_event(made.quinn, event)) {
                    made.handle_endpoint(event);
                }
            }
            let first = self.events.len();
            made.absorb(now, &mut self.events);
            let deadline = made.deadline();
            self.deadlines.set(handle, &mut made.armed, deadline);
            let peer = made.peer;
            for at in first..self.events.len() {
                if let (_, Event::Closed(closed)) = &self.events[at] {
                    let closed = closed.clone();
                    self.count(&closed);
                }
                let announced = matches!(self.events[at].1, Event::Announced(_));
                self.totals.announcements += u64::from(announced);
            }
            self.mark_ready(handle);
            if drained {
                self.slots.remove(&handle);
                self.drop_if_idle(peer);
            }
        }
    }

    fn respond(&mut self, peer: PeerTag, response: &[u8]) {
        if response.is_empty() {
            return;
        }
        if self.responses.len() == RESPONSES_MAX {
            self.totals.responses_dropped += 1;
            return;
        }
        self.totals.responses += 1;
        self.responses.push_back((peer, response.to_vec()));
    }

    fn count(&mut self, closed: &Closed) {
        self.totals.violations += u64::from(closed.cause == CloseCause::Violation);
        self.totals.lists_differ += u64::from(closed.cause == CloseCause::ListsDiffer);
        self.totals.resets_received += u64::from(closed.cause == CloseCause::Reset);
    }
}

/// Answers without a connection that may wait to be sent; more are dropped.
const RESPONSES_MAX: usize = 64;
