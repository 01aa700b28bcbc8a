//! Facts that a group tells its controller, and the wish that it gets back.

use std::time::Duration;

/// Facts of a tick, of all members of a group together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Queue that every packet met, in seconds.
    pub(crate) queue: f64,
    /// Seconds since the last tick.
    pub(crate) elapsed: f64,
    /// Outer bytes in flight.
    pub(crate) flying: f64,
    /// Latest round trip, in seconds; of several members the average by their arrival rates.
    pub(crate) latest_round_trip: f64,
    /// Arrival rate, in outer bytes a second.
    pub(crate) rate: f64,
    /// Sending rate, in outer bytes a second.
    pub(crate) sent: f64,
    /// Lost bytes, as a share of those lost and those that arrived.
    pub(crate) loss: f64,
    /// Height of the jumps of delays, in seconds.
    pub(crate) jitter: f64,
    /// Whether the path makes them jump.
    pub(crate) jitters: bool,
    /// Seconds by which delays without any queue are above the least of all.
    pub(crate) floor: f64,
    /// Whether the floor has to be measured once more, and soon.
    pub(crate) floor_moves: bool,
    /// The longest round trip of a member.
    pub(crate) round_trip: Duration,
    /// Whether the rate held data back.
    pub(crate) limited: bool,
    /// Outer bytes of a full datagram.
    pub(crate) datagram: f64,
    /// Whether no other group of the device sends much.
    pub(crate) alone: bool,
    /// Whether another group of the device looks for its rate, maybe in the same queue.
    pub(crate) beside_startup: bool,
}

/// Wish of the controller besides its rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Nothing,
    /// Take the present delay for the path's own.
    Rebase,
    /// Take the present delay for a foreign queue, and compete with it for a while.
    Compete,
    /// Return to the earlier base of delays, and try again without competing.
    Return,
}
