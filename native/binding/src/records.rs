//! Events on their way to JavaScript: eight numbers each in an array of the caller's, and their bytes in a slab of the caller's.
//!
//! The first record is the head: [slab end, 1 if not all had room]. The others are [kind, …fields]. Strings and bytes are two fields: start and length in the slab. Neighbouring data of one stream
//! becomes one record. A whole message is not in the slab: its record says the length, and `take_message` copies it into memory
//! of its own. `lib/addon/records.ts` reads them; the names below are the order of the numbers.

use std::collections::VecDeque;

use bytes::Buf;
use napi_derive::napi;
use warren_engine::{CloseCause, ClosedBy, Event, Initiator, Outcome, PeerDownReason};

use crate::words::Words;

/// Words of a record.
const STRIDE: usize = 8;
/// The same in bytes.
pub(crate) const RECORD_BYTES: usize = STRIDE * size_of::<f64>();

/// What is told, in order, until there is room for it.
#[derive(Default)]
pub(crate) struct Records {
    pub(crate) events: VecDeque<Event>,
    pub(crate) failure: Option<String>,
    messages: VecDeque<Box<[u8]>>,
}

impl Records {
    /// Writes as many records as there is room for, their bytes from `slab_start`; how many.
    ///
    /// `untaken`: there are more events than these.
    pub(crate) fn drain(&mut self, words: &mut [u8], slab: &mut [u8], slab_start: u32, untaken: bool) -> u32 {
        // What JavaScript did not take at once it never will.
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
            full = !(writer.has_room() && writer.text(Kind::Failed, &[], failure.as_bytes()));
            if !full {
                self.failure = None;
            }
        }
        writer.words.write(0, &[writer.end as f64, f64::from(u8::from(full || untaken))]);
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
}

