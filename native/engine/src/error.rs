//! Reasons for which a call is turned down.

use thiserror::Error;

use crate::ids::{ConnectionId, Priority};

/// Reason why an engine cannot be made of a configuration.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// `mtu` is below 576 or above 65,472 (65,507 bytes of UDP payload less WireGuard's 32, in its units of 16).
    #[error("mtu must be 576 to 65472 bytes, got {0}")]
    Mtu(u16),
    /// An application protocol is empty, longer than 255 bytes, or named twice, or there are more than 64.
    #[error("an application protocol is 1 to 255 bytes long and named once, and a list has at most 64")]
    Protocols,
    /// `uplink` is zero.
    #[error("uplink must be above zero bits per second")]
    Uplink,
    /// A lane has two policies, or a rate of zero.
    #[error("a lane has one policy, and a rate above zero or none; lane {0} has not")]
    Lane(Priority),
}

/// Reason why a dial did not even begin.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum ConnectError {
    /// No such peer: it was removed.
    #[error("the peer was removed")]
    UnknownPeer,
    /// The inner MTU is below what the transport needs, which is 1,248 bytes for QUIC.
    #[error("connections need an inner MTU of {least} bytes or more, the device has {mtu}")]
    MtuTooSmall {
        /// The device's MTU.
        mtu: u16,
        /// The least.
        least: u16,
    },
    /// The list of protocols is empty, or one of them is empty or longer than 255 bytes.
    #[error("a dial names application protocols of 1 to 255 bytes each")]
    Protocols,
    /// `Engine::shutdown` was called.
    #[error("the device is closing")]
    Closing,
}

/// Outcome of a call of `Engine::connect`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialled {
    /// A dial that ends in `Event::Connected` or `Event::Closed`.
    New(ConnectionId),
    /// The live connection that fits; no event follows.
    Live(ConnectionId),
}
