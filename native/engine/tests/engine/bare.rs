//! A second transport, as little as the seam allows: no congestion control, no flow control, nothing sent twice. For
//! networks that lose and reorder nothing.

mod frame;
mod verbs;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::time::Instant;

use bytes::{Buf, BufMut, Bytes};
use warren_engine::transport::{
    ConnectionHandle, Event, Hello, MessageHandle, Read, Response, StreamHandle, Transport,
};
use warren_engine::{
    Choice, CloseCause, Closed, ClosedBy, Config, GiveUp, Lists, Outcome, PeerId, Priority, StreamName,
    choose,
};

use frame::*;

/// The connections of one node.
pub(crate) struct Bare {
    incarnation: u64,
    protocols: Vec<Box<str>>,
    /// Content of a frame, in bytes.
    most: usize,
    next: u32,
    links: BTreeMap<ConnectionHandle, Link>,
    ready: VecDeque<ConnectionHandle>,
    events: VecDeque<(ConnectionHandle, Event)>,
    responses: VecDeque<Response>,
    /// Connections made.
    made: u64,
}

struct Link {
    peer: PeerId,
    /// This end dialled.
    dialled: bool,
    /// The dialler's handle.
    name: u32,
    /// Not accepted yet.
    incoming: Option<(Hello, Box<str>)>,
    is_open: bool,
    /// Nothing is left of it but frames that wait.
    is_over: bool,
    frames: VecDeque<Frame>,
    unsent: usize,
    /// Messages that this end sends, and their ends are not known.
    sending: BTreeMap<u64, Sending>,
    /// Messages that are not whole.
    receiving: BTreeMap<u64, Receiving>,
    streams: BTreeMap<u64, Stream>,
    /// The next message or stream of this end's.
    named: u64,
    unanswered: Option<Instant>,
    heard: Instant,
}

struct Frame {
    asks: bool,
    bytes: Vec<u8>,
}

struct Sending {
    priority: Priority,
    length: usize,
    given_up: Option<GiveUp>,
}

