//! State that all peers of a device share.

use std::collections::VecDeque;
use std::time::Instant;

use crate::allowed_ips::AllowedIps;
use crate::config::{JUMBO_MTU, PeerId};
use crate::cookie::Cookies;
use crate::endpoints::Endpoints;
use crate::event::Event;
use crate::fast_initiations::FastInitiations;
use crate::handshake_queue::HandshakeQueue;
use crate::index_table::IndexTable;
use crate::initiation::Opener;
use crate::keys::{PrivateKey, PublicKey};
use crate::path::Path;
use crate::queues::{Message, OutgoingQueue, PaddingBuffer};
use crate::random::Random;
use crate::stats::Stats;
use crate::tunnel::{Clock, Identity};

/// The part of a device that its peers work with.
pub(crate) struct Core {
    pub(crate) public_key: PublicKey,
    pub(crate) opener: Opener,
    pub(crate) cookies: Cookies,
    pub(crate) handshakes: HandshakeQueue,
    pub(crate) endpoints: Endpoints,
    pub(crate) fast_initiations: FastInitiations,
    pub(crate) random: Random,
    pub(crate) indices: IndexTable,
    pub(crate) allowed_ips: AllowedIps,
    pub(crate) outgoing: OutgoingQueue,
    pub(crate) padding: PaddingBuffer,
    pub(crate) events: VecDeque<Event>,
    pub(crate) stats: Stats,
    /// Peers with staged packets and a session for them.
    pub(crate) flushing: VecDeque<PeerId>,
    pub(crate) mtu: usize,
    /// The longest packet over the loopback, and over any other path.
    pub(crate) max_mtu: usize,
    pub(crate) max_mtu_afar: usize,
    pub(crate) staged_limit: usize,
    pub(crate) identity: Identity,
    pub(crate) clock: Clock,
    /// Peers whose deadlines may have changed since they were queued.
    pub(crate) touched: Vec<PeerId>,
}

impl Core {
    /// The shared parts of a device without peers.
    pub(crate) fn new(
        private_key: PrivateKey,
        (mtu, max_mtu): (u16, u16),
        staged_limit: usize,
        mut random: Random,
        now: Instant,
    ) -> Self {
        let clock = Clock::new(now);
        let public_key = private_key.public_key();
        Self {
            public_key,
            opener: Opener::new(&private_key),
            cookies: Cookies::new(&public_key, &mut random, now),
            handshakes: HandshakeQueue::new(&mut random, now),
            endpoints: Endpoints::default(),
            fast_initiations: FastInitiations::new(now),
            random,
            indices: IndexTable::default(),
            allowed_ips: AllowedIps::default(),
            outgoing: OutgoingQueue::default(),
            padding: PaddingBuffer::default(),
            events: VecDeque::new(),
            stats: Stats::default(),
            flushing: VecDeque::new(),
            mtu: usize::from(mtu),
            max_mtu: usize::from(max_mtu.max(mtu)),
            max_mtu_afar: usize::from(max_mtu.min(JUMBO_MTU).max(mtu)),
            staged_limit,
            identity: Identity::new(private_key, clock, now),
            clock,
            touched: Vec::new(),
        }
    }

    /// Queues a handshake message or a keepalive.
    pub(crate) fn push(&mut self, peer: PeerId, path: Path, message: &[u8]) {
        self.outgoing.push(Message { path, peer: Some(peer) }, message, &mut self.stats.sent);
    }

    /// Queues a cookie reply.
    pub(crate) fn reply(&mut self, path: Path, reply: &[u8]) {
        self.outgoing.push(Message { path, peer: None }, reply, &mut self.stats.sent);
    }
}
