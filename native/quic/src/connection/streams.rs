//! Byte streams.

use super::{
    Connection, Events, Violation,
    messages::{GIVEN_UP, flush},
};
use crate::{
    Event, Read, Stopped, StreamHandle, StreamName,
    close::application_code,
    control::{ControlFrame, READ_ALL},
    header::Header,
    lanes::{Lanes, send_priority},
    unacknowledged::Unacknowledged,
};
use bytes::{Buf, Bytes};
use quinn_proto::{Dir, ReadError, StreamId, VarInt, WriteError};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;

/// All byte streams of a connection.
#[derive(Debug, Default)]
pub(super) struct ByteStreams {
    streams: FxHashMap<StreamId, ByteStream>,
    /// Bytes written that the other end's application has not read.
    unread: u64,
    /// Bytes read here of which the other end was not told, and of which streams.
    untold: u64,
    part_told: BTreeSet<StreamId>,
    /// Streams that take nothing more until pieces of them are acknowledged.
    full: BTreeSet<StreamId>,
    /// Streams of ours that only we write, by priority.
    pub(super) one_way: Lanes,
}

#[derive(Debug)]
struct ByteStream {
    priority: u8,
    sending: Option<SendHalf>,
    receiving: Option<ReceiveHalf>,
}

#[derive(Debug, Default)]
struct SendHalf {
    /// Rest of the header.
    prefix: Bytes,
    /// The owner finished or reset, or the other end stopped.
    closed: bool,
    /// To be finished once the header is out.
    finish: bool,
    /// Finished, and the other end has not acknowledged all of it.
    finishing: bool,
    written: u64,
    unacknowledged: Unacknowledged,
    /// Bytes read by the other end's application, by its own word; all, once it lets go.
    read: u64,
}

#[derive(Debug, Default)]
struct ReceiveHalf {
    /// The owner waits for [`Event::Readable`].
    blocked: bool,
    read: u64,
    /// Bytes of `read` that the other end was told of.
    told: u64,
}

impl ByteStreams {
    /// Bytes behind its header that were read of a stream of the other end's.
    pub(super) fn read_of(&self, id: StreamId) -> Option<u64> {
        self.streams.get(&id)?.receiving.as_ref().map(|half| half.read)
    }

    /// Keeps what arrived before the connection ended, to be read.
    pub(super) fn end(&mut self) {
        self.streams.retain(|_, stream| {
            stream.sending = None;
            stream.receiving.is_some()
        });
        self.unread = 0;
        self.untold = 0;
        self.part_told = BTreeSet::new();
        self.one_way = Lanes::default();
    }
}

impl Connection {
    pub(crate) fn open_stream(
        &mut self,
        bidirectional: bool,
        priority: u8,
        name: &StreamName,
    ) -> Option<StreamHandle> {
        let id = if bidirectional { self.open_bidirectional()? } else { self.open_one_way(priority)? };
        if !bidirectional {
            self.streams.one_way.add(priority, 0, 1);
        }
        // Byte streams take turns, before the messages of their lane. The stream was opened just now, so it is there.
        let _ = self.inner.send_stream(id).set_priority(send_priority(priority, 0));
        let prefix = Header::Bytes { priority, name: name.clone() }.encode().into();
        let stream = ByteStream {
            priority,
            sending: Some(SendHalf { prefix, ..SendHalf::default() }),
            receiving: bidirectional.then(|| ReceiveHalf { blocked: true, ..ReceiveHalf::default() }),
        };
        self.streams.streams.insert(id, stream);
        self.flush_stream_prefix(id);
        Some(handle(id))
    }

    /// Opens a stream if there may be one, or if this lane may have one beyond: half of those that the lanes below
    /// leave. An application that holds many open thus leaves some for messages and for the lanes above.
    fn open_one_way(&mut self, priority: u8) -> Option<StreamId> {
        let shares = self.limits.shares();
        let [below, mine] =
            [self.streams.one_way.below(priority), self.streams.one_way.at_or_above(priority)];
        let beyond = (shares.bytes + shares.reserve).saturating_sub(below.count).div_ceil(2);
        let may = below.count + mine.count < shares.bytes || mine.count < beyond;
        self.open_unidirectional(priority, may)
    }

    fn open_bidirectional(&mut self) -> Option<StreamId> {
        let open = self.phase == super::Phase::Open;
        let id = if open { self.inner.streams().open(Dir::Bi) } else { None };
        self.wants_writable |= id.is_none();
        id
    }

