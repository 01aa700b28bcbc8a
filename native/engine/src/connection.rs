//! A connection, besides its transport.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use warren_protocols::{Choice, Lists, Protocols, choose};
use warren_wireguard::PeerId;

use crate::event::{Closed, Initiator};
use crate::first_flight::FirstFlight;
use crate::ids::{ConnectionId, MessageId, Priority, StreamId};
use crate::in_vain::InVain;
use crate::lane::Lane;
use crate::transport::{ConnectionHandle, MessageHandle, StreamHandle};

/// The engine's state of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) peer: PeerId,
    /// `None` while a dial waits.
    pub(crate) handle: Option<ConnectionHandle>,
    pub(crate) initiator: Initiator,
    pub(crate) phase: Phase,
    /// Protocols that a dial asks for, best first; `None`: anything in the lists of both ends.
    pub(crate) wanted: Option<Vec<Box<str>>>,
    /// The caller wants to send with the hello of this dial, if that can be.
    pub(crate) early: bool,
    /// The caller has the connection, although it is not up: it was told so early, and no other dial takes the place of
    /// this one.
    pub(crate) given: bool,
    /// First flight, which left with the hello, while that is not answered.
    pub(crate) flight: Option<Box<FirstFlight>>,
    /// This end's protocols as the hello said them that is under way; `None`: none is.
    pub(crate) own: Option<Arc<Protocols>>,
    /// The peer's lists, as its hello said them; `None`: unknown.
    pub(crate) theirs: Option<Box<Lists>>,
    /// The protocol that both speak; empty while unknown.
    pub(crate) protocol: Box<str>,
    pub(crate) incarnation: Option<u64>,
    /// Not pending: dialled by this end, or taken by the caller.
    pub(crate) claimed: bool,
    /// Accepted and not complete: the instant since which its dialler keeps this end waiting.
    pub(crate) incomplete: Option<Instant>,
    pub(crate) lanes: BTreeMap<Priority, Lane>,
    /// Messages that are not settled.
    pub(crate) messages: FxHashMap<MessageId, Unsettled>,
    pub(crate) begun: FxHashMap<MessageHandle, MessageId>,
    pub(crate) datagrams: VecDeque<Bytes>,
    pub(crate) datagram_bytes: usize,
    /// Bytes of unreliable datagrams that the caller has not taken.
    pub(crate) incoming_datagram_bytes: usize,
    pub(crate) streams: BTreeSet<StreamId>,
    pub(crate) stream_of: FxHashMap<StreamHandle, StreamId>,
    /// Instant since which frames of its wait to leave with data.
    pub(crate) deferred_since: Option<Instant>,
    /// The highest lane that found the transport full, until that reports room. Higher lanes may still send a little.
    pub(crate) parked: Option<Priority>,
    /// Lost data of its stands in a lane.
    pub(crate) lost_has_turn: bool,
    /// Instant at which this end last asked for an answer that is due.
    pub(crate) asked: Option<Instant>,
    pub(crate) in_vain: InVain,
    /// Seconds of its silence in which dials of the peer's were refused for its sake.
    pub(crate) refused_for: u32,
    /// Such a dial was refused in the present second.
    pub(crate) refused_again: bool,
    /// Instant at which a renewed session last moved it on.
    pub(crate) moved_on: Option<Instant>,
    /// Hellos of a dial.
    pub(crate) said: Said,
    /// Lists that the caller has still to be told.
    pub(crate) untold: Untold,
    /// Another connection took its place: it carries what it has, and stands in no dial's way.
    pub(crate) superseded: bool,
    /// The peer is to be told once it holds all that was sent.
    pub(crate) finishing: bool,
    /// The peer said goodbye: nothing will come of it.
    pub(crate) deserted: bool,
    /// The end that a graceful close tells the peer, once all is delivered.
    pub(crate) farewell: Option<Closed>,
    /// The end to tell the caller, once the transport has closed.
    pub(crate) ending: Option<Closed>,
}

/// State of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// This end dials; without a handle it waits for the tunnel's session.
    Dialling,
    /// This end would dial, but for this other connection, which leads to the same end or is being closed.
    Waiting(ConnectionId),
    /// The peer refused the dial, since it knows another connection; that one has to show up, or the dial goes on.
    Refused,
    /// The peer dialled, and the handshake is under way.
    Accepted,
    Live,
    /// The caller closes it, and what was admitted is being delivered.
    Closing,
}

/// The hellos of a dial.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) hellos: u32,
    /// Instant of the last hello.
    pub(crate) last: Option<Instant>,
    /// The last hello was said under a session that the peer may have lost.
    pub(crate) doubtful: bool,
    /// Times that the peer was heard, and only its answer was not: each gives the next hello twice the time.
    pub(crate) doublings: u32,
}

