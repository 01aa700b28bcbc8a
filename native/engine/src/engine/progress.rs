use warren_quic::ConnectionHandle;
use warren_wireguard::PeerId;

use super::peers::PACKETS;
use super::{Engine, Member, Waiting};
use crate::connection::Connection;
use crate::ids::{ConnectionId, Priority};
use crate::lane::Source;

impl Engine {
    /// Checks that no connection stands still. To be asked when `poll_transmit` has left its batch empty; the error says which
    /// does, and why.
    ///
    /// Whoever has something to send needs one of: packets of its own in flight, for which QUIC has a timer; a place in a
    /// queue that has a deadline of its own, which is the pacing's, the uplink's or that of a lane's rate. The other end's
    /// credit alone has none, and the transport then owes a word. Heartbeats, liveness and the tunnel's timers do not count.
    /// It does not trust the flags of those who schedule, but looks for each thing where it should stand.
    #[doc(hidden)]
    pub fn check_progress(&mut self) -> Result<(), String> {
        let ids: Vec<_> = self.peer_order.iter().flat_map(|&peer| self.connections_of(peer)).collect();
        for id in ids {
            let Some(connection) = self.connections.get(&id).filter(|connection| connection.sends()) else {
                continue;
            };
            let Some(handle) = connection.handle else { continue };
            let flies = self.quic.flies(handle);
            let told = self.quic.tells_writable(handle);
            let unsent = self.quic.unsent(handle);
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
        let Some(connection) = self.connections.get(&id) else { return Ok(()) };
        let revived = flies || self.has_control_turn(handle)?;
        let mut has_turn = false;
        for (&priority, lane) in &connection.lanes {
            let turn = self.has_turn(priority, id)?;
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

    /// Whether a lane of a connection stands in a queue; an error if that queue has no deadline.
    fn has_turn(&self, priority: Priority, id: ConnectionId) -> Result<bool, String> {
        if self.pacing.waits(&Waiting::Turn(priority, id))? {
            return Ok(true);
        }
        let stands = self.lanes.members(priority).any(|member| member == Member::Connection(id));
        let is_held = self.lanes.is_held(priority) && self.policies.deadline(&self.lanes).is_some();
        if stands && !is_held && self.uplink_deadline().is_none() {
            return Err(format!("lane {priority} has its turn, and the batch came back empty"));
        }
        Ok(stands)
    }

    /// The same for its control traffic, after whose turn all lanes are tried again.
    fn has_control_turn(&self, handle: ConnectionHandle) -> Result<bool, String> {
        if self.pacing.waits(&Waiting::Control(handle))? {
            return Ok(true);
        }
        let Some(peer) = self.quic.peer_of(handle).map(|tag| PeerId(tag.0)) else { return Ok(false) };
        let stands = self.control.has_turn(peer, handle)?;
        if stands && self.uplink_deadline().is_none() {
            return Err("its control traffic has its turn, and the batch came back empty".into());
        }
        Ok(stands)
    }

    /// Whatever has bytes to write stands in its lane.
    fn check_listed(&self, id: ConnectionId) -> Result<(), String> {
        let Some(connection) = self.connections.get(&id) else { return Ok(()) };
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
