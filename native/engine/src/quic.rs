//! QUIC as a transport of the engine's: the one file that names the crate.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_netstack::HEADER_LEN;
use warren_protocols::{Lists, Protocols};
use warren_quic::{FirstHop, PeerTag};
use warren_wireguard::PeerId;

use crate::config::{Config, derived};
use crate::ecn::Ecn;
use crate::event::{CloseCause, Closed, ClosedBy, DialRefusal, DialRefused, GiveUp, Outcome};
use crate::ids::Priority;
use crate::overhead::longest_packet;
use crate::stream_name::StreamName;
use crate::transport::{
    ConnectionHandle, Event, Hello, MessageHandle, Packets, PathSample, Read, Received, Refusal, Response,
    STAMP_MICROS, Stopped, StreamHandle, Transmit, Transport,
};

#[cfg(feature = "reference")]
pub use warren_quic::reference;
pub use warren_quic::{ConnectionStats as QuicFigures, Quic, QuicStats as QuicTotals};

/// QUIC without connections, for an engine of this configuration.
pub(crate) fn quic(config: &Config) -> Quic {
    Quic::new(warren_quic::Config {
        incarnation: config.incarnation,
        protocols: config.protocols.clone(),
        initial_udp_payload: inside(config.base_mtu()),
        max_udp_payload: inside(config.max_mtu.max(config.mtu)),
        first_hop: config.first_hop.filter(|_| config.uplink.is_none()).map(first_hop),
        reset_key: derived(config.private_key.as_bytes(), b"warren stateless reset v1"),
        cid_key: derived(config.private_key.as_bytes(), b"warren connection ids v1"),
        streams_per_connection: config.limits.streams_per_connection,
        message_bytes: config.limits.message_bytes,
        receive_bytes_per_connection: config.limits.receive_bytes_per_connection,
        seed: derived(&config.seed, b"quic"),
        ..warren_quic::Config::default()
    })
}

/// UDP payload that a packet of this length carries.
fn inside(mtu: u16) -> u16 {
    mtu.saturating_sub(HEADER_LEN as u16).max(Quic::MIN_PAYLOAD)
}

/// The longest payload inside of the tunnel, by the longest outside of it.
fn first_hop(outside: fn(SocketAddr) -> Option<u16>) -> FirstHop {
    FirstHop(Arc::new(move |remote| Some(inside(longest_packet(outside(remote)?, remote)))))
}

impl Transport for Quic {
    type Totals = QuicTotals;
    type Figures = QuicFigures;

    /// RFC 9000 section 14.1.
    const MIN_PAYLOAD: u16 = 1_200;
    /// Short header, tag, and the header of one STREAM frame, about.
    const OVERHEAD: usize = 28;

