//! The messages of a batch that still have to be handed to the system.

use std::collections::VecDeque;

use warren_engine::TransmitBatch;

use crate::stats::IoStats;

/// One message of sendmmsg(2): a group of the batch, or one datagram of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) group: usize,
    pub(super) start: usize,
    pub(super) len: usize,
    pub(super) segment: usize,
    /// Leave from the address that the path names.
    pub(super) from_source: bool,
}

/// Messages of one batch, in the order in which they leave.
#[derive(Debug, Default)]
pub(super) struct SendQueue {
    messages: VecDeque<Message>,
}

impl SendQueue {
    pub(super) fn begin(&mut self, batch: &TransmitBatch, segmented: bool) {
        debug_assert!(self.messages.is_empty(), "the batch before this one is sent");
        self.messages.clear();
        for (index, group) in batch.groups.iter().enumerate() {
            let message = Message {
                group: index,
                start: group.start,
                len: group.len,
                segment: group.segment,
                from_source: group.path.local.is_some(),
            };
            if segmented {
                self.messages.push_back(message);
            } else {
                self.messages.extend(datagrams(message));
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter()
    }

    pub(super) fn sent(&mut self, count: usize, stats: &mut IoStats) {
        for message in self.messages.drain(..count) {
            stats.datagrams_sent += message.len.div_ceil(message.segment) as u64;
            stats.bytes_sent += message.len as u64;
        }
    }

    pub(super) fn skip(&mut self) -> Option<Message> {
        self.messages.pop_front()
    }

    pub(super) fn first_is_segmented(&self) -> bool {
        self.messages.front().is_some_and(|message| message.len > message.segment)
    }

    pub(super) fn split_first(&mut self) {
        let Some(first) = self.messages.pop_front() else { return };
        for datagram in datagrams(first).rev() {
            self.messages.push_front(datagram);
        }
    }

    /// Drops the source address of the first message and of all others of its path. `false`: it names none.
    pub(super) fn drop_source(&mut self, batch: &TransmitBatch) -> bool {
        let Some(first) = self.messages.front().filter(|first| first.from_source) else { return false };
        let path = batch.groups[first.group].path;
        for message in &mut self.messages {
            message.from_source &= batch.groups[message.group].path != path;
        }
        true
    }
}

fn datagrams(message: Message) -> impl DoubleEndedIterator<Item = Message> {
    (0..message.len.div_ceil(message.segment)).map(move |index| {
        let offset = index * message.segment;
        let len = message.segment.min(message.len - offset);
        Message { start: message.start + offset, len, segment: len, ..message }
    })
}
