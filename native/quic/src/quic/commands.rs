//! Commands of an owner to one connection: messages, byte streams, datagrams.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Quic, Slot};
use crate::config::MIN_UDP_PAYLOAD;
use crate::connection::Connection;
use crate::{
    ConnectionHandle, GiveUp, Lists, MessageHandle, PathSample, PeerTag, Protocols, Read, Stopped,
    StreamHandle, StreamName,
};

impl Quic {
    /// Replaces the protocols for one peer, or for all peers that have none of their own. `None`: the peer has none of
    /// its own any more. What was said on connections that are there counts on.
    pub fn set_protocols(&mut self, peer: Option<PeerTag>, protocols: Option<Protocols>) {
        match (peer, protocols.map(Arc::new)) {
            (None, None) => {}
            (None, Some(protocols)) => self.protocols = protocols,
            (Some(peer), None) => drop(self.protocols_of.remove(&peer)),
            (Some(peer), Some(protocols)) => drop(self.protocols_of.insert(peer, protocols)),
        }
    }

    /// The protocols for a peer.
    pub fn protocols(&self, peer: PeerTag) -> &Arc<Protocols> {
        self.protocols_of.get(&peer).unwrap_or(&self.protocols)
    }

    /// Tells the other end of a connection which lists are this end's from now on. A build without generations skips
    /// it.
    pub fn announce(&mut self, connection: ConnectionHandle, lists: Lists) {
        if let Some(made) = self.made(connection) {
            made.announce(lists);
            self.mark_ready(connection);
        }
    }

    /// Tells the other end of a connection that it holds all that this end will ever send on it.
    pub fn finish(&mut self, connection: ConnectionHandle) {
        if let Some(made) = self.made(connection) {
            made.finish();
            self.mark_ready(connection);
        }
    }

    /// Bytes of urgent data that may be written now to leave at once, although bulk fills the window: a few packets
    /// beyond it.
    pub fn urge(&mut self, connection: ConnectionHandle) -> usize {
        self.made(connection).map_or(0, Connection::urge)
    }

    /// Bytes that may be written now to leave at once. 0: wait for [`Quic::poll_ready`], which an acknowledgement or a
    /// loss brings about, as something is in flight. The owner bounds the rate at which it leaves.
    pub fn room(&self, connection: ConnectionHandle) -> usize {
        self.seen(connection).map_or(0, Connection::room)
    }

    /// UDP payload of a full packet, as far as the path is known to carry it.
    pub fn payload(&self, connection: ConnectionHandle) -> usize {
        self.seen(connection).map_or(usize::from(MIN_UDP_PAYLOAD), Connection::payload)
    }

    /// Bytes, about, that were written, or lost and are to be sent again, and have not left.
    pub fn unsent(&self, connection: ConnectionHandle) -> usize {
        self.seen(connection).map_or(0, |made| usize::try_from(made.unsent()).unwrap_or(usize::MAX))
    }

    /// Whether a connection that was polled until it had nothing to send is one of which nobody would hear again,
    /// though it holds data or lets none be written.
    #[doc(hidden)]
    pub fn stands_still(&mut self, connection: ConnectionHandle) -> bool {
        !self.flies(connection)
            && self
                .made(connection)
                .is_some_and(|made| made.is_open() && (made.unsent() > 0 || made.room() == 0))
    }

    /// Whether packets of a connection that ask for an acknowledgement are in flight, and quinn-proto has a timer for
    /// them.
    #[doc(hidden)]
    pub fn flies(&mut self, connection: ConnectionHandle) -> bool {
        self.made(connection).is_some_and(|made| made.gauge().in_flight() > 0 && made.deadline().is_some())
    }

    /// Whether [`crate::Event::Writable`] follows once there is credit.
    #[doc(hidden)]
    pub fn tells_writable(&self, connection: ConnectionHandle) -> bool {
        self.seen(connection).is_some_and(Connection::tells_writable)
    }

    /// Takes the facts of the path that acknowledgements brought since the last call; `None`: nothing.
    pub fn take_path_sample(&self, connection: ConnectionHandle) -> Option<PathSample> {
        self.seen(connection)?.gauge().take_sample()
    }

    /// Sets the bytes that may be in flight from now on; `None`: CUBIC's own window.
    pub fn set_window(&mut self, connection: ConnectionHandle, window: Option<u64>) {
        if let Some(made) = self.made(connection) {
            let before = made.gauge().window();
            made.gauge().set_window(window);
            if window.is_none_or(|window| window > before) {
                self.mark_ready(connection);
            }
        }
    }

    /// Gives the connection its own window again, from this much on, growing until there is loss.
    pub fn compete(&mut self, connection: ConnectionHandle, in_flight: u64) {
        if let Some(made) = self.made(connection) {
            made.gauge().compete(in_flight);
        }
    }

    /// Begins a message of `length` bytes. `None`: no credit for this lane now; [`crate::Event::Writable`] follows.
    pub fn begin_message(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        length: usize,
    ) -> Option<MessageHandle> {
        let message = self.made(connection)?.begin_message(priority, length)?;
        self.mark_ready(connection);
        Some(message)
    }

