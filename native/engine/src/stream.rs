//! A byte stream, besides its transport.

use std::collections::VecDeque;
use std::mem;

use bytes::Bytes;

use crate::ids::{ConnectionId, Priority};
use crate::stream_name::StreamName;
use crate::transport::StreamHandle;

/// A byte stream of one connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) connection: ConnectionId,
    /// `None` until the transport had credit to open it.
    pub(crate) handle: Option<StreamHandle>,
    pub(crate) bidirectional: bool,
    pub(crate) priority: Priority,
    /// Until the transport has it.
    pub(crate) name: StreamName,
    pub(crate) sending: Sending,
    /// Bytes the transport has not taken yet.
    pub(crate) pending: VecDeque<Bytes>,
    pub(crate) pending_bytes: u64,
    /// Stands in its lane.
    pub(crate) listed: bool,
    /// Bytes handed to the transport or given up, and not yet told to the caller.
    pub(crate) drained: u64,
    /// The peer's side is open, as far as the caller was told.
    pub(crate) receiving: bool,
    /// The caller wants nothing of the peer's side, which was not open yet.
    pub(crate) stop: Option<u64>,
    pub(crate) credit: Credit,
    /// The caller knows of it, and wants to know of its end though it takes nothing.
    pub(crate) watched: bool,
    /// The transport may have something to read.
    pub(crate) readable: bool,
}

/// What the caller still takes of a stream.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    bytes: u64,
    /// Small pieces, which take more memory than their bytes.
    pieces: u32,
}

impl Credit {
    pub(crate) fn grant(&mut self, bytes: u64) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.pieces = PIECES;
    }

    /// Takes all that comes, whatever it is.
    pub(crate) fn waive(&mut self) {
        (self.bytes, self.pieces) = (u64::MAX, u32::MAX);
    }

    /// Bytes of the next piece.
    pub(crate) fn most(&self) -> u64 {
        if self.pieces == 0 { 0 } else { self.bytes }
    }

    /// Notes a piece that was taken; `apart`: it does not wait together with others.
    pub(crate) fn took(&mut self, bytes: usize, apart: bool) {
        self.bytes = self.bytes.saturating_sub(bytes as u64);
        if apart && bytes < SMALL_PIECE {
            self.pieces = self.pieces.saturating_sub(1);
        }
    }
}

/// State of this end's side of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// More may follow.
    Open,
    /// The end follows what is pending.
    Finishing,
    /// The end is handed to the transport, and not yet acknowledged.
    Finished,
    /// Acknowledged, given up, or never ours.
    Done,
}

impl Stream {
    /// A stream that this end opens.
    pub(crate) fn outgoing(
        connection: ConnectionId,
        bidirectional: bool,
        priority: Priority,
        name: StreamName,
    ) -> Self {
        Self {
            connection,
            handle: None,
            bidirectional,
            priority,
            name,
            sending: Sending::Open,
            pending: VecDeque::new(),
            pending_bytes: 0,
            listed: false,
            drained: 0,
            receiving: bidirectional,
            stop: None,
            credit: Credit::default(),
            watched: false,
            readable: bidirectional,
        }
    }

    /// A stream that the peer opened.
    pub(crate) fn incoming(
        connection: ConnectionId,
        handle: StreamHandle,
        bidirectional: bool,
        priority: Priority,
    ) -> Self {
        Self {
            handle: Some(handle),
            sending: if bidirectional { Sending::Open } else { Sending::Done },
            receiving: true,
            readable: true,
            ..Self::outgoing(connection, bidirectional, priority, StreamName::default())
        }
    }

    /// Queues bytes behind those that wait, small ones joined: the transport keeps each piece until all before it are
    /// acknowledged, and goes through them for each packet.
    pub(crate) fn queue(&mut self, bytes: Bytes) {
        self.pending_bytes += bytes.len() as u64;
        let joins = self.pending.back().is_some_and(|last| last.len().max(bytes.len()) < SMALL);
        let last = if joins { self.pending.pop_back() } else { None };
        match last.map(Bytes::try_into_mut) {
            Some(Ok(mut last)) => {
                last.extend_from_slice(&bytes);
                self.pending.push_back(last.freeze());
            }
            // The transport holds a part of it.
            Some(Err(last)) => self.pending.extend([last, bytes]),
            None => self.pending.push_back(bytes),
        }
    }

    /// Whether a turn could do something for it.
    pub(crate) fn has_work(&self) -> bool {
        match self.sending {
            Sending::Open => !self.pending.is_empty() || self.handle.is_none(),
            Sending::Finishing => true,
            Sending::Finished | Sending::Done => false,
        }
    }

    /// Whether everything that was written has reached the peer, as far as events tell.
    pub(crate) fn is_delivered(&self) -> bool {
        match self.sending {
            Sending::Open => self.pending.is_empty(),
            Sending::Finishing | Sending::Finished => false,
            Sending::Done => true,
        }
    }

    /// Whether nothing more can happen on it.
    pub(crate) fn is_over(&self) -> bool {
        self.sending == Sending::Done && !self.receiving
    }

    /// Drops the bytes that the transport has not taken; gives their number, with those that were not told yet.
    pub(crate) fn give_up(&mut self) -> u64 {
        self.sending = Sending::Done;
        self.pending.clear();
        mem::take(&mut self.pending_bytes) + mem::take(&mut self.drained)
    }
}

/// Pieces up to here are joined, to less than twice as much; some twelve packets each.
const SMALL: usize = 8 * 1024;

/// Pieces a grant: a caller that takes them grants more before they are used up.
const PIECES: u32 = 64;
/// A larger one explains the memory that it takes in JavaScript.
const SMALL_PIECE: usize = 1_024;

#[cfg(test)]
mod tests;
