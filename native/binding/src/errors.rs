//! Failures as codes: `lib/errors.ts` makes the user's errors of them.

use napi::Error;
use warren_engine::{AddPeerError, ConfigError, ConnectError, UpdatePeerError};
use warren_io::{BindError, Gone, SpawnError};

/// A name that TypeScript's table knows.
pub(crate) type Code = &'static str;

pub(crate) type Result<T> = std::result::Result<T, Error<Code>>;

pub(crate) fn invalid(what: &str, why: impl std::fmt::Display) -> Error<Code> {
    Error::new("invalid-argument", format!("{what}: {why}"))
}

pub(crate) fn from_node(error: Error) -> Error<Code> {
    Error::new("node-api", error.reason.clone())
}

pub(crate) fn gone(gone: Gone) -> Error<Code> {
    Error::new("device-closed", gone.to_string())
}

pub(crate) fn add_peer(error: AddPeerError) -> Error<Code> {
    let code = match error {
        AddPeerError::AlreadyExists => "already-exists",
        AddPeerError::OwnKey => "own-key",
        AddPeerError::LowOrderKey => "low-order-key",
        AddPeerError::AllowedIpConflict { .. } => "allowed-ip-conflict",
        AddPeerError::TooManyPeers => "too-many-peers",
        AddPeerError::StrangerGone => "stranger-gone",
    };
    Error::new(code, error.to_string())
}

pub(crate) fn update_peer(error: UpdatePeerError) -> Error<Code> {
    let code = match error {
        UpdatePeerError::NoSuchPeer => "peer-removed",
        UpdatePeerError::AllowedIpConflict { .. } => "allowed-ip-conflict",
    };
    Error::new(code, error.to_string())
}

pub(crate) fn connect(error: ConnectError) -> Error<Code> {
    let code = match error {
        ConnectError::UnknownPeer => "peer-removed",
        ConnectError::MtuTooSmall { .. } => "mtu-too-small",
        ConnectError::Protocols => "invalid-argument",
        ConnectError::Closing => "device-closed",
    };
    Error::new(code, error.to_string())
}

pub(crate) fn config(error: ConfigError) -> Error<Code> {
    Error::new("invalid-argument", error.to_string())
}

pub(crate) fn spawn(error: SpawnError) -> Error<Code> {
    let code = match &error {
        SpawnError::Config(error) => return config(error.clone()),
        SpawnError::Bind(BindError::InUse(_)) => "EADDRINUSE",
        SpawnError::Bind(BindError::NotLocal(_)) => "EADDRNOTAVAIL",
        SpawnError::Bind(BindError::Denied(_)) => "EACCES",
        SpawnError::Bind(BindError::Other { .. }) | SpawnError::System(_) => "listen-failed",
    };
    Error::new(code, error.to_string())
}
