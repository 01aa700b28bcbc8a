//! Receiving: the kind of each stream, and messages as they arrive.

use super::{
    Connection, Events, Phase, Violation,
    messages::{GIVEN_UP, reason_of},
};
use crate::{
    Config, Event, GiveUp,
    assembly::Assembly,
    control::{ControlFrame, ControlReader, READ_ALL},
    header::{Header, HeaderReader},
    lanes::Lanes,
};
use quinn_proto::{Dir, ReadError, StreamId, VarInt};
use rustc_hash::FxHashMap;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

/// All lanes together may hold this many times what one lane and those above may.
const ALL_LANES: u64 = 4;

/// Cost of a whole message beside its bytes while nobody takes it: an event here, then a buffer in JavaScript. Empty
/// ones held 430 bytes each of a process.
const MESSAGE_COST: u64 = 512;

/// Streams of the other end that are no byte streams, and the messages from them.
pub(super) struct Receiving {
    incoming: FxHashMap<StreamId, Incoming>,
    /// Streams of messages for which there is no room, highest lane first, then oldest.
    waiting: BTreeSet<(Reverse<u8>, StreamId)>,
    /// Messages in assembly, or complete and not released.
    held: Lanes,
    /// Lengths of complete messages that were not released.
    complete: BTreeMap<u8, VecDeque<usize>>,
    limit: u64,
    has_control: bool,
    /// Bytes of the control stream that were read.
    control_read: u64,
    /// Room came back: waiting messages may fit.
    freed: bool,
}

enum Incoming {
    Header(HeaderReader),
    Control(ControlReader),
    /// Not read: QUIC's flow control holds the sender.
    Waiting(Assembly),
    Message(Assembly),
}

/// Progress of a read.
enum Progress {
    Blocked,
    Ended,
    /// Given up by the sender, with this code.
    Reset(VarInt),
}

impl Receiving {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            incoming: FxHashMap::default(),
            waiting: BTreeSet::new(),
            held: Lanes::default(),
            complete: BTreeMap::new(),
            limit: config.receive_bytes_per_connection as u64,
            has_control: false,
            control_read: 0,
            freed: false,
        }
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.held.total().bytes
    }

    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Bytes behind its header that were read of a stream that is no byte stream.
    pub(super) fn read_of(&self, id: StreamId) -> Option<u64> {
        self.incoming.get(&id).map(|incoming| match incoming {
            Incoming::Header(_) | Incoming::Waiting(_) => 0,
            Incoming::Control(_) => self.control_read,
            Incoming::Message(assembly) => assembly.here(),
        })
    }

    fn has_room(&self, assembly: &Assembly) -> bool {
        let length = assembly.length() as u64;
        let fits =
            |held: crate::lanes::Load, limit: u64| held.bytes + held.count * MESSAGE_COST + length <= limit;
        fits(self.held.at_or_above(assembly.priority), self.limit)
            && fits(self.held.total(), self.limit * ALL_LANES)
    }

    /// Releases messages that the owner took. An empty message is released with the next one that is not.
    fn release(&mut self, priority: u8, mut bytes: usize) {
        let Some(complete) = self.complete.get_mut(&priority) else { return };
        let mut first = true;
        while let Some(&length) = complete.front() {
            if length > bytes || (bytes == 0 && !first) {
                break;
            }
            first = false;
            bytes -= length;
            complete.pop_front();
            self.held.remove(priority, length as u64, 1);
        }
        if complete.is_empty() {
            self.complete.remove(&priority);
        }
    }
}

impl Connection {
    pub(crate) fn release_messages(&mut self, priority: u8, bytes: usize, now: Instant, events: &mut Events) {
        self.receiving.release(priority, bytes);
        if self.phase == Phase::Open
            && let Err(Violation(reason)) = self.admit_waiting(events)
        {
            self.violated(reason, now, events);
        }
    }

    pub(super) fn on_opened(&mut self, id: StreamId, events: &mut Events) -> Result<(), Violation> {
        self.receiving.incoming.insert(id, Incoming::Header(HeaderReader::default()));
        self.on_readable(id, events)
    }

    pub(super) fn on_readable(&mut self, id: StreamId, events: &mut Events) -> Result<(), Violation> {
        match self.receiving.incoming.get(&id) {
            None => self.on_stream_readable(id, events),
            Some(Incoming::Header(_)) => self.read_header(id, events)?,
            Some(Incoming::Control(_)) => self.read_control(id, events)?,
            Some(Incoming::Waiting(_)) => self.look_for_reset(id),
            Some(Incoming::Message(_)) => self.read_message(id, events)?,
        }
        if std::mem::take(&mut self.receiving.freed) { self.admit_waiting(events) } else { Ok(()) }
    }