    /// Writes more of a message, advances `bytes` past what was taken, and says how much that was. The last byte
    /// finishes it. Less than all of `bytes`: flow control; [`crate::Event::Writable`] follows. What is written to a
    /// message that is cancelled, refused or settled vanishes.
    pub fn write_message(
        &mut self,
        connection: ConnectionHandle,
        message: MessageHandle,
        bytes: &mut Bytes,
    ) -> usize {
        let Some(made) = self.made(connection) else { return std::mem::take(bytes).len() };
        let written = made.write_message(message, bytes);
        if written > 0 {
            self.mark_ready(connection);
        }
        written
    }

    /// Stops sending a message. The receiver decides the race: [`crate::Event::MessageSettled`] says how it ended.
    /// The first reason counts.
    pub fn cancel_message(&mut self, connection: ConnectionHandle, message: MessageHandle, reason: GiveUp) {
        if let Some(made) = self.made(connection) {
            made.cancel_message(message, reason);
            self.mark_ready(connection);
        }
    }

    /// Releases messages of this lane that the owner took, of `bytes` in all, in the order of their events.
    pub fn release_messages(
        &mut self,
        connection: ConnectionHandle,
        priority: u8,
        bytes: usize,
        now: Instant,
    ) {
        if let Some(Slot::Made(made)) = self.slots.get_mut(&connection) {
            made.release_messages(priority, bytes, now, &mut self.events);
            self.touch(connection);
        }
    }

    /// Opens a byte stream. `None`: no credit now; [`crate::Event::Writable`] follows.
    pub fn open_stream(
        &mut self,
        connection: ConnectionHandle,
        bidirectional: bool,
        priority: u8,
        name: &StreamName,
    ) -> Option<StreamHandle> {
        let stream = self.made(connection)?.open_stream(bidirectional, priority, name)?;
        self.mark_ready(connection);
        Some(stream)
    }

    /// Writes to a byte stream, advances `bytes` past what was taken, and says how much that was. Less than all of
    /// `bytes`: flow control; [`crate::Event::Writable`] follows.
    pub fn write_stream(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        bytes: &mut Bytes,
    ) -> Result<usize, Stopped> {
        let written = self.made(connection).ok_or(Stopped(None))?.write_stream(stream, bytes)?;
        if written > 0 {
            self.mark_ready(connection);
        }
        Ok(written)
    }

    /// Finishes a stream: no more bytes follow. [`crate::Event::StreamFinished`] follows when the other end has them
    /// all.
    pub fn finish_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle) {
        if let Some(made) = self.made(connection) {
            made.finish_stream(stream);
            self.mark_ready(connection);
        }
    }

    /// Gives up sending on a stream. Codes from 2^62 - 256 on do not survive, here and below.
    pub fn reset_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        if let Some(made) = self.made(connection) {
            made.reset_stream(stream, code);
            self.mark_ready(connection);
        }
    }

    /// Whether the other end has acknowledged everything that was written to a stream.
    pub fn has_acknowledged(&self, connection: ConnectionHandle, stream: StreamHandle) -> bool {
        self.seen(connection).is_none_or(|made| made.has_acknowledged(stream))
    }

    /// Finishes a stream if the other end has acknowledged everything that was written, and else gives up sending on
    /// it. Whether it ends so; then [`crate::Event::StreamFinished`] follows.
    pub fn leave_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) -> bool {
        let ends = self.made(connection).is_some_and(|made| made.leave_stream(stream, code));
        self.mark_ready(connection);
        ends
    }

    /// Asks the other end to send no more on a stream; what is unread is discarded.
    pub fn stop_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        if let Some(made) = self.made(connection) {
            made.stop_stream(stream, code);
            self.mark_ready(connection);
        }
    }

    /// Changes the priority of what this end sends on a stream.
    pub fn set_stream_priority(&mut self, connection: ConnectionHandle, stream: StreamHandle, priority: u8) {
        if let Some(made) = self.made(connection) {
            made.set_stream_priority(stream, priority);
        }
    }

    /// Reads at most `max` bytes of a byte stream. With 0 there is something to read where the data is empty, and
    /// [`crate::Event::Readable`] follows what comes next.
    pub fn read_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, max: usize) -> Read {
        let Some(made) = self.made(connection) else { return Read::End };
        let read = made.read_stream(stream, max);
        if read != Read::Blocked {
            self.mark_ready(connection);
        }
        read
    }

    /// Queues an unreliable datagram. `false`: too large, or the queue is full ([`crate::Event::Writable`] follows), or
    /// no connection.
    pub fn send_datagram(&mut self, connection: ConnectionHandle, bytes: Bytes) -> bool {
        let sent = self.made(connection).is_some_and(|made| made.send_datagram(bytes));
        if sent {
            self.mark_ready(connection);
        }
        sent
    }

    /// The largest datagram that [`Quic::send_datagram`] takes now, 0 without a connection.
    pub fn max_datagram_size(&self, connection: ConnectionHandle) -> usize {
        self.seen(connection).map_or(0, Connection::max_datagram_size)
    }
}