    pub(crate) fn write_stream(&mut self, stream: StreamHandle, bytes: &mut Bytes) -> Result<usize, Stopped> {
        let id = id(stream);
        // Half of the credit is for byte streams, so that readers who pause cannot hold up messages.
        let half_of_all = (self.limits.receive_window / 2).saturating_sub(self.streams.unread);
        let credit = self.streams.streams.get(&id).map_or(0, |stream| self.credit(stream.priority) as u64);
        let credit = credit.min(half_of_all);
        let Some(ByteStream { priority, sending: Some(half), .. }) = self.streams.streams.get_mut(&id) else {
            return Err(Stopped(None));
        };
        if half.closed {
            return Err(Stopped(None));
        }
        let is_full = half.unacknowledged.pieces() >= PIECES_MAX;
        if !flush(&mut self.inner, id, &mut half.prefix) || credit == 0 || is_full {
            self.wants_writable = true;
            if is_full {
                self.streams.full.insert(id);
            }
            return Ok(0);
        }
        let most = bytes.len().min(usize::try_from(credit).unwrap_or(usize::MAX));
        let mut chunk = [half.unacknowledged.count(bytes.slice(..most))];
        let written = match self.inner.send_stream(id).write_chunks(&mut chunk) {
            Ok(written) => written.bytes,
            Err(WriteError::Blocked) => 0,
            Err(WriteError::Stopped(code)) => return Err(Stopped(Some(application(code)))),
            Err(WriteError::ClosedStream) => return Err(Stopped(None)),
        };
        bytes.advance(written);
        self.wants_writable |= !bytes.is_empty();
        if half.read != READ_ALL {
            half.written += written as u64;
            self.streams.unread += written as u64;
            self.sending.unread.add(*priority, written as u64, 0);
        }
        self.flow.wrote(written);
        Ok(written)
    }

    /// Tells the owner of streams that had too many pieces and take more again.
    pub(super) fn free_full(&mut self, events: &mut Events) {
        let ByteStreams { full, streams, .. } = &mut self.streams;
        let before = full.len();
        full.retain(|id| {
            let half = streams.get(id).and_then(|stream| stream.sending.as_ref());
            half.is_some_and(|half| half.unacknowledged.pieces() > PIECES_MAX / 2)
        });
        if full.len() < before {
            self.writable(events);
        }
    }

    pub(crate) fn has_acknowledged(&self, stream: StreamHandle) -> bool {
        let half = self.streams.streams.get(&id(stream)).and_then(|stream| stream.sending.as_ref());
        half.is_none_or(|half| half.unacknowledged.is_empty())
    }

    pub(crate) fn finish_stream(&mut self, stream: StreamHandle) {
        let Some(half) = self.send_half(stream).filter(|half| !half.closed) else { return };
        half.closed = true;
        half.finish = true;
        half.finishing = true;
        self.flush_stream_prefix(id(stream));
    }

    pub(crate) fn reset_stream(&mut self, stream: StreamHandle, code: u64) {
        let Some(half) = self.send_half(stream) else { return };
        half.closed = true;
        half.finish = false;
        half.finishing = false;
        half.prefix.clear();
        // Fails if everything was acknowledged: then there is nothing left to give up.
        let _ = self.inner.send_stream(id(stream)).reset(application_code(code));
        self.forget_if_over(id(stream));
    }

    pub(crate) fn leave_stream(&mut self, stream: StreamHandle, code: u64) -> bool {
        let Some(half) = self.send_half(stream) else { return false };
        let may_end = half.finishing || !half.closed;
        let ends = may_end && half.unacknowledged.is_empty();
        if ends {
            self.finish_stream(stream)
        } else {
            self.reset_stream(stream, code)
        }
        ends
    }

    pub(crate) fn stop_stream(&mut self, stream: StreamHandle, code: u64) {
        let Some(ByteStream { receiving, .. }) = self.streams.streams.get_mut(&id(stream)) else { return };
        if receiving.is_some() {
            self.stop_receiving(id(stream), application_code(code));
            self.let_go(id(stream));
        }
    }

    pub(crate) fn set_stream_priority(&mut self, stream: StreamHandle, priority: u8) {
        let id = id(stream);
        let Some(stream) = self.streams.streams.get_mut(&id) else { return };
        let old = std::mem::replace(&mut stream.priority, priority);
        let Some(half) = &stream.sending else { return };
        let unread = half.written.saturating_sub(half.read);
        self.sending.unread.remove(old, unread, 0);
        self.sending.unread.add(priority, unread, 0);
        if id.dir() == Dir::Uni {
            self.streams.one_way.remove(old, 0, 1);
            self.streams.one_way.add(priority, 0, 1);
        }
        // Fails if everything was acknowledged: then there is nothing left to hurry.
        let _ = self.inner.send_stream(id).set_priority(send_priority(priority, 0));
    }

