//! Packets of one connection on their way out.

use std::time::Instant;

use super::{Quic, Slot};
use crate::names::Packets;
use crate::{ConnectionHandle, Transmit};

impl Quic {
    /// Appends up to `max` UDP payloads of one connection to `out`, which the caller has cleared.
    pub fn poll_transmit(
        &mut self,
        connection: ConnectionHandle,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        self.transmit(connection, Packets::All, max, out, now)
    }

    /// Appends payloads as [`Quic::poll_transmit`] does, but only of packets that ask for no acknowledgement (RFC 9000
    /// section 2: not ack-eliciting), and of those that a close or a ping needs.
    pub fn poll_non_eliciting(
        &mut self,
        connection: ConnectionHandle,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        self.transmit(connection, Packets::NonEliciting, max, out, now)
    }

    fn transmit(
        &mut self,
        connection: ConnectionHandle,
        packets: Packets,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        let Some(Slot::Made(made)) = self.slots.get_mut(&connection) else { return None };
        let had_room = made.room() > 0;
        let transmit = made.poll_transmit(packets, max, out, now);
        made.ready &= transmit.is_some();
        let deadline = made.deadline();
        self.deadlines.set(connection, &mut made.armed, deadline);
        // Bytes that counted as unsent, or in flight, were neither: nobody else would tell.
        let has_grown = transmit.is_none() && !had_room && made.room() > 0;
        if has_grown {
            self.mark_ready(connection);
        }
        self.put_away(connection, transmit.is_none());
        transmit
    }
}