    fn handle_datagram(&mut self, datagram: Received, now: Instant) {
        let Received { peer, payload, ecn, departed, observed } = datagram;
        let envelope = warren_quic::Envelope { ecn: ecn.into(), departed: Some(departed) };
        self.handle_datagram(tag(peer), envelope, payload, Some(observed), now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.handle_timeout(now);
    }

    fn connect(
        &mut self,
        peer: PeerId,
        asked: Option<&[Box<str>]>,
        observed: Option<SocketAddr>,
        round_trip: Option<Duration>,
        now: Instant,
    ) -> ConnectionHandle {
        own(self.connect(tag(peer), asked, observed, round_trip, now))
    }

    fn connect_early(
        &mut self,
        peer: PeerId,
        asked: Option<&[Box<str>]>,
        early: (u32, &str),
        path: (Option<SocketAddr>, Option<Duration>),
        now: Instant,
    ) -> Option<ConnectionHandle> {
        Some(own(self.connect_early(tag(peer), asked, early, path, now)))
    }

    fn early_session(&self, connection: ConnectionHandle) -> Option<u32> {
        self.early_session(its(connection))
    }

    fn decline_early(&mut self, connection: ConnectionHandle) {
        self.decline_early(its(connection));
    }

    fn set_protocols(&mut self, peer: Option<PeerId>, protocols: Option<Protocols>) {
        self.set_protocols(peer.map(tag), protocols);
    }

    fn announce(&mut self, connection: ConnectionHandle, lists: Lists) {
        self.announce(its(connection), lists);
    }

    fn finish(&mut self, connection: ConnectionHandle) {
        self.finish(its(connection));
    }

    fn accept(&mut self, connection: ConnectionHandle, round_trip: Option<Duration>, now: Instant) {
        self.accept(its(connection), round_trip, now);
    }

    fn refuse(&mut self, connection: ConnectionHandle, refusal: Refusal, now: Instant) {
        let code = match refusal {
            Refusal::Duplicate => warren_quic::RefuseCode::Duplicate,
            Refusal::TooMany => warren_quic::RefuseCode::TooMany,
        };
        self.refuse(its(connection), code, now);
    }

    fn close(&mut self, connection: ConnectionHandle, code: u64, reason: &[u8], now: Instant) {
        self.close(its(connection), code, reason, now);
    }

    fn abandon(&mut self, connection: ConnectionHandle) {
        self.abandon(its(connection));
    }

    fn forget_peer(&mut self, peer: PeerId) {
        self.forget_peer(tag(peer));
    }

    fn ping(&mut self, connection: ConnectionHandle) {
        self.ping(its(connection));
    }

    fn room(&self, connection: ConnectionHandle) -> usize {
        self.room(its(connection))
    }

    fn urge(&mut self, connection: ConnectionHandle) -> usize {
        self.urge(its(connection))
    }

    fn unsent(&self, connection: ConnectionHandle) -> usize {
        self.unsent(its(connection))
    }

    fn payload(&self, connection: ConnectionHandle) -> usize {
        self.payload(its(connection))
    }

    fn begin_message(
        &mut self,
        connection: ConnectionHandle,
        priority: Priority,
        length: usize,
    ) -> Option<MessageHandle> {
        let message = self.begin_message(its(connection), priority, length)?;
        Some(MessageHandle(message.0))
    }

    fn write_message(
        &mut self,
        connection: ConnectionHandle,
        message: MessageHandle,
        bytes: &mut Bytes,
    ) -> usize {
        self.write_message(its(connection), warren_quic::MessageHandle(message.0), bytes)
    }

    fn cancel_message(&mut self, connection: ConnectionHandle, message: MessageHandle, reason: GiveUp) {
        let reason = match reason {
            GiveUp::Cancelled => warren_quic::GiveUp::Cancelled,
            GiveUp::Replaced => warren_quic::GiveUp::Replaced,
            GiveUp::Expired => warren_quic::GiveUp::Expired,
        };
        self.cancel_message(its(connection), warren_quic::MessageHandle(message.0), reason);
    }

    fn release_messages(
        &mut self,
        connection: ConnectionHandle,
        priority: Priority,
        bytes: usize,
        now: Instant,
    ) {
        self.release_messages(its(connection), priority, bytes, now);
    }

    fn send_datagram(&mut self, connection: ConnectionHandle, bytes: Bytes) -> bool {
        self.send_datagram(its(connection), bytes)
    }

    fn max_datagram_size(&self, connection: ConnectionHandle) -> usize {
        self.max_datagram_size(its(connection))
    }

    fn open_stream(
        &mut self,
        connection: ConnectionHandle,
        bidirectional: bool,
        priority: Priority,
        name: &StreamName,
    ) -> Option<StreamHandle> {
        let name = warren_quic::StreamName::new(name.as_str()).unwrap_or_default();
        let stream = self.open_stream(its(connection), bidirectional, priority, &name)?;
        Some(StreamHandle(stream.0))
    }

    fn write_stream(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        bytes: &mut Bytes,
    ) -> Result<usize, Stopped> {
        self.write_stream(its(connection), its_stream(stream), bytes).map_err(|stopped| Stopped(stopped.0))
    }

    fn finish_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle) {
        self.finish_stream(its(connection), its_stream(stream));
    }