    pub(crate) fn read_stream(&mut self, stream: StreamHandle, max: usize) -> Read {
        let id = id(stream);
        let Some(ByteStream { receiving: Some(half), .. }) = self.streams.streams.get_mut(&id) else {
            return Read::End;
        };
        let mut receiver = self.inner.recv_stream(id);
        let next = match receiver.read(true) {
            Ok(mut chunks) => chunks.next(max),
            Err(_) => Ok(None),
        };
        match next {
            Ok(Some(chunk)) => {
                half.blocked = chunk.bytes.is_empty();
                half.read += chunk.bytes.len() as u64;
                self.streams.untold += chunk.bytes.len() as u64;
                self.streams.part_told.insert(id);
                if half.read - half.told >= self.config.stream_receive_window / 8 {
                    self.tell_read(id);
                }
                if self.streams.untold >= self.config.receive_window / 16 {
                    self.tell_all_read();
                }
                Read::Data(chunk.bytes)
            }
            Err(ReadError::Blocked) => {
                half.blocked = true;
                Read::Blocked
            }
            Ok(None) => {
                self.let_go(id);
                Read::End
            }
            Err(ReadError::Reset(code)) => {
                self.let_go(id);
                Read::Reset(application(code))
            }
        }
    }

    /// Tells the other end all bytes read. Little of each of many streams is much: the bytes that it takes for unread
    /// bound all streams together.
    fn tell_all_read(&mut self) {
        std::mem::take(&mut self.streams.part_told).into_iter().for_each(|id| self.tell_read(id));
    }

    fn tell_read(&mut self, id: StreamId) {
        let Some(ByteStream { receiving: Some(half), .. }) = self.streams.streams.get_mut(&id) else {
            return;
        };
        self.streams.untold = self.streams.untold.saturating_sub(half.read - half.told);
        half.told = half.read;
        self.streams.part_told.remove(&id);
        self.control.push(ControlFrame::Read { stream: id.into(), bytes: half.read });
    }

    /// Keeps a byte stream that the other end opened.
    pub(super) fn on_stream_opened(
        &mut self,
        id: StreamId,
        priority: u8,
        name: StreamName,
        events: &mut Events,
    ) {
        let bidirectional = id.dir() == Dir::Bi;
        if bidirectional {
            // The stream was opened just now, so it is there.
            let _ = self.inner.send_stream(id).set_priority(send_priority(priority, 0));
        }
        let stream = ByteStream {
            priority,
            sending: bidirectional.then(SendHalf::default),
            receiving: Some(ReceiveHalf::default()),
        };
        self.streams.streams.insert(id, stream);
        let stream = handle(id);
        events.push_back((self.handle, Event::StreamOpened { stream, bidirectional, priority, name }));
        // The word that it wants nothing may have come in a packet before its header, when nobody here knew the stream.
        if bidirectional && let Ok(Some(code)) = self.inner.send_stream(id).stopped() {
            self.stop(id, code, events);
        }
    }

    /// Turns down a bidirectional stream of the other end that is of no use.
    pub(super) fn turn_down(&mut self, id: StreamId) {
        self.stop_receiving(id, GIVEN_UP);
        // Fails only if the half is over already.
        let _ = self.inner.send_stream(id).reset(GIVEN_UP);
    }

    pub(super) fn on_stream_readable(&mut self, id: StreamId, events: &mut Events) {
        if self.tell_reset(id, events) {
            return;
        }
        let Some(ByteStream { receiving: Some(half), .. }) = self.streams.streams.get_mut(&id) else {
            return;
        };
        if std::mem::take(&mut half.blocked) {
            events.push_back((self.handle, Event::Readable(handle(id))));
        }
    }

    /// Tells a reset. That of a stream which this end opened is told whether or not the owner reads: a stop that came
    /// with it must not be told first. That of a stream which the other end opened waits to be read, and its credit
    /// with it, or that end could open and reset for ever while the owner stands still.
    fn tell_reset(&mut self, id: StreamId, events: &mut Events) -> bool {
        let is_ours = id.initiator() == self.inner.side();
        if !is_ours || self.streams.streams.get(&id).is_none_or(|stream| stream.receiving.is_none()) {
            return false;
        }
        let Ok(Some(code)) = self.inner.recv_stream(id).received_reset() else {
            return false;
        };
        self.let_go(id);
        events.push_back((self.handle, Event::StreamReset { stream: handle(id), code: application(code) }));
        true
    }

    pub(super) fn on_finished(&mut self, id: StreamId, events: &mut Events) {
        if let Some(ByteStream { sending: Some(half), .. }) = self.streams.streams.get_mut(&id) {
            half.finishing = false;
            events.push_back((self.handle, Event::StreamFinished(handle(id))));
            self.forget_if_over(id);
        }
    }

