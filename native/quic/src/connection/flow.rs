//! How much may be written so that it leaves at once.

use super::{Connection, Phase};
use crate::{
    Ecn, Transmit,
    flight::Gauge,
    pace::{Pace, Path},
};
use bytes::Bytes;
use quinn_proto::{EcnCodepoint, FrameStats};
use std::{sync::Arc, time::Instant};

/// Written beyond what may fly, so that quinn-proto knows that it is the window that holds it up, and sets its timer.
const BEYOND_PACKETS: u64 = 6;

/// The most that may be written and unsent: one batch of segments.
const UNSENT_MAX: u64 = 96 << 10;

/// Bytes of a full packet that carry no stream data, about: header, tag, frame header.
const OVERHEAD: u64 = 28;

/// What is urgent may leave beyond a window that other data fills: one urgent object of a few KiB each round trip.
const URGENT_PACKETS: u64 = 8;

/// A packet shorter than full by more than this had no more stream data to take (quinn-proto keeps 25 bytes free for
/// the longest frame header).
const NOT_FULL: usize = 64;

/// Counts what is written and unsent, which quinn-proto does not tell.
///
/// The count adds what is written and what is lost, takes off what leaves, and is put right whenever a packet leaves
/// that is not full, or nothing leaves though window and pace would let it.
pub(super) struct Flow {
    gauge: Arc<Gauge>,
    pace: Pace,
    unsent: u64,
    lost: u64,
    stream_frames: u64,
    eliciting_frames: u64,
    /// When pacing lets more leave, if it held something back.
    paced_until: Option<Instant>,
}

impl Flow {
    pub(super) fn new(gauge: Arc<Gauge>, inner: &quinn_proto::Connection, now: Instant) -> Self {
        let pace = Pace::new(now, path(&gauge, inner));
        Self { gauge, pace, unsent: 0, lost: 0, stream_frames: 0, eliciting_frames: 0, paced_until: None }
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.unsent += bytes as u64;
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.gauge.in_flight()
    }

    pub(super) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.paced_until
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.paced_until = self.paced_until.filter(|until| *until > now);
    }

    /// The next packet leaves whatever is in flight.
    pub(super) fn exempt_one(&self, mtu: u64) {
        self.gauge.exempt(self.gauge.in_flight().saturating_sub(self.gauge.window()) + 2 * mtu);
    }

    /// Whatever leaves from now on does so whatever is in flight.
    pub(super) fn exempt_all(&self) {
        self.gauge.exempt(u64::MAX);
    }

    fn free(&self) -> u64 {
        self.gauge.window().saturating_sub(self.gauge.in_flight())
    }

    fn room(&self, path: Path, now: Instant) -> u64 {
        // quinn-proto sends no acknowledgement while the window holds back data: what the owner governs has none waiting.
        let (free, beyond) = match self.gauge.is_governed() {
            true => (self.free().saturating_sub(path.mtu), 0),
            false => (self.free(), BEYOND_PACKETS * path.mtu),
        };
        let leaves = free.min(self.pace.allowed(now, path)).min(UNSENT_MAX);
        let room = (leaves + beyond).saturating_sub(self.unsent);
        // Little pieces make quinn-proto's send buffer long, and it is searched from the front.
        if room < 2 * path.mtu { 0 } else { room }
    }

    /// `size` bytes left, the last packet of `last`. Whether they ask for an acknowledgement.
    fn sent(&mut self, size: usize, last: usize, frames: &FrameStats, path: Path, now: Instant) -> bool {
        let eliciting = eliciting(frames);
        let asks = std::mem::replace(&mut self.eliciting_frames, eliciting) != eliciting;
        let streams = std::mem::replace(&mut self.stream_frames, frames.stream) != frames.stream;
        if asks {
            self.gauge.exempt(0);
            self.gauge.sent(size as u64);
            self.pace.sent(size as u64, now, path);
        }
        self.count_lost();
        if streams {
            let packets = (size as u64).div_ceil(path.mtu);
            self.unsent = self.unsent.saturating_sub((size as u64).saturating_sub(packets * OVERHEAD));
        }
        if last + NOT_FULL < path.mtu as usize {
            self.unsent = 0;
        }
        asks
    }

    fn nothing_sent(&mut self, path: Path, now: Instant) {
        self.count_lost();
        if self.gauge.is_held() || self.unsent == 0 || self.free() <= path.mtu {
            return;
        }
        if self.pace.allowed(now, path) >= 2 * path.mtu {
            self.unsent = 0;
        } else if self.paced_until.is_none() {
            self.paced_until = Some(self.pace.full_at(now, path));
        }
    }

    fn count_lost(&mut self) {
        let lost = self.gauge.lost();
        self.unsent += lost - std::mem::replace(&mut self.lost, lost);
    }
}

