//! Promises of two nodes to each other, and whether their events agree with them.

use std::collections::{BTreeMap, BTreeSet};

use warren_engine::{ConnectionId, GiveUp, Initiator, MessageId, Outcome, Priority, StreamId};

/// One of the two.
pub(super) type Name = usize;

#[derive(Default)]
pub(super) struct Model {
    named: u64,
    messages: BTreeMap<u64, Message>,
    connections: [BTreeMap<ConnectionId, Phase>; 2],
    /// Bytes admitted to each lane, less those drained.
    lanes: BTreeMap<(Name, ConnectionId, Priority), i64>,
    /// Bytes written to each stream, by the key that its content starts with, and whether that is all.
    written: BTreeMap<u64, (u64, bool)>,
    readers: BTreeMap<(Name, StreamId), Reader>,
    keys_read: BTreeSet<u64>,
    /// Raw packets and datagrams that have not arrived.
    unreliable: BTreeSet<Vec<u8>>,
}

struct Message {
    from: Name,
    connection: ConnectionId,
    priority: Priority,
    size: usize,
    given_up: Option<GiveUp>,
    arrived: bool,
    outcome: Option<Outcome>,
    /// Its sender is no more.
    orphan: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Dialled,
    Connected,
    Closed,
}

#[derive(Default)]
struct Reader {
    head: Vec<u8>,
    offset: u64,
    ended: bool,
}

impl Model {
    /// A number that nothing else has.
    pub(super) fn name(&mut self) -> u64 {
        self.named += 1;
        self.named
    }

    pub(super) fn sent(
        &mut self,
        from: Name,
        connection: ConnectionId,
        priority: Priority,
        size: usize,
    ) -> (MessageId, Vec<u8>) {
        let id = self.name();
        let size = size.max(KEY_LENGTH);
        let message = Message {
            from,
            connection,
            priority,
            size,
            given_up: None,
            arrived: false,
            outcome: None,
            orphan: false,
        };
        self.messages.insert(id, message);
        *self.lanes.entry((from, connection, priority)).or_default() += size as i64;
        (MessageId(id), content(id, 0, size))
    }

    /// The `back`th last message of a node, and its connection; it is given up.
    pub(super) fn cancel(
        &mut self,
        from: Name,
        back: usize,
        reason: GiveUp,
    ) -> Option<(ConnectionId, MessageId)> {
        let mut own =
            self.messages.iter_mut().rev().filter(|(_, message)| message.from == from && !message.orphan);
        let (id, message) = own.nth(back)?;
        message.given_up.get_or_insert(reason);
        Some((message.connection, MessageId(*id)))
    }

    pub(super) fn arrived(&mut self, at: Name, connection: ConnectionId, priority: Priority, bytes: &[u8]) {
        assert_eq!(
            self.connections[at].get(&connection),
            Some(&Phase::Connected),
            "a message beside a connection"
        );
        let id = bytes.first_chunk().map(|id| u64::from_be_bytes(*id)).expect("every message has a number");
        let message = self.messages.get_mut(&id).expect("a message that nobody sent");
        assert!(message.from != at, "a message came back to its sender");
        assert!(!message.arrived, "message {id} arrives twice");
        assert_eq!((message.priority, message.size), (priority, bytes.len()));
        assert!(bytes == content(id, 0, bytes.len()), "message {id} arrives altered");
        assert!(
            matches!(message.outcome, None | Some(Outcome::Lost)),
            "message {id} arrives after it was {:?}",
            message.outcome
        );
        message.arrived = true;
    }

    pub(super) fn settled(&mut self, at: Name, connection: ConnectionId, id: MessageId, outcome: Outcome) {
        let message = self.messages.get_mut(&id.0).expect("a message that nobody sent");
        assert_eq!((message.from, message.connection, message.orphan), (at, connection, false));
        assert_eq!(message.outcome, None, "{id:?} settles twice, now as {outcome:?}");
        match outcome {
            Outcome::Delivered => assert!(message.arrived, "{id:?} is delivered, and nobody has it"),
            Outcome::Cancelled | Outcome::Replaced | Outcome::Expired => {
                let reason = match outcome {
                    Outcome::Replaced => GiveUp::Replaced,
                    Outcome::Expired => GiveUp::Expired,
                    _ => GiveUp::Cancelled,
                };
                assert_eq!((message.given_up, message.arrived), (Some(reason), false), "{id:?}");
            }
            Outcome::Dropped => {
                assert!(message.size > MESSAGE_LIMIT && !message.arrived, "{id:?} is dropped")
            }
            Outcome::Lost => {}
        }
        message.outcome = Some(outcome);
    }

    pub(super) fn drained(&mut self, at: Name, connection: ConnectionId, priority: Priority, bytes: u64) {
        let lane = self.lanes.entry((at, connection, priority)).or_default();
        *lane -= bytes as i64;
        assert!(*lane >= 0, "{connection:?} drains more of lane {priority} than it was given");
    }

