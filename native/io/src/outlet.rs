//! The way out: the batch that leaves, and the half of the socket that sends it.

use std::time::Instant;

use warren_engine::transport::Transport;
use warren_engine::{Engine, TransmitBatch};

use crate::socket::{Flushed, Lost, Sender, Unreachable};
use crate::stats::IoStats;

/// Of whoever holds the engine: the I/O thread, or its owner for a moment between two turns.
pub(crate) struct Outlet {
    batch: TransmitBatch,
    /// `None`: the socket is lost.
    sender: Option<Sender>,
    /// The batch waits for room in the socket.
    blocked: bool,
    /// Number of times in a row that the socket was said to have room, and had none.
    blocked_in_vain: u32,
    /// Loss of the socket that the thread has not dealt with yet.
    lost: Option<Lost>,
}

/// Outcome of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// There was nothing to send.
    Nothing,
    /// A batch with room to spare is gone.
    Batch,
    /// A full batch is gone: there is more, likely.
    FullBatch,
    /// The batch waits for room in the socket, or the socket is lost.
    Blocked,
}

impl Outlet {
    pub(crate) fn new(sender: Sender) -> Self {
        Self {
            batch: TransmitBatch::with_capacity(TRANSMIT_DATAGRAMS),
            sender: Some(sender),
            blocked: false,
            blocked_in_vain: 0,
            lost: None,
        }
    }

    /// Sends a batch of at most so many datagrams, or the rest of the one that waits for room.
    pub(crate) fn transmit<T: Transport>(
        &mut self,
        engine: &mut Engine<T>,
        stats: &mut IoStats,
        most: usize,
        now: Instant,
    ) -> Left {
        if !self.blocked {
            self.batch.clear();
            self.batch.set_capacity(most);
            engine.poll_transmit(&mut self.batch, now);
        }
        if self.batch.is_empty() {
            debug_assert_eq!(engine.check_progress(), Ok(()));
            return Left::Nothing;
        }
        let Some(sender) = &mut self.sender else {
            // Without a socket they are lost as on any bad path.
            self.blocked = false;
            return self.left();
        };
        let sent_before = stats.datagrams_sent;
        let result = if self.blocked {
            self.blocked_in_vain += 1;
            sender.resume(&self.batch, stats)
        } else {
            sender.send(&self.batch, stats)
        };
        let unreachable = sender.take_unreachable();
        self.blocked = matches!(result, Ok(Flushed::Blocked));
        if !self.blocked || stats.datagrams_sent > sent_before {
            self.blocked_in_vain = 0;
        }
        for Unreachable { path, error } in unreachable {
            engine.handle_unreachable(path, error, now);
        }
        if let Err(lost) = result {
            self.sender = None;
            self.lost = Some(lost);
        }
        if self.blocked { Left::Blocked } else { self.left() }
    }

    fn left(&self) -> Left {
        if self.batch.room() == 0 { Left::FullBatch } else { Left::Batch }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// A socket of which the system says wrongly that it has room.
    pub(crate) fn is_blocked_in_vain(&self) -> bool {
        self.blocked_in_vain >= IN_VAIN
    }

    /// Whether the socket was lost in sending, which the thread does not know yet.
    pub(crate) fn has_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// The loss of the socket, once.
    pub(crate) fn take_lost(&mut self) -> Option<Lost> {
        self.lost.take()
    }

    /// Drops the half of a socket that is lost.
    pub(crate) fn forget(&mut self) {
        (self.sender, self.blocked, self.lost) = (None, false, None);
    }

    /// Sends by another socket from now on.
    pub(crate) fn replace(&mut self, sender: Sender) {
        self.sender = Some(sender);
    }
}

/// Datagrams that leave at once stand before anything more urgent: 44 are some 55 us of sealing, and one GSO group,
/// which one system call takes.
pub(crate) const TRANSMIT_DATAGRAMS: usize = 44;
/// A socket that is writable takes a datagram; one of which a system says so wrongly is asked each BLOCKED_TICK.
const IN_VAIN: u32 = 16;
