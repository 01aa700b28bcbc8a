//! quinn-proto's own congestion controllers in place of ours, to compare with. Not part of what is shipped.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use quinn_proto::RttEstimator;
use quinn_proto::congestion::{BbrConfig, Controller, ControllerFactory, CubicConfig, NewRenoConfig};

use crate::gauge::Gauge;

/// Congestion controller of connections that begin from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Ours.
    Off,
    /// CUBIC.
    Cubic,
    /// NewReno.
    NewReno,
    /// BBR, the first version.
    Bbr,
}

static CHOSEN: AtomicU8 = AtomicU8::new(Reference::Off as u8);

/// Chooses for the whole process.
pub fn choose(reference: Reference) {
    CHOSEN.store(reference as u8, Ordering::Relaxed);
}

/// Whether it is not ours.
pub fn is_on() -> bool {
    CHOSEN.load(Ordering::Relaxed) != Reference::Off as u8
}

pub(crate) fn build(gauge: Arc<Gauge>, now: Instant, mtu: u16) -> Option<Box<dyn Controller>> {
    const CUBIC: u8 = Reference::Cubic as u8;
    const NEW_RENO: u8 = Reference::NewReno as u8;
    const BBR: u8 = Reference::Bbr as u8;
    let inner: Box<dyn Controller> = match CHOSEN.load(Ordering::Relaxed) {
        CUBIC => Arc::new(CubicConfig::default()).build(now, mtu),
        NEW_RENO => Arc::new(NewRenoConfig::default()).build(now, mtu),
        BBR => Arc::new(BbrConfig::default()).build(now, mtu),
        _ => return None,
    };
    gauge.publish(inner.window());
    Some(Box::new(Foreign { inner, gauge, started: now }))
}

/// Any controller, visible from outside.
struct Foreign {
    inner: Box<dyn Controller>,
    gauge: Arc<Gauge>,
    started: Instant,
}

impl Controller for Foreign {
    fn on_sent(&mut self, now: Instant, bytes: u64, last_packet_number: u64) {
        self.inner.on_sent(now, bytes, last_packet_number);
    }

    fn on_ack(&mut self, now: Instant, sent: Instant, bytes: u64, _app_limited: bool, rtt: &RttEstimator) {
        let left = sent.saturating_duration_since(self.started).as_micros() as u64;
        self.gauge.sample.newest.fetch_max(left, std::sync::atomic::Ordering::Relaxed);
        self.inner.on_ack(now, sent, bytes, !self.gauge.is_filled(), rtt);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, app_limited: bool, largest: Option<u64>) {
        self.inner.on_end_acks(now, in_flight, app_limited, largest);
        self.gauge.flies(in_flight);
        self.gauge.publish(self.inner.window());
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, is_persistent: bool, lost_bytes: u64) {
        self.inner.on_congestion_event(now, sent, is_persistent, lost_bytes);
        self.gauge.flies(self.gauge.in_flight().saturating_sub(lost_bytes));
        self.gauge.publish(self.inner.window());
    }

    fn on_mtu_update(&mut self, new_mtu: u16) {
        self.inner.on_mtu_update(new_mtu);
    }

    fn window(&self) -> u64 {
        self.gauge.gate()
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(Self { inner: self.inner.clone_box(), gauge: self.gauge.clone(), started: self.started })
    }

    fn initial_window(&self) -> u64 {
        self.inner.initial_window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
