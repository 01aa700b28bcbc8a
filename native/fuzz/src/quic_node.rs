//! The transport of a node under attack by one peer, and the books that it must keep.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use warren_quic::{
    Config, ConnectionHandle, Ecn, Event, GiveUp, MessageHandle, Outcome, PeerTag, Quic, Read, StreamHandle,
    StreamName,
};

use crate::meter::{Gauge, inside};

pub(crate) struct QuicNode {
    pub(crate) quic: Quic,
    pub(crate) now: Instant,
    /// Events that nobody looked at yet.
    pub(crate) events: VecDeque<(ConnectionHandle, Event)>,
    /// Whether dials of the peer are accepted, else they are refused.
    pub(crate) accepts: bool,
    /// Connections that are over, and those that are not.
    closed: BTreeSet<ConnectionHandle>,
    pub(crate) live: Vec<ConnectionHandle>,
    sent: BTreeMap<(ConnectionHandle, MessageHandle), Option<Outcome>>,
    /// Message bytes received and not released, by connection.
    held: BTreeMap<ConnectionHandle, usize>,
    streams: Vec<(ConnectionHandle, StreamHandle)>,
    pub(crate) gauge: Gauge,
}

impl QuicNode {
    pub(crate) fn new(now: Instant) -> Self {
        let config = Config {
            incarnation: 1,
            protocols: vec!["test".into(), "other".into()].into(),
            message_bytes: MESSAGE_BYTES,
            receive_bytes_per_connection: RECEIVE_BYTES,
            streams_per_connection: 32,
            ..Config::default()
        };
        Self {
            quic: inside(|| Quic::new(config)),
            now,
            events: VecDeque::new(),
            accepts: true,
            closed: BTreeSet::new(),
            live: Vec::new(),
            sent: BTreeMap::new(),
            held: BTreeMap::new(),
            streams: Vec::new(),
            gauge: Gauge::new(),
        }
    }

    pub(crate) fn dial(&mut self) -> ConnectionHandle {
        let handle = self.quic.connect(PEER, Some(&["test".into()]), None, None, self.now);
        assert!(!self.live.contains(&handle) && !self.closed.contains(&handle), "a handle comes again");
        self.live.push(handle);
        handle
    }

