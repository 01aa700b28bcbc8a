//! Begin of a connection, and early data: the dialler's first flight, sent behind its hello, and the acceptor's, behind
//! its own.

use std::time::Instant;

use quinn_proto::Dir;

use super::messages::OutgoingMessages;
use super::stops::Stops;
use super::streams::ByteStreams;
use super::{Connection, Events, Phase, Violation};
use crate::control_stream::ControlWriter;
use crate::header::Header;
use crate::hello::EarlyVerdict;
use crate::parameters::PeerLimits;
use crate::session::Agreement;
use crate::unacknowledged::UnacknowledgedBytes;
use crate::{CloseCause, Event};

/// State of early data on one connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Early {
    /// There is none, or what was sent is decided.
    #[default]
    None,
    /// This end dials, sends, and does not know whether it is taken.
    Sent,
    /// This end accepted some, and told of the connection before the dialler confirmed it.
    Told,
}

impl Connection {
    /// The handshake is complete.
    pub(super) fn on_connected(&mut self, events: &mut Events) -> Result<(), Violation> {
        self.gauge().opened();
        if self.early == Early::Told {
            return Ok(());
        }
        let Some(Agreement { hello, protocol, limits, early }) = self.agreement() else {
            return Err(Violation("no hello"));
        };
        let is_open = self.early == Early::Sent && self.early_decided(early, events);
        self.limits = limits;
        if !is_open {
            self.open();
        }
        self.told = hello.lists.generation;
        events.push_back((self.handle, Event::Connected { hello, protocol }));
        Ok(())
    }

    fn agreement(&self) -> Option<Agreement> {
        let agreement = self.inner.crypto_session().handshake_data()?;
        agreement.downcast::<Agreement>().ok().map(|agreement| *agreement)
    }

    /// Begins to send.
    fn open(&mut self) {
        self.phase = Phase::Open;
        self.control_stream = self.inner.streams().open(Dir::Uni);
        if let Some(id) = self.control_stream {
            // Above every lane. The stream was opened just now, so it is there.
            let _ = self.inner.send_stream(id).set_priority(i32::MAX);
        }
        self.control.push_unknown(&self.grease);
        self.flush_control();
    }

    /// Sends from now on, within the least limits that an acceptor can have.
    pub(crate) fn begin_early(&mut self) {
        self.early = Early::Sent;
        self.limits = PeerLimits::LEAST;
        self.flow.begin_early();
        self.open();
    }

    /// An acceptor that takes early data tells of the connection with its hello, and sends at once. What comes under
    /// tags of this dialler's hello proves that the hello is the one which was said; what leaves can be read only by
    /// who saw both hellos.
    pub(super) fn on_hello(&mut self, events: &mut Events) -> Result<(), Violation> {
        let agreement = self.agreement().filter(|agreement| agreement.early == Some(EarlyVerdict::Taken));
        let Some(Agreement { hello, protocol, limits, .. }) = agreement else { return Ok(()) };
        if self.inner.side().is_client() || self.phase != Phase::Handshaking {
            return Ok(());
        }
        self.early = Early::Told;
        self.limits = limits;
        self.open();
        self.told = hello.lists.generation;
        events.push_back((self.handle, Event::Connected { hello, protocol }));
        Ok(())
    }

    /// Instant at which the acceptor is asked for its hello. quinn-proto has no timer for a hello that was acknowledged
    /// and not answered while early data flies, and an acceptor whose answers were lost may send no more until it hears
    /// something (RFC 9000 section 8.1).
    pub(super) fn ask_for_hello_at(&self) -> Option<Instant> {
        let since = self.unacknowledged.filter(|_| self.early == Early::Sent)?;
        Some(self.asked_for_hello.map_or(since, |asked| asked.max(since)) + self.probe_timeout())
    }

    pub(super) fn ask_for_hello(&mut self, now: Instant) {
        if self.inner.poll_timeout().is_none() && self.ask_for_hello_at().is_some_and(|at| at <= now) {
            self.asked_for_hello = Some(now);
            self.ping();
        }
    }

    /// The acceptor has answered. Whether it took what was sent; if not, nothing was sent as yet.
    fn early_decided(&mut self, verdict: Option<EarlyVerdict>, events: &mut Events) -> bool {
        self.early = Early::None;
        let taken = self.inner.accepted_0rtt();
        self.flow.end_early(!taken);
        if !taken {
            self.early_rejected(verdict == Some(EarlyVerdict::Unknown), events);
        }
        taken
    }

    /// The connection ends. An acceptor that refuses a duplicate has read nothing of it.
    pub(super) fn end_early(&mut self, cause: CloseCause, events: &mut Events) {
        if std::mem::take(&mut self.early) == Early::Sent && cause == CloseCause::Duplicate {
            self.early_rejected(false, events);
        }
    }

    fn early_rejected(&mut self, by_successor: bool, events: &mut Events) {
        self.sending = OutgoingMessages::default();
        self.streams = ByteStreams::default();
        self.stops = Stops::default();
        self.control = ControlWriter::starting_with(Header::Control.encode());
        self.control_unacknowledged = UnacknowledgedBytes::default();
        events.push_back((self.handle, Event::EarlyRejected { by_successor }));
    }
}
