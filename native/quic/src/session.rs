//! QUIC's cryptographic session, which protects nothing: the tunnel does.
//!
//! Three flights, as in TLS: the dialler's hello (Initial), the acceptor's hello (Initial) and confirmation
//! (Handshake), the dialler's confirmation (Handshake). A confirmation is a digest of both hellos. A dialler that knows
//! the protocol may send data behind its hello (0-RTT), whose tags come from that hello.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use quinn_proto::crypto::{
    ClientConfig, ExportKeyingMaterialError, HeaderKey, KeyPair, Keys, PacketKey, ServerConfig, Session,
    UnsupportedVersion,
};
use quinn_proto::transport_parameters::TransportParameters;
use quinn_proto::{ConnectError, ConnectionId, Side, TransportError};

use crate::close::{alert, error};
use crate::grease::Grease;
use crate::hello::{EarlyOffer, EarlyVerdict, Greeting, HelloError, HelloReader};
use crate::parameters::{ParameterError, PeerLimits, announce, least};
use crate::tag::{Secret, Transcript};
use crate::{Choice, Hello, Protocols, Refusal, accepts, choose};

/// A dialler's part of a handshake.
pub(crate) struct Dial {
    pub(crate) hello: Hello,
    pub(crate) grease: Grease,
    /// Data that follows at once.
    pub(crate) early: Option<EarlyOffer>,
    /// Streams that the acceptor may have open: bidirectional ones, and unidirectional ones.
    pub(crate) streams: [u64; 2],
}

/// An acceptor's answer to a hello that was read already.
pub(crate) struct Answer {
    pub(crate) hello: Hello,
    pub(crate) grease: Grease,
    /// The error with which the dialler is refused, if it is.
    pub(crate) verdict: Result<Accepted, TransportError>,
    /// Streams that the dialler may have open: bidirectional ones, and unidirectional ones.
    pub(crate) streams: [u64; 2],
}

/// A hello that was read and accepted.
#[derive(Debug, Clone)]
pub(crate) struct Accepted {
    /// The whole hello as it came; the session must read the same.
    pub(crate) dialler: Bytes,
    pub(crate) protocol: Box<str>,
    /// Its word on the dialler's early data, if they are in this protocol.
    pub(crate) early: Option<EarlyVerdict>,
}

/// Agreement of both ends, once [`Session::handshake_data`] gives it.
#[derive(Debug, Clone)]
pub(crate) struct Agreement {
    pub(crate) hello: Hello,
    pub(crate) protocol: Box<str>,
    pub(crate) limits: PeerLimits,
    /// The acceptor's word on the dialler's early data.
    pub(crate) early: Option<EarlyVerdict>,
}

/// Reason for which a dialler is refused for its hello: the dialler is told the one, the owner the other.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) error: TransportError,
    /// `None`: the hello is of no use.
    pub(crate) refusal: Option<Refusal>,
}

/// Chooses the protocol of a dial, if the dialler's hello is good and the lists let it.
pub(crate) fn judge(dialler: &Greeting, own: &Protocols) -> Result<Box<str>, Refused> {
    check(dialler, Side::Client).map_err(|error| Refused { error, refusal: None })?;
    let hello = &dialler.hello;
    let accept = &own.lists.accept;
    let offered = || hello.offered().to_vec();
    let (code, refusal) = match choose(&hello.lists, &own.lists, hello.asked.as_deref()) {
        Some(Choice::Speak(protocol)) => return Ok(protocol.into()),
        Some(Choice::PeerDials(chosen)) => {
            (alert::PEER_DIALS, Refusal::PeerDials { offered: offered(), chosen: chosen.into() })
        }
        None if hello.offered().iter().any(|name| own.below.contains(name)) => {
            (alert::BELOW_FLOOR, Refusal::BelowFloor { offered: offered() })
        }
        None => (alert::NO_APPLICATION_PROTOCOL, Refusal::NoProtocol { offered: offered() }),
    };
    let error = match hello.lists.generation {
        Some(_) => error(code, accepts::encode(accept)),
        // It knows this code alone, and shows the reason to people.
        None => error(alert::NO_APPLICATION_PROTOCOL, accepts::sentence(accept)),
    };
    Err(Refused { error, refusal: Some(refusal) })
}

