//! One peer: an endpoint of its own, so that it cannot even name another peer's connections.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use quinn_proto::{
    ClientConfig, ConnectError, ConnectionEvent, DatagramEvent, EcnCodepoint, Endpoint, EndpointConfig,
    EndpointEvent, Incoming, NoneTokenStore, ServerConfig, TransportConfig, TransportError,
};

use crate::cid::{ConnectionIds, NoTokens, Secrets};
use crate::close::{alert, error};
use crate::grease::Grease;
use crate::hello::{EarlyVerdict, HelloError};
use crate::initial::{HelloAssembly, Initial};
use crate::session::{Accepted, Answer, Dial, QUIC_VERSION, Refused, judge};
use crate::{Config, ConnectionHandle, Hello, Lists, PeerTag, Protocols, Refusal};

pub(crate) struct Peer {
    endpoint: Endpoint,
    ids: ConnectionIds,
    /// By quinn-proto's handle.
    connections: Vec<Option<ConnectionHandle>>,
    incomplete: Vec<Incomplete>,
    /// Handed out and neither accepted nor refused.
    pub(crate) undecided: Vec<ConnectionHandle>,
    /// Connections that are over and repeat their word, oldest first.
    pub(crate) lingering: VecDeque<ConnectionHandle>,
}

/// A dialler whose hello is not complete.
struct Incomplete {
    incoming: Incoming,
    hello: HelloAssembly,
}

/// A dialler whose hello is good and waits for its answer.
pub(crate) struct Undecided {
    incoming: Incoming,
    dialler: Bytes,
    pub(crate) hello: Hello,
    pub(crate) protocol: Box<str>,
    /// Name of the session under which the dialler sent data in this protocol.
    pub(crate) early: Option<u32>,
    /// A process before this one may have read them.
    pub(crate) declines_early: bool,
    /// This end's own, by which the hello was judged.
    pub(crate) own: Arc<Protocols>,
}

/// Owner of a datagram, if it has one (RFC 9000 section 5.2).
pub(crate) enum Matched {
    Nothing,
    Connection(ConnectionHandle, ConnectionEvent),
    /// An answer was written.
    Response,
    Undecided(Box<Undecided>),
    /// Its hello is of no use, and an answer was written.
    Refused(Useless),
}

/// Reason why a hello is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Useless {
    Malformed,
    UnknownVersion,
    Lists(Refusal),
}

/// A connection that was just made.
pub(crate) type Made = (quinn_proto::ConnectionHandle, quinn_proto::Connection);

impl Peer {
    /// The `number`th endpoint of a node.
    pub(crate) fn new(tag: PeerTag, number: u64, config: &Config, secrets: &Secrets) -> Self {
        let mut endpoint = EndpointConfig::new(Arc::new(secrets.reset_key.clone()));
        let generator = secrets.ids.clone();
        endpoint
            .cid_generator(move || Box::new(generator.clone()))
            .supported_versions(vec![QUIC_VERSION])
            .grease_quic_bit(false)
            .rng_seed(Some(secrets.endpoint_seed(tag.0, number)))
            .max_udp_payload_size(config.max_udp_payload)
            .expect("Config::sound sees to it");
        let mut server = ServerConfig::new(refusal(error(alert::INTERNAL_ERROR, "")), Arc::new(NoTokens));
        server
            .migration(false)
            .max_incoming(2 * INCOMPLETE_MAX)
            .incoming_buffer_size(INCOMING_BUFFER)
            .incoming_buffer_size_total(INCOMPLETE_MAX as u64 * INCOMING_BUFFER);
        Self {
            endpoint: Endpoint::new(Arc::new(endpoint), Some(Arc::new(server)), true, None),
            ids: secrets.ids.clone(),
            connections: Vec::new(),
            incomplete: Vec::new(),
            undecided: Vec::new(),
            lingering: VecDeque::new(),
        }
    }

    /// Whether nothing would be lost by dropping it.
    pub(crate) fn is_idle(&self) -> bool {
        self.incomplete.is_empty()
            && self.undecided.is_empty()
            && self.connections.iter().all(Option::is_none)
    }

    pub(crate) fn connections(&self) -> impl Iterator<Item = ConnectionHandle> {
        self.connections.iter().copied().flatten().chain(self.undecided.iter().copied())
    }

    pub(crate) fn dial(
        &mut self,
        handle: ConnectionHandle,
        dial: Dial,
        transport: Arc<TransportConfig>,
        now: Instant,
    ) -> Result<Made, ConnectError> {
        let mut client = ClientConfig::new(Arc::new(dial));
        let ids = self.ids.clone();
        client
            .version(QUIC_VERSION)
            .token_store(Arc::new(NoneTokenStore))
            .initial_dst_cid_provider(Arc::new(move || ids.draw()))
            .transport_config(transport);
        let made = self.endpoint.connect(now, client, ADDRESS, "peer")?;
        self.add(made.0, handle);
        Ok(made)
    }