impl Connection {
    /// Bytes that may be written now to leave at once.
    pub(crate) fn room(&self, now: Instant) -> usize {
        match self.phase {
            Phase::Open => self.flow.room(path(&self.flow.gauge, &self.inner), now) as usize,
            Phase::Handshaking | Phase::Ended => 0,
        }
    }

    /// Bytes that may be written now and leave at once, up to [`URGENT_PACKETS`] beyond the window.
    pub(crate) fn urge(&mut self, now: Instant) -> usize {
        let room = self.room(now);
        let path = path(&self.flow.gauge, &self.inner);
        let beyond =
            (self.flow.gauge.window() + URGENT_PACKETS * path.mtu).saturating_sub(self.flow.in_flight());
        if self.phase != Phase::Open || beyond < path.mtu {
            return room;
        }
        self.flow.gauge.exempt((URGENT_PACKETS + 1) * path.mtu);
        room.max(beyond as usize)
    }

    pub(crate) fn poll_transmit(&mut self, max: usize, out: &mut Vec<u8>, now: Instant) -> Option<Transmit> {
        if self.phase == Phase::Open {
            self.flush_control();
        }
        let transmit = self.inner.poll_transmit(now, max, out);
        let path = path(&self.flow.gauge, &self.inner);
        let Some(transmit) = transmit else {
            self.flow.nothing_sent(path, now);
            return None;
        };
        let segment = transmit.segment_size.unwrap_or(transmit.size);
        let last = transmit.size - (transmit.size - 1) / segment * segment;
        let frames = self.inner.stats().frame_tx;
        let asks = self.flow.sent(transmit.size, last, &frames, path, now);
        if asks {
            self.unanswered.get_or_insert(now);
        }
        Some(Transmit { segment, ecn: ecn(transmit.ecn), asks })
    }

    /// Queues an unreliable datagram.
    pub(crate) fn send_datagram(&mut self, bytes: Bytes) -> bool {
        let sent = self.phase == Phase::Open && self.inner.datagrams().send(bytes, false).is_ok();
        self.wants_writable |= !sent;
        sent
    }

    pub(crate) fn max_datagram_size(&self) -> usize {
        // One byte of type, at most four of packet number, and the longest length of a frame (RFC 9221).
        const FRAME: usize = 1 + 8;
        let header = 1 + 8 + 4 + crate::tag::TAG_LENGTH;
        let mtu = usize::from(self.inner.current_mtu()).saturating_sub(header + FRAME);
        let limit = usize::try_from(self.limits.datagram).unwrap_or(usize::MAX).saturating_sub(FRAME);
        if self.phase == Phase::Open { mtu.min(limit) } else { 0 }
    }
}

fn path(gauge: &Gauge, inner: &quinn_proto::Connection) -> Path {
    Path { rtt: inner.rtt(), window: gauge.window(), mtu: u64::from(inner.current_mtu()) }
}

/// Frames sent that ask for an acknowledgement.
fn eliciting(frames: &FrameStats) -> u64 {
    frames.ack_frequency
        + frames.crypto
        + frames.data_blocked
        + frames.datagram
        + u64::from(frames.handshake_done)
        + frames.immediate_ack
        + frames.max_data
        + frames.max_stream_data
        + frames.max_streams_bidi
        + frames.max_streams_uni
        + frames.new_connection_id
        + frames.path_challenge
        + frames.path_response
        + frames.ping
        + frames.reset_stream
        + frames.retire_connection_id
        + frames.stop_sending
        + frames.stream
        + frames.stream_data_blocked
        + frames.streams_blocked_bidi
        + frames.streams_blocked_uni
}

fn ecn(codepoint: Option<EcnCodepoint>) -> Ecn {
    match codepoint {
        None => Ecn::NotEct,
        Some(EcnCodepoint::Ect0) => Ecn::Ect0,
        Some(EcnCodepoint::Ect1) => Ecn::Ect1,
        Some(EcnCodepoint::Ce) => Ecn::Ce,
    }
}
