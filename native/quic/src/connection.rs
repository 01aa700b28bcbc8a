//! One connection: quinn-proto's state machine, and on top of it messages, byte streams and what may be written.

mod flow;
mod handshake;
mod lists;
mod messages;
mod parting;
mod quiet;
mod receive;
pub(crate) mod room;
mod search;
mod stops;
mod streams;
mod work;

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn_proto::{ConnectionEvent, EndpointEvent, StreamEvent, StreamId};

use crate::close::{self, CloseCause, ClosedBy, VIOLATION};
use crate::config::ACK_DELAY;
use crate::control_stream::ControlWriter;
use crate::deadlines::Armed;
use crate::gauge::Gauge;
use crate::grease::Grease;
use crate::header::Header;
use crate::parameters::PeerLimits;
use crate::unacknowledged::UnacknowledgedBytes;
use crate::weigh::Weight;
use crate::{Closed, Config, ConnectionHandle, ConnectionStats, Event, PeerTag};
use flow::Flow;
use handshake::Early;
use messages::OutgoingMessages;
use parting::Parting;
use quiet::Quiet;
use receive::Receiving;
use room::StreamRoom;
use search::Search;
use stops::Stops;
use streams::ByteStreams;
use work::Work;

/// Events of all connections, oldest first.
pub(crate) type Events = VecDeque<(ConnectionHandle, Event)>;

/// A peer broke the rules; it is told this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Violation(pub(crate) &'static str);

pub(crate) struct Connection {
    pub(crate) handle: ConnectionHandle,
    pub(crate) peer: PeerTag,
    /// Its name in the peer's endpoint.
    pub(crate) quinn: quinn_proto::ConnectionHandle,
    pub(crate) armed: Armed,
    /// Waits to exchange events with its endpoint.
    pub(crate) touched: bool,
    /// Waits to be given out by `poll_ready`.
    pub(crate) ready: bool,
    pub(crate) phase: Phase,
    early: Early,
    /// Instant at which the acceptor was last asked for its hello.
    asked_for_hello: Option<Instant>,
    inner: quinn_proto::Connection,
    config: Arc<Config>,
    limits: PeerLimits,
    flow: Flow,
    search: Search,
    unanswered: Option<Instant>,
    /// Instant since which nothing newer that flies was acknowledged, while something does.
    unacknowledged: Option<Instant>,
    quiet: Quiet,
    made: Instant,
    heard: Instant,
    control: ControlWriter,
    control_stream: Option<StreamId>,
    control_unacknowledged: UnacknowledgedBytes,
    sending: OutgoingMessages,
    receiving: Receiving,
    streams: ByteStreams,
    room: StreamRoom,
    stops: Stops,
    work: Work,
    /// The other end closed it, or broke a rule.
    left: bool,
    parting: Parting,
    /// The newest lists that the other end is known to have.
    told: Option<u64>,
    /// The other end said that it sends no more.
    finished: bool,
    /// The other end is known to have the connection, which this end dialled.
    confirmed: bool,
    grease: Grease,
    /// Over, and repeats its word no longer than until then.
    lingers_until: Option<Instant>,
    /// Something could not be written, begun or opened: say so when it can.
    wants_writable: bool,
    stats: ConnectionStats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Handshaking,
    Open,
    /// Over for its owner; quinn-proto may still have something to say to the other end.
    Ended,
}

