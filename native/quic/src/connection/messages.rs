//! Sending messages: a unidirectional stream each, settled by the receiver's word.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use quinn_proto::{Dir, Side, StreamId, VarInt, WriteError};

use super::{Connection, Events, Phase, Violation};
use crate::control_stream::ControlFrame;
use crate::header::Header;
use crate::lane_loads::LaneLoads;
use crate::send_priority::send_priority;
use crate::{Event, GiveUp, MessageHandle, Outcome};

/// Messages that were begun and are not settled.
#[derive(Debug, Default)]
pub(super) struct OutgoingMessages {
    messages: BTreeMap<u64, OutgoingMessage>,
    /// Bytes written of unsettled messages; and unidirectional streams in use, those of bytes as well.
    pub(super) unsettled: LaneLoads,
    /// Bytes written of messages and byte streams that the other end has not read, by its own word.
    pub(super) unread: LaneLoads,
}

/// A message that was begun and is not settled.
#[derive(Debug)]
struct OutgoingMessage {
    priority: u8,
    /// Rest of the header.
    prefix: Bytes,
    length: usize,
    written: usize,
    /// Bytes of `written` that the receiver has read.
    read: usize,
    /// Nothing more is written: finished, cancelled or stopped.
    done: bool,
    given_up: Option<GiveUp>,
}

impl Connection {
    pub(crate) fn begin_message(&mut self, priority: u8, length: usize) -> Option<MessageHandle> {
        let id = self.open_for_message(priority)?;
        let index = id.index();
        let header = Header::Message { priority, length: length as u64 };
        self.sending.unsettled.add(priority, 0, 1);
        let prefix = Bytes::from(header.encode());
        self.sending.messages.insert(index, OutgoingMessage::new(priority, prefix, length));
        self.flush_prefix(id);
        Some(MessageHandle(index))
    }

    /// Opens a stream if this lane may have one: half of what the lanes below leave, so that there is always some for
    /// those above, and little unsettled in this lane and above.
    fn open_for_message(&mut self, priority: u8) -> Option<StreamId> {
        let (mine, below) =
            (self.sending.unsettled.at_or_above(priority), self.sending.unsettled.below(priority));
        let streams = self.limits.shares().messages.saturating_sub(below.count) / 2;
        let bytes = self.limits.receive_window.saturating_sub(below.bytes) / 4;
        let may = mine.count < streams && mine.bytes < bytes.min(UNSETTLED_MAX);
        self.open_unidirectional(priority, may)
    }

    pub(super) fn open_unidirectional(&mut self, priority: u8, may: bool) -> Option<StreamId> {
        let id = if may && self.phase == Phase::Open { self.inner.streams().open(Dir::Uni) } else { None };
        if let Some(id) = id {
            // The stream was opened just now, so it is there.
            let _ = self.inner.send_stream(id).set_priority(send_priority(priority, id.index()));
        }
        self.wants_writable |= id.is_none();
        id
    }

    pub(crate) fn write_message(&mut self, message: MessageHandle, bytes: &mut Bytes) -> usize {
        let offered = bytes.len();
        let id = own_stream(self.inner.side(), message.0);
        let priority = self.sending.messages.get(&message.0).map_or(0, |outgoing| outgoing.priority);
        let credit = self.credit(priority);
        let Some(outgoing) = self.sending.messages.get_mut(&message.0).filter(|outgoing| !outgoing.done)
        else {
            bytes.clear();
            return offered;
        };
        if !flush(&mut self.inner, id, &mut outgoing.prefix) || credit == 0 {
            self.wants_writable = true;
            return 0;
        }
        let most = offered.min(outgoing.length - outgoing.written).min(credit);
        let mut chunk = [bytes.slice(..most)];
        let written = match self.inner.send_stream(id).write_chunks(&mut chunk) {
            Ok(written) => written.bytes,
            Err(WriteError::Blocked) => 0,
            // The receiver refused; it says so on its control stream.
            Err(WriteError::Stopped(_) | WriteError::ClosedStream) => {
                outgoing.done = true;
                bytes.clear();
                return offered;
            }
        };
        bytes.advance(written);
        self.wants_writable |= !bytes.is_empty();
        outgoing.written += written;
        self.flow.wrote(written);
        self.sending.unsettled.add(priority, written as u64, 0);
        self.sending.unread.add(priority, written as u64, 0);
        outgoing.finish_if_whole(&mut self.inner, id);
        written
    }

