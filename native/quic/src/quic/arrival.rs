//! Datagrams on their way in: whose each one is, and whether its peer may ask for the work that it brings.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use quinn_proto::{ConnectionEvent, EcnCodepoint};

use super::{Quic, Slot};
use crate::peer::{Matched, Useless};
use crate::{ConnectionHandle, Ecn, Envelope, Event, PeerTag, Refusal, ack};

impl Quic {
    /// Takes one UDP payload from a peer, in an allocation of its own: a kept piece of it keeps all of it. `observed`
    /// is the endpoint at which the peer is seen, for the hello of an answer.
    pub fn handle_datagram(
        &mut self,
        peer: PeerTag,
        envelope: impl Into<Envelope>,
        payload: BytesMut,
        observed: Option<SocketAddr>,
        now: Instant,
    ) {
        let Envelope { ecn, departed } = envelope.into();
        let put_off = ack::delay(&payload).unwrap_or_default();
        self.weight.read(&payload);
        if !self.affords_early(peer, now) {
            return;
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let own = self.protocols(peer).clone();
        match self.peer(peer).handle(codepoint(ecn), payload, &own, &mut scratch, now) {
            Matched::Nothing => self.totals.datagrams_dropped += 1,
            Matched::Connection(connection, event) => {
                self.arrived(connection, event, (departed, put_off), now);
            }
            Matched::Response => self.respond(peer, &scratch),
            Matched::Undecided(undecided) => {
                let handle = self.name();
                self.peer(peer).undecided.push(handle);
                let hello = undecided.hello.clone();
                let protocol = undecided.protocol.clone();
                self.slots.insert(handle, Slot::Undecided { peer, observed, undecided });
                self.events.push_back((handle, Event::Incoming { hello, protocol }));
            }
            Matched::Refused(useless) => {
                match useless {
                    Useless::Malformed => self.totals.malformed_hellos += 1,
                    Useless::UnknownVersion => self.totals.unknown_hello_versions += 1,
                    Useless::Lists(refusal) => self.refused(peer, refusal),
                }
                self.respond(peer, &scratch);
            }
        }
        self.scratch = scratch;
    }

    /// Hands a datagram on, unless it asks for more work than its peer may. Its departure by the sender's clock is told
    /// beside it.
    pub(super) fn arrived(
        &mut self,
        connection: ConnectionHandle,
        event: ConnectionEvent,
        (departed, put_off): (Option<u32>, Duration),
        now: Instant,
    ) {
        let Some(Slot::Made(made)) = self.slots.get_mut(&connection) else { return };
        match made.weigh(&self.weight) {
            Ok(Some(0)) => {}
            Ok(Some(pieces)) if self.allowances.entry(made.peer).or_default().spend(pieces, now) => {}
            Ok(_) => {
                self.totals.datagrams_too_costly += 1;
                return;
            }
            Err(violation) => {
                self.totals.violations += u64::from(made.offended(violation, now, &mut self.events));
                return self.touch(connection);
            }
        }
        made.gauge().departed(departed, put_off);
        made.handle_datagram(event, &self.weight, now);
        self.touch(connection);
    }

    /// Whether a peer may have the early data of the datagram in hand looked at: quinn-proto may keep it for a dial
    /// that is not accepted yet, and would work it off with that.
    pub(super) fn affords_early(&mut self, peer: PeerTag, now: Instant) -> bool {
        let pieces = self.weight.early_pieces;
        let affords = pieces == 0
            || !self.weight.may_be_too_dear(pieces)
                && self.allowances.entry(peer).or_default().spend(pieces, now);
        self.totals.datagrams_too_costly += u64::from(!affords);
        affords
    }

    fn refused(&mut self, peer: PeerTag, refusal: Refusal) {
        match refusal {
            Refusal::NoProtocol { .. } => self.totals.no_protocol += 1,
            Refusal::BelowFloor { .. } => self.totals.below_floor += 1,
            Refusal::PeerDials { .. } => self.totals.peer_dials += 1,
        }
        let handle = self.name();
        self.events.push_back((handle, Event::Refused { peer, refusal }));
    }
}

fn codepoint(ecn: Ecn) -> Option<EcnCodepoint> {
    match ecn {
        Ecn::NotEct => None,
        Ecn::Ect0 => Some(EcnCodepoint::Ect0),
        Ecn::Ect1 => Some(EcnCodepoint::Ect1),
        Ecn::Ce => Some(EcnCodepoint::Ce),
    }
}