impl From<HelloError> for TransportError {
    fn from(problem: HelloError) -> Self {
        let alert = match problem {
            HelloError::Version(_) => alert::PROTOCOL_VERSION,
            HelloError::Malformed(_) => alert::DECODE_ERROR,
        };
        error(alert, problem.to_string())
    }
}

impl From<ParameterError> for TransportError {
    fn from(problem: ParameterError) -> Self {
        match problem {
            ParameterError::Malformed => error(alert::DECODE_ERROR, problem.to_string()),
            ParameterError::BelowFloor => error(alert::BELOW_LEAST, problem.to_string()),
        }
    }
}

fn check(greeting: &Greeting, sender: Side) -> Result<(PeerLimits, TransportParameters), TransportError> {
    let limits = PeerLimits::decode(&greeting.parameters)?;
    let parameters = TransportParameters::read(!sender, &mut &greeting.parameters[..])?;
    Ok((limits, parameters))
}

impl ClientConfig for Dial {
    fn start_session(
        self: Arc<Self>,
        _version: u32,
        _server_name: &str,
        params: &TransportParameters,
    ) -> Result<Box<dyn Session>, ConnectError> {
        let (said, early) = (self.hello.clone(), self.early.clone());
        let greeting = Greeting { early: early.clone(), ..Greeting::of(said.clone()) };
        let own =
            encode(greeting, params, self.streams, &self.grease).ok_or(ConnectError::EndpointStopping)?;
        Ok(Box::new(NullSession::new(Side::Client, State::Start, own, Role::Dialler { said, early })))
    }
}

impl ServerConfig for Answer {
    fn initial_keys(&self, version: u32, dst_cid: &ConnectionId) -> Result<Keys, UnsupportedVersion> {
        match version {
            QUIC_VERSION => Ok(Secret::initial(dst_cid).keys(Side::Server)),
            _ => Err(UnsupportedVersion),
        }
    }

    fn retry_tag(&self, _version: u32, _orig_dst_cid: &ConnectionId, _packet: &[u8]) -> [u8; 16] {
        unreachable!("retry is never asked for")
    }

    fn start_session(self: Arc<Self>, _version: u32, params: &TransportParameters) -> Box<dyn Session> {
        let mut verdict = self.verdict.clone();
        let own = match &verdict {
            Ok(Accepted { protocol, early, .. }) => {
                let chosen = Some(protocol.clone());
                let greeting = Greeting { chosen, verdict: *early, ..Greeting::of(self.hello.clone()) };
                encode(greeting, params, self.streams, &self.grease)
            }
            Err(_) => Some(Vec::new()),
        };
        let own = own.unwrap_or_else(|| {
            verdict = Err(error(alert::INTERNAL_ERROR, "the acceptor's lists are too long"));
            Vec::new()
        });
        Box::new(NullSession::new(Side::Server, State::AwaitHello, own, Role::Acceptor { verdict }))
    }
}

/// The whole hello; `greeting` has no parameters yet.
fn encode(
    mut greeting: Greeting,
    params: &TransportParameters,
    streams: [u64; 2],
    grease: &Grease,
) -> Option<Vec<u8>> {
    params.write(&mut greeting.parameters);
    announce(streams, &mut greeting.parameters);
    greeting.encode(grease)
}

/// One end's session.
struct NullSession {
    side: Side,
    role: Role,
    state: State,
    initial: OnceLock<Secret>,
    own_hello: Vec<u8>,
    other_hello: HelloReader,
    confirmation: Vec<u8>,
    transcript: Option<Transcript>,
    agreed: Option<(Agreement, TransportParameters)>,
    generation: u64,
}