    /// Bytes that a lane may write: three quarters of the connection's credit that the lanes below it leave, less the
    /// bytes that it and those above left unread. Whatever lies unread, there is credit for the lanes above.
    pub(super) fn credit(&self, priority: u8) -> usize {
        let below = self.sending.unread.below(priority).bytes;
        let mine = self.sending.unread.at_or_above(priority).bytes;
        let credit = (self.limits.receive_window.saturating_sub(below) / 4 * 3).saturating_sub(mine);
        usize::try_from(credit).unwrap_or(usize::MAX)
    }

    pub(crate) fn cancel_message(&mut self, message: MessageHandle, reason: GiveUp) {
        let Some(outgoing) = self.sending.messages.get_mut(&message.0) else { return };
        if outgoing.given_up.is_some() {
            return;
        }
        outgoing.done = true;
        outgoing.given_up = Some(reason);
        let code = code_of(reason);
        if self.inner.send_stream(own_stream(self.inner.side(), message.0)).reset(code).is_err() {
            // All of it was acknowledged: the receiver has it, or it waits there for room.
            self.control.push(ControlFrame::GivenUp { message: message.0, code: code.into() });
        }
    }

    /// Writes the rest of a header, and finishes an empty message.
    pub(super) fn flush_prefix(&mut self, id: StreamId) {
        if Some(id) == self.control_stream {
            return self.flush_control();
        }
        if id.dir() == Dir::Uni
            && let Some(outgoing) = self.sending.messages.get_mut(&id.index())
        {
            if !outgoing.done && flush(&mut self.inner, id, &mut outgoing.prefix) {
                outgoing.finish_if_whole(&mut self.inner, id);
            }
            return;
        }
        self.flush_stream_prefix(id);
    }

    /// Takes the receiver's word on a message or a stream.
    pub(super) fn on_control(&mut self, frame: ControlFrame, events: &mut Events) -> Result<(), Violation> {
        let (message, outcome) = match frame {
            ControlFrame::Delivered { message } => (message, Outcome::Delivered),
            ControlFrame::Refused { message } => (message, Outcome::Refused),
            ControlFrame::Cancelled { message } => {
                let reason = self.sending.messages.get(&message).and_then(|outgoing| outgoing.given_up);
                (message, Outcome::GivenUp(reason.unwrap_or(GiveUp::Cancelled)))
            }
            ControlFrame::GivenUp { message, code } => {
                self.on_given_up(message, code);
                return Ok(());
            }
            ControlFrame::Read { stream, bytes } => {
                let id = VarInt::from_u64(stream).map_err(|_| Violation("no such stream"))?;
                return self.on_read(id.into(), bytes, events);
            }
            ControlFrame::Announce(announcement) => return self.on_announced(&announcement, events),
            ControlFrame::Finished => {
                self.on_other_finished(events);
                return Ok(());
            }
        };
        let Some(outgoing) = self.sending.messages.get(&message) else {
            return Err(Violation("settled a message that was not sent"));
        };
        let possible = match outcome {
            Outcome::Delivered => outgoing.is_whole(),
            Outcome::GivenUp(_) => outgoing.given_up.is_some(),
            Outcome::Refused | Outcome::Lost => true,
        };
        if !possible {
            return Err(Violation("settled a message as it cannot have ended"));
        }
        let (priority, whole) = (outgoing.priority, outgoing.is_whole());
        self.sending.unsettled.remove(priority, outgoing.written as u64, 1);
        self.sending.unread.remove(priority, (outgoing.written - outgoing.read) as u64, 0);
        self.sending.messages.remove(&message);
        match outcome {
            Outcome::Delivered => self.stats.messages_delivered += 1,
            Outcome::GivenUp(GiveUp::Cancelled) => self.stats.messages_cancelled += 1,
            Outcome::GivenUp(GiveUp::Replaced) => self.stats.messages_replaced += 1,
            Outcome::GivenUp(GiveUp::Expired) => self.stats.messages_expired += 1,
            Outcome::Refused | Outcome::Lost => self.stats.messages_refused += 1,
        }
        if !whole {
            // Refused, or cancelled: nothing more is sent either way.
            let _ = self.inner.send_stream(own_stream(self.inner.side(), message)).reset(GIVEN_UP);
        }
        events.push_back((self.handle, Event::MessageSettled { message: MessageHandle(message), outcome }));
        self.writable(events);
        Ok(())
    }

