//! The connections of a device, and their deadlines.

use std::time::Instant;

use rustc_hash::FxHashMap;

use crate::connection::Connection;
use crate::expiries::Expiries;
use crate::ids::ConnectionId;
use crate::timers::Timers;
use crate::transport::ConnectionHandle;

/// Connections of any phase, from the dial that makes one until its end is told.
///
/// An id is never used again. A connection has one handle of the transport at most, which a dial may lay down and get
/// another: [`Calls::bind`] and [`Calls::unbind`] keep both sides of that, so that an event of the transport finds its
/// connection by [`Calls::of`], and one of a handle that was laid down finds none.
#[derive(Debug, Default)]
pub(super) struct Calls {
    pub(super) connections: FxHashMap<ConnectionId, Connection>,
    of_handle: FxHashMap<ConnectionHandle, ConnectionId>,
    next: u32,
    pub(super) timers: Timers,
    /// Lifetimes of messages.
    pub(super) expiries: Expiries,
}

impl Calls {
    /// Keeps a new connection under a new id.
    pub(super) fn add(&mut self, connection: Connection) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next += 1;
        self.connections.insert(id, connection);
        id
    }

    /// Takes a connection out, with its handle and its timers; lifetimes are those of its messages, which are settled
    /// one by one.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Connection> {
        let connection = self.connections.remove(&id)?;
        if let Some(handle) = connection.handle {
            self.of_handle.remove(&handle);
        }
        self.timers.cancel_all(id);
        Some(connection)
    }

    /// Binds a connection to the handle by which the transport knows it from now on.
    pub(super) fn bind(&mut self, id: ConnectionId, handle: ConnectionHandle) {
        self.of_handle.insert(handle, id);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.handle = Some(handle);
        }
    }

    /// Lays down a connection's handle.
    pub(super) fn unbind(&mut self, id: ConnectionId) -> Option<ConnectionHandle> {
        let handle = self.connections.get_mut(&id)?.handle.take()?;
        self.of_handle.remove(&handle);
        Some(handle)
    }

    /// The connection that has this handle.
    pub(super) fn of(&self, handle: ConnectionHandle) -> Option<ConnectionId> {
        self.of_handle.get(&handle).copied()
    }

    /// The first deadline of each kind, and its reason.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (Instant, &'static str)> {
        [self.timers.next(), self.expiries.next()].into_iter().flatten()
    }
}
