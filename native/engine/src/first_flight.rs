//! The first flight of a dial: what leaves with the hello, kept until it is known whether it was read.
//!
//! Cold, for the size of the addon: each dial comes here a few times.

use std::time::Instant;

use bytes::Bytes;

use crate::event::GiveUp;
use crate::ids::{MessageId, Priority, StreamId};
use crate::lane::Queued;
use crate::stream::Stream;
use crate::stream_name::StreamName;

/// Copies of what left with a hello. The transport bounds them: it has room for one flight.
#[derive(Debug, Default)]
pub(crate) struct FirstFlight {
    /// Messages that were begun, in their order.
    pub(crate) messages: Vec<EarlyMessage>,
    /// Streams that were opened.
    pub(crate) streams: Vec<EarlyStream>,
}

/// A message that was begun.
#[derive(Debug)]
pub(crate) struct EarlyMessage {
    pub(crate) id: MessageId,
    pub(crate) priority: Priority,
    pub(crate) bytes: Bytes,
    pub(crate) since: Instant,
    /// Bytes of it that the transport took.
    pub(crate) written: u64,
    pub(crate) given_up: Option<GiveUp>,
}

/// A stream that was opened.
#[derive(Debug)]
pub(crate) struct EarlyStream {
    pub(crate) id: StreamId,
    pub(crate) name: StreamName,
    /// Bytes that the transport took.
    pub(crate) written: Vec<Bytes>,
    /// The caller stopped it with this code.
    pub(crate) stop: Option<u64>,
}

impl FirstFlight {
    /// Notes that a message begins.
    #[cold]
    pub(crate) fn begin(&mut self, message: &Queued, priority: Priority) {
        let (id, bytes, since) = (message.id, message.bytes.clone(), message.since);
        self.messages.push(EarlyMessage { id, priority, bytes, since, written: 0, given_up: None });
    }

    /// Notes that a stream is opened.
    #[cold]
    pub(crate) fn open(&mut self, id: StreamId, stream: &Stream) {
        let (name, stop) = (stream.name.clone(), stream.stop);
        self.streams.push(EarlyStream { id, name, written: Vec::new(), stop });
    }

    /// Notes that the transport took these bytes of a stream.
    #[cold]
    pub(crate) fn wrote_stream(&mut self, stream: StreamId, bytes: Bytes) {
        if let Some(left) = self.streams.iter_mut().find(|left| left.id == stream) {
            left.written.push(bytes);
        }
    }

    /// Notes that the caller stopped a stream.
    #[cold]
    pub(crate) fn stopped(&mut self, stream: StreamId, code: u64) {
        if let Some(left) = self.streams.iter_mut().find(|left| left.id == stream) {
            left.stop = Some(code);
        }
    }

    /// Notes that the transport took more of the message that was begun last in its lane.
    #[cold]
    pub(crate) fn wrote(&mut self, priority: Priority, bytes: usize) {
        if let Some(last) = self.messages.iter_mut().rfind(|message| message.priority == priority) {
            last.written += bytes as u64;
        }
    }

    /// Notes that a message was given up.
    #[cold]
    pub(crate) fn gave_up(&mut self, message: MessageId, reason: GiveUp) {
        if let Some(left) = self.messages.iter_mut().find(|left| left.id == message) {
            left.given_up.get_or_insert(reason);
        }
    }
}