    /// Notes that the receiver has read so much of a message; `false`: it is none.
    pub(super) fn on_message_read(&mut self, index: u64, bytes: u64) -> bool {
        let Some(outgoing) = self.sending.messages.get_mut(&index) else { return false };
        let read = usize::try_from(bytes).unwrap_or(usize::MAX).min(outgoing.written).max(outgoing.read);
        self.sending.unread.remove(outgoing.priority, (read - outgoing.read) as u64, 0);
        outgoing.read = read;
        true
    }

    pub(super) fn lose_messages(&mut self, events: &mut Events) {
        for (message, _) in std::mem::take(&mut self.sending).messages {
            let message = MessageHandle(message);
            events.push_back((self.handle, Event::MessageSettled { message, outcome: Outcome::Lost }));
        }
    }

    pub(super) fn on_message_stopped(&mut self, index: u64) {
        if let Some(outgoing) = self.sending.messages.get_mut(&index) {
            outgoing.done = true;
            // Answers the stop; what was sent whole needs no answer.
            let _ = self.inner.send_stream(own_stream(self.inner.side(), index)).reset(GIVEN_UP);
        }
    }
}

impl OutgoingMessage {
    fn new(priority: u8, prefix: Bytes, length: usize) -> Self {
        Self { priority, prefix, length, written: 0, read: 0, done: false, given_up: None }
    }

    fn is_whole(&self) -> bool {
        self.prefix.is_empty() && self.written == self.length
    }

    fn finish_if_whole(&mut self, inner: &mut quinn_proto::Connection, id: StreamId) {
        if self.is_whole() && !self.done {
            self.done = true;
            // Fails only if the receiver stopped the stream, and then it says why.
            let _ = inner.send_stream(id).finish();
        }
    }
}

/// Writes a header. Whether it is out.
pub(super) fn flush(inner: &mut quinn_proto::Connection, id: StreamId, prefix: &mut Bytes) -> bool {
    if !prefix.is_empty()
        && let Ok(written) = inner.send_stream(id).write(prefix)
    {
        let _ = prefix.split_to(written);
    }
    prefix.is_empty()
}

/// The reason behind a code with which a message was given up.
pub(super) fn reason_of(code: VarInt) -> Option<GiveUp> {
    [GiveUp::Cancelled, GiveUp::Replaced, GiveUp::Expired].into_iter().find(|&reason| code_of(reason) == code)
}

fn code_of(reason: GiveUp) -> VarInt {
    match reason {
        GiveUp::Cancelled => GIVEN_UP,
        GiveUp::Replaced => REPLACED,
        GiveUp::Expired => EXPIRED,
    }
}

fn own_stream(side: Side, index: u64) -> StreamId {
    StreamId::new(side, Dir::Uni, index)
}

/// Bytes written and unsettled, of a lane and those above it, up to which a lane begins another message.
const UNSETTLED_MAX: u64 = 4 << 20;

/// With this code a sender cancels a message, and a receiver gives up a stream that it does not take. Applications'
/// codes are above it and those below, so a receiver knows a message by it though its header never came.
pub(super) const GIVEN_UP: VarInt = VarInt::from_u32(1);
const REPLACED: VarInt = VarInt::from_u32(2);
const EXPIRED: VarInt = VarInt::from_u32(3);
