//! Ends of connections: author, code, reason and kind.

use quinn_proto::{ConnectionError, TransportError, TransportErrorCode, VarInt};

use crate::accepts;

/// The end of a connection, as one end sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The end that ended it.
    pub by: ClosedBy,
    /// The application's code, 0 where `cause` is not [`CloseCause::Application`].
    pub code: u64,
    /// The reason given, for people; not necessarily UTF-8 where a peer sent it.
    pub reason: Vec<u8>,
    /// Kind of the end.
    pub cause: CloseCause,
    /// Protocols that the other end would accept, where it refused for the lists.
    pub accepts: Vec<Box<str>>,
}

/// The end that ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// This end.
    Local,
    /// The other end.
    Remote,
    /// Nobody said a word: the other end no longer knows the connection.
    Network,
}

/// Kind of the end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCause {
    /// One of the applications closed it, with a code and a reason.
    Application,
    /// Refused: the pair already has a connection with this protocol.
    Duplicate,
    /// Refused: the acceptor has too many connections.
    TooMany,
    /// No protocol is common.
    NoProtocol,
    /// No protocol is common, and what the dialler offered is below a floor of the other end's.
    BelowFloor,
    /// The pair speaks a protocol that the other end alone offers, and dials.
    PeerDials,
    /// The ends share no version of QUIC or of the hello.
    Version,
    /// The ends saw different lists: somebody altered a hello on its way.
    ListsDiffer,
    /// The other end's transport parameters are below what our version promises.
    Parameters,
    /// One end broke the rules of the protocol.
    Violation,
    /// The other end has forgotten the connection, and answered with a stateless reset.
    Reset,
}

/// Reason why an incoming connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefuseCode {
    /// The pair already has a connection with this protocol.
    Duplicate,
    /// This end has too many connections.
    TooMany,
}

/// TLS alerts (RFC 8446 section 6, RFC 7301) that the handshake ends with, sent as QUIC errors 0x100 + alert. Those
/// from 224 on are ours.
pub(crate) mod alert {
    pub(crate) const UNEXPECTED_MESSAGE: u8 = 10;
    pub(crate) const DECODE_ERROR: u8 = 50;
    pub(crate) const DECRYPT_ERROR: u8 = 51;
    pub(crate) const PROTOCOL_VERSION: u8 = 70;
    pub(crate) const INTERNAL_ERROR: u8 = 80;
    pub(crate) const NO_APPLICATION_PROTOCOL: u8 = 120;
    pub(crate) const DUPLICATE: u8 = 224;
    pub(crate) const TOO_MANY: u8 = 225;
    /// A transport parameter is below its least value.
    pub(crate) const BELOW_LEAST: u8 = 226;
    pub(crate) const BELOW_FLOOR: u8 = 227;
    pub(crate) const PEER_DIALS: u8 = 228;
}

/// Codes of closes after the handshake: the first 256 are ours, an application's code is moved past them.
mod wire {
    pub(super) const VIOLATION: u64 = 1;
    pub(super) const APPLICATION: u64 = 256;
}

impl Closed {
    /// An end of which nothing but this is known.
    pub(crate) fn new(by: ClosedBy, cause: CloseCause, reason: impl Into<Vec<u8>>) -> Self {
        Self { by, code: 0, reason: reason.into(), cause, accepts: Vec::new() }
    }
}

impl RefuseCode {
    pub(crate) fn error(self) -> TransportError {
        match self {
            Self::Duplicate => error(alert::DUPLICATE, "there is a connection with this protocol already"),
            Self::TooMany => error(alert::TOO_MANY, "too many connections"),
        }
    }
}

/// The transport error of a refusal that is made before the session exists.
pub(crate) fn error(alert: u8, reason: impl Into<String>) -> TransportError {
    TransportError { code: TransportErrorCode::crypto(alert), frame: None, reason: reason.into() }
}

/// The code that a close carries, for an application's code. Codes up to 2^62 - 257 survive.
pub(crate) fn application_code(code: u64) -> VarInt {
    VarInt::from_u64(code.saturating_add(wire::APPLICATION)).unwrap_or(VarInt::MAX)
}

