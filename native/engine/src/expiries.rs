//! Lifetimes of messages.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::ids::{ConnectionId, MessageId};

/// Ends of the lifetimes of messages that have one.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    order: BTreeSet<(Instant, ConnectionId, MessageId)>,
}

impl Expiries {
    pub(crate) fn add(&mut self, at: Instant, connection: ConnectionId, message: MessageId) {
        self.order.insert((at, connection, message));
    }

    pub(crate) fn remove(&mut self, at: Instant, connection: ConnectionId, message: MessageId) {
        self.order.remove(&(at, connection, message));
    }

    pub(crate) fn next(&self) -> Option<(Instant, &'static str)> {
        self.order.first().map(|&(at, ..)| (at, "message lifetime"))
    }

    /// Takes one that is over.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(ConnectionId, MessageId)> {
        self.order.first().filter(|&&(at, ..)| at <= now)?;
        self.order.pop_first().map(|(_, connection, message)| (connection, message))
    }
}