enum Role {
    /// The lists that it said count, whatever they are by now.
    Dialler {
        said: Hello,
        /// Protocol of the data that it sent with that.
        early: Option<EarlyOffer>,
    },
    Acceptor {
        verdict: Result<Accepted, TransportError>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A dialler's hello is to be written.
    Start,
    /// The other's hello is awaited.
    AwaitHello,
    /// Handshake keys are due, and an acceptor's hello.
    HelloRead,
    /// An acceptor's confirmation and 1-RTT keys are due.
    Confirm,
    /// The other's confirmation is awaited.
    AwaitConfirmation,
    /// A dialler's confirmation and 1-RTT keys are due.
    Confirmed,
    Done,
}

impl NullSession {
    fn new(side: Side, state: State, own_hello: Vec<u8>, role: Role) -> Self {
        Self {
            side,
            role,
            state,
            initial: OnceLock::new(),
            own_hello,
            other_hello: HelloReader::default(),
            confirmation: Vec::new(),
            transcript: None,
            agreed: None,
            generation: 0,
        }
    }

    fn read_hello(&mut self, bytes: &[u8]) -> Result<bool, TransportError> {
        if let Role::Acceptor { verdict: Err(refusal) } = &self.role {
            return Err(refusal.clone());
        }
        let Some(greeting) = self.other_hello.push(bytes)? else { return Ok(false) };
        let (limits, parameters) = check(&greeting, !self.side)?;
        let (protocol, early) = match &self.role {
            Role::Dialler { said, early } => {
                let chosen = choose(&said.lists, &greeting.hello.lists, said.asked.as_deref());
                let chosen = chosen.and_then(Choice::spoken);
                if chosen.is_none() || chosen != greeting.chosen.as_deref() {
                    return Err(error(alert::DECRYPT_ERROR, "the acceptor chose what the rule does not"));
                }
                let sent = early.as_ref().is_some_and(|early| Some(&*early.protocol) == chosen);
                (chosen.map(Box::from), greeting.verdict.filter(|_| sent))
            }
            Role::Acceptor { verdict } => {
                let accepted = verdict.as_ref().ok();
                if accepted.is_none_or(|accepted| accepted.dialler != self.other_hello.bytes()) {
                    return Err(error(alert::UNEXPECTED_MESSAGE, "the hello changed"));
                }
                (
                    accepted.map(|accepted| accepted.protocol.clone()),
                    accepted.and_then(|accepted| accepted.early),
                )
            }
        };
        let protocol = protocol.expect("checked in both roles");
        let (dialler, acceptor) = match self.side {
            Side::Client => (&self.own_hello[..], self.other_hello.bytes()),
            Side::Server => (self.other_hello.bytes(), &self.own_hello[..]),
        };
        self.transcript = Some(Transcript::new(dialler, acceptor));
        self.agreed = Some((Agreement { hello: greeting.hello, protocol, limits, early }, parameters));
        self.state = State::HelloRead;
        Ok(true)
    }

    fn read_confirmation(&mut self, bytes: &[u8]) -> Result<(), TransportError> {
        let expected = self.transcript().confirmation(!self.side);
        self.confirmation.extend_from_slice(&bytes[..bytes.len().min(expected.len() + 1)]);
        if self.confirmation.len() < expected.len() {
            return Ok(());
        }
        if self.confirmation != expected {
            return Err(error(alert::DECRYPT_ERROR, "the ends saw different hellos"));
        }
        self.state = match self.side {
            Side::Client => State::Confirmed,
            Side::Server => State::Done,
        };
        Ok(())
    }

    fn transcript(&self) -> &Transcript {
        self.transcript.as_ref().expect("both hellos are known in this state")
    }

