//! The bare transport's side of the seam.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use warren_engine::transport::{
    ConnectionHandle, Event, MessageHandle, Packets, PathSample, Read, Received, Refusal, Response, Stopped,
    StreamHandle, Transmit, Transport,
};
use warren_engine::{
    CloseCause, Closed, ClosedBy, Ecn, GiveUp, Lists, PeerId, Priority, Protocols, StreamName,
};

use super::frame::*;
use super::{Bare, Frame, Link, Sending, Stream, ended};

impl Transport for Bare {
    type Totals = u64;
    type Figures = usize;

    const MIN_PAYLOAD: u16 = 600;
    const OVERHEAD: usize = 32;

    fn handle_datagram(&mut self, datagram: Received, now: Instant) {
        let Received { peer, payload, .. } = datagram;
        let mut content = payload.freeze();
        let (_, by_dialler, name, kind) =
            (content.get_u8(), content.get_u8() == 1, content.get_u32(), content.get_u8());
        let found = self
            .links
            .iter_mut()
            .find(|(_, link)| link.peer == peer && link.dialled != by_dialler && link.name == name);
        match found {
            Some((&connection, link)) => {
                link.heard = now;
                link.unanswered = None;
                self.heard(connection, kind, content);
            }
            None if kind == HELLO => self.dialled(peer, name, content, now),
            None if kind < ANSWERS && kind != CLOSE => self.respond(peer, !by_dialler, name, RESET, &[]),
            None => {}
        }
    }

    fn handle_timeout(&mut self, _: Instant) {}

    fn connect(
        &mut self,
        peer: PeerId,
        asked: Option<&[Box<str>]>,
        _: Option<SocketAddr>,
        _: Option<Duration>,
        now: Instant,
    ) -> ConnectionHandle {
        let connection = self.link(peer, true, None, now);
        let mut hello = self.incarnation.to_be_bytes().to_vec();
        put_list(&mut hello, &self.protocols);
        put_list(&mut hello, asked.unwrap_or(&self.protocols));
        self.push(connection, HELLO, &hello);
        connection
    }

    fn set_protocols(&mut self, peer: Option<PeerId>, protocols: Option<Protocols>) {
        if let (None, Some(protocols)) = (peer, protocols) {
            self.protocols = protocols.lists.accept;
        }
    }

    fn announce(&mut self, _: ConnectionHandle, _: Lists) {}

    fn finish(&mut self, _: ConnectionHandle) {}

