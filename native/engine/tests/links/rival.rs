//! A foreign flow: CUBIC (RFC 9438) over a path of its own making, as any TCP of the neighbourhood.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use warren_testing::Datagram;

/// The sending end; it sends without end.
pub(crate) struct RivalSender {
    from: SocketAddr,
    to: SocketAddr,
    begins: Instant,
    next: u64,
    in_flight: BTreeMap<u64, Instant>,
    window: f64,
    threshold: f64,
    most: f64,
    epoch: Option<Instant>,
    recovery: u64,
    round_trip: Duration,
    /// Instant at which the sender gives up waiting.
    timeout: Option<Instant>,
    pub(crate) acknowledged: u64,
}

impl RivalSender {
    pub(crate) fn new(from: SocketAddr, to: SocketAddr, begins: Instant) -> Self {
        Self {
            from,
            to,
            begins,
            next: 0,
            in_flight: BTreeMap::new(),
            window: 10.0,
            threshold: f64::INFINITY,
            most: 0.0,
            epoch: None,
            recovery: 0,
            round_trip: Duration::from_millis(100),
            timeout: None,
            acknowledged: 0,
        }
    }

    pub(crate) fn handle(&mut self, datagram: &Datagram, now: Instant) {
        let Some(number) = datagram.bytes.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else {
            return;
        };
        let Some(sent) = self.in_flight.remove(&number) else { return };
        self.round_trip = now - sent;
        self.acknowledged += PACKET as u64;
        let lost: Vec<u64> =
            self.in_flight.range(..number.saturating_sub(REORDER)).map(|(&lost, _)| lost).collect();
        if lost.is_empty() {
            self.grow(now);
        }
        for lost in lost {
            self.in_flight.remove(&lost);
            if lost >= self.recovery {
                self.shrink();
            }
        }
        self.timeout = Some(now + Duration::from_secs(1));
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.timeout.is_some_and(|at| at <= now) {
            self.in_flight.clear();
            self.shrink();
            self.window = 2.0;
            self.timeout = None;
        }
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        if now < self.begins || self.in_flight.len() as f64 >= self.window {
            return None;
        }
        let mut bytes = vec![0; PACKET];
        bytes[..8].copy_from_slice(&self.next.to_be_bytes());
        self.in_flight.insert(self.next, now);
        self.next += 1;
        self.timeout.get_or_insert(now + Duration::from_secs(1));
        Some(Datagram { from: self.from, to: self.to, bytes })
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.next == 0 { Some(self.begins) } else { self.timeout }
    }

    fn grow(&mut self, now: Instant) {
        if self.window < self.threshold {
            self.window += 1.0;
            return;
        }
        let epoch = *self.epoch.get_or_insert(now);
        let k = (self.most * (1.0 - BETA) / C).cbrt();
        let t = (now - epoch + self.round_trip).as_secs_f64();
        let cubic = C * (t - k).powi(3) + self.most;
        let reno = self.most * BETA
            + 3.0 * (1.0 - BETA) / (1.0 + BETA) * (now - epoch).as_secs_f64() / self.round_trip.as_secs_f64();
        let target = cubic.max(reno).min(1.5 * self.window);
        self.window += ((target - self.window) / self.window).max(0.01 / self.window);
    }

    fn shrink(&mut self) {
        self.recovery = self.next;
        self.most = self.window;
        self.window = (self.window * BETA).max(2.0);
        self.threshold = self.window;
        self.epoch = None;
    }
}

/// The receiving end: acknowledges each packet.
pub(crate) struct RivalReceiver {
    answers: VecDeque<Datagram>,
}

impl RivalReceiver {
    pub(crate) fn new() -> Self {
        Self { answers: VecDeque::new() }
    }

    pub(crate) fn handle(&mut self, datagram: &Datagram) {
        let bytes = datagram.bytes[..40].to_vec();
        self.answers.push_back(Datagram { from: datagram.to, to: datagram.from, bytes });
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Datagram> {
        self.answers.pop_front()
    }
}

const PACKET: usize = 1_448;
const BETA: f64 = 0.7;
const C: f64 = 0.4;
/// Later packets acknowledged before one counts as lost.
const REORDER: u64 = 3;