/// Where JavaScript takes messages.
impl Records {
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
        match event {
            Event::StreamData { stream, mut bytes } => {
                let copied = self.stream_data(stream.0, &bytes);
                bytes.advance(copied);
                return (!bytes.is_empty()).then_some(Event::StreamData { stream, bytes });
            }
            Event::Message { connection, priority, bytes } => {
                self.numbers(Kind::Message, &[connection.0.into(), priority.into(), bytes.len() as f64]);
                messages.push_back(bytes);
                return None;
            }
            _ => {}
        }
        let written = match &event {
            Event::StreamData { .. } | Event::Message { .. } => true,
            Event::PeerUp { peer, handshake } => {
                self.numbers(Kind::PeerUp, &[peer.0.into(), handshake.as_secs_f64() * 1e3])
            }
            Event::PeerRekeyed { peer } => self.numbers(Kind::PeerRekeyed, &[peer.0.into()]),
            Event::PeerMoved { peer, from, to } => {
                let from = from.map_or(String::new(), |from| from.to_string());
                self.texts(Kind::PeerMoved, &[peer.0.into()], &[from.as_bytes(), to.to_string().as_bytes()])
            }
            Event::PeerUnanswered { peer, attempt, to } => {
                let fields = [peer.0.into(), (*attempt).into()];
                self.text(Kind::PeerUnanswered, &fields, to.to_string().as_bytes())
            }
            Event::PeerUnreachable { peer, to, error } => {
                let fields = [peer.0.into(), (*error).into()];
                self.text(Kind::PeerUnreachable, &fields, to.to_string().as_bytes())
            }
            Event::PeerOversized { peer, len } => {
                self.numbers(Kind::PeerOversized, &[peer.0.into(), *len as f64])
            }
            Event::PeerDown { peer, reason } => {
                self.numbers(Kind::PeerDown, &[peer.0.into(), down_reason(*reason)])
            }
            Event::Stranger { public_key, endpoint } => {
                let texts = [public_key.to_string(), endpoint.to_string()];
                self.texts(Kind::Stranger, &[], &[texts[0].as_bytes(), texts[1].as_bytes()])
            }
            Event::StrangerGone { public_key } => {
                self.text(Kind::StrangerGone, &[], public_key.to_string().as_bytes())
            }
            Event::Packet { peer, packet } => self.text(Kind::Packet, &[peer.0.into()], packet),
            Event::Connected { connection, peer, initiator, protocol } => {
                let fields = [connection.0.into(), peer.0.into(), initiator_number(*initiator)];
                self.text(Kind::Connected, &fields, protocol.as_bytes())
            }
            Event::Closed { connection, close } => {
                let fields =
                    [connection.0.into(), closed_by(close.by), close_cause(close.cause), close.code as f64];
                self.text(Kind::ConnectionClosed, &fields, close.reason.as_bytes())
            }
            Event::Datagram { connection, bytes } => self.text(Kind::Datagram, &[connection.0.into()], bytes),
            Event::LaneDrained { connection, priority, bytes } => {
                self.numbers(Kind::LaneDrained, &[connection.0.into(), (*priority).into(), *bytes as f64])
            }
            Event::MessageSettled { connection, message, outcome } => self.numbers(
                Kind::MessageSettled,
                &[connection.0.into(), message.0 as f64, outcome_number(*outcome)],
            ),
            Event::StreamOpened { connection, stream, bidirectional, priority, name } => {
                let both = u8::from(*bidirectional);
                let fields = [connection.0.into(), stream.0 as f64, both.into(), (*priority).into()];
                self.text(Kind::StreamOpened, &fields, name.as_str().as_bytes())
            }
            Event::StreamEnd { stream } => self.numbers(Kind::StreamEnd, &[stream.0 as f64]),
            Event::StreamReset { stream, code } => {
                self.numbers(Kind::StreamReset, &[stream.0 as f64, *code as f64])
            }
            Event::StreamStopped { stream, code, whole } => {
                self.numbers(Kind::StreamStopped, &[stream.0 as f64, *code as f64, u8::from(*whole).into()])
            }
            Event::StreamDrained { stream, bytes } => {
                self.numbers(Kind::StreamDrained, &[stream.0 as f64, *bytes as f64])
            }
            Event::StreamFinished { stream } => self.numbers(Kind::StreamFinished, &[stream.0 as f64]),
        };
        (!written).then_some(event)
    }

    fn numbers(&mut self, kind: Kind, fields: &[f64]) -> bool {
        self.records += 1;
        let record = self.records * STRIDE;
        self.words.set(record, f64::from(kind as u8));
        self.words.write(record + 1, fields);
        self.open = None;
        true
    }

    fn text(&mut self, kind: Kind, fields: &[f64], text: &[u8]) -> bool {
        self.texts(kind, fields, &[text])
    }

    fn texts(&mut self, kind: Kind, fields: &[f64], texts: &[&[u8]]) -> bool {
        let needed: usize = texts.iter().map(|text| text.len()).sum();
        if needed > self.slab.len() - self.end {
            return false;
        }
        let mut all = [0.0; STRIDE - 1];
        all[..fields.len()].copy_from_slice(fields);
        let mut used = fields.len();
        for text in texts {
            all[used] = self.end as f64;
            all[used + 1] = text.len() as f64;
            used += 2;
            self.slab[self.end..][..text.len()].copy_from_slice(text);
            self.end += text.len();
        }
        self.numbers(kind, &all[..used])
    }

    /// How much of it went into the slab.
    fn stream_data(&mut self, stream: u64, bytes: &[u8]) -> usize {
        let room = self.slab.len() - self.end;
        let length_word = self.records * STRIDE + 3;
        let length = self.words.get(length_word);
        let joins = self.open == Some(stream) && length as usize + bytes.len() <= CHUNK;
        let count = bytes.len().min(room);
        if joins && count == bytes.len() {
            self.words.set(length_word, length + count as f64);
        } else if room < MIN_CHUNK && count < bytes.len() {
            return 0;
        } else {
            self.numbers(Kind::StreamData, &[stream as f64, self.end as f64, count as f64]);
            self.open = Some(stream);
        }
        self.slab[self.end..][..count].copy_from_slice(&bytes[..count]);
        self.end += count;
        count
    }
}

/// The names behind the numbers of a record's fields, each at its number.
#[napi(object, object_from_js = false)]
pub struct RecordNames {
    /// Words of a record.
    pub stride: u32,
    /// What a record tells.
    pub kinds: Vec<&'static str>,
    /// Who dialled.
    pub initiators: Vec<&'static str>,
    /// Who ended a connection.
    pub closed_by: Vec<&'static str>,
    /// Why it ended.
    pub close_causes: Vec<&'static str>,
    /// Why a tunnel is down.
    pub down_reasons: Vec<&'static str>,
    /// How a message ended.
    pub outcomes: Vec<&'static str>,
}

