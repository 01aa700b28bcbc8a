//! One priority of one connection.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use crate::event::Outcome;
use crate::ids::{MessageId, Priority, StreamId};
use crate::stats::LaneStats;
use crate::transport::MessageHandle;

/// Messages, datagrams and streams that one connection has to send at one priority.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// Sources that may be asked for bytes, in turn. A source stands here or in `blocked`, once.
    ready: VecDeque<Source>,
    /// Sources that the transport has no credit for; all become ready when it has some again.
    blocked: Vec<Source>,
    waiting: VecDeque<Option<Queued>>,
    /// Sequence number of the first in `waiting`.
    first: u64,
    pub(crate) current: Option<Begun>,
    messages_listed: bool,
    /// The lane stands in the device's queue.
    pub(crate) scheduled: bool,
    /// The transport holds bytes that one more turn would send.
    pub(crate) flush: bool,
    /// Bytes handed to the transport or given up, and not yet told to the caller.
    pub(crate) drained: u64,
    pub(crate) stats: LaneStats,
}

/// A source of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The messages of the lane, one after another.
    Messages,
    /// The connection's unreliable datagrams.
    Datagrams,
    /// A byte stream.
    Stream(StreamId),
}

/// A message that has not begun.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) id: MessageId,
    pub(crate) bytes: Bytes,
    pub(crate) since: Instant,
}

/// The message that is being written.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) handle: MessageHandle,
    pub(crate) rest: Bytes,
}

impl Lane {
    pub(crate) fn new(priority: Priority) -> Self {
        Self { stats: LaneStats { priority, ..LaneStats::default() }, ..Self::default() }
    }

    /// Queues a message; answers its sequence number, by which it can be taken out again.
    pub(crate) fn queue(&mut self, id: MessageId, bytes: Bytes, now: Instant) -> u64 {
        self.stats.queued_bytes += bytes.len() as u64;
        self.stats.queued_messages += 1;
        self.waiting.push_back(Some(Queued { id, bytes, since: now }));
        self.list_messages();
        self.first + self.waiting.len() as u64 - 1
    }

    /// Takes a waiting message out of the middle; answers its size.
    pub(crate) fn take_out(&mut self, sequence: u64) -> Option<usize> {
        let slot = self.waiting.get_mut(usize::try_from(sequence.checked_sub(self.first)?).ok()?)?;
        let message = slot.take()?;
        self.left_queue(message.bytes.len());
        self.drop_empty_slots();
        Some(message.bytes.len())
    }

    /// The first waiting message.
    pub(crate) fn front(&self) -> Option<&Queued> {
        self.waiting.front()?.as_ref()
    }

    /// Takes the first waiting message.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let message = self.waiting.pop_front()??;
        self.first += 1;
        self.left_queue(message.bytes.len());
        self.drop_empty_slots();
        Some(message)
    }

    /// Puts a message back that was popped, before all that wait; answers its sequence number.
    pub(crate) fn put_back(&mut self, message: Queued) -> u64 {
        self.stats.queued_bytes += message.bytes.len() as u64;
        self.stats.queued_messages += 1;
        self.waiting.push_front(Some(message));
        self.first -= 1;
        self.first
    }

    /// Takes all sources out, and puts in that of its messages, if some wait.
    pub(crate) fn begin_anew(&mut self) {
        self.ready.clear();
        self.blocked.clear();
        self.messages_listed = false;
        if !self.waiting.is_empty() {
            self.list_messages();
        }
    }

    /// Bytes that were queued as messages and not handed to the transport.
    pub(crate) fn left(&self) -> u64 {
        self.stats.queued_bytes + self.current.as_ref().map_or(0, |current| current.rest.len() as u64)
    }

    /// Whether a message fits under a bound; one alone always does.
    pub(crate) fn has_room(&self, bytes: usize, max_queued_bytes: u64) -> bool {
        self.stats.queued_messages == 0 || self.stats.queued_bytes + bytes as u64 <= max_queued_bytes
    }

    /// Counts the outcome of a message.
    pub(crate) fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Delivered => &mut self.stats.delivered,
            Outcome::Expired => &mut self.stats.expired,
            Outcome::Cancelled => &mut self.stats.cancelled,
            Outcome::Replaced => &mut self.stats.replaced,
            Outcome::Dropped => &mut self.stats.dropped,
            Outcome::Lost => &mut self.stats.lost,
        } += 1;
    }

    /// Time at which the oldest waiting message came.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.front().map(|message| message.since)
    }

    /// Whether it has more than what QUIC holds already.
    pub(crate) fn has_data(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether a turn could do something.
    pub(crate) fn has_work(&self) -> bool {
        self.flush || !self.ready.is_empty()
    }

    /// Whether a source stands in it.
    pub(crate) fn lists(&self, source: Source) -> bool {
        self.ready.contains(&source) || self.blocked.contains(&source)
    }

    pub(crate) fn next_source(&mut self) -> Option<Source> {
        let source = self.ready.pop_front()?;
        if source == Source::Messages {
            self.messages_listed = false;
        }
        Some(source)
    }

    /// Puts a source that has more at the end of the turns. It must not stand in the lane.
    pub(crate) fn list(&mut self, source: Source) {
        match source {
            Source::Messages => self.list_messages(),
            Source::Datagrams | Source::Stream(_) => self.ready.push_back(source),
        }
    }

    /// Keeps a source until the transport has credit. It must not stand in the lane.
    pub(crate) fn block(&mut self, source: Source) {
        self.messages_listed |= source == Source::Messages;
        self.blocked.push(source);
    }

    /// Whether a source waits for the transport's credit.
    pub(crate) fn is_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Makes the blocked sources ready: the transport has credit again.
    pub(crate) fn unblock(&mut self) {
        self.ready.extend(self.blocked.drain(..));
    }

    /// Takes a source out, wherever it stands.
    pub(crate) fn remove(&mut self, source: Source) {
        self.ready.retain(|&other| other != source);
        self.blocked.retain(|&other| other != source);
    }

    fn list_messages(&mut self) {
        if !self.messages_listed {
            self.messages_listed = true;
            self.ready.push_back(Source::Messages);
        }
    }

    fn left_queue(&mut self, bytes: usize) {
        self.stats.queued_bytes -= bytes as u64;
        self.stats.queued_messages -= 1;
    }

    fn drop_empty_slots(&mut self) {
        while let Some(None) = self.waiting.front() {
            self.waiting.pop_front();
            self.first += 1;
        }
    }
}
