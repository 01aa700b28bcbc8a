//! Packets that leave beside data, in queues by peer: peers take turns, and under an uplink each has a share that goes
//! before data.

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};
use warren_wireguard::{Path, PeerId};

use crate::bucket::{Bucket, datagrams};
use crate::overhead::{IPV6_UDP, WIREGUARD};
use crate::transport::ConnectionHandle;

/// Queues of all peers.
#[derive(Debug)]
pub(crate) struct Control {
    peers: FxHashMap<PeerId, Queue>,
    /// Peers with something, and a share that is not spent; each once.
    turns: VecDeque<PeerId>,
    /// Peers with something and a share that is spent, by the instant at which it no longer is.
    beyond: BTreeSet<(Instant, PeerId)>,
    /// The one of those that had its turn last.
    last_beyond: Option<(Instant, PeerId)>,
    /// Connections that stand in a queue of their peer's.
    connections: FxHashSet<ConnectionHandle>,
    shares: Option<UplinkShares>,
    /// All peers' share; `None`: it is full.
    bucket: Option<Bucket>,
    dropped: u64,
}

/// Queues of one peer.
#[derive(Debug, Default)]
struct Queue {
    /// Sealed messages of the tunnel.
    messages: VecDeque<(Path, Vec<u8>)>,
    /// Answers of the transport that belong to no connection.
    answers: VecDeque<Vec<u8>>,
    /// Packets wait that had waited for a session.
    staged: bool,
    connections: VecDeque<ConnectionHandle>,
    standing: Standing,
    /// Its share; `None`: it is full.
    bucket: Option<Bucket>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Away,
    InTurn,
    Beyond(Instant),
}

/// One thing that may leave.
#[derive(Debug)]
pub(crate) enum Item {
    Message(Path, Vec<u8>),
    Answer(Vec<u8>),
    Staged,
    Connection(ConnectionHandle),
}

impl Control {
    pub(crate) fn new(uplink: Option<u64>, mtu: u16) -> Self {
        Self {
            peers: FxHashMap::default(),
            turns: VecDeque::new(),
            beyond: BTreeSet::new(),
            last_beyond: None,
            connections: FxHashSet::default(),
            shares: uplink.map(|rate| UplinkShares::of(rate, mtu)),
            bucket: None,
            dropped: 0,
        }
    }

    /// Adds a sealed message of the tunnel's to a peer.
    pub(crate) fn push_message(&mut self, peer: PeerId, path: Path, message: Vec<u8>) {
        let waiting = self.peers.entry(peer).or_default();
        if waiting.messages.len() >= MESSAGES_MAX {
            self.dropped += 1;
            return;
        }
        waiting.messages.push_back((path, message));
        self.stand(peer);
    }

    /// Adds an answer that belongs to no connection.
    pub(crate) fn push_answer(&mut self, peer: PeerId, answer: Vec<u8>) {
        let waiting = self.peers.entry(peer).or_default();
        if waiting.answers.len() >= ANSWERS_MAX {
            self.dropped += 1;
            return;
        }
        waiting.answers.push_back(answer);
        self.stand(peer);
    }

    /// Notes that packets of a peer, which waited for a session, have one.
    pub(crate) fn push_staged(&mut self, peer: PeerId) {
        self.peers.entry(peer).or_default().staged = true;
        self.stand(peer);
    }

    /// Queues a connection that has something, if it does not stand here already.
    pub(crate) fn push_connection(&mut self, peer: PeerId, connection: ConnectionHandle) {
        if self.connections.insert(connection) {
            self.peers.entry(peer).or_default().connections.push_back(connection);
            self.stand(peer);
        }
    }

    /// Takes the connections of one peer, or of all.
    pub(crate) fn take_connections(&mut self, only: Option<PeerId>) -> Vec<ConnectionHandle> {
        let mut peers: Vec<_> =
            self.turns.iter().copied().chain(self.beyond.iter().map(|&(_, peer)| peer)).collect();
        peers.retain(|&peer| only.is_none_or(|only| only == peer));
        let mut taken = Vec::new();
        for peer in peers {
            if let Some(waiting) = self.peers.get_mut(&peer) {
                taken.extend(waiting.connections.drain(..));
            }
        }
        taken.iter().for_each(|connection| _ = self.connections.remove(connection));
        taken
    }

    /// Forgets a peer that was removed.
    pub(crate) fn forget(&mut self, peer: PeerId) {
        let Some(waiting) = self.peers.remove(&peer) else {
            return;
        };
        waiting.connections.iter().for_each(|connection| _ = self.connections.remove(connection));
        match waiting.standing {
            Standing::Away => {}
            Standing::InTurn => self.turns.retain(|&other| other != peer),
            Standing::Beyond(at) => _ = self.beyond.remove(&(at, peer)),
        }
    }