/// The one source of these numbers.
#[napi]
pub fn record_names() -> RecordNames {
    RecordNames {
        stride: STRIDE as u32,
        kinds: KINDS.to_vec(),
        initiators: INITIATORS.to_vec(),
        closed_by: CLOSED_BY.to_vec(),
        close_causes: CLOSE_CAUSES.to_vec(),
        down_reasons: DOWN_REASONS.to_vec(),
        outcomes: OUTCOMES.to_vec(),
    }
}

macro_rules! names {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident: $list:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        #[repr(u8)]
        $visibility enum $name { $($variant),+ }
        const $list: &[&str] = &[$($text),+];
    };
}

names! {
    /// What a record tells; by the name of the method of `Receiver` that it becomes.
    enum Kind: KINDS {
        PeerUp = "peerUp",
        PeerRekeyed = "peerRekeyed",
        PeerMoved = "peerMoved",
        PeerUnanswered = "peerUnanswered",
        PeerUnreachable = "peerUnreachable",
        PeerOversized = "peerOversized",
        PeerDown = "peerDown",
        Stranger = "stranger",
        StrangerGone = "strangerGone",
        Packet = "packet",
        Connected = "connected",
        ConnectionClosed = "connectionClosed",
        Datagram = "datagram",
        Message = "message",
        LaneDrained = "laneDrained",
        MessageSettled = "messageSettled",
        StreamOpened = "streamOpened",
        StreamData = "streamData",
        StreamEnd = "streamEnd",
        StreamReset = "streamReset",
        StreamStopped = "streamStopped",
        StreamDrained = "streamDrained",
        StreamFinished = "streamFinished",
        Failed = "failed",
    }
}

const INITIATORS: &[&str] = &["local", "remote"];
const CLOSED_BY: &[&str] = &["local", "remote", "network"];
const DOWN_REASONS: &[&str] = &["expired", "handshake-timeout", "left"];
const OUTCOMES: &[&str] = &["delivered", "cancelled", "dropped", "lost", "replaced", "expired"];
const CLOSE_CAUSES: &[&str] = &[
    "application",
    "peer-dead",
    "peer-restarted",
    "peer-removed",
    "no-handshake",
    "no-transport",
    "no-endpoint",
    "no-protocol",
    "refused",
    "duplicate",
    "protocol",
    "lane-full",
];

fn initiator_number(initiator: Initiator) -> f64 {
    match initiator {
        Initiator::Local => 0.0,
        Initiator::Remote => 1.0,
    }
}

fn closed_by(by: ClosedBy) -> f64 {
    match by {
        ClosedBy::Local => 0.0,
        ClosedBy::Remote => 1.0,
        ClosedBy::Network => 2.0,
    }
}

fn down_reason(reason: PeerDownReason) -> f64 {
    match reason {
        PeerDownReason::Expired => 0.0,
        PeerDownReason::HandshakeTimeout => 1.0,
        PeerDownReason::Left => 2.0,
    }
}

fn outcome_number(outcome: Outcome) -> f64 {
    match outcome {
        Outcome::Delivered => 0.0,
        Outcome::Cancelled => 1.0,
        Outcome::Dropped => 2.0,
        Outcome::Lost => 3.0,
        Outcome::Replaced => 4.0,
        Outcome::Expired => 5.0,
    }
}

fn close_cause(cause: CloseCause) -> f64 {
    match cause {
        CloseCause::Application => 0.0,
        CloseCause::PeerDead => 1.0,
        CloseCause::PeerRestarted => 2.0,
        CloseCause::PeerRemoved => 3.0,
        CloseCause::NoHandshake => 4.0,
        CloseCause::NoTransport => 5.0,
        CloseCause::NoEndpoint => 6.0,
        CloseCause::NoProtocol => 7.0,
        CloseCause::Refused => 8.0,
        CloseCause::Duplicate => 9.0,
        CloseCause::Protocol => 10.0,
        CloseCause::LaneFull => 11.0,
    }
}

// What a Duplex hands on in one piece: larger chunks gained nothing (16 to 64 KiB measured alike).
const CHUNK: usize = 65_536;
// A smaller rest of a slab is left unused rather than cut a chunk for it.
const MIN_CHUNK: usize = 4096;
