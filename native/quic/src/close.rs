//! Why a connection ended.

/// The end of a connection, as one end sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// Who ended it.
    pub by: ClosedBy,
    /// The application's code, 0 where `cause` is not [`CloseCause::Application`].
    pub code: u64,
    /// The reason given, for people; not necessarily UTF-8 where a peer sent it.
    pub reason: Vec<u8>,
    /// What kind of end it was.
    pub cause: CloseCause,
}

/// Who ended a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClosedBy {
    /// This end.
    Local,
    /// The other end.
    Remote,
    /// Nobody said a word: the other end no longer knows the connection.
    Network,
}

/// What kind of end a connection had.
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

/// Why an incoming connection is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefuseCode {
    /// The pair already has a connection with this protocol.
    Duplicate,
    /// This end has too many connections.
    TooMany,
}