    pub(super) fn dialled(&mut self, at: Name, connection: ConnectionId) {
        let before = self.connections[at].insert(connection, Phase::Dialled);
        assert_eq!(before, None, "the name of a connection comes again");
    }

    pub(super) fn connected(&mut self, at: Name, connection: ConnectionId, initiator: Initiator) {
        let before = self.connections[at].insert(connection, Phase::Connected);
        let expected = if initiator == Initiator::Local { Some(Phase::Dialled) } else { None };
        assert_eq!(before, expected, "{connection:?} connects");
    }

    pub(super) fn is_connected(&self, at: Name, connection: ConnectionId) -> bool {
        self.connections[at].get(&connection) == Some(&Phase::Connected)
    }

    pub(super) fn closed(&mut self, at: Name, connection: ConnectionId) {
        let before = self.connections[at].insert(connection, Phase::Closed);
        assert!(
            matches!(before, Some(Phase::Dialled | Phase::Connected)),
            "{connection:?} closes after {before:?}"
        );
        let of_it =
            |message: &&Message| message.from == at && message.connection == connection && !message.orphan;
        let open = self.messages.values().filter(of_it).filter(|message| message.outcome.is_none()).count();
        assert_eq!(open, 0, "{connection:?} closes, and messages are not settled");
    }

    /// Every connection that a node was told of, oldest first.
    pub(super) fn connections(&self, at: Name) -> Vec<ConnectionId> {
        self.connections[at].keys().copied().collect()
    }

    /// A node forgets everything.
    pub(super) fn restarted(&mut self, at: Name) {
        self.connections[at].clear();
        self.readers.retain(|(of, _), _| *of != at);
        self.lanes.retain(|(of, _, _), _| *of != at);
        for message in self.messages.values_mut().filter(|message| message.from == at) {
            message.orphan = true;
        }
    }

    /// The next bytes of the stream with this key.
    pub(super) fn writes(&mut self, key: u64, length: usize) -> Vec<u8> {
        let (written, _) = self.written.entry(key).or_default();
        let bytes = content(key, *written, if *written == 0 { length.max(KEY_LENGTH) } else { length });
        *written += bytes.len() as u64;
        bytes
    }

    pub(super) fn finishes(&mut self, key: u64) {
        self.written.entry(key).or_default().1 = true;
    }

    pub(super) fn read(&mut self, at: Name, stream: StreamId, bytes: &[u8]) {
        let reader = self.readers.entry((at, stream)).or_default();
        assert!(!reader.ended, "{stream:?} goes on after its end");
        let missing = KEY_LENGTH.saturating_sub(reader.head.len()).min(bytes.len());
        reader.head.extend_from_slice(&bytes[..missing]);
        let offset = reader.offset;
        reader.offset += bytes.len() as u64;
        let Some(key) = reader.head.first_chunk().map(|key| u64::from_be_bytes(*key)) else { return };
        if missing > 0 {
            assert!(self.keys_read.insert(key), "the stream {key} is read twice");
        }
        let (written, _) = self.written.get(&key).expect("a stream that nobody wrote");
        assert!(reader.offset <= *written, "more of a stream than was written");
        assert!(content(key, offset, bytes.len()) == bytes, "the stream {key} is not what was written");
    }

    pub(super) fn ended(&mut self, at: Name, stream: StreamId, whole: bool) {
        let reader = self.readers.entry((at, stream)).or_default();
        assert!(!reader.ended, "{stream:?} ends twice");
        reader.ended = true;
        if whole && let Some(key) = reader.head.first_chunk() {
            let written = self.written.get(&u64::from_be_bytes(*key));
            assert_eq!(written, Some(&(reader.offset, true)), "{stream:?} ends early");
        }
    }

    /// Something that arrives once or never.
    pub(super) fn posted(&mut self, bytes: &[u8]) {
        self.unreliable.insert(bytes.to_vec());
    }

    pub(super) fn received(&mut self, bytes: &[u8]) {
        assert!(self.unreliable.remove(bytes), "a packet that nobody sent, or that came before");
    }

    /// Nothing is left open.
    pub(super) fn check_settled(&self) {
        for (id, message) in &self.messages {
            let settled = message.outcome.is_some() || message.orphan;
            assert!(
                settled,
                "message {id} on {:?} of node {} is never settled",
                message.connection, message.from
            );
        }
        for (lane, left) in &self.lanes {
            assert_eq!(*left, 0, "{lane:?} is never drained");
        }
    }

    pub(super) fn outcome(&self, id: MessageId) -> Option<Outcome> {
        self.messages.get(&id.0).and_then(|message| message.outcome)
    }
}

/// A key, and then bytes that follow from it and their places.
pub(super) fn content(key: u64, offset: u64, length: usize) -> Vec<u8> {
    let byte = |at: u64| match at {
        0..8 => key.to_be_bytes()[at as usize],
        _ => (key.wrapping_mul(31) ^ at ^ at >> 8) as u8,
    };
    (offset..offset + length as u64).map(byte).collect()
}

const KEY_LENGTH: usize = 8;
/// As `node::config` has it.
const MESSAGE_LIMIT: usize = 64 << 10;
