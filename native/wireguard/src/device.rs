//! The device: peers behind one identity and one socket.

mod peers;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

use crate::config::{Config, PeerId};
use crate::core::Core;
use crate::event::Event;
use crate::keys::PublicKey;
use crate::path::Path;
use crate::peer::Peer;
use crate::random::Random;
use crate::stats::{PeerStats, Stats};
use crate::strangers::{Departed, Strangers};
use crate::timers::Pace;

/// A WireGuard device without I/O: as many peers as its limit lets in, behind one identity.
///
/// # How to drive it
///
/// Three kinds of method: `handle_*` takes what came in, plain verbs are commands, `poll_*` gives what goes out.
/// After any `handle_*` or command (one by one, or a batch of them):
/// 1. call [`Device::poll_transmit`] until `None`, and send each datagram along its path;
/// 2. take [`Device::poll_event`] until `None`;
/// 3. arm one timer for [`Device::poll_timeout`], and call [`Device::handle_timeout`] when it is due.
///
/// Nothing here reads a clock: `now` is always an argument. Should it go back, it counts as standing still.
///
/// Handshake messages that came in wait in a queue until step 1, or until their deadline: data is served before them,
/// and however many come they get no more time than they are worth.
///
/// Handshakes need no command: [`Device::send`] stages what it cannot seal yet, and asks for a session. Idle peers have
/// no deadline and cost nothing; 9 minutes after their last message they hold no key but the one they were added with.
pub struct Device {
    pub(crate) core: Core,
    pub(crate) peers: FxHashMap<PeerId, Box<Peer>>,
    pub(crate) by_key: BTreeMap<PublicKey, PeerId>,
    pub(crate) strangers: Strangers,
    pub(crate) departed: Departed,
    pub(crate) report_strangers: bool,
    deadlines: BTreeSet<(Instant, PeerId)>,
    peer_limit: usize,
    next_id: u32,
    now: Instant,
    /// The sender of the last datagram, if it opened.
    pub(crate) opened: Option<PeerId>,
}

impl Device {
    /// A device without peers.
    pub fn new(config: Config, now: Instant) -> Self {
        let limits = config.limits;
        let strangers = Strangers::new(
            limits.pending_authorizations,
            config.authorize_timeout,
            limits.handshakes_per_second,
            now,
        );
        let random = Random::new(config.seed);
        let mtu = (config.mtu, config.max_mtu);
        let core = Core::new(config.private_key, mtu, limits.staged_bytes_per_peer, random, now);
        Self {
            core,
            peers: FxHashMap::default(),
            by_key: BTreeMap::new(),
            strangers,
            departed: Departed::new(limits.peers),
            report_strangers: config.report_strangers,
            deadlines: BTreeSet::new(),
            peer_limit: limits.peers,
            next_id: 0,
            now,
            opened: None,
        }
    }

    /// This node's identity.
    pub fn public_key(&self) -> PublicKey {
        self.core.public_key
    }