    /// The peer whose turn it is before data. The caller puts a peer whose share is spent beyond; while data waits, the
    /// share of all bounds them together.
    pub(crate) fn next(&mut self, data_waits: bool, now: Instant) -> Option<PeerId> {
        while let Some(&(at, peer)) = self.beyond.first()
            && at <= now
        {
            self.beyond.pop_first();
            self.set(peer, Standing::InTurn);
            self.turns.push_back(peer);
        }
        if data_waits && self.shares.as_ref().is_some_and(|shares| shares.all.is_spent(self.bucket, now)) {
            return None;
        }
        let peer = self.turns.pop_front()?;
        self.set(peer, Standing::Away);
        Some(peer)
    }

    /// The peer whose turn it is behind data: peers beyond their shares go round.
    pub(crate) fn next_behind(&mut self) -> Option<PeerId> {
        if let Some(peer) = self.turns.pop_front() {
            self.set(peer, Standing::Away);
            return Some(peer);
        }
        let after = self.last_beyond.and_then(|last| {
            self.beyond.range((std::ops::Bound::Excluded(last), std::ops::Bound::Unbounded)).next().copied()
        });
        let next = after.or_else(|| self.beyond.first().copied())?;
        self.beyond.remove(&next);
        self.last_beyond = Some(next);
        self.set(next.1, Standing::Away);
        Some(next.1)
    }

    /// Full datagrams that a peer may send before data now; none: it is beyond its share.
    pub(crate) fn allowance(&self, peer: PeerId, now: Instant) -> usize {
        let (Some(shares), Some(waiting)) = (&self.shares, self.peers.get(&peer)) else {
            return usize::MAX;
        };
        shares.each.allowance(waiting.bucket, now)
    }

    /// Takes the first item of a peer.
    pub(crate) fn take(&mut self, peer: PeerId) -> Option<Item> {
        let waiting = self.peers.get_mut(&peer)?;
        if let Some((path, message)) = waiting.messages.pop_front() {
            return Some(Item::Message(path, message));
        }
        if let Some(answer) = waiting.answers.pop_front() {
            return Some(Item::Answer(answer));
        }
        if std::mem::take(&mut waiting.staged) {
            return Some(Item::Staged);
        }
        let connection = waiting.connections.pop_front()?;
        self.connections.remove(&connection);
        Some(Item::Connection(connection))
    }

    /// Whether packets of a peer wait that had waited for a session; the caller sends them from now on.
    pub(crate) fn take_staged(&mut self, peer: PeerId) -> bool {
        self.peers.get_mut(&peer).is_some_and(|waiting| std::mem::take(&mut waiting.staged))
    }

    /// Connections of a peer that have something.
    pub(crate) fn connections_of(&self, peer: PeerId) -> impl Iterator<Item = ConnectionHandle> {
        self.peers.get(&peer).into_iter().flat_map(|waiting| waiting.connections.iter().copied())
    }

    /// Gives a peer a turn if it has something: more has come, or its turn left something.
    pub(crate) fn stand(&mut self, peer: PeerId) {
        if let Some(waiting) = self.peers.get_mut(&peer)
            && waiting.standing == Standing::Away
            && waiting.has_any()
        {
            waiting.standing = Standing::InTurn;
            self.turns.push_back(peer);
        }
    }

    /// Puts a peer that has spent its share beyond: its rest waits for the share, or for a moment without data.
    pub(crate) fn put_beyond(&mut self, peer: PeerId) {
        if let Some(waiting) = self.peers.get_mut(&peer)
            && waiting.has_any()
            && let Some(bucket) = waiting.bucket
        {
            let at = bucket.even() + MOMENT;
            waiting.standing = Standing::Beyond(at);
            self.beyond.insert((at, peer));
        }
    }

    /// Charges a peer's share for bytes that left before data.
    pub(crate) fn charge(&mut self, peer: PeerId, bytes: usize, now: Instant) {
        if let Some(shares) = &self.shares {
            shares.all.charge(&mut self.bucket, bytes, now);
            let waiting = self.peers.entry(peer).or_default();
            shares.each.charge(&mut waiting.bucket, bytes, now);
        }
    }

    /// Whether anything waits, for its share or for a moment without data.
    pub(crate) fn waits(&self) -> bool {
        !self.turns.is_empty() || !self.beyond.is_empty()
    }

