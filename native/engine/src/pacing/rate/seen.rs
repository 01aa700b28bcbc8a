//! What passes between a group and its controller.

use std::time::Duration;

/// What all members of a group saw in a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// The queue that every packet met, seconds.
    pub(crate) queue: f64,
    /// Seconds since the last tick.
    pub(crate) elapsed: f64,
    /// Outer bytes in flight.
    pub(crate) flying: f64,
    /// Of those, what the path holds at this rate of arrivals without a queue that grows, seconds.
    pub(crate) held: f64,
    /// Outer bytes a second that arrived.
    pub(crate) rate: f64,
    /// Outer bytes a second that left.
    pub(crate) sent: f64,
    /// The share of bytes that was lost, of what was lost and what arrived.
    pub(crate) loss: f64,
    /// By how much delays jump, seconds.
    pub(crate) jitter: f64,
    /// The path is what makes them jump.
    pub(crate) jitters: bool,
    /// By how much its delays are longer without any queue than the least of all, seconds.
    pub(crate) floor: f64,
    /// That has to be found out once more, and soon.
    pub(crate) floor_moves: bool,
    /// The longest round trip of a member.
    pub(crate) round_trip: Duration,
    /// The rate was what held data back.
    pub(crate) limited: bool,
    /// Outer bytes of a full datagram.
    pub(crate) datagram: f64,
    /// No other group of the device sends much.
    pub(crate) alone: bool,
    /// Another group of the device looks for its rate, maybe in the same queue.
    pub(crate) beside_startup: bool,
}

/// What the controller wants besides a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// The delay that is there now is the path's own.
    Rebase,
    /// The delay is a foreign queue's: compete for a while.
    Compete,
    /// Try again to do without competing: the base of before.
    Return,
}