    fn handshake_keys(&self) -> Keys {
        self.initial.get().expect("quinn-proto asks for Initial keys first").handshake().keys(self.side)
    }
}

impl Session for NullSession {
    fn initial_keys(&self, dst_cid: &ConnectionId, side: Side) -> Keys {
        self.initial.get_or_init(|| Secret::initial(dst_cid)).keys(side)
    }

    fn handshake_data(&self) -> Option<Box<dyn Any>> {
        self.agreed.as_ref().map(|(agreement, _)| Box::new(agreement.clone()) as Box<dyn Any>)
    }

    fn peer_identity(&self) -> Option<Box<dyn Any>> {
        None
    }

    fn early_crypto(&self) -> Option<(Box<dyn HeaderKey>, Box<dyn PacketKey>)> {
        let dialler = match &self.role {
            Role::Dialler { early: Some(_), .. } => &self.own_hello[..],
            Role::Acceptor { verdict: Ok(Accepted { early: Some(EarlyVerdict::Taken), dialler, .. }) } => {
                dialler
            }
            Role::Dialler { early: None, .. } | Role::Acceptor { .. } => return None,
        };
        let Keys { header, packet } = Secret::early(dialler).keys(Side::Client);
        Some((header.local, packet.local))
    }

    fn early_data_accepted(&self) -> Option<bool> {
        self.agreed.as_ref().map(|(agreement, _)| agreement.early == Some(EarlyVerdict::Taken))
    }

    fn is_handshaking(&self) -> bool {
        self.state != State::Done
    }

    fn read_handshake(&mut self, buf: &[u8]) -> Result<bool, TransportError> {
        match self.state {
            State::AwaitHello => self.read_hello(buf),
            State::AwaitConfirmation => self.read_confirmation(buf).map(|()| false),
            State::Start | State::HelloRead | State::Confirm | State::Confirmed | State::Done => {
                Err(error(alert::UNEXPECTED_MESSAGE, "handshake bytes out of turn"))
            }
        }
    }

    fn transport_parameters(&self) -> Result<Option<TransportParameters>, TransportError> {
        let is_early = matches!(self.role, Role::Dialler { early: Some(_), .. });
        Ok(self.agreed.as_ref().map(|(_, parameters)| *parameters).or_else(|| is_early.then(least)))
    }

    fn write_handshake(&mut self, buf: &mut Vec<u8>) -> Option<Keys> {
        match (self.state, self.side) {
            (State::Start, _) => {
                buf.extend_from_slice(&self.own_hello);
                self.state = State::AwaitHello;
                None
            }
            (State::HelloRead, Side::Client) => {
                self.state = State::AwaitConfirmation;
                Some(self.handshake_keys())
            }
            (State::HelloRead, Side::Server) => {
                buf.extend_from_slice(&self.own_hello);
                self.state = State::Confirm;
                Some(self.handshake_keys())
            }
            (State::Confirm | State::Confirmed, side) => {
                buf.extend_from_slice(&self.transcript().confirmation(side));
                self.state = match side {
                    Side::Client => State::Done,
                    Side::Server => State::AwaitConfirmation,
                };
                Some(Secret::data(self.transcript()).keys(side))
            }
            (State::AwaitHello | State::AwaitConfirmation | State::Done, _) => None,
        }
    }

    fn next_1rtt_keys(&mut self) -> Option<KeyPair<Box<dyn PacketKey>>> {
        self.generation += 1;
        Some(Secret::data(self.transcript.as_ref()?).packet_keys(self.side, self.generation))
    }

    fn is_valid_retry(&self, _orig_dst_cid: &ConnectionId, _header: &[u8], _payload: &[u8]) -> bool {
        false
    }

    fn export_keying_material(
        &self,
        _output: &mut [u8],
        _label: &[u8],
        _context: &[u8],
    ) -> Result<(), ExportKeyingMaterialError> {
        Err(ExportKeyingMaterialError)
    }
}

/// The QUIC version that has this session: "wr", 1.
pub(crate) const QUIC_VERSION: u32 = 0x7772_0001;
