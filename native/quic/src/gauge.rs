//! The state that a connection's congestion controller and its owner share.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// Figures and settings that a connection's controller and its owner share.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) window: AtomicU64,
    pub(crate) in_flight: AtomicU64,
    /// Bytes that are in flight for quinn-proto, and never left.
    withheld: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) acknowledged: AtomicU64,
    /// The handshake is over.
    pub(crate) is_open: AtomicBool,
    /// quinn-proto may send what asks for an acknowledgement, in the call that is under way.
    open: AtomicBool,
    /// The window was full, or nearly, when something last left.
    filled: AtomicBool,
    /// The owner's window; 0: CUBIC's own.
    pub(crate) cap: AtomicU64,
    /// Arrival of the newest packet that the datagram in hand acknowledges, in ticks of its receiver's clock plus one;
    /// 0: unknown.
    pub(crate) arrived: AtomicU32,
    pub(crate) sample: RunningSample,
    /// In-flight bytes from which CUBIC begins anew; 0: it goes on.
    pub(crate) restart: AtomicU64,
    /// Other flows fill the path's queue: the delay of that queue counts as the path's.
    pub(crate) competes: AtomicBool,
}

/// The fields of a [`PathSample`] as they grow.
#[derive(Debug, Default)]
pub(crate) struct RunningSample {
    pub(crate) packets: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) marks: AtomicU64,
    pub(crate) delay: AtomicI64,
    pub(crate) arrival: AtomicI64,
    pub(crate) round_trip: AtomicU64,
    /// Departure of the newest packet, in microseconds of the connection's life.
    pub(crate) newest: AtomicU64,
}

/// Facts that acknowledgements brought of the path since the owner last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PathSample {
    /// Packets acknowledged, and their bytes.
    pub packets: u64,
    /// Bytes of packets acknowledged.
    pub bytes: u64,
    /// Bytes declared lost.
    pub lost: u64,
    /// Times that marks (ECN) came back.
    pub marks: u64,
    /// The least delay to the other end, by its clock, less a constant that is unknown. Without its clock: the least
    /// round trip.
    pub delay: i64,
    /// Arrival of the newest packet, by the same clock, in microseconds.
    pub arrival: i64,
    /// The round trip of the newest packet.
    pub round_trip: Duration,
    /// Bytes in flight now.
    pub in_flight: u64,
    /// Bytes that may be.
    pub window: u64,
}

impl Gauge {
    /// Bytes that may be in flight.
    pub(crate) fn window(&self) -> u64 {
        self.window.load(Ordering::Relaxed)
    }

    /// Bytes in flight: exact after each acknowledgement, else counted along.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Bytes acknowledged so far.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Departure of the newest packet that was acknowledged, in time of the connection's life; at most a microsecond
    /// later.
    pub(crate) fn newest_acknowledged(&self) -> Duration {
        Duration::from_micros(self.sample.newest.load(Ordering::Relaxed) + 1)
    }

