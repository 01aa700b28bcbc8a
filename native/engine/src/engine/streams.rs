//! Byte streams, in both directions.

use std::time::Instant;

use bytes::Bytes;

use super::Engine;
use crate::event::Event;
use crate::ids::{ConnectionId, Priority, StreamId};
use crate::lane::Source;
use crate::stream::{Sending, Stream};
use crate::stream_name::StreamName;
use crate::transport::{Read, StreamHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Opens a stream under an even id of the caller's choice.
    ///
    /// # Panics
    ///
    /// If the id is odd: it could be that of a peer's stream.
    pub fn open_stream(
        &mut self,
        connection: ConnectionId,
        stream: StreamId,
        bidirectional: bool,
        priority: Priority,
        name: StreamName,
    ) {
        assert!(
            stream.0.is_multiple_of(2),
            "a stream was opened under an odd number, as the engine's own are"
        );
        let Some(state) = self.calls.connections.get_mut(&connection).filter(|state| state.takes_work())
        else {
            return;
        };
        state.streams.insert(stream);
        self.streams.insert(stream, Stream::outgoing(connection, bidirectional, priority, name));
        self.list(stream);
    }

    /// Queues bytes on a stream.
    pub fn write_stream(&mut self, stream: StreamId, bytes: Bytes) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        if state.sending != Sending::Open {
            return self.tell_stream_drained(stream, bytes.len() as u64);
        }
        if !bytes.is_empty() {
            state.queue(bytes);
            self.list(stream);
        }
    }

    /// Finishes a stream: no more bytes follow.
    pub fn finish_stream(&mut self, stream: StreamId) {
        if let Some(state) = self.streams.get_mut(&stream)
            && state.sending == Sending::Open
        {
            state.sending = Sending::Finishing;
            self.list(stream);
        }
    }

    /// Gives up sending on a stream.
    pub fn reset_stream(&mut self, stream: StreamId, code: u64, now: Instant) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.sending != Sending::Done) else {
            return;
        };
        let given_up = state.give_up();
        if let (Some(stream), Some(connection)) =
            (state.handle, self.calls.connections.get(&state.connection))
            && let Some(connection) = connection.handle
        {
            self.transport.reset_stream(connection, stream, code);
        } else {
            // Never opened: there is no other side.
            state.receiving = false;
        }
        self.tell_stream_drained(stream, given_up);
        self.forget_if_over(stream);
        self.settle(now);
    }

    /// Leaves a stream: ends it if the peer has acknowledged everything, and gives up sending on it if not. An end that
    /// is no reset thus means that nothing is missing.
    pub fn leave_stream(&mut self, stream: StreamId, code: u64, now: Instant) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.sending != Sending::Done) else {
            return;
        };
        let connection =
            self.calls.connections.get(&state.connection).and_then(|connection| connection.handle);
        let (true, Some(handle), Some(connection)) = (state.pending.is_empty(), state.handle, connection)
        else {
            return self.reset_stream(stream, code, now);
        };
        if self.transport.leave_stream(connection, handle, code) {
            state.sending = Sending::Finished;
        } else {
            let given_up = state.give_up();
            self.tell_stream_drained(stream, given_up);
            self.forget_if_over(stream);
        }
        self.settle(now);
    }

    /// Gives up receiving on a stream.
    pub fn stop_stream(&mut self, stream: StreamId, code: u64, now: Instant) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.receiving) else {
            return;
        };
        state.receiving = false;
        if let (Some(handle), Some(owner)) = (state.handle, self.calls.connections.get_mut(&state.connection))
            && let Some(connection) = owner.handle
        {
            self.transport.stop_stream(connection, handle, code);
            if let Some(flight) = &mut owner.flight {
                flight.stopped(stream, code);
            }
        } else {
            state.stop = Some(code);
        }
        self.forget_if_over(stream);
        self.settle(now);
    }

    /// Changes the priority of what is sent on a stream.
    pub fn set_stream_priority(&mut self, stream: StreamId, priority: Priority) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.priority != priority) else {
            return;
        };
        let before = std::mem::replace(&mut state.priority, priority);
        let Some(connection) = self.calls.connections.get_mut(&state.connection) else {
            return;
        };
        if let (Some(connection), Some(stream)) = (connection.handle, state.handle) {
            self.transport.set_stream_priority(connection, stream, priority);
        }
        if state.listed {
            state.listed = false;
            connection.lane(before).remove(Source::Stream(stream));
            self.list(stream);
        }
    }

    /// Allows this many further bytes of `Event::StreamData`. A stream starts with none. From the first grant on, even
    /// of zero bytes, its end and its reset are told as soon as nothing lies before them.
    pub fn grant_stream(&mut self, stream: StreamId, bytes: u64, now: Instant) {
        if let Some(state) = self.streams.get_mut(&stream) {
            state.credit = state.credit.saturating_add(bytes);
            state.watched = true;
            self.read(stream);
            self.settle(now);
        }
    }

    pub(super) fn handle_stream_opened(
        &mut self,
        connection: ConnectionId,
        handle: StreamHandle,
        bidirectional: bool,
        priority: Priority,
        name: StreamName,
    ) {
        let Some(state) = self.calls.connections.get_mut(&connection) else {
            return;
        };
        let opened = Stream::incoming(connection, handle, bidirectional, priority);
        let stream = self.streams.add(opened);
        state.streams.insert(stream);
        state.stream_of.insert(handle, stream);
        self.events.push_back(Event::StreamOpened { connection, stream, bidirectional, priority, name });
    }

    pub(super) fn handle_readable(&mut self, connection: ConnectionId, handle: StreamHandle) {
        if let Some(stream) = self.stream_of(connection, handle)
            && let Some(state) = self.streams.get_mut(&stream)
        {
            state.readable = true;
            self.read(stream);
        }
    }

    pub(super) fn handle_stream_reset(&mut self, connection: ConnectionId, handle: StreamHandle, code: u64) {
        if let Some(stream) = self.stream_of(connection, handle)
            && let Some(state) = self.streams.get_mut(&stream)
            && std::mem::take(&mut state.receiving)
        {
            self.events.push_of(Some(connection), Event::StreamReset { stream, code });
            self.forget_if_over(stream);
        }
    }

    pub(super) fn handle_stream_stopped(
        &mut self,
        connection: ConnectionId,
        handle: StreamHandle,
        code: u64,
        whole: bool,
    ) {
        if let Some(stream) = self.stream_of(connection, handle) {
            self.stopped(stream, code, whole);
        }
    }

    pub(super) fn handle_stream_finished(&mut self, connection: ConnectionId, handle: StreamHandle) {
        if let Some(stream) = self.stream_of(connection, handle)
            && let Some(state) = self.streams.get_mut(&stream)
            && state.sending != Sending::Done
        {
            state.sending = Sending::Done;
            self.events.push_of(Some(connection), Event::StreamFinished { stream });
            self.forget_if_over(stream);
        }
    }

    /// Hands the caller all that arrived before the peer closed, whatever credit it gave.
    pub(super) fn hand_out_rest(&mut self, connection: ConnectionId) {
        let Some(owner) = self.calls.connections.get(&connection) else {
            return;
        };
        if owner.handle.is_none_or(|handle| self.transport.peer_of(handle).is_none()) {
            return;
        }
        for stream in owner.streams.iter().copied().collect::<Vec<_>>() {
            if let Some(state) = self.streams.get_mut(&stream) {
                state.credit = u64::MAX;
                state.readable = true;
                self.read(stream);
            }
        }
    }

    /// Ends sending on a stream of which the peer wants no more; `whole`: it has all that the transport took.
    pub(super) fn stopped(&mut self, stream: StreamId, code: u64, whole: bool) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| state.sending != Sending::Done) else {
            return;
        };
        let whole = whole && state.pending.is_empty();
        let given_up = state.give_up();
        let connection = state.connection;
        self.tell_stream_drained(stream, given_up);
        self.events.push_of(Some(connection), Event::StreamStopped { stream, code, whole });
        self.forget_if_over(stream);
    }

    /// Puts a stream with work into its lane, if it does not stand there.
    pub(super) fn list(&mut self, stream: StreamId) {
        let Some(state) = self.streams.get_mut(&stream).filter(|state| !state.listed && state.has_work())
        else {
            return;
        };
        let (connection, priority) = (state.connection, state.priority);
        if let Some(owner) = self.calls.connections.get_mut(&connection) {
            state.listed = true;
            owner.lane(priority).list(Source::Stream(stream));
            self.schedule(connection, priority);
        }
    }

    /// Hands the caller the bytes for which it gave credit.
    fn read(&mut self, stream: StreamId) {
        let Some(state) = self.streams.get_mut(&stream) else {
            return;
        };
        let Some(owner) = self.calls.connections.get(&state.connection) else {
            return;
        };
        let (Some(connection), Some(handle), Some(peer)) =
            (owner.handle, state.handle, self.peers.get(&owner.peer))
        else {
            return;
        };
        while state.receiving && state.readable && (state.credit > 0 || state.watched) {
            let most = usize::try_from(state.credit).unwrap_or(usize::MAX).min(READ);
            match self.transport.read_stream(connection, handle, most) {
                Read::Data(bytes) if bytes.is_empty() => break,
                Read::Data(bytes) => {
                    state.credit -= bytes.len() as u64;
                    let bytes = peer.alone(bytes);
                    self.events.push_of(Some(state.connection), Event::StreamData { stream, bytes });
                }
                Read::Blocked => state.readable = false,
                Read::End => {
                    state.receiving = false;
                    self.events.push_of(Some(state.connection), Event::StreamEnd { stream });
                }
                Read::Reset(code) => {
                    state.receiving = false;
                    self.events.push_of(Some(state.connection), Event::StreamReset { stream, code });
                }
            }
        }
        self.forget_if_over(stream);
    }

    pub(super) fn tell_stream_drained(&mut self, stream: StreamId, bytes: u64) {
        if bytes > 0 {
            let connection = self.streams.get(&stream).map(|state| state.connection);
            self.events.push_of(connection, Event::StreamDrained { stream, bytes });
        }
    }

    pub(super) fn forget_if_over(&mut self, stream: StreamId) {
        let Some(state) = self.streams.get(&stream).filter(|state| state.is_over()) else {
            return;
        };
        if let Some(connection) = self.calls.connections.get_mut(&state.connection) {
            connection.streams.remove(&stream);
            if let Some(handle) = state.handle {
                connection.stream_of.remove(&handle);
            }
        }
        self.streams.remove(stream);
    }

    fn stream_of(&self, connection: ConnectionId, handle: StreamHandle) -> Option<StreamId> {
        self.calls.connections.get(&connection)?.stream_of.get(&handle).copied()
    }
}

/// Most bytes of one `Event::StreamData`.
const READ: usize = 64 * 1024;
