//! Ends of connections: author, code, reason and kind.

use quinn_proto::{ConnectionError, TransportError, TransportErrorCode, VarInt};

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
    /// No protocol is both offered by the dialler and accepted by the other end; the reason lists what is accepted.
    NoProtocol,
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
    pub(crate) const BELOW_FLOOR: u8 = 226;
}

/// Codes of closes after the handshake: the first 256 are ours, an application's code is moved past them.
mod wire {
    pub(super) const VIOLATION: u64 = 1;
    pub(super) const APPLICATION: u64 = 256;
}

/// The code with which a peer is told that it broke the rules of messages and streams.
pub(crate) const VIOLATION: VarInt = VarInt::from_u32(wire::VIOLATION as u32);

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
            let code = code.unwrap_or(0);
            Closed { by: ClosedBy::Remote, code, reason: shortened(&close.reason), cause }
        }
        ConnectionError::ConnectionClosed(close) => Closed {
            by: ClosedBy::Remote,
            code: 0,
            cause: cause_of(close.error_code),
            reason: shortened(&close.reason),
        },
        ConnectionError::TransportError(error) => Closed {
            by: ClosedBy::Local,
            code: 0,
            cause: cause_of(error.code),
            reason: error.to_string().into_bytes(),
        },
        ConnectionError::Reset | ConnectionError::TimedOut => Closed {
            by: ClosedBy::Network,
            code: 0,
            reason: b"the peer no longer knows this connection".to_vec(),
            cause: CloseCause::Reset,
        },
        ConnectionError::VersionMismatch => Closed {
            by: ClosedBy::Remote,
            code: 0,
            reason: b"the other end speaks another version of QUIC".to_vec(),
            cause: CloseCause::Version,
        },
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => Closed {
            by: ClosedBy::Local,
            code: 0,
            reason: error.to_string().into_bytes(),
            cause: CloseCause::Violation,
        },
    }
}

/// As much of a reason as may be given, up to a character's end.
fn shortened(reason: &[u8]) -> Vec<u8> {
    let Some(cut) = reason.get(..=REASON_MAX) else { return reason.to_vec() };
    let is_inside = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let end = (REASON_MAX - 3..=REASON_MAX).rev().find(|&at| !is_inside(&cut[at])).unwrap_or(REASON_MAX);
    cut[..end].to_vec()
}

/// Longest reason of an application; a peer's own word can be as long as its packet.
const REASON_MAX: usize = 256;

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
        Some(alert::BELOW_FLOOR) => CloseCause::Parameters,
        _ => CloseCause::Violation,
    }
}

#[cfg(test)]
mod tests;
