//! A check that nothing stands still, for tests.

use super::Engine;
use super::peers::PACKETS;
use crate::connection::Connection;
use crate::ids::ConnectionId;
use crate::lane::Source;
use crate::transport::{ConnectionHandle, Transport};

impl<T: Transport> Engine<T> {
    /// Checks that no connection stands still, after `poll_transmit` has left its batch empty; the error names the
    /// connection and the reason.
    ///
    /// A connection with something to send needs one of two: packets of its own in flight, for which QUIC has a timer,
    /// or a place in a queue that has a deadline of its own, which is the pacing's, the uplink's or that of a lane's
    /// rate. The other end's credit alone has no deadline, and the transport then owes a word. Heartbeats, liveness and
    /// the tunnel's timers do not count. The check trusts no flag of the schedulers, but looks for each thing where it
    /// should stand.
    #[doc(hidden)]
    pub fn check_progress(&mut self) -> Result<(), String> {
        let ids: Vec<_> = self.peers.ids().flat_map(|peer| self.connections_of(peer)).collect();
        for id in ids {
            let Some(connection) = self.calls.connections.get(&id).filter(|connection| connection.sends())
            else {
                continue;
            };
            let Some(handle) = connection.handle else { continue };
            let flies = self.transport.flies(handle);
            let told = self.transport.tells_writable(handle);
            let unsent = self.transport.unsent(handle);
            self.check_listed(id)?;
            self.check_connection(id, handle, flies, told, unsent).map_err(|reason| {
                format!("{id:?} stands still: {reason}; flies: {flies}, unsent: {unsent}")
            })?;
        }
        Ok(())
    }

    fn check_connection(
        &self,
        id: ConnectionId,
        handle: ConnectionHandle,
        flies: bool,
        told: bool,
        unsent: usize,
    ) -> Result<(), String> {
        let Some(connection) = self.calls.connections.get(&id) else { return Ok(()) };
        let peer = self.transport.peer_of(handle);
        let revived = flies || self.departures.has_control_turn(peer, handle)?;
        let mut has_turn = false;
        for (&priority, lane) in &connection.lanes {
            let turn = self.departures.has_turn(priority, id)?;
            if lane.scheduled && !turn {
                return Err(format!("lane {priority} takes itself for scheduled"));
            }
            if lane.has_work() && !turn && !revived {
                let parked = connection.parked;
                return Err(format!("lane {priority} has data and nothing to wait for, parked: {parked:?}"));
            }
            if lane.is_blocked() && !told {
                return Err(format!("lane {priority} waits for credit of which nobody will tell"));
            }
            has_turn |= turn;
        }
        if unsent > 0 && !has_turn && !revived {
            return Err("the transport holds data, and nothing lets it leave".into());
        }
        Ok(())
    }

    /// Checks that each source with bytes to write stands in its lane.
    fn check_listed(&self, id: ConnectionId) -> Result<(), String> {
        let Some(connection) = self.calls.connections.get(&id) else { return Ok(()) };
        let lost = |priority, what| Err(format!("{what} of {id:?} stand in no queue of lane {priority}"));
        for (&priority, lane) in &connection.lanes {
            let has_messages = lane.front().is_some() || lane.current.is_some();
            if has_messages && !lane.lists(Source::Messages) {
                return lost(priority, "messages");
            }
        }
        let lists = |connection: &Connection, priority, source| {
            connection.lanes.get(&priority).is_some_and(|lane| lane.lists(source))
        };
        if !connection.datagrams.is_empty() && !lists(connection, PACKETS, Source::Datagrams) {
            return lost(PACKETS, "datagrams");
        }
        for &stream in &connection.streams {
            if let Some(state) = self.streams.get(&stream).filter(|state| state.has_work())
                && !lists(connection, state.priority, Source::Stream(stream))
            {
                return lost(state.priority, "bytes of a stream");
            }
        }
        Ok(())
    }
}