    /// Takes a datagram; an answer is written to `out`, which is empty.
    pub(crate) fn handle(
        &mut self,
        ecn: Option<EcnCodepoint>,
        payload: BytesMut,
        own: &Arc<Protocols>,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Matched {
        let initial = Initial::read(&payload);
        match (self.endpoint.handle(now, ADDRESS, None, ecn, payload, out), initial) {
            (Some(DatagramEvent::ConnectionEvent(quinn, event)), _) => {
                match self.connections.get(quinn.0).copied().flatten() {
                    Some(connection) => Matched::Connection(connection, event),
                    None => Matched::Nothing,
                }
            }
            (Some(DatagramEvent::Response(_)), _) => Matched::Response,
            (Some(DatagramEvent::NewConnection(incoming)), Some(initial)) => {
                self.make_room();
                self.incomplete.push(Incomplete { incoming, hello: HelloAssembly::default() });
                self.read_hello(self.incomplete.len() - 1, initial, own, out, now)
            }
            (Some(DatagramEvent::NewConnection(incoming)), None) => {
                self.endpoint.ignore(incoming);
                Matched::Nothing
            }
            (None, Some(initial)) => {
                let known = |known: &Incomplete| *known.incoming.orig_dst_cid() == initial.destination;
                match self.incomplete.iter().position(known) {
                    Some(at) => self.read_hello(at, initial, own, out, now),
                    None => Matched::Nothing,
                }
            }
            (None, None) => Matched::Nothing,
        }
    }

    pub(crate) fn accept(
        &mut self,
        handle: ConnectionHandle,
        undecided: Undecided,
        (hello, grease): (Hello, Grease),
        (transport, streams): (Arc<TransportConfig>, [u64; 2]),
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Made> {
        let Undecided { dialler, protocol, early, declines_early, .. } = undecided;
        let verdict = if declines_early { EarlyVerdict::Unknown } else { EarlyVerdict::Taken };
        let accepted = Accepted { dialler, protocol, early: early.map(|_| verdict) };
        let answer = Answer { hello, grease, verdict: Ok(accepted), streams };
        let mut server = ServerConfig::new(Arc::new(answer), Arc::new(NoTokens));
        server.migration(false).transport_config(transport);
        let made = self.endpoint.accept(undecided.incoming, now, out, Some(Arc::new(server))).ok()?;
        self.add(made.0, handle);
        Some(made)
    }

    /// Writes a refusal to `out`, which is empty.
    pub(crate) fn refuse(
        &mut self,
        undecided: Undecided,
        error: TransportError,
        out: &mut Vec<u8>,
        now: Instant,
    ) {
        self.refuse_incoming(undecided.incoming, error, out, now);
    }

    pub(crate) fn ignore(&mut self, undecided: Undecided) {
        self.endpoint.ignore(undecided.incoming);
    }

    pub(crate) fn handle_event(
        &mut self,
        connection: quinn_proto::ConnectionHandle,
        event: EndpointEvent,
    ) -> Option<ConnectionEvent> {
        if event.is_drained()
            && let Some(slot) = self.connections.get_mut(connection.0)
        {
            *slot = None;
        }
        self.endpoint.handle_event(connection, event)
    }

    fn add(&mut self, quinn: quinn_proto::ConnectionHandle, handle: ConnectionHandle) {
        if self.connections.len() <= quinn.0 {
            self.connections.resize(quinn.0 + 1, None);
        }
        self.connections[quinn.0] = Some(handle);
    }

    fn make_room(&mut self) {
        if self.incomplete.len() >= INCOMPLETE_MAX {
            self.endpoint.ignore(self.incomplete.remove(0).incoming);
        }
    }

    fn read_hello(
        &mut self,
        at: usize,
        initial: Initial,
        own: &Arc<Protocols>,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Matched {
        let greeting = match self.incomplete[at].hello.push(initial) {
            Ok(None) => return Matched::Nothing,
            Ok(Some(greeting)) => Ok(greeting),
            Err(problem) => Err(problem),
        };
        let Incomplete { incoming, hello } = self.incomplete.remove(at);
        let (useless, error) = match greeting {
            Err(problem @ HelloError::Version(_)) => (Useless::UnknownVersion, problem.into()),
            Err(problem @ HelloError::Malformed(_)) => (Useless::Malformed, problem.into()),
            Ok(greeting) => match judge(&greeting, own) {
                Ok(protocol) => {
                    let dialler = Bytes::copy_from_slice(hello.bytes());
                    let (hello, own) = (greeting.hello, own.clone());
                    let early = greeting.early.filter(|early| early.protocol == protocol);
                    let early = early.map(|early| early.session);
                    let undecided =
                        Undecided { incoming, dialler, hello, protocol, early, declines_early: false, own };
                    return Matched::Undecided(Box::new(undecided));
                }
                Err(Refused { error, refusal }) => {
                    (refusal.map_or(Useless::Malformed, Useless::Lists), error)
                }
            },
        };
        self.refuse_incoming(incoming, error, out, now);
        Matched::Refused(useless)
    }

    fn refuse_incoming(
        &mut self,
        incoming: Incoming,
        error: TransportError,
        out: &mut Vec<u8>,
        now: Instant,
    ) {
        let server = ServerConfig::new(refusal(error), Arc::new(NoTokens));
        // The session fails at the first byte of the hello. If that came in a later packet, it fails a moment later.
        if let Ok((quinn, mut connection)) = self.endpoint.accept(incoming, now, out, Some(Arc::new(server)))
        {
            out.clear();
            let _ = connection.poll_transmit(now, 1, out);
            self.endpoint.handle_event(quinn, EndpointEvent::drained());
        }
    }
}

fn refusal(error: TransportError) -> Arc<Answer> {
    let hello = Hello { incarnation: 0, lists: Lists::default(), asked: None, observed: None };
    Arc::new(Answer { hello, grease: Grease::default(), verdict: Err(error), streams: [0; 2] })
}

/// Hellos in several packets that may be incomplete at a time; the oldest makes room.
const INCOMPLETE_MAX: usize = 8;

/// Bytes of Initial packets that quinn-proto keeps while a hello is incomplete or undecided.
const INCOMING_BUFFER: u64 = 16 << 10;

/// Stands for the peer: its real address is the tunnel's affair.
const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 30578);