impl Connection {
    pub(crate) fn new(
        handle: ConnectionHandle,
        peer: PeerTag,
        (quinn, inner): (quinn_proto::ConnectionHandle, quinn_proto::Connection),
        (config, grease): (Arc<Config>, Grease),
        gauge: Arc<Gauge>,
        now: Instant,
    ) -> Self {
        Self {
            handle,
            peer,
            quinn,
            armed: None,
            touched: false,
            ready: false,
            phase: Phase::Handshaking,
            early: Early::default(),
            asked_for_hello: None,
            flow: Flow::new(gauge),
            search: Search::default(),
            inner,
            limits: PeerLimits::default(),
            unanswered: None,
            unacknowledged: None,
            quiet: Quiet::default(),
            made: now,
            heard: now,
            control: ControlWriter::starting_with(Header::Control.encode()),
            control_stream: None,
            control_unacknowledged: UnacknowledgedBytes::default(),
            sending: OutgoingMessages::default(),
            receiving: Receiving::new(&config),
            streams: ByteStreams::default(),
            room: StreamRoom::new(config.streams(), now),
            stops: Stops::default(),
            work: Work::default(),
            config,
            left: false,
            parting: Parting::default(),
            told: None,
            finished: false,
            confirmed: false,
            grease,
            lingers_until: None,
            wants_writable: false,
            stats: ConnectionStats::default(),
        }
    }

    /// Hands on a datagram that was weighed.
    pub(crate) fn handle_datagram(&mut self, event: ConnectionEvent, weight: &Weight, now: Instant) {
        self.unanswered = None;
        self.heard = now;
        let before = self.gauge().acknowledged();
        self.work_off(event, weight);
        self.note_lost_probe();
        if self.gauge().acknowledged() != before {
            self.acknowledged(now);
        }
    }

    /// Notes that some of the flying packets are acknowledged. While something flies this counts only if the
    /// acknowledged packet left after the one that is waited for, or one old packet after the other would keep all
    /// newer ones here.
    fn acknowledged(&mut self, now: Instant) {
        let newest = self.made + self.gauge().newest_acknowledged();
        if self.gauge().in_flight() == 0 {
            self.unacknowledged = None;
            self.quiet = Quiet::default();
        } else if self.unacknowledged.is_none_or(|since| since <= newest) {
            self.unacknowledged = Some(now);
            self.quiet = Quiet::default();
        }
    }

    /// Closes for a datagram that no honest end would have sent, unless it is closed already.
    pub(crate) fn offended(
        &mut self,
        Violation(reason): Violation,
        now: Instant,
        events: &mut Events,
    ) -> bool {
        let lives = self.phase != Phase::Ended && !self.inner.is_closed();
        if lives {
            self.violated(reason, now, events);
        }
        lives
    }

    /// State that the owner and the congestion controller share.
    pub(crate) fn gauge(&self) -> &Gauge {
        self.flow.gauge()
    }

