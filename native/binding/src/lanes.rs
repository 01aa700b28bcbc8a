//! Figures of lanes, as JavaScript has them: durations in milliseconds.

use std::time::Duration;

use napi_derive::napi;
use warren_engine::{Histogram, LaneStats};

/// Figures of one priority: of a connection, or summed over those of a peer or a device.
#[napi(object, object_from_js = false)]
pub struct LaneFigures {
    /// The priority that the lane is for, 0 to 255.
    pub priority: u8,
    /// Number of messages that were admitted and have not begun to leave.
    pub queued_messages: f64,
    /// Bytes that were admitted and are not yet written to the transport.
    pub queued_bytes: f64,
    /// Age of the oldest of these, in milliseconds.
    pub oldest: f64,
    /// Bytes of messages and streams that were written to the transport.
    pub sent_bytes: f64,
    /// Number of messages that the peer's device holds whole.
    pub delivered: f64,
    /// Number of messages whose lifetime ended first.
    pub expired: f64,
    /// Number of messages given up in time.
    pub cancelled: f64,
    /// Number of messages given up in time for newer ones.
    pub replaced: f64,
    /// Number of messages refused by the peer, or dropped by the full lane.
    pub dropped: f64,
    /// Number of messages whose connection ended first.
    pub lost: f64,
    /// Time from admission until the message began to leave.
    pub waited: HistogramFigures,
    /// Time from admission until the sender knew that the peer's device holds the whole message.
    pub delivery: HistogramFigures,
}

/// Durations in milliseconds, counted in buckets an eighth of an octave wide. Percentiles are upper bounds of their
/// buckets.
#[napi(object, js_name = "Histogram", object_from_js = false)]
pub struct HistogramFigures {
    /// Number of durations.
    pub count: f64,
    /// All of them together, in milliseconds.
    pub sum: f64,
    /// Half of them were shorter, in milliseconds.
    pub p50: f64,
    /// 99 of 100 were shorter, in milliseconds.
    pub p99: f64,
    /// The longest, in milliseconds.
    pub max: f64,
    /// Buckets that are not empty, shortest first.
    pub buckets: Vec<BucketFigures>,
}

/// Durations above the bucket before, up to `le` milliseconds.
#[napi(object, js_name = "HistogramBucket", object_from_js = false)]
pub struct BucketFigures {
    /// The upper bound, in milliseconds.
    pub le: f64,
    /// Number of durations.
    pub count: f64,
}

impl From<&LaneStats> for LaneFigures {
    fn from(lane: &LaneStats) -> Self {
        Self {
            priority: lane.priority,
            queued_messages: lane.queued_messages as f64,
            queued_bytes: lane.queued_bytes as f64,
            oldest: milliseconds(lane.oldest),
            sent_bytes: lane.sent_bytes as f64,
            delivered: lane.delivered as f64,
            expired: lane.expired as f64,
            cancelled: lane.cancelled as f64,
            replaced: lane.replaced as f64,
            dropped: lane.dropped as f64,
            lost: lane.lost as f64,
            waited: (&lane.waited).into(),
            delivery: (&lane.delivery).into(),
        }
    }
}

impl From<&Histogram> for HistogramFigures {
    fn from(histogram: &Histogram) -> Self {
        let buckets = histogram.buckets();
        Self {
            count: histogram.count() as f64,
            sum: milliseconds(histogram.sum()),
            p50: milliseconds(histogram.quantile(0.5)),
            p99: milliseconds(histogram.quantile(0.99)),
            max: milliseconds(histogram.max()),
            buckets: buckets
                .map(|(le, count)| BucketFigures { le: milliseconds(le), count: count as f64 })
                .collect(),
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