    fn accept(&mut self, connection: ConnectionHandle, _: Option<Duration>, _: Instant) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let Some((hello, protocol)) = link.incoming.take() else { return };
        link.is_open = true;
        let mut welcome = self.incarnation.to_be_bytes().to_vec();
        put_list(&mut welcome, &self.protocols);
        put_text(&mut welcome, &protocol);
        self.push(connection, WELCOME, &welcome);
        self.tell(connection, Event::Connected { hello, protocol });
    }

    fn refuse(&mut self, connection: ConnectionHandle, refusal: Refusal, _: Instant) {
        let Some(link) = self.links.remove(&connection) else { return };
        let code = match refusal {
            Refusal::Duplicate => DUPLICATE,
            Refusal::TooMany => TOO_MANY,
        };
        self.respond(link.peer, false, link.name, REFUSE, &[code]);
    }

    fn close(&mut self, connection: ConnectionHandle, code: u64, reason: &[u8], _: Instant) {
        self.push(connection, CLOSE, &[&code.to_be_bytes(), reason].concat());
        let (reason, cause) = (String::from_utf8_lossy(reason).into_owned(), CloseCause::Application);
        self.end(connection, Closed { code, reason, ..ended(ClosedBy::Local, cause) });
    }

    fn abandon(&mut self, connection: ConnectionHandle) {
        self.links.remove(&connection);
        self.events.retain(|(other, _)| *other != connection);
    }

    fn forget_peer(&mut self, peer: PeerId) {
        let its = |(&connection, link): (&ConnectionHandle, &Link)| (link.peer == peer).then_some(connection);
        for connection in self.links.iter().filter_map(its).collect::<BTreeSet<_>>() {
            self.abandon(connection);
        }
        self.responses.retain(|response| response.peer != peer);
    }

    fn ping(&mut self, connection: ConnectionHandle) {
        self.push(connection, PING, &[]);
    }

    fn room(&self, connection: ConnectionHandle) -> usize {
        self.links.get(&connection).filter(|it| it.is_open).map_or(0, |it| UNSENT.saturating_sub(it.unsent))
    }

    fn urge(&mut self, connection: ConnectionHandle) -> usize {
        self.room(connection)
    }

    fn payload(&self, _: ConnectionHandle) -> usize {
        self.most + Self::OVERHEAD
    }

    fn unsent(&self, connection: ConnectionHandle) -> usize {
        self.links.get(&connection).map_or(0, |link| link.unsent)
    }

    fn begin_message(
        &mut self,
        connection: ConnectionHandle,
        priority: Priority,
        length: usize,
    ) -> Option<MessageHandle> {
        let link = self.links.get_mut(&connection)?;
        let message = link.name();
        link.sending.insert(message, Sending { priority, length, given_up: None });
        self.push_part(connection, message, &[]);
        Some(MessageHandle(message))
    }

    fn write_message(
        &mut self,
        connection: ConnectionHandle,
        message: MessageHandle,
        bytes: &mut Bytes,
    ) -> usize {
        let taken = bytes.len();
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(self.most));
            self.push_part(connection, message.0, &part);
        }
        taken
    }

    fn cancel_message(&mut self, connection: ConnectionHandle, message: MessageHandle, reason: GiveUp) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        if let Some(sent) = link.sending.get_mut(&message.0).filter(|sent| sent.given_up.is_none()) {
            sent.given_up = Some(reason);
            self.push(connection, CANCEL, &message.0.to_be_bytes());
        }
    }

    fn release_messages(&mut self, _: ConnectionHandle, _: Priority, _: usize, _: Instant) {}

    fn send_datagram(&mut self, connection: ConnectionHandle, bytes: Bytes) -> bool {
        let sent = bytes.len() <= self.max_datagram_size(connection);
        if sent {
            self.push(connection, DATAGRAM, &bytes);
        }
        sent
    }

    fn max_datagram_size(&self, connection: ConnectionHandle) -> usize {
        self.links.get(&connection).filter(|link| link.is_open).map_or(0, |_| self.most)
    }

    fn open_stream(
        &mut self,
        connection: ConnectionHandle,
        bidirectional: bool,
        priority: Priority,
        name: &StreamName,
    ) -> Option<StreamHandle> {
        let link = self.links.get_mut(&connection)?;
        let stream = link.name();
        link.streams.insert(stream, Stream { is_blocked: true, ..Stream::default() });
        let mut open = stream.to_be_bytes().to_vec();
        open.extend([u8::from(bidirectional), priority]);
        put_text(&mut open, name.as_str());
        self.push(connection, OPEN, &open);
        Some(StreamHandle(stream))
    }

    fn write_stream(
        &mut self,
        connection: ConnectionHandle,
        stream: StreamHandle,
        bytes: &mut Bytes,
    ) -> Result<usize, Stopped> {
        let state = self.stream_mut(connection, stream).ok_or(Stopped(None))?;
        if state.stopped.is_some() {
            return Err(Stopped(state.stopped));
        }
        let taken = bytes.len();
        state.written += taken as u64;
        while !bytes.is_empty() {
            let part = bytes.split_to(bytes.len().min(self.most));
            self.push(connection, DATA, &[&stream.0.to_be_bytes()[..], &part].concat());
        }
        Ok(taken)
    }

    fn finish_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle) {
        if let Some(state) = self.stream_mut(connection, stream) {
            state.finished = true;
            self.push(connection, FINISH, &stream.0.to_be_bytes());
        }
    }

    fn reset_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        self.push(connection, RESET_STREAM, &[stream.0.to_be_bytes(), code.to_be_bytes()].concat());
    }

    fn leave_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) -> bool {
        let whole = self.has_acknowledged(connection, stream);
        match whole {
            true => self.finish_stream(connection, stream),
            false => self.reset_stream(connection, stream, code),
        }
        whole
    }

    fn stop_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, code: u64) {
        if let Some(state) = self.stream_mut(connection, stream) {
            state.inbox.clear();
            self.push(connection, STOP, &[stream.0.to_be_bytes(), code.to_be_bytes()].concat());
        }
    }

    fn set_stream_priority(&mut self, _: ConnectionHandle, _: StreamHandle, _: Priority) {}

    fn has_acknowledged(&self, connection: ConnectionHandle, stream: StreamHandle) -> bool {
        let state = self.links.get(&connection).and_then(|link| link.streams.get(&stream.0));
        state.is_none_or(|state| state.acknowledged == state.written)
    }

    fn read_stream(&mut self, connection: ConnectionHandle, stream: StreamHandle, max: usize) -> Read {
        let Some(state) = self.stream_mut(connection, stream) else { return Read::End };
        match (state.inbox.front_mut(), &state.end) {
            (Some(_), _) if max == 0 => Read::Data(Bytes::new()),
            (Some(first), _) => {
                let bytes = first.split_to(first.len().min(max));
                if first.is_empty() {
                    state.inbox.pop_front();
                }
                Read::Data(bytes)
            }
            (None, Some(end)) => end.clone(),
            (None, None) => {
                state.is_blocked = true;
                Read::Blocked
            }
        }
    }

    fn is_paced(&self) -> bool {
        false
    }

    fn take_path_sample(&mut self, _: ConnectionHandle) -> Option<PathSample> {
        None
    }

    fn set_window(&mut self, _: ConnectionHandle, _: Option<u64>) {}

    fn compete(&mut self, _: ConnectionHandle, _: u64) {}

    fn poll_response(&mut self) -> Option<Response> {
        self.responses.pop_front()
    }

    fn poll_ready(&mut self, _: Instant) -> Option<ConnectionHandle> {
        self.ready.pop_front()
    }

    fn poll_event(&mut self, _: Instant) -> Option<(ConnectionHandle, Event)> {
        self.events.pop_front()
    }

    /// Gives one frame at a time, so that all of a transmit have one length.
    fn poll_transmit(
        &mut self,
        connection: ConnectionHandle,
        packets: Packets,
        _: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        let link = self.links.get_mut(&connection)?;
        let at = link.frames.iter().position(|frame| packets == Packets::All || !frame.asks);
        let Some(Frame { asks, bytes }) = at.and_then(|at| link.frames.remove(at)) else {
            if link.is_over {
                self.links.remove(&connection);
            }
            return None;
        };
        link.unsent -= bytes.len();
        if asks {
            link.unanswered.get_or_insert(now);
        }
        out.extend_from_slice(&bytes);
        Some(Transmit { segment: bytes.len(), ecn: Ecn::NotEct, asks })
    }

    fn poll_timeout(&self) -> Option<(Instant, &'static str)> {
        None
    }

    fn peer_of(&self, connection: ConnectionHandle) -> Option<PeerId> {
        self.links.get(&connection).map(|link| link.peer)
    }

    fn unanswered_since(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.links.get(&connection)?.unanswered
    }

    fn unacknowledged_since(&self, _: ConnectionHandle) -> Option<Instant> {
        None
    }

    fn last_heard(&self, connection: ConnectionHandle) -> Option<Instant> {
        self.links.get(&connection).map(|link| link.heard)
    }

    fn probe_timeout(&self, connection: ConnectionHandle) -> Option<Duration> {
        self.links.get(&connection).map(|_| Duration::from_millis(100))
    }

    fn flies(&mut self, connection: ConnectionHandle) -> bool {
        self.links.get(&connection).is_some_and(|link| link.unanswered.is_some())
    }

    fn tells_writable(&self, _: ConnectionHandle) -> bool {
        false
    }

    fn figures(&self, connection: ConnectionHandle) -> Option<usize> {
        self.links.get(&connection).map(|link| link.unsent)
    }

    fn totals(&self) -> u64 {
        self.made
    }
}

/// Bytes that may wait to be polled.
const UNSENT: usize = 64 << 10;