    pub(crate) fn handle_endpoint(&mut self, event: ConnectionEvent) {
        self.inner.handle_event(event);
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.quiet.waits(now);
        self.ask_for_hello(now);
        self.inner.handle_timeout(now);
        self.note_lost_probe();
    }

    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        let deadline = self.inner.poll_timeout();
        // Packets in flight have a timer (RFC 9002 section 6.2.1), so that data held back by the window is asked for
        // again.
        if deadline.is_none() && self.phase == Phase::Open && self.early != Early::Sent {
            self.gauge().land();
        }
        let deadline = deadline.or_else(|| self.ask_for_hello_at());
        let deadline = deadline.map(|at| self.parting.put_off(at));
        [deadline, self.lingers_until, self.quiet.until()].into_iter().flatten().min()
    }

    /// Whether it is over, and has been for so long that its word is not repeated any more.
    pub(crate) fn has_lingered(&self, now: Instant) -> bool {
        self.lingers_until.is_some_and(|until| until <= now)
    }

    /// Whether it is over, with a word to repeat perhaps.
    pub(crate) fn lingers(&self) -> bool {
        self.phase == Phase::Ended
    }

    pub(crate) fn poll_endpoint_event(&mut self) -> Option<EndpointEvent> {
        self.inner.poll_endpoint_events()
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.inner.is_drained()
    }

    /// Whether the other end closed it, or broke a rule: after one word of ours, if there is one, nothing has to be
    /// repeated.
    pub(crate) fn is_left(&self) -> bool {
        self.left && self.phase == Phase::Ended
    }

    pub(crate) fn unanswered_since(&self) -> Option<Instant> {
        self.unanswered
    }

    pub(crate) fn unacknowledged_since(&self) -> Option<Instant> {
        self.unacknowledged
    }

    pub(crate) fn last_heard(&self) -> Instant {
        self.heard
    }

    /// quinn-proto does not tell the variance of round trips. Before the first sample it takes half of the estimate for
    /// it, as RFC 9002 section 5.3 has it; a quarter stands for it after that.
    pub(crate) fn probe_timeout(&self) -> Duration {
        match self.phase {
            Phase::Open | Phase::Ended if self.early != Early::Sent => 2 * self.inner.rtt() + ACK_DELAY,
            Phase::Handshaking | Phase::Open | Phase::Ended => 3 * self.inner.rtt(),
        }
    }

    pub(crate) fn ping(&mut self) {
        self.flow.exempt_one();
        self.inner.ping();
    }

    pub(crate) fn close(&mut self, code: u64, reason: &[u8], now: Instant, events: &mut Events) {
        if self.phase == Phase::Ended {
            return;
        }
        self.inner.close(now, close::application_code(code), Bytes::copy_from_slice(reason));
        self.parting.begin(now);
        let closed = Closed::new(ClosedBy::Local, CloseCause::Application, reason);
        self.end(Closed { code, ..closed }, events);
    }

    /// Turns quinn-proto's events into events for the owner.
    pub(crate) fn absorb(&mut self, now: Instant, events: &mut Events) {
        let mut last_read = None;
        loop {
            let mut told: Vec<_> = iter::from_fn(|| self.inner.poll()).collect();
            if told.is_empty() {
                break;
            }
            told.sort_by_key(turn);
            for event in told {
                if self.phase == Phase::Ended {
                    continue;
                }
                if let Err(Violation(reason)) = self.on_event(event, &mut last_read, events) {
                    self.violated(reason, now, events);
                }
            }
        }
        if self.phase == Phase::Ended {
            self.lingers_until.get_or_insert(now + LINGER_MAX);
        }
        self.tell_confirmed(events);
        self.free_full(events);
        self.grow_room(now);
        if self.phase == Phase::Open && self.control.is_overfull() {
            self.violated("the control stream is not read", now, events);
        }
    }

    fn on_event(
        &mut self,
        event: quinn_proto::Event,
        last_read: &mut Option<StreamId>,
        events: &mut Events,
    ) -> Result<(), Violation> {
        match event {
            quinn_proto::Event::HandshakeDataReady => self.on_hello(events),
            quinn_proto::Event::Connected => self.on_connected(events),
            quinn_proto::Event::ConnectionLost { reason } => {
                self.end(close::interpret(reason), events);
                Ok(())
            }
            quinn_proto::Event::DatagramReceived => {
                while let Some(bytes) = self.inner.datagrams().recv() {
                    events.push_back((self.handle, Event::Datagram(bytes)));
                }
                Ok(())
            }
            quinn_proto::Event::DatagramsUnblocked => {
                self.writable(events);
                Ok(())
            }
            quinn_proto::Event::Stream(event) => self.on_stream_event(event, last_read, events),
        }
    }

    fn on_stream_event(
        &mut self,
        event: StreamEvent,
        last_read: &mut Option<StreamId>,
        events: &mut Events,
    ) -> Result<(), Violation> {
        match event {
            StreamEvent::Opened { dir } => {
                while let Some(id) = self.inner.streams().accept(dir) {
                    *last_read = Some(id);
                    self.room.opened(id);
                    self.on_opened(id, events)?;
                }
                Ok(())
            }
            // One event comes for each packet of a batch; the first reads what all of them brought.
            StreamEvent::Readable { id } if *last_read == Some(id) => Ok(()),
            StreamEvent::Readable { id } => {
                *last_read = Some(id);
                self.on_readable(id, events)
            }
            StreamEvent::Writable { id } => {
                self.flush_prefix(id);
                self.writable(events);
                Ok(())
            }
            StreamEvent::Available { .. } => {
                self.writable(events);
                Ok(())
            }
            StreamEvent::Finished { id } => {
                self.on_finished(id, events);
                Ok(())
            }
            StreamEvent::Stopped { id, error_code } => self.on_stopped(id, error_code, events),
        }
    }

    /// Writes the pending control frames, unless the other end leaves too much of them unacknowledged.
    fn flush_control(&mut self) {
        let Some(id) = self.control_stream else { return };
        if self.control.is_empty() || self.control_unacknowledged.held() >= CONTROL_UNACKNOWLEDGED_MAX {
            return;
        }
        let bytes = Bytes::copy_from_slice(self.control.bytes());
        let mut chunk = [self.control_unacknowledged.count(bytes)];
        if let Ok(written) = self.inner.send_stream(id).write_chunks(&mut chunk) {
            self.control.advance(written.bytes);
            self.flow.wrote(written.bytes);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(crate) fn tells_writable(&self) -> bool {
        self.wants_writable
    }

    fn writable(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.wants_writable) {
            events.push_back((self.handle, Event::Writable));
        }
    }

    fn violated(&mut self, reason: &'static str, now: Instant, events: &mut Events) {
        self.inner.close(now, VIOLATION, Bytes::from_static(reason.as_bytes()));
        self.parting.begin(now);
        self.end(Closed::new(ClosedBy::Local, CloseCause::Violation, reason), events);
    }

    fn end(&mut self, closed: Closed, events: &mut Events) {
        self.phase = Phase::Ended;
        self.left = closed.by != ClosedBy::Local || closed.cause == CloseCause::Violation;
        self.flow.exempt_all();
        self.end_early(closed.cause, events);
        self.lose_messages(events);
        self.receiving = Receiving::new(&self.config);
        self.streams.end();
        self.stops = Stops::default();
        self.control = ControlWriter::default();
        events.push_back((self.handle, Event::Closed(closed)));
    }

    pub(crate) fn stats(&self) -> ConnectionStats {
        let quinn = self.inner.stats();
        ConnectionStats {
            rtt: quinn.path.rtt,
            min_rtt: quinn.path.min_rtt,
            window: self.gauge().window(),
            in_flight: self.gauge().in_flight(),
            unsent: self.flow.unsent(),
            mtu: quinn.path.current_mtu,
            datagrams_sent: quinn.udp_tx.datagrams,
            bytes_sent: quinn.udp_tx.bytes,
            datagrams_received: quinn.udp_rx.datagrams,
            bytes_received: quinn.udp_rx.bytes,
            packets_lost: quinn.path.lost_packets,
            congestion_events: quinn.path.congestion_events,
            messages_held: self.receiving.held_bytes(),
            messages_waiting: self.receiving.waiting(),
            ..self.stats
        }
    }
}

