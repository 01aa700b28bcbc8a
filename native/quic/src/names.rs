//! Names of peers, connections, messages and streams, and the facts of a packet beside its payload.

/// Names a peer; chosen by the owner, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerTag(pub u32);

/// Names a connection; never reused within one [`crate::Quic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionHandle(pub u32);

/// Names a message that this end sends, within its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageHandle(pub u64);

/// Names a byte stream, within its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamHandle(pub u64);

/// The two ECN bits of an IP packet (RFC 3168).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ecn {
    /// Not ECN-capable.
    #[default]
    NotEct,
    /// ECN-capable, ECT(1).
    Ect1,
    /// ECN-capable, ECT(0).
    Ect0,
    /// Congestion experienced.
    Ce,
}

/// Facts that the headers of a packet tell beside its payload. An [`Ecn`] alone is one without a departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Envelope {
    /// The mark that it came with.
    pub ecn: Ecn,
    /// Its departure by the sender's clock: ticks of [`crate::STAMP_MICROS`], the lowest 20 bits. Its acknowledgements
    /// then tell the delay there apart from the delay back.
    pub departed: Option<u32>,
}

impl From<Ecn> for Envelope {
    fn from(ecn: Ecn) -> Self {
        Self { ecn, departed: None }
    }
}

/// Packets that a poll asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packets {
    All,
    /// Packets that ask for no acknowledgement, and those that a close or a ping needs.
    NonEliciting,
}

/// Payloads that [`crate::Quic::poll_transmit`] appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transmit {
    /// Size of each UDP payload but the last, which may be shorter.
    pub segment: usize,
    /// The mark that the packets shall carry.
    pub ecn: Ecn,
    /// Whether the packets ask for an acknowledgement.
    pub asks: bool,
}