    /// Does what is due; harmless when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        self.handle_handshakes(now);
        self.reschedule();
        while let Some((_, id)) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            let Some(peer) = self.peers.get_mut(&id) else {
                self.deadlines.pop_first();
                continue;
            };
            while let Some((_, due)) = peer.timers.next().filter(|(at, _)| *at <= now) {
                peer.handle(due, &mut self.core, now);
            }
            peer.touch(&mut self.core);
            self.reschedule();
        }
        while let Some(public_key) = self.strangers.lapsed(now) {
            self.core.events.push_back(Event::StrangerGone { public_key });
        }
    }

    /// The next deadline, and its reason.
    pub fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        let deadline = |id: &PeerId| self.peers.get(id).and_then(|peer| peer.timers.next());
        let scheduled = self.deadlines.iter().map(|(_, id)| id);
        let scheduled =
            scheduled.filter(|id| self.peers.get(id).is_some_and(|peer| !peer.touched)).find_map(deadline);
        let touched = self.core.touched.iter().filter_map(deadline);
        let peers = touched.chain(scheduled).map(|(at, due)| (at, due.reason()));
        let stranger = self.strangers.next().map(|at| (at, "authorization"));
        let handshakes = self.core.handshakes.next_turn().map(|at| (at, "handshakes waiting"));
        peers.chain(stranger).chain(handshakes).min_by_key(|(at, _)| *at)
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.pop_front()
    }

    /// From now on cookie replies take no more of an uplink than so much for where peers are, and as much for all
    /// others, divided by IPv4 address and IPv6 /64.
    pub fn bound_replies(&mut self, bits_per_second: u64) {
        self.core.handshakes.bound_replies(bits_per_second, &mut self.core.random);
    }

    /// Dials now, or 25 ms after the last initiation; nothing happens while a session is live.
    pub fn initiate(&mut self, peer: PeerId, now: Instant) {
        let now = self.advance(now);
        if let Some(peer) = self.peers.get_mut(&peer)
            && peer.session(now).is_none()
        {
            peer.want_session(Pace::First, &mut self.core, now);
        }
    }

    /// Data to this peer goes unanswered though a session is live: asks for a new session beside it, soon and often,
    /// until anything authenticated is received: initiations leave 1, 2, 4, then 5 s apart. Said again meanwhile, it
    /// changes nothing.
    pub fn suspect(&mut self, peer: PeerId, now: Instant) {
        let now = self.advance(now);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.suspect(&mut self.core, now);
        }
    }

    /// The peer said goodbye under the session that seals: nothing is sealed under it any more, what is late still
    /// opens.
    ///
    /// No initiation leaves for that alone; what is sent from now on is staged, and asks for a new session.
    pub fn left(&mut self, peer: PeerId, now: Instant) {
        let now = self.advance(now);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.left(&mut self.core, now);
        }
    }

    /// Nobody waits for a session any more: ends the initiations to a peer that has none, unless packets wait for one,
    /// or a persistent keepalive does.
    pub fn give_up(&mut self, peer: PeerId, now: Instant) {
        let now = self.advance(now);
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.calm(&mut self.core, now);
        }
    }

    /// The system refused to send along this path, with this error number: an initiation that went there goes to the
    /// peer's next endpoint at once, and a local address that the path was pinned to is given up.
    ///
    /// That of data to an endpoint that no dial goes to changes nothing.
    pub fn unreachable(&mut self, path: Path, error: i32, now: Instant) {
        self.advance(now);
        let path = path.canonical();
        let mut last = None;
        while let Some(id) = self.core.endpoints.next_at(path.remote, last) {
            last = Some(id);
            if let Some(peer) = self.peers.get_mut(&id) {
                peer.refused(path, error, &mut self.core);
            }
        }
    }

    /// The round trip of the newest handshake, if this end could measure it.
    ///
    /// From an initiation to its response, or from a response to the first datagram of its session.
    pub fn handshake_round_trip(&self, peer: PeerId) -> Option<Duration> {
        self.peers.get(&peer)?.round_trip
    }

    /// Time at which anything authenticated was last received: a datagram of a session, or the answer to an initiation.
    pub fn last_received(&self, peer: PeerId) -> Option<Instant> {
        let stats = &self.peers.get(&peer)?.stats;
        stats.last_received.max(stats.last_handshake)
    }

    /// Whether a packet would be sealed at once.
    pub fn has_session(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.session(self.now).is_some())
    }

    /// Name that the peer has for the session under which a packet to it would be sealed now: the receiver index of the
    /// datagram (whitepaper section 5.4.6).
    pub fn sealing_session(&self, peer: PeerId) -> Option<u32> {
        Some(self.peers.get(&peer)?.session(self.now)?.peer_index())
    }

    /// Whether this device has, or had a while ago, a session with a peer to which it gave this name.
    pub fn knows_session(&self, peer: PeerId, index: u32) -> bool {
        self.peers.get(&peer).is_some_and(|peer| peer.knows_session(index))
    }

    /// The peer's endpoint: where it was last heard, or configured to be.
    pub fn endpoint(&self, peer: PeerId) -> Option<SocketAddr> {
        self.peers.get(&peer)?.endpoint()
    }

    /// Owner of an inner address: the longest prefix that holds it decides.
    pub fn peer_of_destination(&self, destination: IpAddr) -> Option<PeerId> {
        self.core.allowed_ips.owner(destination)
    }

    /// The device's counters.
    pub fn stats(&self) -> &Stats {
        &self.core.stats
    }

    /// A peer's counters.
    pub fn peer_stats(&self, peer: PeerId) -> Option<PeerStats> {
        let peer = self.peers.get(&peer)?;
        Some(PeerStats { staged_bytes: peer.staged.bytes(), ..peer.stats.clone() })
    }

    /// The latest time seen: `now` never goes back in here.
    pub(crate) fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    /// Brings the queue of deadlines up to date with the peers that did something.
    pub(crate) fn reschedule(&mut self) {
        for id in self.core.touched.drain(..) {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            peer.touched = false;
            let next = peer.timers.next().map(|(at, _)| at);
            if next == peer.scheduled {
                continue;
            }
            if let Some(at) = peer.scheduled {
                self.deadlines.remove(&(at, id));
            }
            if let Some(at) = next {
                self.deadlines.insert((at, id));
            }
            peer.scheduled = next;
        }
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("public_key", &self.core.public_key)
            .field("peers", &self.peers.len())
            .field("tunnels", &self.core.indices.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
