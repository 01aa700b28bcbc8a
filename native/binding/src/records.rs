//! Events on their way to JavaScript: nine numbers each in an array of the caller's, and their bytes in a slab of the
//! caller's.
//!
//! The first record is the head: [slab end, 1 if not all had room]. The others are [kind, …fields] in the order of the
//! table below. Strings and bytes are two numbers: start and length in the slab. Neighbouring data of one stream
//! becomes one record. A whole message is not in the slab: its record says the length, and `take_message` copies it
//! into memory of its own.
//!
//! The table is the one place of what crosses. `scripts/build/records.mjs` writes `lib/generated/records.ts` from it:
//! the interface that receives the events, the names of their fields' values, and what reads the records.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Buf;
use napi_derive::napi;
use warren_engine::{CloseCause, ClosedBy, DialRefusal, Event, Initiator, Outcome, PeerDownReason};

use crate::encoded::Encoded;
use crate::field::{Field, Value};
use crate::words::Words;

/// A number: an id, a count, or milliseconds.
type Number = f64;
/// Yes or no.
type Flag = bool;
/// A text.
type Text<'a> = Cow<'a, str>;
/// A text, or undefined where it is empty.
type OptionalText<'a> = Cow<'a, str>;
/// Bytes that get memory of their own.
type Copied<'a> = &'a [u8];
/// Bytes that stay in the slab.
type Slice<'a> = &'a [u8];
/// Names.
type Names = Encoded;
/// A peer's lists of protocols.
type PeerLists = Encoded;
/// The length of a message, which is taken beside its record.
type Message = f64;