    pub(super) fn on_stopped(
        &mut self,
        id: StreamId,
        code: VarInt,
        events: &mut Events,
    ) -> Result<(), Violation> {
        if Some(id) == self.control_stream {
            return Err(Violation("stopped the control stream"));
        }
        if self.streams.streams.contains_key(&id) {
            self.stop(id, code, events);
        } else if id.dir() == Dir::Uni {
            self.on_message_stopped(id.index());
        }
        Ok(())
    }

    /// Stops writing to a stream of which the other end wants no more.
    fn stop(&mut self, id: StreamId, code: VarInt, events: &mut Events) {
        let Some(half) = self.send_half(handle(id)) else { return };
        let was_closed = std::mem::replace(&mut half.closed, true);
        half.finish = false;
        let was_finishing = std::mem::take(&mut half.finishing);
        let whole = half.unacknowledged.is_empty();
        // Answers the stop (RFC 9000 section 3.5); what was acknowledged needs no answer.
        let _ = self.inner.send_stream(id).reset(code);
        let code = application(code);
        if !was_closed || was_finishing {
            events.push_back((self.handle, Event::StreamStopped { stream: handle(id), code, whole }));
        }
        self.forget_if_over(id);
    }

    /// Notes that the other end's application has read so much.
    pub(super) fn on_read(&mut self, id: StreamId, bytes: u64, events: &mut Events) -> Result<(), Violation> {
        let stream = self.streams.streams.get_mut(&id);
        let Some(ByteStream { priority, sending: Some(half), .. }) = stream else {
            if id.dir() == Dir::Uni
                && id.initiator() == self.inner.side()
                && self.on_message_read(id.index(), bytes)
            {
                self.writable(events);
                return Ok(());
            }
            // One that was turned down may be let go.
            let turned_down = id.dir() == Dir::Bi && id.initiator() != self.inner.side();
            return if turned_down { Ok(()) } else { Err(Violation("read a stream that was not sent")) };
        };
        if half.read == READ_ALL {
            return Err(Violation("read a stream that it let go"));
        }
        let credit = bytes.min(half.written).saturating_sub(half.read);
        self.streams.unread -= credit;
        self.sending.unread.remove(*priority, credit, 0);
        half.read = half.read.max(bytes);
        if bytes == READ_ALL && id.dir() == Dir::Uni {
            self.streams.one_way.remove(*priority, 0, 1);
        }
        self.forget_if_over(id);
        self.writable(events);
        Ok(())
    }

    pub(super) fn flush_stream_prefix(&mut self, id: StreamId) {
        let Some(ByteStream { sending: Some(half), .. }) = self.streams.streams.get_mut(&id) else { return };
        if flush(&mut self.inner, id, &mut half.prefix) && std::mem::take(&mut half.finish) {
            // Fails only if the other end stopped the stream, and that is told by its own event.
            let _ = self.inner.send_stream(id).finish();
            self.forget_if_over(id);
        }
    }

    /// Lets go of a stream of which nothing more is held here, so that the other end may send elsewhere.
    fn let_go(&mut self, id: StreamId) {
        let half = self.streams.streams.get_mut(&id).and_then(|stream| stream.receiving.take());
        let untold = half.map_or(0, |half| half.read - half.told);
        self.streams.part_told.remove(&id);
        self.streams.untold = self.streams.untold.saturating_sub(untold);
        self.control.push(ControlFrame::Read { stream: id.into(), bytes: READ_ALL });
        self.forget_if_over(id);
    }

    fn forget_if_over(&mut self, id: StreamId) {
        let over = |stream: &ByteStream| {
            let sent = stream
                .sending
                .as_ref()
                .is_none_or(|half| half.closed && !half.finishing && half.read == READ_ALL);
            sent && stream.receiving.is_none()
        };
        if self.streams.streams.get(&id).is_some_and(over) {
            self.streams.streams.remove(&id);
        }
    }

    fn send_half(&mut self, stream: StreamHandle) -> Option<&mut SendHalf> {
        self.streams.streams.get_mut(&id(stream))?.sending.as_mut()
    }
}

fn handle(id: StreamId) -> StreamHandle {
    StreamHandle(id.into())
}

fn id(stream: StreamHandle) -> StreamId {
    VarInt::from_u64(stream.0).unwrap_or(VarInt::MAX).into()
}

/// The application's code behind a code of QUIC: it was moved past our own, on streams as in closes.
fn application(code: VarInt) -> u64 {
    u64::from(code).saturating_sub(application_code(0).into())
}

/// Chunks that quinn-proto holds of a stream while the first is not acknowledged, whether or not the others are: it
/// goes through all of them for each packet, in some 15 us. Bulk fills its 32 MiB with 8,000; a stream written byte by
/// byte has as many in a round trip.
const PIECES_MAX: usize = 16_384;