/// The newest lists that the peer announced, and how far the caller was told.
#[derive(Debug, Default)]
pub(crate) struct Untold {
    /// Not told yet.
    pub(crate) lists: Option<Box<Lists>>,
    /// An event of it waits for the caller.
    pub(crate) queued: bool,
    /// Instant at which its last event was queued.
    pub(crate) at: Option<Instant>,
}

/// A message that is not settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    pub(crate) stage: Stage,
    pub(crate) queued: Instant,
    /// End of its lifetime.
    pub(crate) deadline: Option<Instant>,
}

/// Place of a message that is not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// In its lane, under this sequence number.
    Waiting(Priority, u64),
    /// With the transport.
    Begun(Priority, MessageHandle),
}

impl Connection {
    pub(crate) fn new(peer: PeerId, initiator: Initiator, phase: Phase) -> Self {
        Self {
            peer,
            handle: None,
            initiator,
            phase,
            wanted: None,
            early: false,
            given: false,
            flight: None,
            own: None,
            theirs: None,
            protocol: Box::default(),
            incarnation: None,
            claimed: initiator == Initiator::Local,
            incomplete: None,
            lanes: BTreeMap::new(),
            messages: FxHashMap::default(),
            begun: FxHashMap::default(),
            datagrams: VecDeque::new(),
            datagram_bytes: 0,
            incoming_datagram_bytes: 0,
            streams: BTreeSet::new(),
            stream_of: FxHashMap::default(),
            deferred_since: None,
            parked: None,
            lost_has_turn: false,
            asked: None,
            in_vain: InVain::default(),
            refused_for: 0,
            refused_again: false,
            moved_on: None,
            said: Said::default(),
            untold: Untold::default(),
            superseded: false,
            finishing: false,
            deserted: false,
            farewell: None,
            ending: None,
        }
    }

    /// The lane of this priority, made on first use.
    pub(crate) fn lane(&mut self, priority: Priority) -> &mut Lane {
        self.lanes.entry(priority).or_insert_with(|| Lane::new(priority))
    }

    /// Whether bytes may be written.
    pub(crate) fn sends(&self) -> bool {
        let may = matches!(self.phase, Phase::Live | Phase::Closing) || self.flight.is_some();
        may && self.ending.is_none() && !self.deserted
    }

    /// Whether something is owed by the other end: the end of a message, or credit.
    pub(crate) fn waits_for_peer(&self) -> bool {
        self.sends() && (!self.messages.is_empty() || self.lanes.values().any(Lane::is_blocked))
    }

    /// Whether a lane waits for the transport to have room.
    pub(crate) fn is_parked(&self, priority: Priority) -> bool {
        self.parked.is_some_and(|parked| priority <= parked)
    }

    /// Whether new work is taken.
    pub(crate) fn takes_work(&self) -> bool {
        self.phase != Phase::Closing && self.ending.is_none()
    }

    /// Whether it is or may become usable under this protocol, dialled by the peer.
    pub(crate) fn is_accepted_for(&self, protocol: &str) -> bool {
        self.phase == Phase::Accepted && self.ending.is_none() && *self.protocol == *protocol
    }

    /// Whether this end dials, or is about to.
    pub(crate) fn is_dial(&self) -> bool {
        matches!(self.phase, Phase::Dialling | Phase::Waiting(_) | Phase::Refused) && self.ending.is_none()
    }

    /// Whether it is usable under this protocol, and no other took its place.
    pub(crate) fn is_live_for(&self, protocol: &str) -> bool {
        self.phase == Phase::Live
            && self.ending.is_none()
            && !self.deserted
            && !self.superseded
            && *self.protocol == *protocol
    }

    /// Whether this dial and another may lead to one protocol, as far as this end can tell.
    pub(crate) fn may_meet(&self, other: &Self, own: &Protocols) -> bool {
        match (&self.wanted, &other.wanted) {
            (None, None) => true,
            (Some(wanted), other) | (other @ None, Some(wanted)) => {
                wanted.iter().any(|name| asks_for(other.as_deref(), name, own))
            }
        }
    }

    /// The choice of this dial at a peer with these lists; `now` is this end's, if the dial said none yet.
    pub(crate) fn choice_with<'a>(&'a self, theirs: &'a Lists, now: &'a Protocols) -> Option<Choice<'a>> {
        let own = self.own.as_deref().unwrap_or(now);
        choose(&own.lists, theirs, self.wanted.as_deref())
    }
}

/// Whether a dial that asks for these names, or for anything, would be content with a connection under this protocol.
pub(crate) fn asks_for(asked: Option<&[Box<str>]>, protocol: &str, own: &Protocols) -> bool {
    let has = |list: &[Box<str>]| list.iter().any(|name| **name == *protocol);
    asked.map_or_else(|| has(&own.lists.offer) || has(&own.lists.accept), has)
}
