//! Writing of one lane's messages, datagrams and streams to the transport.

use std::time::Instant;

use bytes::{Buf, Bytes};

use super::Engine;
use crate::connection::{Connection, Stage};
use crate::ids::{ConnectionId, Priority, StreamId};
use crate::lane::{Begun, Lane, Source};
use crate::stream::{Sending, Stream};
use crate::stream_name::StreamName;
use crate::transport::{ConnectionHandle, Stopped, StreamHandle, Transport};

/// Progress of a source in its turn.
enum Progress {
    /// It has nothing left.
    Done,
    /// It used up what it was allowed.
    More,
    /// The transport has no credit for it.
    Blocked,
}

impl<T: Transport> Engine<T> {
    /// Writes up to `budget` bytes of one lane of a connection to the transport. Answers their number.
    pub(super) fn write(
        &mut self,
        id: ConnectionId,
        handle: ConnectionHandle,
        priority: Priority,
        budget: usize,
        now: Instant,
    ) -> usize {
        let mut left = budget;
        while left > 0 {
            let Some(connection) = self.calls.connections.get_mut(&id) else {
                break;
            };
            let Some(source) = connection.lane(priority).next_source() else {
                break;
            };
            let before = left;
            let progress = match source {
                Source::Messages => {
                    write_messages(&mut self.transport, handle, connection, priority, &mut left, now)
                }
                Source::Datagrams => {
                    let (progress, dropped) =
                        write_datagrams(&mut self.transport, handle, connection, &mut left);
                    self.counters.tx_datagrams_dropped += dropped;
                    progress
                }
                Source::Stream(stream) => self.write_one_stream(id, handle, stream, &mut left),
            };
            self.after_source(id, priority, source, &progress);
            self.note_drained(id, priority, source, (before - left) as u64, now);
        }
        budget - left
    }

    /// Tries sources again that had found no credit: the transport has some.
    pub(super) fn handle_writable(&mut self, id: ConnectionId) {
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            for lane in connection.lanes.values_mut() {
                lane.unblock();
            }
            self.revive(id);
        }
    }

    fn write_one_stream(
        &mut self,
        id: ConnectionId,
        connection: ConnectionHandle,
        stream: StreamId,
        left: &mut usize,
    ) -> Progress {
        let (Some(state), Some(owner)) = (self.streams.get_mut(&stream), self.calls.connections.get_mut(&id))
        else {
            return Progress::Done;
        };
        match write_stream(&mut self.transport, connection, owner, stream, state, left) {
            Ok(progress) => progress,
            Err(Stopped(code)) => {
                self.stopped(stream, code.unwrap_or_default(), false);
                Progress::Done
            }
        }
    }

    fn after_source(&mut self, id: ConnectionId, priority: Priority, source: Source, progress: &Progress) {
        if let Source::Stream(stream) = source
            && let Some(stream) = self.streams.get_mut(&stream)
        {
            stream.listed = !matches!(progress, Progress::Done);
        }
        if let Some(connection) = self.calls.connections.get_mut(&id) {
            match progress {
                Progress::Done => {}
                Progress::More => connection.lane(priority).list(source),
                Progress::Blocked => connection.lane(priority).block(source),
            }
        }
    }
}