/// Translates quinn-proto's account of the end of a connection.
pub(crate) fn interpret(error: ConnectionError) -> Closed {
    match error {
        ConnectionError::ApplicationClosed(close) => {
            let code = u64::from(close.error_code).checked_sub(wire::APPLICATION);
            let cause = if code.is_some() { CloseCause::Application } else { CloseCause::Violation };
            let closed = Closed::new(ClosedBy::Remote, cause, shortened(&close.reason));
            Closed { code: code.unwrap_or(0), ..closed }
        }
        ConnectionError::ConnectionClosed(close) => told(cause_of(close.error_code), &close.reason),
        ConnectionError::TransportError(error) => {
            Closed::new(ClosedBy::Local, cause_of(error.code), error.to_string())
        }
        ConnectionError::Reset | ConnectionError::TimedOut => {
            Closed::new(ClosedBy::Network, CloseCause::Reset, "the peer no longer knows this connection")
        }
        ConnectionError::VersionMismatch => {
            let reason = "the other end speaks another version of QUIC";
            Closed::new(ClosedBy::Remote, CloseCause::Version, reason)
        }
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
            Closed::new(ClosedBy::Local, CloseCause::Violation, error.to_string())
        }
    }
}

/// A word of the other end's transport.
fn told(cause: CloseCause, reason: &[u8]) -> Closed {
    match cause {
        CloseCause::NoProtocol | CloseCause::BelowFloor | CloseCause::PeerDials => {
            let accepts = accepts::decode(reason);
            let reason = shortened(accepts::sentence(&accepts).as_bytes());
            Closed { accepts, ..Closed::new(ClosedBy::Remote, cause, reason) }
        }
        CloseCause::Application
        | CloseCause::Duplicate
        | CloseCause::TooMany
        | CloseCause::Version
        | CloseCause::ListsDiffer
        | CloseCause::Parameters
        | CloseCause::Violation
        | CloseCause::Reset => Closed::new(ClosedBy::Remote, cause, shortened(reason)),
    }
}

/// As much of a reason as may be given, up to a character's end.
fn shortened(reason: &[u8]) -> Vec<u8> {
    let Some(cut) = reason.get(..=REASON_MAX) else { return reason.to_vec() };
    let is_inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let end = (REASON_MAX - 3..=REASON_MAX).rev().find(|&at| !is_inside(&cut[at])).unwrap_or(REASON_MAX);
    cut[..end].to_vec()
}

fn cause_of(code: TransportErrorCode) -> CloseCause {
    // Before 1-RTT keys an application's close is hidden behind this one (RFC 9000 section 10.2.3).
    if code == TransportErrorCode::APPLICATION_ERROR || code == TransportErrorCode::NO_ERROR {
        return CloseCause::Application;
    }
    let alert = u64::from(code).checked_sub(0x100).and_then(|alert| u8::try_from(alert).ok());
    match alert {
        Some(alert::NO_APPLICATION_PROTOCOL) => CloseCause::NoProtocol,
        Some(alert::DUPLICATE) => CloseCause::Duplicate,
        Some(alert::TOO_MANY) => CloseCause::TooMany,
        Some(alert::PROTOCOL_VERSION) => CloseCause::Version,
        Some(alert::DECRYPT_ERROR) => CloseCause::ListsDiffer,
        Some(alert::BELOW_LEAST) => CloseCause::Parameters,
        Some(alert::BELOW_FLOOR) => CloseCause::BelowFloor,
        Some(alert::PEER_DIALS) => CloseCause::PeerDials,
        _ => CloseCause::Violation,
    }
}

/// The code with which a peer is told that it broke the rules of messages and streams.
pub(crate) const VIOLATION: VarInt = VarInt::from_u32(wire::VIOLATION as u32);

/// Longest reason of an application; a peer's own word can be as long as its packet.
const REASON_MAX: usize = 256;

#[cfg(test)]
mod tests;