/// quinn-proto tells of new streams before what came, earlier, on those that were open; and of the end last.
fn turn(event: &quinn_proto::Event) -> u8 {
    match event {
        quinn_proto::Event::Stream(StreamEvent::Opened { .. }) => 1,
        quinn_proto::Event::ConnectionLost { .. } => 2,
        _ => 0,
    }
}

/// Access for tests.
#[cfg(test)]
impl Connection {
    pub(crate) fn inner(&mut self) -> &mut quinn_proto::Connection {
        &mut self.inner
    }

    pub(crate) fn control(&mut self) -> &mut ControlWriter {
        &mut self.control
    }

    pub(crate) fn control_stream(&self) -> Option<StreamId> {
        self.control_stream
    }

    pub(crate) fn force_key_update(&mut self) {
        self.inner.force_key_update();
    }
}

/// Time for which a closed connection repeats its word. RFC 9000 section 10.2 has three probe timeouts, which grow with
/// the round trips that the other end makes up. This is ten of the slowest path's, and as long as an accepted dial may
/// take.
const LINGER_MAX: Duration = Duration::from_secs(10);

/// Bytes of the control stream that may be unacknowledged, with the cost of each piece. An honest end acknowledges them
/// within a round trip, and confirms in one some 20 bytes for each stream that it may have.
const CONTROL_UNACKNOWLEDGED_MAX: usize = 1 << 18;
