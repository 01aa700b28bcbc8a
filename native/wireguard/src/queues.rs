//! Packets and messages that wait to leave, and the room to pad them in.

use std::collections::VecDeque;

use crate::config::PeerId;
use crate::constants::{INITIATION_LENGTH, PADDING};
use crate::path::Path;
use crate::stats::SendDrops;

/// Packets that wait for a session.
#[derive(Default)]
pub(crate) struct Staged {
    packets: VecDeque<Box<[u8]>>,
    bytes: usize,
}

impl Staged {
    /// Adds a packet; drops the oldest until all fit within the limit, and says how many.
    pub(crate) fn push(&mut self, packet: &[u8], limit: usize) -> u64 {
        self.packets.push_back(packet.into());
        self.bytes += cost(packet);
        let mut dropped = 0;
        while self.bytes > limit && self.pop().is_some() {
            dropped += 1;
        }
        dropped
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Puts packets before those that wait; drops the oldest until all fit within the limit.
    pub(crate) fn precede(&mut self, mut earlier: Self, limit: usize) {
        earlier.packets.append(&mut self.packets);
        earlier.bytes += self.bytes;
        *self = earlier;
        while self.bytes > limit && self.pop().is_some() {}
    }

    /// Drops all, and says how many.
    pub(crate) fn clear(&mut self) -> u64 {
        self.bytes = 0;
        let dropped = self.packets.len() as u64;
        self.packets = VecDeque::new();
        dropped
    }

    pub(crate) fn pop(&mut self) -> Option<Box<[u8]>> {
        let packet = self.packets.pop_front()?;
        self.bytes -= cost(&packet);
        Some(packet)
    }

    pub(crate) fn unpop(&mut self, packet: Box<[u8]>) {
        self.bytes += cost(&packet);
        self.packets.push_front(packet);
    }
}

/// Messages that are ready to leave; bounded, since strangers can cause some of them.
#[derive(Default)]
pub(crate) struct OutgoingQueue {
    queue: VecDeque<QueuedMessage>,
    pub(crate) keepalive: Vec<u8>,
}

/// A message that is ready to leave, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// The path that it takes.
    pub path: Path,
    /// The peer that it is for; `None`: a cookie reply, which answers nobody who is known.
    pub peer: Option<PeerId>,
}

pub(crate) struct QueuedMessage {
    pub(crate) message: Message,
    pub(crate) length: usize,
    pub(crate) bytes: [u8; INITIATION_LENGTH],
}

impl OutgoingQueue {
    /// `content` is at most as long as an initiation: a handshake message, a cookie reply or a keepalive.
    pub(crate) fn push(&mut self, message: Message, content: &[u8], drops: &mut SendDrops) {
        if self.queue.len() >= OUTGOING_LIMIT {
            drops.outgoing_overflow += 1;
            return;
        }
        let mut bytes = [0; INITIATION_LENGTH];
        bytes[..content.len()].copy_from_slice(content);
        self.queue.push_back(QueuedMessage { message, length: content.len(), bytes });
    }

    /// Takes the oldest; frees the memory of a burst once it has drained.
    pub(crate) fn pop(&mut self) -> Option<QueuedMessage> {
        let message = self.queue.pop_front();
        if self.queue.is_empty() && self.queue.capacity() > KEPT_CAPACITY {
            self.queue = VecDeque::new();
        }
        message
    }
}

/// Room to pad packets in.
#[derive(Default)]
pub(crate) struct PaddingBuffer(Vec<u8>);

impl PaddingBuffer {
    /// The packet with zeros up to a multiple of 16, but never beyond the MTU (whitepaper section 5.4.6).
    pub(crate) fn pad<'a>(&'a mut self, packet: &'a [u8], mtu: usize) -> &'a [u8] {
        let length = packet.len().next_multiple_of(PADDING).min(mtu);
        if length == packet.len() {
            return packet;
        }
        self.0.clear();
        self.0.extend_from_slice(packet);
        self.0.resize(length, 0);
        &self.0
    }
}

/// A packet's bytes, and the 16 of its place in the queue.
fn cost(packet: &[u8]) -> usize {
    packet.len() + 16
}

/// An owner that drains after each call never has more than a few; this is what a full batch of initiations can cause.
const OUTGOING_LIMIT: usize = 4_096;
const KEPT_CAPACITY: usize = 64;