    /// Bytes declared lost so far.
    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Notes that the handshake is over.
    pub(crate) fn opened(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    /// Whether quinn-proto may send what asks for an acknowledgement.
    pub(crate) fn open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    /// The window that quinn-proto is told: without end, where neither it nor the pacer that goes by it holds anything
    /// back, or none at all.
    pub(crate) fn gate(&self) -> u64 {
        if self.open.load(Ordering::Relaxed) { u64::MAX } else { 1 }
    }

    /// Sets the bytes that may be in flight from now on; `None`: CUBIC's own window.
    pub(crate) fn set_window(&self, window: Option<u64>) {
        self.competes.store(false, Ordering::Relaxed);
        self.cap.store(window.unwrap_or(0), Ordering::Relaxed);
        if let Some(window) = window {
            self.window.store(window, Ordering::Relaxed);
        }
    }

    /// Begins CUBIC anew, as after a loss with this much in flight, so that it has its part in the path's queue.
    pub(crate) fn compete(&self, in_flight: u64) {
        self.set_window(None);
        self.restart.store(in_flight.max(1), Ordering::Relaxed);
        self.competes.store(true, Ordering::Relaxed);
    }

    /// Notes that something left: the window is filled if less than this is free.
    pub(crate) fn fills(&self, nearly: u64) {
        self.filled.store(self.in_flight() + nearly >= self.window(), Ordering::Relaxed);
    }

    /// Whether the window held up its owner when something last left.
    pub(crate) fn is_filled(&self) -> bool {
        self.filled.load(Ordering::Relaxed)
    }

    /// Notes when the next datagram left, by its sender's clock, and for how long it had put off its acknowledgement.
    pub(crate) fn departed(&self, stamp: Option<u32>, put_off: Duration) {
        let ticks = (put_off.as_micros() as u64 / STAMP_MICROS) as u32;
        let arrived = stamp.map_or(0, |stamp| (stamp.wrapping_sub(ticks) & STAMP_MASK) + 1);
        self.arrived.store(arrived, Ordering::Relaxed);
    }

    /// Takes the facts since the last call.
    pub(crate) fn take_sample(&self) -> Option<PathSample> {
        let take = |counter: &AtomicU64| {
            let value = counter.load(Ordering::Relaxed);
            counter.store(0, Ordering::Relaxed);
            value
        };
        let sample = PathSample {
            packets: take(&self.sample.packets),
            bytes: take(&self.sample.bytes),
            lost: take(&self.sample.lost),
            marks: take(&self.sample.marks),
            delay: self.sample.delay.load(Ordering::Relaxed),
            arrival: self.sample.arrival.load(Ordering::Relaxed),
            round_trip: Duration::from_micros(self.sample.round_trip.load(Ordering::Relaxed)),
            in_flight: self.in_flight(),
            window: self.window(),
        };
        (sample.packets > 0 || sample.lost > 0 || sample.marks > 0).then_some(sample)
    }

    #[cfg(feature = "reference")]
    pub(crate) fn publish(&self, window: u64) {
        self.window.store(window, Ordering::Relaxed);
    }

    #[cfg(feature = "reference")]
    pub(crate) fn flies(&self, in_flight: u64) {
        self.in_flight.store(in_flight, Ordering::Relaxed);
    }

    /// Counts packets that left and ask for an acknowledgement.
    pub(crate) fn sent(&self, bytes: u64) {
        grow(&self.in_flight, bytes);
    }

    /// Sets the bytes that quinn-proto takes for in flight and that never left.
    pub(crate) fn withhold(&self, bytes: u64) {
        self.withheld.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that quinn-proto takes for in flight and that never left.
    pub(crate) fn withheld(&self) -> u64 {
        self.withheld.load(Ordering::Relaxed)
    }

    /// Whether a packet of this size, which is acknowledged, is the one that never left; it no longer counts then.
    pub(crate) fn landed_withheld(&self, bytes: u64) -> bool {
        let is_withheld = self.withheld() == bytes;
        if is_withheld {
            self.withhold(0);
        }
        is_withheld
    }

    /// Sets the bytes in flight to zero: quinn-proto has no timer.
    pub(crate) fn land(&self) {
        self.in_flight.store(0, Ordering::Relaxed);
    }
}

/// Adds to a counter that one thread at a time changes: it holds the connection. Of instructions that lock the memory
/// bus there were eight for each acknowledged packet.
pub(crate) fn grow(counter: &AtomicU64, by: u64) {
    counter.store(counter.load(Ordering::Relaxed) + by, Ordering::Relaxed);
}

/// Microseconds of a tick of the clock that stamps datagrams, and the part of it that is told: 20 bits, 16 seconds.
pub const STAMP_MICROS: u64 = 16;
pub(crate) const STAMP_MASK: u32 = (1 << 20) - 1;
