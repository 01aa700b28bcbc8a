//! Waiting for one socket, a deadline, or a wake-up from another thread.

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
mod linux;
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
mod portable;

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
pub(crate) use linux::{Notifier, Watch};
#[cfg(any(not(target_os = "linux"), feature = "portable-udp"))]
pub(crate) use portable::{Notifier, Watch};

/// Readiness of the socket that ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    Nothing,
    /// Datagrams.
    Readable,
    /// Datagrams, and room for some.
    Both,
}