    /// Takes a datagram of the peer's, and gives what is answered.
    pub(crate) fn give(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.gauge.packet_begins();
        let packet = BytesMut::from(datagram);
        inside(|| self.quic.handle_datagram(PEER, Ecn::NotEct, packet, None, self.now));
        let answers = self.drain();
        self.gauge.packet_ends();
        let connections = self.live.len() + self.events.len().min(1);
        self.gauge.check_held(connections * CONNECTION_BYTES + OTHER_BYTES);
        answers
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn wait(&mut self, duration: Duration) -> Vec<Vec<u8>> {
        let end = self.now + duration;
        let mut out = self.drain();
        let mut turns = 0;
        while let Some((at, reason)) = self.quic.poll_timeout().filter(|(at, _)| *at <= end) {
            turns = if at > self.now { 0 } else { turns + 1 };
            assert!(turns < 100, "the deadline \"{reason}\" stays in the past");
            self.now = self.now.max(at);
            inside(|| self.quic.handle_timeout(self.now));
            out.extend(self.drain());
            if out.len() > 2_000 {
                break;
            }
        }
        self.now = self.now.max(end);
        out
    }

    /// Drops the events that nobody looked at.
    pub(crate) fn forget(&mut self) {
        self.events.clear();
    }

    pub(crate) fn drain(&mut self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while let Some((handle, event)) = inside(|| self.quic.poll_event(self.now)) {
            self.note(handle, event);
        }
        while inside(|| self.quic.poll_response(&mut out)).is_some() {
            datagrams.push(std::mem::take(&mut out));
        }
        let mut turns = 0;
        while let Some(handle) = inside(|| self.quic.poll_ready(self.now)) {
            turns += 1;
            assert!(turns < 10_000, "a connection that never comes to rest");
            while let Some(transmit) = inside(|| self.quic.poll_transmit(handle, 8, &mut out, self.now)) {
                datagrams.extend(out.chunks(transmit.segment).map(<[u8]>::to_vec));
                out.clear();
            }
        }
        while let Some((handle, event)) = inside(|| self.quic.poll_event(self.now)) {
            self.note(handle, event);
        }
        for &handle in &self.live {
            assert!(!self.quic.stands_still(handle), "{handle:?} holds data that nothing lets leave");
        }
        datagrams
    }

    /// Does something of its own on a connection: what a peer's misdeeds may meet.
    pub(crate) fn act(&mut self, handle: ConnectionHandle, choice: u8, size: usize) {
        let priority = choice >> 4;
        match choice % 12 {
            0 | 1 => self.send(handle, priority, size),
            2 => {
                if let Some((&(of, message), _)) = self.sent.iter().nth(size % self.sent.len().max(1)) {
                    let reason = [GiveUp::Cancelled, GiveUp::Replaced, GiveUp::Expired][size % 3];
                    self.quic.cancel_message(of, message, reason);
                }
            }
            3 => {
                let stream =
                    self.quic.open_stream(handle, size.is_multiple_of(2), priority, &StreamName::default());
                self.streams.extend(stream.map(|stream| (handle, stream)));
            }
            4 => self.release(handle),
            5 => self.quic.ping(handle),
            6 => self.quic.close(handle, size as u64, b"enough", self.now),
            7 => {
                self.quic.send_datagram(handle, Bytes::from(vec![choice; size.min(1_500)]));
            }
            stream => self.act_on_stream(stream, size),
        }
    }

    fn act_on_stream(&mut self, choice: u8, size: usize) {
        let Some(&(handle, stream)) = self.streams.get(size % self.streams.len().max(1)) else { return };
        match choice {
            8 => while let Read::Data(_) = self.quic.read_stream(handle, stream, 1 + size) {},
            9 => {
                let _ = self.quic.write_stream(handle, stream, &mut Bytes::from(vec![1; size]));
            }
            10 => self.quic.reset_stream(handle, stream, size as u64),
            _ => self.quic.stop_stream(handle, stream, size as u64),
        }
    }

    fn send(&mut self, handle: ConnectionHandle, priority: u8, size: usize) {
        let Some(message) = self.quic.begin_message(handle, priority, size) else { return };
        let before = self.sent.insert((handle, message), None);
        assert!(before.is_none(), "a message handle comes again");
        self.quic.write_message(handle, message, &mut Bytes::from(vec![priority; size]));
    }

    fn release(&mut self, handle: ConnectionHandle) {
        let mut taken = Vec::new();
        self.events.retain(|(of, event)| match event {
            Event::Message { priority, bytes } if *of == handle => {
                taken.push((*priority, bytes.len()));
                false
            }
            _ => true,
        });
        for (priority, length) in taken {
            self.quic.release_messages(handle, priority, length, self.now);
            *self.held.entry(handle).or_default() -= length;
        }
    }

    fn note(&mut self, handle: ConnectionHandle, event: Event) {
        assert!(!self.closed.contains(&handle), "{event:?} after the end of {handle:?}");
        match &event {
            Event::Incoming { .. } => {
                assert!(!self.live.contains(&handle), "a handle comes again");
                if self.accepts {
                    self.live.push(handle);
                    self.quic.accept(handle, None, self.now);
                } else {
                    self.closed.insert(handle);
                    self.quic.refuse(handle, warren_quic::RefuseCode::TooMany, self.now);
                }
            }
            Event::Closed(_) => {
                let unsettled = self.sent.iter().any(|((of, _), outcome)| *of == handle && outcome.is_none());
                assert!(!unsettled, "a connection ends, and a message is not settled");
                self.closed.insert(handle);
                self.live.retain(|live| *live != handle);
                self.streams.retain(|(of, _)| *of != handle);
            }
            Event::Message { bytes, .. } => {
                assert!(bytes.len() <= MESSAGE_BYTES, "a message of {} bytes", bytes.len());
                let held = self.held.entry(handle).or_default();
                *held += bytes.len();
                assert!(*held <= 4 * RECEIVE_BYTES, "{held} bytes held");
            }
            Event::MessageSettled { message, outcome } => {
                let settled = self.sent.get_mut(&(handle, *message)).expect("settled, and never sent");
                assert_eq!(settled.replace(*outcome), None, "settled twice");
            }
            Event::StreamOpened { stream, .. } => self.streams.push((handle, *stream)),
            Event::Refused { .. } => {
                assert!(!self.live.contains(&handle), "the handle of a refusal names a connection");
            }
            Event::Finished => {
                let told = |(of, event): &&(ConnectionHandle, Event)| {
                    *of == handle && matches!(event, Event::Finished)
                };
                assert_eq!(self.events.iter().filter(told).count(), 0, "an end finishes twice");
            }
            Event::Connected { .. }
            | Event::Confirmed
            | Event::Announced(_)
            | Event::Datagram(_)
            | Event::Writable
            | Event::Readable(_)
            | Event::StreamReset { .. }
            | Event::StreamStopped { .. }
            | Event::EarlyRejected { .. }
            | Event::StreamFinished(_) => {}
        }
        self.events.push_back((handle, event));
    }
}

/// The one peer.
pub(crate) const PEER: PeerTag = PeerTag(7);

/// Limits far below the defaults, so that a short input reaches them.
pub(crate) const MESSAGE_BYTES: usize = 16 << 10;
pub(crate) const RECEIVE_BYTES: usize = 32 << 10;

/// Bytes that a connection may hold: messages in all lanes and half as much again; what is sent is the node's own.
const CONNECTION_BYTES: usize = 4 * RECEIVE_BYTES * 3 / 2 + (64 << 10);
/// Connections that are over, for as long as they may repeat their end, and the tables.
const OTHER_BYTES: usize = 256 << 10;