    fn reset_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        self.reset_stream(its(connection), its_stream(stream), code);
    }

    fn leave_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) -> bool {
        self.leave_stream(its(connection), its_stream(stream), code)
    }

    fn stop_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        self.stop_stream(its(connection), its_stream(stream), code);
    }

    fn set_stream_priority(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        priority: Priority,
    ) {
        self.set_stream_priority(its(connection), its_stream(stream), priority);
    }

    fn has_acknowledged(&self, connection: ConnectionHandle, stream: StreamHandle) -> bool {
        self.has_acknowledged(its(connection), its_stream(stream))
    }

    fn read_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, max: usize) -> Read {
        match self.read_stream(its(connection), its_stream(stream), max) {
            warren_quic::Read::Data(bytes) => Read::Data(bytes),
            warren_quic::Read::Blocked => Read::Blocked,
            warren_quic::Read::End => Read::End,
            warren_quic::Read::Reset(code) => Read::Reset(code),
        }
    }

    fn is_paced(&self) -> bool {
        #[cfg(feature = "reference")]
        return !reference::is_on();
        #[cfg(not(feature = "reference"))]
        true
    }

    fn take_path_sample(&mut self, connection: ConnectionHandle) -> Option<PathSample> {
        let sample = Quic::take_path_sample(self, its(connection))?;
        Some(PathSample {
            packets: sample.packets,
            bytes: sample.bytes,
            lost: sample.lost,
            marks: sample.marks,
            delay: sample.delay,
            arrival: sample.arrival,
            round_trip: sample.round_trip,
            in_flight: sample.in_flight,
            window: sample.window,
        })
    }

    fn set_window(&mut self, connection: ConnectionHandle, window: Option<u64>) {
        self.set_window(its(connection), window);
    }

    fn compete(&mut self, connection: ConnectionHandle, in_flight: u64) {
        self.compete(its(connection), in_flight);
    }

    fn poll_response(&mut self) -> Option<Response> {
        let mut payload = Vec::new();
        let peer = self.poll_response(&mut payload)?;
        Some(Response { peer: PeerId(peer.0), is_reset: is_reset(&payload), payload })
    }

    fn poll_ready(&mut self, now: Instant) -> Option<ConnectionHandle> {
        self.poll_ready(now).map(own)
    }

    fn poll_event(&mut self, now: Instant) -> Option<(ConnectionHandle, Event)> {
        self.poll_event(now).map(|(connection, event)| (own(connection), translated(event)))
    }

    fn poll_transmit(
        &mut self,
        connection: ConnectionHandle,
        packets: Packets,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        let transmit = match packets {
            Packets::All => self.poll_transmit(its(connection), max, out, now)?,
            Packets::NonEliciting => self.poll_non_eliciting(its(connection), max, out, now)?,
        };
        Some(Transmit { segment: transmit.segment, ecn: transmit.ecn.into(), asks: transmit.asks })
    }

    fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        self.poll_timeout()
    }

    fn peer_of(&self, connection: ConnectionHandle) -> Option<PeerId> {
        self.peer_of(its(connection)).map(|tag| PeerId(tag.0))
    }

    fn unanswered_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.unanswered_since(its(connection))
    }

    fn unacknowledged_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.unacknowledged_since(its(connection))
    }

    fn last_heard(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.last_heard(its(connection))
    }

    fn probe_timeout(&self, connection: ConnectionHandle) -> Option<Duration> {
        self.probe_timeout(its(connection))
    }

    fn flies(&mut self, connection: ConnectionHandle) -> bool {
        self.flies(its(connection))
    }

    fn tells_writable(&self, connection: ConnectionHandle) -> bool {
        self.tells_writable(its(connection))
    }

    fn figures(&self, connection: ConnectionHandle) -> Option<QuicFigures> {
        self.stats(its(connection))
    }

    fn totals(&self) -> QuicTotals {
        self.totals()
    }
}

fn translated(event: warren_quic::Event) -> Event {
    match event {
        warren_quic::Event::Incoming { hello, protocol } => Event::Incoming { hello: heard(hello), protocol },
        warren_quic::Event::EarlyRejected { by_successor } => Event::EarlyRejected { by_successor },
        warren_quic::Event::Connected { hello, protocol } => {
            Event::Connected { hello: heard(hello), protocol }
        }
        warren_quic::Event::Refused { peer, refusal } => {
            Event::Refused { peer: PeerId(peer.0), refused: refused(refusal) }
        }
        warren_quic::Event::Announced(lists) => Event::Announced(lists),
        warren_quic::Event::Confirmed => Event::Confirmed,
        warren_quic::Event::Finished => Event::Finished,
        warren_quic::Event::Closed(closed) => Event::Closed(ending(closed)),
        warren_quic::Event::Datagram(bytes) => Event::Datagram(bytes),
        warren_quic::Event::Message { priority, bytes } => Event::Message { priority, bytes },
        warren_quic::Event::MessageSettled { message, outcome } => {
            Event::MessageSettled { message: MessageHandle(message.0), outcome: settled(outcome) }
        }
        warren_quic::Event::Writable => Event::Writable,
        warren_quic::Event::StreamOpened { stream, bidirectional, priority, name } => {
            let name = StreamName::new(name.as_str()).unwrap_or_default();
            Event::StreamOpened { stream: StreamHandle(stream.0), bidirectional, priority, name }
        }
        warren_quic::Event::Readable(stream) => Event::Readable(StreamHandle(stream.0)),
        warren_quic::Event::StreamReset { stream, code } => {
            Event::StreamReset { stream: StreamHandle(stream.0), code }
        }
        warren_quic::Event::StreamStopped { stream, code, whole } => {
            Event::StreamStopped { stream: StreamHandle(stream.0), code, whole }
        }
        warren_quic::Event::StreamFinished(stream) => Event::StreamFinished(StreamHandle(stream.0)),
    }
}