struct Receiving {
    priority: Priority,
    length: usize,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Stream {
    written: u64,
    acknowledged: u64,
    finished: bool,
    inbox: VecDeque<Bytes>,
    /// The other end's end of it.
    end: Option<Read>,
    /// This end found nothing to read.
    is_blocked: bool,
    /// The other end reads no more.
    stopped: Option<u64>,
}

impl Bare {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            incarnation: config.incarnation,
            protocols: config.protocols.lists.accept.clone(),
            most: usize::from(config.mtu.min(1420)) - 48 - Self::OVERHEAD,
            next: 0,
            links: BTreeMap::new(),
            ready: VecDeque::new(),
            events: VecDeque::new(),
            responses: VecDeque::new(),
            made: 0,
        }
    }

    fn link(&mut self, peer: PeerId, dialled: bool, name: Option<u32>, now: Instant) -> ConnectionHandle {
        let handle = ConnectionHandle(self.next);
        self.next += 1;
        let link = Link {
            peer,
            dialled,
            name: name.unwrap_or(handle.0),
            incoming: None,
            is_open: false,
            is_over: false,
            frames: VecDeque::new(),
            unsent: 0,
            sending: BTreeMap::new(),
            receiving: BTreeMap::new(),
            streams: BTreeMap::new(),
            named: u64::from(!dialled),
            unanswered: None,
            heard: now,
        };
        self.links.insert(handle, link);
        self.made += 1;
        handle
    }

    fn push(&mut self, connection: ConnectionHandle, kind: u8, content: &[u8]) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let bytes = frame(link.dialled, link.name, kind, content);
        link.unsent += bytes.len();
        link.frames.push_back(Frame { asks: kind < ANSWERS, bytes });
        self.wake(connection);
    }

    fn push_part(&mut self, connection: ConnectionHandle, message: u64, part: &[u8]) {
        let Some(link) = self.links.get(&connection) else { return };
        let Some(sent) = link.sending.get(&message).filter(|sent| sent.given_up.is_none()) else { return };
        let mut content = message.to_be_bytes().to_vec();
        content.put_u8(sent.priority);
        content.put_u64(sent.length as u64);
        content.extend_from_slice(part);
        self.push(connection, MESSAGE, &content);
    }

    fn wake(&mut self, connection: ConnectionHandle) {
        if !self.ready.contains(&connection) {
            self.ready.push_back(connection);
        }
    }

    fn tell(&mut self, connection: ConnectionHandle, event: Event) {
        self.events.push_back((connection, event));
    }

    fn end(&mut self, connection: ConnectionHandle, closed: Closed) {
        let Some(link) = self.links.get_mut(&connection).filter(|link| !link.is_over) else { return };
        link.is_over = true;
        link.is_open = false;
        for (message, _) in mem::take(&mut link.sending) {
            let (message, outcome) = (MessageHandle(message), Outcome::Lost);
            self.events.push_back((connection, Event::MessageSettled { message, outcome }));
        }
        self.tell(connection, Event::Closed(closed));
    }

    fn dialled(&mut self, peer: PeerId, name: u32, mut content: Bytes, now: Instant) {
        let hello = take_hello(&mut content);
        let offered = Lists { offer: take_list(&mut content), ..Lists::default() };
        let accepted = Lists { accept: self.protocols.clone(), ..Lists::default() };
        let chosen = choose(&offered, &accepted, None).and_then(Choice::spoken);
        let Some(protocol) = chosen.map(Box::<str>::from) else {
            return self.respond(peer, false, name, REFUSE, &[NO_PROTOCOL]);
        };
        let connection = self.link(peer, false, Some(name), now);
        if let Some(link) = self.links.get_mut(&connection) {
            link.incoming = Some((hello.clone(), protocol.clone()));
        }
        self.tell(connection, Event::Incoming { hello, protocol });
    }

    fn respond(&mut self, peer: PeerId, by_dialler: bool, name: u32, kind: u8, content: &[u8]) {
        let payload = frame(by_dialler, name, kind, content);
        self.responses.push_back(Response { peer, payload, is_reset: kind == RESET });
    }

    fn heard(&mut self, connection: ConnectionHandle, kind: u8, mut content: Bytes) {
        match kind {
            WELCOME => {
                let hello = take_hello(&mut content);
                let protocol = take_text(&mut content);
                if let Some(link) = self.links.get_mut(&connection) {
                    link.is_open = true;
                }
                self.tell(connection, Event::Connected { hello, protocol });
            }
            REFUSE => {
                let cause = match content.get_u8() {
                    NO_PROTOCOL => CloseCause::NoProtocol,
                    DUPLICATE => CloseCause::Duplicate,
                    _ => CloseCause::Refused,
                };
                self.end(connection, ended(ClosedBy::Remote, cause));
                self.links.remove(&connection);
            }
            RESET => {
                self.end(connection, ended(ClosedBy::Network, CloseCause::PeerDead));
                self.links.remove(&connection);
            }
            CLOSE => {
                let code = content.get_u64();
                let reason = String::from_utf8_lossy(&content).into_owned();
                let cause = CloseCause::Application;
                let closed = ended(ClosedBy::Remote, cause);
                self.end(connection, Closed { code, reason, ..closed });
                self.links.remove(&connection);
            }
            PING => self.push(connection, PONG, &[]),
            DATAGRAM => self.tell(connection, Event::Datagram(content)),
            MESSAGE | CANCEL => self.heard_message(connection, kind, content),
            HAVE | HAVE_NOT => self.heard_of_message(connection, kind, content.get_u64()),
            OPEN..=STOP => self.heard_stream(connection, kind, content),
            STREAM_HAVE => self.heard_of_stream(connection, content.get_u64(), content.get_u64()),
            _ => assert_eq!(kind, PONG),
        }
    }

    fn heard_message(&mut self, connection: ConnectionHandle, kind: u8, mut content: Bytes) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let message = content.get_u64();
        if kind == CANCEL {
            if link.receiving.remove(&message).is_some() {
                self.push(connection, HAVE_NOT, &message.to_be_bytes());
            }
            return;
        }
        let (priority, length) = (content.get_u8(), content.get_u64() as usize);
        let it = link.receiving.entry(message).or_insert(Receiving { priority, length, bytes: Vec::new() });
        it.bytes.extend_from_slice(&content);
        if it.bytes.len() == it.length
            && let Some(whole) = link.receiving.remove(&message)
        {
            let bytes = whole.bytes.into_boxed_slice();
            self.tell(connection, Event::Message { priority: whole.priority, bytes });
            self.push(connection, HAVE, &message.to_be_bytes());
        }
    }

    fn heard_of_message(&mut self, connection: ConnectionHandle, kind: u8, message: u64) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let Some(sent) = link.sending.remove(&message) else { return };
        let outcome = match sent.given_up {
            Some(reason) if kind == HAVE_NOT => reason.into(),
            _ => Outcome::Delivered,
        };
        self.tell(connection, Event::MessageSettled { message: MessageHandle(message), outcome });
    }

    fn heard_stream(&mut self, connection: ConnectionHandle, kind: u8, mut content: Bytes) {
        let Some(link) = self.links.get_mut(&connection) else { return };
        let id = content.get_u64();
        let (stream, length) = (StreamHandle(id), content.len() as u64);
        let event = match kind {
            OPEN => {
                link.streams.insert(id, Stream { is_blocked: true, ..Stream::default() });
                let (bidirectional, priority) = (content.get_u8() == 1, content.get_u8());
                let name = StreamName::new(&take_text(&mut content)).unwrap_or_default();
                Some(Event::StreamOpened { stream, bidirectional, priority, name })
            }
            STOP => {
                let code = content.get_u64();
                let Some(state) = link.streams.get_mut(&id) else { return };
                state.stopped = Some(code);
                Some(Event::StreamStopped { stream, code, whole: state.acknowledged == state.written })
            }
            _ => {
                let Some(state) = link.streams.get_mut(&id) else { return };
                match kind {
                    DATA => state.inbox.push_back(content),
                    FINISH => state.end = Some(Read::End),
                    _ => state.end = Some(Read::Reset(content.get_u64())),
                }
                mem::take(&mut state.is_blocked).then_some(Event::Readable(stream))
            }
        };
        event.into_iter().for_each(|event| self.tell(connection, event));
        if kind == DATA || kind == FINISH {
            let part = [id.to_be_bytes(), length.to_be_bytes()].concat();
            self.push(connection, STREAM_HAVE, &part);
        }
    }

    fn heard_of_stream(&mut self, connection: ConnectionHandle, stream: u64, bytes: u64) {
        let Some(state) = self.links.get_mut(&connection).and_then(|link| link.streams.get_mut(&stream))
        else {
            return;
        };
        state.acknowledged += bytes;
        // The end is acknowledged by no bytes.
        if bytes == 0 && state.finished {
            self.tell(connection, Event::StreamFinished(StreamHandle(stream)));
        }
    }

    fn stream_mut(&mut self, connection: ConnectionHandle, stream: StreamHandle) -> Option<&mut Stream> {
        self.links.get_mut(&connection)?.streams.get_mut(&stream.0)
    }
}

impl Link {
    /// A name for a message or a stream.
    fn name(&mut self) -> u64 {
        self.named += 2;
        self.named
    }
}

/// Its lists never change.
fn take_hello(content: &mut Bytes) -> Hello {
    let incarnation = content.get_u64();
    let accept = take_list(content);
    Hello { incarnation, lists: Lists { offer: accept.clone(), accept, ..Lists::default() } }
}

fn ended(by: ClosedBy, cause: CloseCause) -> Closed {
    Closed { by, code: 0, reason: String::new(), cause, accepts: Vec::new() }
}
