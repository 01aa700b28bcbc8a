//! Network interfaces by name and number: the zone of a link-local address (RFC 4007 section 11) is written as either.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
use other as system;
#[cfg(unix)]
use unix as system;

/// The number of the interface of this name; `None`: there is none now.
pub fn interface_index(name: &str) -> Option<u32> {
    system::index(name)
}

/// The name of the interface of this number; `None`: there is none now.
pub fn interface_name(index: u32) -> Option<String> {
    system::name(index)
}