    /// Deadline of the first that waits to go before data.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let first = self.beyond.first().map(|&(at, _)| at);
        let even = self.bucket.map(|bucket| bucket.even() + MOMENT);
        let in_turn = even.filter(|_| !self.turns.is_empty());
        let next = [first, in_turn].into_iter().flatten().min()?;
        Some(even.map_or(next, |even| next.max(even)))
    }

    /// Whether a peer waits for its share.
    pub(crate) fn is_beyond(&self, peer: PeerId) -> bool {
        self.peers.get(&peer).is_some_and(|waiting| matches!(waiting.standing, Standing::Beyond(_)))
    }

    /// Whether a connection stands here; an error if the queues and the set of them do not agree.
    pub(crate) fn has_turn(&self, peer: PeerId, connection: ConnectionHandle) -> Result<bool, String> {
        let is_listed = self.connections.contains(&connection);
        let stands = self.peers.get(&peer).is_some_and(|waiting| {
            waiting.standing != Standing::Away && waiting.connections.contains(&connection)
        });
        match is_listed == stands {
            true => Ok(stands),
            false => Err("its control traffic takes itself for queued, or does not".into()),
        }
    }

    /// Number of messages and answers dropped because their peer's queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    fn set(&mut self, peer: PeerId, standing: Standing) {
        if let Some(waiting) = self.peers.get_mut(&peer) {
            waiting.standing = standing;
        }
    }
}

impl Queue {
    fn has_any(&self) -> bool {
        self.staged || !self.messages.is_empty() || !self.answers.is_empty() || !self.connections.is_empty()
    }
}

/// Parts of the uplink.
#[derive(Debug)]
struct UplinkShares {
    each: Share,
    all: Share,
}

impl UplinkShares {
    fn of(bits_per_second: u64, mtu: u16) -> Self {
        let datagram = usize::from(mtu) + WIREGUARD + IPV6_UDP;
        Self {
            each: Share::of(bits_per_second / EACH, datagram, BURST_OF_EACH),
            all: Share::of(bits_per_second / ALL, datagram, BURST_OF_ALL),
        }
    }
}

/// A part of the uplink, and how much of it may leave at once.
#[derive(Debug)]
struct Share {
    nanoseconds_per_byte: u64,
    datagram: Duration,
    burst: Duration,
}

impl Share {
    fn of(bits_per_second: u64, datagram: usize, datagrams: u32) -> Self {
        let nanoseconds_per_byte = (8 * SECOND / bits_per_second.max(MIN_RATE)).max(1);
        let datagram = Duration::from_nanos(nanoseconds_per_byte * datagram as u64);
        Self { nanoseconds_per_byte, datagram, burst: datagram * datagrams }
    }

    fn is_spent(&self, bucket: Option<Bucket>, now: Instant) -> bool {
        self.holds(bucket, now).is_zero()
    }

    /// Full datagrams.
    fn allowance(&self, bucket: Option<Bucket>, now: Instant) -> usize {
        datagrams(self.holds(bucket, now), self.datagram)
    }

    fn charge(&self, bucket: &mut Option<Bucket>, bytes: usize, now: Instant) {
        let time = Duration::from_nanos(self.nanoseconds_per_byte * bytes as u64);
        bucket.get_or_insert(Bucket::full(self.burst, now)).take(time, self.burst, now);
    }

    fn holds(&self, bucket: Option<Bucket>, now: Instant) -> Duration {
        bucket.map_or(self.burst, |bucket| bucket.holds(self.burst, now))
    }
}

/// A peer has a twentieth of the uplink: an answer to a dial each 250 ms at 1 Mbit/s, and 100 acknowledgements a second
/// at 2 Mbit/s.
const EACH: u64 = 20;
/// All peers together have a twelfth, so that with a 64th for cookie replies to strangers data keeps nine tenths.
const ALL: u64 = 12;
/// A dial: a hello or its answer, and what follows it.
const BURST_OF_EACH: u32 = 4;
/// Datagrams that leave at once for several peers whose connections come up together.
const BURST_OF_ALL: u32 = 16;
/// As an uplink's.
const MIN_RATE: u64 = 1_000;
/// After the instant at which a share is even, it is not spent.
const MOMENT: Duration = Duration::from_nanos(1);
const SECOND: u64 = 1_000_000_000;
/// Messages of a peer: its initiation, answers to its own and keepalives; the end that misses one repeats it.
const MESSAGES_MAX: usize = 16;
/// Answers of a peer: refusals of eight dials, or four stateless resets, each with its word.
const ANSWERS_MAX: usize = 8;