/// One message after another, each finished before the next begins.
fn write_messages<T: Transport>(
    transport: &mut T,
    handle: ConnectionHandle,
    connection: &mut Connection,
    priority: Priority,
    left: &mut usize,
    now: Instant,
) -> Progress {
    loop {
        let lane = connection.lanes.entry(priority).or_insert_with(|| Lane::new(priority));
        if lane.current.is_none() {
            let Some(next) = lane.front() else {
                return Progress::Done;
            };
            if *left == 0 {
                return Progress::More;
            }
            let Some(begun) = transport.begin_message(handle, priority, next.bytes.len()) else {
                return Progress::Blocked;
            };
            let Some(message) = lane.pop() else {
                return Progress::Done;
            };
            lane.stats.waited.record(now.saturating_duration_since(message.since));
            if let Some(flight) = &mut connection.flight {
                flight.begin(&message, priority);
            }
            if let Some(sent) = connection.messages.get_mut(&message.id) {
                sent.stage = Stage::Begun(priority, begun);
            }
            connection.begun.insert(begun, message.id);
            lane.current = Some(Begun { handle: begun, rest: message.bytes });
        }
        let Some(current) = &mut lane.current else {
            return Progress::Done;
        };
        if *left == 0 && !current.rest.is_empty() {
            return Progress::More;
        }
        let mut part = current.rest.slice(..current.rest.len().min(*left));
        let asked = part.len();
        let taken = transport.write_message(handle, current.handle, &mut part);
        current.rest.advance(taken);
        *left -= taken;
        if let Some(flight) = &mut connection.flight {
            flight.wrote(priority, taken);
        }
        if current.rest.is_empty() {
            lane.current = None;
        } else if taken < asked {
            return Progress::Blocked;
        }
    }
}

/// Also gives the number of datagrams that the transport does not take, as where the path became shorter meanwhile.
fn write_datagrams<T: Transport>(
    transport: &mut T,
    handle: ConnectionHandle,
    connection: &mut Connection,
    left: &mut usize,
) -> (Progress, u64) {
    let mut dropped = 0;
    while let Some(bytes) = connection.datagrams.pop_front() {
        connection.datagram_bytes -= bytes.len();
        let length = bytes.len();
        dropped += u64::from(!transport.send_datagram(handle, bytes));
        *left = left.saturating_sub(length.max(1));
        if *left == 0 {
            break;
        }
    }
    (if connection.datagrams.is_empty() { Progress::Done } else { Progress::More }, dropped)
}

fn write_stream<T: Transport>(
    transport: &mut T,
    connection: ConnectionHandle,
    owner: &mut Connection,
    id: StreamId,
    stream: &mut Stream,
    left: &mut usize,
) -> Result<Progress, Stopped> {
    if !stream.has_work() {
        return Ok(Progress::Done);
    }
    let handle = match stream.handle {
        Some(handle) => handle,
        None => {
            let opened =
                transport.open_stream(connection, stream.bidirectional, stream.priority, &stream.name);
            let Some(handle) = opened else {
                return Ok(Progress::Blocked);
            };
            stream.handle = Some(handle);
            if let Some(flight) = &mut owner.flight {
                flight.open(id, stream);
            }
            stream.name = StreamName::default();
            owner.stream_of.insert(handle, id);
            if let Some(code) = stream.stop.take() {
                transport.stop_stream(connection, handle, code);
            }
            handle
        }
    };
    while let Some(front) = stream.pending.front_mut() {
        if *left == 0 {
            return Ok(Progress::More);
        }
        let before = owner.flight.is_some().then(|| front.clone());
        let taken = write_part(transport, connection, handle, front, *left)?;
        if let (Some(flight), Some(before)) = (&mut owner.flight, before) {
            flight.wrote_stream(id, before.slice(..taken));
        }
        let (finished, blocked) = (front.is_empty(), taken == 0);
        *left -= taken;
        stream.pending_bytes -= taken as u64;
        if finished {
            stream.pending.pop_front();
        } else if blocked {
            return Ok(Progress::Blocked);
        }
    }
    if stream.sending == Sending::Finishing {
        transport.finish_stream(connection, handle);
        stream.sending = Sending::Finished;
    }
    Ok(Progress::Done)
}

fn write_part<T: Transport>(
    transport: &mut T,
    connection: ConnectionHandle,
    stream: StreamHandle,
    bytes: &mut Bytes,
    most: usize,
) -> Result<usize, Stopped> {
    if bytes.len() <= most {
        return transport.write_stream(connection, stream, bytes);
    }
    let mut part = bytes.slice(..most);
    let taken = transport.write_stream(connection, stream, &mut part)?;
    bytes.advance(taken);
    Ok(taken)
}