    fn read_header(&mut self, id: StreamId, events: &mut Events) -> Result<(), Violation> {
        let Some(Incoming::Header(reader)) = self.receiving.incoming.get_mut(&id) else { return Ok(()) };
        match fetch_header(&mut self.inner, id, reader) {
            Some(Progress::Blocked) => return Ok(()),
            Some(Progress::Ended) => return Err(Violation("a stream ended inside its header")),
            Some(Progress::Reset(code)) => {
                self.receiving.incoming.remove(&id);
                if id.dir() == Dir::Bi {
                    self.turn_down(id);
                }
                if reason_of(code).is_some() {
                    self.abandon_message(id, code);
                } else {
                    self.control.push(ControlFrame::Read { stream: id.into(), bytes: READ_ALL });
                }
                return Ok(());
            }
            None => {}
        }
        match reader.header() {
            Some(Ok(header)) => self.on_header(id, header, events),
            Some(Err(_)) => {
                self.receiving.incoming.remove(&id);
                match id.dir() {
                    Dir::Uni => self.stop_receiving(id, GIVEN_UP),
                    Dir::Bi => self.turn_down(id),
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn on_header(&mut self, id: StreamId, header: Header, events: &mut Events) -> Result<(), Violation> {
        match (header, id.dir()) {
            (Header::Bytes { priority, name }, _) => {
                self.receiving.incoming.remove(&id);
                self.on_stream_opened(id, priority, name, events);
                Ok(())
            }
            (Header::Control, Dir::Uni) if !self.receiving.has_control => {
                self.receiving.has_control = true;
                self.receiving.incoming.insert(id, Incoming::Control(ControlReader::default()));
                self.read_control(id, events)
            }
            (Header::Message { priority, length }, Dir::Uni) => self.on_message(id, priority, length, events),
            (Header::Control, _) => Err(Violation("a second control stream")),
            (Header::Message { .. }, Dir::Bi) => Err(Violation("a message on a bidirectional stream")),
        }
    }

    fn on_message(
        &mut self,
        id: StreamId,
        priority: u8,
        length: u64,
        events: &mut Events,
    ) -> Result<(), Violation> {
        let length = usize::try_from(length).ok().filter(|length| *length <= self.config.message_bytes);
        let Some(length) = length else {
            self.receiving.incoming.remove(&id);
            self.stats.messages_too_long += 1;
            self.stop_receiving(id, GIVEN_UP);
            self.control.push(ControlFrame::Refused { message: id.index() });
            return Ok(());
        };
        let assembly = Assembly::new(priority, length);
        let queued = self.receiving.waiting.first().is_some_and(|(Reverse(lane), _)| *lane >= priority);
        if queued || !self.receiving.has_room(&assembly) {
            self.receiving.waiting.insert((Reverse(priority), id));
            self.receiving.incoming.insert(id, Incoming::Waiting(assembly));
            self.look_for_reset(id);
            return Ok(());
        }
        self.admit(id, assembly, events)
    }

    fn admit(&mut self, id: StreamId, assembly: Assembly, events: &mut Events) -> Result<(), Violation> {
        self.receiving.held.add(assembly.priority, assembly.length() as u64, 1);
        self.receiving.incoming.insert(id, Incoming::Message(assembly));
        self.read_message(id, events)
    }

    /// Admits messages while there is room. The first that finds none ends it, so that small ones cannot overtake for
    /// ever.
    fn admit_waiting(&mut self, events: &mut Events) -> Result<(), Violation> {
        while let Some(&(lane, id)) = self.receiving.waiting.first() {
            if let Some(Incoming::Waiting(assembly)) = self.receiving.incoming.get(&id)
                && !self.receiving.has_room(assembly)
            {
                break;
            }
            self.receiving.waiting.remove(&(lane, id));
            if let Some(Incoming::Waiting(assembly)) = self.receiving.incoming.remove(&id) {
                self.admit(id, assembly, events)?;
            }
        }
        Ok(())
    }

    fn look_for_reset(&mut self, id: StreamId) {
        let Ok(Some(code)) = self.inner.recv_stream(id).received_reset() else { return };
        self.abandon_waiting(id, code);
    }

    /// Gives up a message at its sender's word on the control stream, for its stream is over.
    pub(super) fn on_given_up(&mut self, message: u64, code: u64) {
        let id = StreamId::new(!self.inner.side(), Dir::Uni, message);
        if let Some(Incoming::Waiting(_)) = self.receiving.incoming.get(&id) {
            self.stop_receiving(id, GIVEN_UP);
            self.abandon_waiting(id, VarInt::from_u64(code).unwrap_or(GIVEN_UP));
        }
    }

    fn abandon_waiting(&mut self, id: StreamId, code: VarInt) {
        if let Some(Incoming::Waiting(assembly)) = self.receiving.incoming.remove(&id) {
            self.receiving.waiting.remove(&(Reverse(assembly.priority), id));
        }
        self.abandon_message(id, code);
    }

    fn read_message(&mut self, id: StreamId, events: &mut Events) -> Result<(), Violation> {
        let Some(Incoming::Message(assembly)) = self.receiving.incoming.get_mut(&id) else { return Ok(()) };
        let progress = fetch(&mut self.inner, id, |bytes| {
            assembly.push(bytes).map_err(|_| Violation("a message longer than announced"))
        })?;
        let (priority, length) = (assembly.priority, assembly.length());
        match progress {
            Progress::Blocked => {
                if let Some(bytes) = assembly.progress(self.config.stream_receive_window / 8) {
                    self.control.push(ControlFrame::Read { stream: id.into(), bytes });
                }
                Ok(())
            }
            Progress::Ended => {
                let bytes = assembly.finish().ok_or(Violation("a message shorter than announced"))?;
                self.receiving.incoming.remove(&id);
                self.receiving.complete.entry(priority).or_default().push_back(length);
                self.control.push(ControlFrame::Delivered { message: id.index() });
                self.stats.messages_received += 1;
                events.push_back((self.handle, Event::Message { priority, bytes }));
                Ok(())
            }
            Progress::Reset(code) => {
                self.receiving.incoming.remove(&id);
                self.receiving.held.remove(priority, length as u64, 1);
                self.abandon_message(id, code);
                Ok(())
            }
        }
    }

    fn abandon_message(&mut self, id: StreamId, code: VarInt) {
        match reason_of(code).unwrap_or(GiveUp::Cancelled) {
            GiveUp::Cancelled => self.stats.peer_cancelled += 1,
            GiveUp::Replaced => self.stats.peer_replaced += 1,
            GiveUp::Expired => self.stats.peer_expired += 1,
        }
        self.control.push(ControlFrame::Cancelled { message: id.index() });
        self.receiving.freed = true;
    }

    fn read_control(&mut self, id: StreamId, events: &mut Events) -> Result<(), Violation> {
        let Some(Incoming::Control(reader)) = self.receiving.incoming.get_mut(&id) else { return Ok(()) };
        let mut frames = Vec::new();
        let read = &mut self.receiving.control_read;
        let progress = fetch(&mut self.inner, id, |bytes| {
            *read += bytes.len() as u64;
            reader.push(bytes, |frame| frames.push(frame)).map_err(|_| Violation("a malformed control frame"))
        })?;
        let announces = |frame: &ControlFrame| matches!(frame, ControlFrame::Announce(_));
        let newest = frames.iter().rposition(announces);
        for (at, frame) in frames.into_iter().enumerate() {
            if !announces(&frame) || Some(at) == newest {
                self.on_control(frame, events)?;
            }
        }
        match progress {
            Progress::Blocked => Ok(()),
            Progress::Ended | Progress::Reset(_) => Err(Violation("the control stream ended")),
        }
    }
}

/// Reads no further than the header; `None`: it is complete.
fn fetch_header(
    inner: &mut quinn_proto::Connection,
    id: StreamId,
    reader: &mut HeaderReader,
) -> Option<Progress> {
    let mut stream = inner.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return Some(Progress::Reset(GIVEN_UP)) };
    loop {
        let wants = reader.wants();
        if wants == 0 {
            return None;
        }
        match chunks.next(wants) {
            Ok(Some(chunk)) => reader.push(&chunk.bytes),
            Ok(None) => return Some(Progress::Ended),
            Err(ReadError::Blocked) => return Some(Progress::Blocked),
            Err(ReadError::Reset(code)) => return Some(Progress::Reset(code)),
        }
    }
}

/// Reads all there is.
fn fetch(
    inner: &mut quinn_proto::Connection,
    id: StreamId,
    mut take: impl FnMut(&[u8]) -> Result<(), Violation>,
) -> Result<Progress, Violation> {
    let mut stream = inner.recv_stream(id);
    let Ok(mut chunks) = stream.read(true) else { return Ok(Progress::Reset(GIVEN_UP)) };
    loop {
        match chunks.next(usize::MAX) {
            Ok(Some(chunk)) => take(&chunk.bytes)?,
            Ok(None) => return Ok(Progress::Ended),
            Err(ReadError::Blocked) => return Ok(Progress::Blocked),
            Err(ReadError::Reset(code)) => return Ok(Progress::Reset(code)),
        }
    }
}