fn heard(hello: warren_quic::Hello) -> Hello {
    Hello { incarnation: hello.incarnation, lists: hello.lists }
}

fn ending(closed: warren_quic::Closed) -> Closed {
    let by = match closed.by {
        warren_quic::ClosedBy::Local => ClosedBy::Local,
        warren_quic::ClosedBy::Remote => ClosedBy::Remote,
        warren_quic::ClosedBy::Network => ClosedBy::Network,
    };
    let cause = match closed.cause {
        warren_quic::CloseCause::Application => CloseCause::Application,
        warren_quic::CloseCause::Duplicate => CloseCause::Duplicate,
        warren_quic::CloseCause::TooMany => CloseCause::Refused,
        warren_quic::CloseCause::NoProtocol => CloseCause::NoProtocol,
        warren_quic::CloseCause::BelowFloor => CloseCause::BelowFloor,
        warren_quic::CloseCause::PeerDials => CloseCause::PeerDials,
        warren_quic::CloseCause::ListsDiffer => CloseCause::ListsDiffer,
        warren_quic::CloseCause::Version
        | warren_quic::CloseCause::Parameters
        | warren_quic::CloseCause::Violation => CloseCause::Protocol,
        // A process that is a new one says so before.
        warren_quic::CloseCause::Reset => CloseCause::PeerDead,
    };
    let reason = String::from_utf8_lossy(&closed.reason).into_owned();
    Closed { by, code: closed.code, reason, cause, accepts: closed.accepts }
}

fn refused(refusal: warren_quic::Refusal) -> DialRefused {
    let (why, offered, chosen) = match refusal {
        warren_quic::Refusal::NoProtocol { offered } => (DialRefusal::NoProtocol, offered, None),
        warren_quic::Refusal::BelowFloor { offered } => (DialRefusal::BelowFloor, offered, None),
        warren_quic::Refusal::PeerDials { offered, chosen } => {
            (DialRefusal::PeerDials, offered, Some(chosen))
        }
    };
    DialRefused { why, offered, chosen }
}

fn settled(outcome: warren_quic::Outcome) -> Outcome {
    match outcome {
        warren_quic::Outcome::Delivered => Outcome::Delivered,
        warren_quic::Outcome::GivenUp(warren_quic::GiveUp::Cancelled) => Outcome::Cancelled,
        warren_quic::Outcome::GivenUp(warren_quic::GiveUp::Replaced) => Outcome::Replaced,
        warren_quic::Outcome::GivenUp(warren_quic::GiveUp::Expired) => Outcome::Expired,
        warren_quic::Outcome::Refused => Outcome::Dropped,
        warren_quic::Outcome::Lost => Outcome::Lost,
    }
}

/// Whether an answer is a stateless reset: of those without a connection the only one with a short header (RFC 9000
/// section 10.3).
fn is_reset(response: &[u8]) -> bool {
    response.first().is_some_and(|first| first & 0x80 == 0)
}

fn tag(peer: PeerId) -> PeerTag {
    PeerTag(peer.0)
}

fn own(connection: warren_quic::ConnectionHandle) -> ConnectionHandle {
    ConnectionHandle(connection.0)
}

fn its(connection: ConnectionHandle) -> warren_quic::ConnectionHandle {
    warren_quic::ConnectionHandle(connection.0)
}

fn its_stream(stream: StreamHandle) -> warren_quic::StreamHandle {
    warren_quic::StreamHandle(stream.0)
}

impl From<Ecn> for warren_quic::Ecn {
    fn from(ecn: Ecn) -> Self {
        match ecn {
            Ecn::NotEct => Self::NotEct,
            Ecn::Ect1 => Self::Ect1,
            Ecn::Ect0 => Self::Ect0,
            Ecn::Ce => Self::Ce,
        }
    }
}

impl From<warren_quic::Ecn> for Ecn {
    fn from(ecn: warren_quic::Ecn) -> Self {
        match ecn {
            warren_quic::Ecn::NotEct => Self::NotEct,
            warren_quic::Ecn::Ect1 => Self::Ect1,
            warren_quic::Ecn::Ect0 => Self::Ect0,
            warren_quic::Ecn::Ce => Self::Ce,
        }
    }
}

/// Both ends of the seam tell departures in the same ticks, and names of streams have room on the wire.
const _: () = assert!(STAMP_MICROS == warren_quic::STAMP_MICROS && StreamName::MAX <= u8::MAX as usize);