/// Writes the enum of a table, the writing of its records, and the text by which JavaScript is known to have the same
/// table.
macro_rules! records {
    ($(#[$about:meta])* enum $record:ident<$life:lifetime> {
        $($(#[$doc:meta])* $kind:ident { $($field:ident: $type:ty),* $(,)? },)+
    }) => {
        $(#[$about])*
        enum $record<$life> {
            $($kind { $($field: $type),* },)+
        }

        impl $record<'_> {
            fn write(&self, writer: &mut Writer<'_>) -> bool {
                match self {
                    $(Self::$kind { $($field),* } => writer.put(Kind::$kind, &[$($field.value()),*]),)+
                }
            }
        }

        /// The number of a record.
        #[derive(Clone, Copy)]
        enum Kind {
            $($kind,)+
        }

        const TABLE: &[&str] =
            &[$(concat!(stringify!($kind), $(" ", stringify!($field), ":", stringify!($type),)*)),+];
    };
}

records! {
    /// Events that are told, by the names of the methods of `Receiver`.
    enum Record<'a> {
        /// A tunnel has a session where there was none. `handshakeMs`: from the first initiation to confirmation.
        PeerUp { peer: Number, handshake_ms: Number, endpoint: OptionalText<'a> },
        /// A live tunnel replaced its session.
        PeerRekeyed { peer: Number },
        /// Authenticated data came from elsewhere than before. `from` is undefined where that was not known.
        PeerMoved { peer: Number, from: OptionalText<'a>, to: Text<'a> },
        /// An initiation went unanswered.
        PeerUnanswered { peer: Number, to: Text<'a> },
        /// The system refused to send an initiation there; `errno` is its error number, positive.
        PeerUnreachable { peer: Number, to: Text<'a>, errno: Number },
        /// A peer sent a packet that is longer than our MTU, which was dropped; told once a peer.
        PeerOversized { peer: Number, length: Number },
        /// A tunnel has no session any more.
        PeerDown { peer: Number, reason: PeerDownReason },
        /// A key that proved its possession asks to become a peer.
        Stranger { public_key: Text<'a>, endpoint: Text<'a> },
        /// The question lapsed: a later answer is ignored.
        StrangerGone { public_key: Text<'a> },
        /// A raw packet arrived. `packet` owns its memory.
        Packet { peer: Number, packet: Copied<'a> },
        /// A dial takes what is to be sent before it is up: the peer has a session, and no other `protocol` can come of
        /// the dial.
        /// `connected` or `connectionClosed` follows.
        Early { connection: Number, peer: Number, protocol: Text<'a> },
        /// A connection is usable, at the end that dialled as at the other. `theirs` is what the peer's hello said.
        Connected { connection: Number, peer: Number, initiator: Initiator, protocol: Text<'a>, theirs: PeerLists },
        /// The peer has the connection that this end dialled. Told once; what the peer sends may come before.
        Confirmed { connection: Number },
        /// The peer's lists are others from now on. Of what came faster than ten times a second, the newest alone.
        Announced { connection: Number, theirs: PeerLists },
        /// The peer sends no more on a connection, and this end holds all that it sent. Told once.
        Finished { connection: Number },
        /// This end refused a dial of the peer's that offered these protocols; told of four a second. `chosen` is the
        /// protocol that this end has to dial, if that is why.
        DialRefused { peer: Number, why: DialRefusal, offered: Names, chosen: OptionalText<'a> },
        /// A connection is over: its last event. `reason` is as it came, and may hold anything. `accepts`: the
        /// protocols that the peer would accept, if it refused for the lists.
        ConnectionClosed { connection: Number, by: ClosedBy, cause: CloseCause, code: Number, reason: Text<'a>, accepts: Names },
        /// An unreliable datagram arrived. `bytes` owns its memory.
        Datagram { connection: Number, bytes: Copied<'a> },
        /// A whole message arrived. `bytes` owns its memory.
        Message { connection: Number, priority: Number, bytes: Message },
        /// The transport took so many `bytes` of a lane, or they were given up: there is room for others.
        LaneDrained { connection: Number, priority: Number, bytes: Number },
        /// A message that was sent ended, which happens once.
        MessageSettled { connection: Number, message: Number, outcome: Outcome },
        /// The peer opened a stream. `name` is empty for none.
        StreamOpened { connection: Number, stream: Number, bidirectional: Flag, priority: Number, name: Text<'a> },
        /// Data of a stream, in order. `chunk` is a slice of a slab shared with other chunks; the slab is never written
        /// again. `pieces`: the number of pieces that it was joined from, as credit counts them.
        StreamData { stream: Number, chunk: Slice<'a>, pieces: Number },
        /// The peer finished its side.
        StreamEnd { stream: Number },
        /// The peer reset its side.
        StreamReset { stream: Number, code: Number },
        /// The peer wants no more. `whole`: it has acknowledged everything that was written.
        StreamStopped { stream: Number, code: Number, whole: Flag },
        /// The transport took so many `bytes` of a stream: there is room for others.
        StreamDrained { stream: Number, bytes: Number },
        /// The peer has acknowledged everything that was written, and the end.
        StreamFinished { stream: Number },
        /// The device is dead: a panic, or its socket lost for good. Nothing follows.
        Failed { message: Text<'a> },
    }
}

impl<'a> From<&'a Event> for Record<'a> {
    fn from(event: &'a Event) -> Self {
        match event {
            Event::PeerUp { peer, handshake, endpoint } => Self::PeerUp {
                peer: peer.0.into(),
                handshake_ms: handshake.as_secs_f64() * 1e3,
                endpoint: endpoint.map_or(String::new(), |endpoint| endpoint.to_string()).into(),
            },
            Event::PeerRekeyed { peer } => Self::PeerRekeyed { peer: peer.0.into() },
            Event::PeerMoved { peer, from, to } => Self::PeerMoved {
                peer: peer.0.into(),
                from: from.map_or(String::new(), |from| from.to_string()).into(),
                to: to.to_string().into(),
            },
            Event::PeerUnanswered { peer, attempt: _, to } => {
                Self::PeerUnanswered { peer: peer.0.into(), to: to.to_string().into() }
            }
            Event::PeerUnreachable { peer, to, error } => Self::PeerUnreachable {
                peer: peer.0.into(),
                to: to.to_string().into(),
                errno: (*error).into(),
            },
            Event::PeerOversized { peer, len } => {
                Self::PeerOversized { peer: peer.0.into(), length: *len as f64 }
            }
            Event::PeerDown { peer, reason } => Self::PeerDown { peer: peer.0.into(), reason: *reason },
            Event::Stranger { public_key, endpoint } => Self::Stranger {
                public_key: public_key.to_string().into(),
                endpoint: endpoint.to_string().into(),
            },
            Event::StrangerGone { public_key } => {
                Self::StrangerGone { public_key: public_key.to_string().into() }
            }
            Event::Packet { peer, packet } => Self::Packet { peer: peer.0.into(), packet },
            Event::Early { connection, peer, protocol } => Self::Early {
                connection: connection.0.into(),
                peer: peer.0.into(),
                protocol: Cow::Borrowed(protocol),
            },
            Event::Connected { connection, peer, initiator, protocol, theirs } => Self::Connected {
                connection: connection.0.into(),
                peer: peer.0.into(),
                initiator: *initiator,
                protocol: Cow::Borrowed(protocol),
                theirs: Encoded::lists(theirs),
            },
            Event::Announced { connection, theirs } => {
                Self::Announced { connection: connection.0.into(), theirs: Encoded::lists(theirs) }
            }
            Event::Confirmed { connection } => Self::Confirmed { connection: connection.0.into() },
            Event::Finished { connection } => Self::Finished { connection: connection.0.into() },
            Event::DialRefused { peer, refusal } => Self::DialRefused {
                peer: peer.0.into(),
                why: refusal.why,
                offered: Encoded::names(&refusal.offered),
                chosen: Cow::Borrowed(refusal.chosen.as_deref().unwrap_or_default()),
            },
            Event::Closed { connection, close } => Self::ConnectionClosed {
                connection: connection.0.into(),
                by: close.by,
                cause: close.cause,
                code: close.code as f64,
                reason: Cow::Borrowed(&close.reason),
                accepts: Encoded::names(&close.accepts),
            },
            Event::Datagram { connection, bytes } => {
                Self::Datagram { connection: connection.0.into(), bytes }
            }
            Event::Message { connection, priority, bytes } => Self::Message {
                connection: connection.0.into(),
                priority: (*priority).into(),
                bytes: bytes.len() as f64,
            },
            Event::LaneDrained { connection, priority, bytes } => Self::LaneDrained {
                connection: connection.0.into(),
                priority: (*priority).into(),
                bytes: *bytes as f64,
            },
            Event::MessageSettled { connection, message, outcome } => Self::MessageSettled {
                connection: connection.0.into(),
                message: message.0 as f64,
                outcome: *outcome,
            },
            Event::StreamOpened { connection, stream, bidirectional, priority, name } => Self::StreamOpened {
                connection: connection.0.into(),
                stream: stream.0 as f64,
                bidirectional: *bidirectional,
                priority: (*priority).into(),
                name: Cow::Borrowed(name.as_str()),
            },
            Event::StreamData { stream, bytes } => {
                Self::StreamData { stream: stream.0 as f64, chunk: bytes, pieces: 1.0 }
            }
            Event::StreamEnd { stream } => Self::StreamEnd { stream: stream.0 as f64 },
            Event::StreamReset { stream, code } => {
                Self::StreamReset { stream: stream.0 as f64, code: *code as f64 }
            }
            Event::StreamStopped { stream, code, whole } => {
                Self::StreamStopped { stream: stream.0 as f64, code: *code as f64, whole: *whole }
            }
            Event::StreamDrained { stream, bytes } => {
                Self::StreamDrained { stream: stream.0 as f64, bytes: *bytes as f64 }
            }
            Event::StreamFinished { stream } => Self::StreamFinished { stream: stream.0 as f64 },
        }
    }
}

/// Gives an enum of the engine's the number of its value in a list, which JavaScript has as names.
macro_rules! names {
    ($($(#[$doc:meta])* enum $name:ident { $($variant:ident = $text:literal,)+ })+) => {
        $(
            impl Field for $name {
                fn value(&self) -> Value<'_> {
                    enum Number { $($variant),+ }
                    let number = match self { $(Self::$variant => Number::$variant),+ };
                    Value::Number(f64::from(number as u8))
                }
            }
        )+

        const NAMES: &[&str] = &[$(concat!(stringify!($name), $(" ", $text),+)),+];
    };
}

names! {
    /// The end that dialled.
    enum Initiator {
        Local = "local",
        Remote = "remote",
    }
    /// The end that closed a connection; 'network': neither did, the path or a process failed.
    enum ClosedBy {
        Local = "local",
        Remote = "remote",
        Network = "network",
    }
    /// The kind of a connection's end.
    enum CloseCause {
        Application = "application",
        PeerDead = "peer-dead",
        PeerRestarted = "peer-restarted",
        PeerRemoved = "peer-removed",
        NoHandshake = "no-handshake",
        NoTransport = "no-transport",
        NoEndpoint = "no-endpoint",
        NoProtocol = "no-protocol",
        BelowFloor = "below-floor",
        PeerDials = "peer-dials",
        ListsDiffer = "lists-differ",
        Refused = "refused",
        Duplicate = "duplicate",
        Protocol = "protocol",
        LaneFull = "lane-full",
    }
    /// The reason why a dial of a peer's was refused. 'below-floor': it offered nothing that this end accepts, and a
    /// protocol that a floor excludes. 'peer-dials': the pair speaks a protocol that this end alone offers.
    /// 'lists-differ': a hello was altered on its way.
    enum DialRefusal {
        NoProtocol = "no-protocol",
        BelowFloor = "below-floor",
        PeerDials = "peer-dials",
        ListsDiffer = "lists-differ",
    }
    /// The reason why a tunnel is down.
    enum PeerDownReason {
        Expired = "expired",
        HandshakeTimeout = "handshake-timeout",
        Left = "left",
    }
    /// The end of a message that was sent. 'delivered': the peer's device holds all of it. 'expired': its `lifetime`
    /// ended first. 'cancelled': it was taken back in time. 'replaced': a later one of its slot took its place.
    /// 'dropped': a full lane or the peer refused it. 'lost': the connection ended first, and nobody knows.
    enum Outcome {
        Delivered = "delivered",
        Expired = "expired",
        Cancelled = "cancelled",
        Replaced = "replaced",
        Dropped = "dropped",
        Lost = "lost",
    }
}

/// The tables that this addon was built with, as text: its records are read by code that was written from the same.
#[napi]
pub fn record_table() -> String {
    let stride = format!("stride {STRIDE}");
    [&[stride.as_str()], TABLE, NAMES].concat().join("\n")
}

/// Events that wait for room, in order.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) events: VecDeque<Event>,
    pub(crate) failure: Option<String>,
    messages: VecDeque<Box<[u8]>>,
}

impl Records {
    /// Writes as many records as there is room for, their bytes from `slab_start`; gives their number.
    ///
    /// `untaken`: there are more events than these.
    pub(crate) fn drain(&mut self, words: &mut [u8], slab: &mut [u8], slab_start: u32, untaken: bool) -> u32 {
        // Messages that JavaScript did not take at once it never will.
        self.messages.clear();
        let end = (slab_start as usize).min(slab.len());
        let mut writer = Writer { words: Words(words), slab, records: 0, end, open: None };
        let mut full = false;
        while !full && let Some(event) = self.events.pop_front() {
            let left = if writer.has_room() { writer.write(event, &mut self.messages) } else { Some(event) };
            if let Some(event) = left {
                self.events.push_front(event);
                full = true;
            }
        }
        if !full && let Some(failure) = &self.failure {
            full =
                !(writer.has_room() && Record::Failed { message: Cow::Borrowed(failure) }.write(&mut writer));
            if !full {
                self.failure = None;
            }
        }
        writer.words.set(0, writer.end as f64);
        writer.words.set(1, f64::from(u8::from(full || untaken)));
        writer.records as u32
    }

    /// Copies the first message whose record was written and that was not taken. `false`: none has this length.
    pub(crate) fn take_message(&mut self, into: &mut [u8]) -> bool {
        let Some(message) = self.messages.pop_front().filter(|message| message.len() == into.len()) else {
            return false;
        };
        into.copy_from_slice(&message);
        true
    }

    /// The first message whose record was written and that was not taken, as it is: JavaScript frees it.
    pub(crate) fn take_owned_message(&mut self) -> Option<Vec<u8>> {
        self.messages.pop_front().map(<[u8]>::into_vec)
    }
}

struct Writer<'a> {
    words: Words<'a>,
    slab: &'a mut [u8],
    records: usize,
    end: usize,
    /// The stream whose data ends at `end`, in the last record.
    open: Option<u64>,
}

impl Writer<'_> {
    fn has_room(&self) -> bool {
        (self.records + 2) * STRIDE <= self.words.len()
    }

    /// `Some`: it, or what is left of it, does not fit.
    fn write(&mut self, event: Event, messages: &mut VecDeque<Box<[u8]>>) -> Option<Event> {
        if let Event::StreamData { stream, mut bytes } = event {
            let copied = self.stream_data(stream.0, &bytes);
            bytes.advance(copied);
            return (!bytes.is_empty()).then_some(Event::StreamData { stream, bytes });
        }
        if !Record::from(&event).write(self) {
            return Some(event);
        }
        if let Event::Message { bytes, .. } = event {
            messages.push_back(bytes);
        }
        None
    }

    /// `false`: the slab has no room for its bytes.
    fn put(&mut self, kind: Kind, fields: &[Value<'_>]) -> bool {
        let needed: usize = fields.iter().map(Value::len).sum();
        if needed > self.slab.len() - self.end {
            return false;
        }
        self.records += 1;
        let mut word = self.records * STRIDE;
        self.words.set(word, f64::from(kind as u8));
        for field in fields {
            word += match field {
                Value::Number(number) => {
                    self.words.set(word + 1, *number);
                    1
                }
                Value::Bytes(bytes) => {
                    self.words.set(word + 1, self.end as f64);
                    self.words.set(word + 2, bytes.len() as f64);
                    self.slab[self.end..][..bytes.len()].copy_from_slice(bytes);
                    self.end += bytes.len();
                    2
                }
            };
        }
        self.open = None;
        true
    }

    /// Writes data of a stream; gives the number of bytes written.
    fn stream_data(&mut self, stream: u64, bytes: &[u8]) -> usize {
        let room = self.slab.len() - self.end;
        let length_word = self.records * STRIDE + 3;
        let pieces_word = length_word + 1;
        let length = self.words.get(length_word);
        let joins = self.open == Some(stream) && length as usize + bytes.len() <= CHUNK;
        let count = bytes.len().min(room);
        let chunk = &bytes[..count];
        if joins && count == bytes.len() {
            self.words.set(length_word, length + count as f64);
            self.words.set(pieces_word, self.words.get(pieces_word) + 1.0);
            self.slab[self.end..][..count].copy_from_slice(chunk);
            self.end += count;
            return count;
        }
        if room < MIN_CHUNK && count < bytes.len() {
            return 0;
        }
        let written = Record::StreamData { stream: stream as f64, chunk, pieces: 1.0 }.write(self);
        self.open = Some(stream);
        if written { count } else { 0 }
    }
}

/// Words of a record.
const STRIDE: usize = 9;
/// The same in bytes.
pub(crate) const RECORD_BYTES: usize = STRIDE * size_of::<f64>();

/// The most that a Duplex hands on in one piece: larger chunks gained nothing (16 to 64 KiB measured alike).
const CHUNK: usize = 65_536;
/// A smaller rest of a slab is left unused rather than cut a chunk for it.
const MIN_CHUNK: usize = 4096;
