//! Events of tunnel and transport, turned into changes and events of the engine.

use std::net::SocketAddr;
use std::time::Instant;

use warren_wireguard::{DownReason, Event as TunnelEvent};

use super::Engine;
use crate::event::{Event, PeerDownReason};
use crate::ids::ConnectionId;
use crate::timers::Timer;
use crate::transport::{ConnectionHandle, Event as TransportEvent, Transport};

impl<T: Transport> Engine<T> {
    /// Takes the events of the rooms below, after something was done to them.
    pub(super) fn hear_rooms(&mut self, now: Instant) {
        self.events.at(now);
        while let Some(event) = self.wireguard.poll_event() {
            match event {
                TunnelEvent::Moved { peer, from, to } => self.tell_moved(peer, from, to),
                TunnelEvent::Up { peer, .. }
                | TunnelEvent::Rekeyed { peer }
                | TunnelEvent::Down { peer, .. } => {
                    self.events.push_back(told(event, self.wireguard.endpoint(peer)));
                    self.move_on(peer, now);
                }
                TunnelEvent::Unanswered { .. }
                | TunnelEvent::Unreachable { .. }
                | TunnelEvent::Oversized { .. }
                | TunnelEvent::Stranger { .. }
                | TunnelEvent::StrangerGone { .. } => self.events.push_back(told(event, None)),
            }
        }
        self.take_answers(now);
        loop {
            let ready = self.transport.poll_ready(now);
            if let Some(handle) = ready {
                self.observe(handle, now);
                self.note_progress_of(handle);
            }
            let mut told = false;
            while let Some((handle, event)) = self.transport.poll_event(now) {
                told = true;
                self.note_progress_of(handle);
                self.handle_transport(handle, event, now);
            }
            let ended = self.end_delivered(now);
            match ready {
                Some(handle) => self.stand_in_control(handle),
                None if told || ended => {}
                None => break,
            }
        }
    }

    fn handle_transport(&mut self, handle: ConnectionHandle, event: TransportEvent, now: Instant) {
        if let TransportEvent::Incoming { hello, protocol } = event {
            return self.handle_incoming(handle, hello, protocol, now);
        }
        if let TransportEvent::Refused { peer, refused } = event {
            return self.tell_refused(peer, refused, now);
        }
        let Some(id) = self.calls.of(handle) else {
            return;
        };
        match event {
            TransportEvent::Incoming { .. } | TransportEvent::Refused { .. } => {}
            TransportEvent::Announced(theirs) => self.handle_announced(id, theirs, now),
            TransportEvent::Confirmed => self.events.push_back(Event::Confirmed { connection: id }),
            TransportEvent::Finished => self.events.push_back(Event::Finished { connection: id }),
            TransportEvent::Connected { hello, protocol } => self.handle_connected(id, hello, protocol, now),
            TransportEvent::EarlyRejected { by_successor } => {
                self.handle_early_rejected(id, by_successor, now)
            }
            TransportEvent::Closed(closed) => self.handle_closed(id, closed, now),
            TransportEvent::Datagram(bytes) => self.tell_datagram(id, bytes),
            TransportEvent::Message { priority, bytes } => {
                self.events.push_back(Event::Message { connection: id, priority, bytes });
            }
            TransportEvent::MessageSettled { message, outcome } => {
                self.handle_settled(id, message, outcome, now)
            }
            TransportEvent::Writable => self.handle_writable(id),
            TransportEvent::StreamOpened { stream, bidirectional, priority, name } => {
                self.handle_stream_opened(id, stream, bidirectional, priority, name);
            }
            TransportEvent::Readable(stream) => self.handle_readable(id, stream),
            TransportEvent::StreamReset { stream, code } => self.handle_stream_reset(id, stream, code),
            TransportEvent::StreamStopped { stream, code, whole } => {
                self.handle_stream_stopped(id, stream, code, whole);
            }
            TransportEvent::StreamFinished(stream) => self.handle_stream_finished(id, stream),
        }
    }

    pub(super) fn handle_timer(&mut self, connection: ConnectionId, timer: Timer, now: Instant) {
        match timer {
            Timer::Dial => self.handle_dial_timeout(connection, now),
            Timer::Redial => self.redial(connection, now),
            Timer::Liveness => self.check_liveness(connection, now),
            Timer::Heartbeat => self.beat(connection, now),
            Timer::Probe => self.check_probe(connection, now),
            Timer::Grace => self.handle_grace_timeout(connection, now),
            Timer::Announcement => self.tell_announced(connection, now),
            Timer::Goodbye => self.desert(connection, now),
        }
    }
}

/// The event as the engine tells it; `endpoint`: where the peer is that is up.
fn told(event: TunnelEvent, endpoint: Option<SocketAddr>) -> Event {
    match event {
        TunnelEvent::Up { peer, handshake } => Event::PeerUp { peer, handshake, endpoint },
        TunnelEvent::Rekeyed { peer } => Event::PeerRekeyed { peer },
        TunnelEvent::Moved { peer, from, to } => Event::PeerMoved { peer, from, to },
        TunnelEvent::Unanswered { peer, attempt, to } => Event::PeerUnanswered { peer, attempt, to },
        TunnelEvent::Unreachable { peer, to, error } => Event::PeerUnreachable { peer, to, error },
        TunnelEvent::Oversized { peer, len } => Event::PeerOversized { peer, len },
        TunnelEvent::Down { peer, reason } => {
            let reason = match reason {
                DownReason::Expired => PeerDownReason::Expired,
                DownReason::HandshakeTimeout => PeerDownReason::HandshakeTimeout,
                DownReason::Left => PeerDownReason::Left,
            };
            Event::PeerDown { peer, reason }
        }
        TunnelEvent::Stranger { public_key, endpoint } => Event::Stranger { public_key, endpoint },
        TunnelEvent::StrangerGone { public_key } => Event::StrangerGone { public_key },
    }
}
