//! Figures of lanes, as JavaScript has them: durations in milliseconds.

use std::time::Duration;

use napi_derive::napi;
use warren_engine::{Histogram, LaneStats};

/// Figures of one lane of one connection.
#[napi(object, object_from_js = false)]
pub struct LaneFigures {
    /// The lane's priority.
    pub priority: u8,
    /// Message bytes that have not begun to leave.
    pub queued_bytes: f64,
    /// Messages that have not begun to leave.
    pub queued_messages: f64,
    /// Milliseconds that the oldest of them has waited.
    pub oldest: f64,
    /// Message and stream bytes handed to the transport.
    pub sent_bytes: f64,
    /// Messages that the peer's device holds whole.
    pub delivered: f64,
    /// Messages whose lifetime ended first.
    pub expired: f64,
    /// Messages given up in time.
    pub cancelled: f64,
    /// Messages given up in time for newer ones.
    pub replaced: f64,
    /// Messages refused by the peer, or dropped by the full lane.
    pub dropped: f64,
    /// Messages whose connection ended first.
    pub lost: f64,
    /// From the queue until the first byte was written.
    pub waited: HistogramFigures,
    /// From the queue until the peer's device held it whole.
    pub delivery: HistogramFigures,
}

/// Distribution of durations, in milliseconds.
#[napi(object, object_from_js = false)]
pub struct HistogramFigures {
    /// Number of durations.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// Half took at most this long.
    pub p50: f64,
    /// All but a hundredth took at most this long.
    pub p99: f64,
    /// The longest.
    pub max: f64,
    /// Buckets that are not empty, shortest first.
    pub buckets: Vec<BucketFigures>,
}

/// Durations above the bucket before, up to `le`.
#[napi(object, object_from_js = false)]
pub struct BucketFigures {
    /// The upper bound.
    pub le: f64,
    /// Number of durations in it.
    pub count: f64,
}

impl From<&LaneStats> for LaneFigures {
    fn from(lane: &LaneStats) -> Self {
        Self {
            priority: lane.priority,
            queued_bytes: lane.queued_bytes as f64,
            queued_messages: lane.queued_messages as f64,
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
