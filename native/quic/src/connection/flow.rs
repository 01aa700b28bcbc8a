//! Flow of one connection: the packets that may leave, and the bytes that may be written to leave at once.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use quinn_proto::{EcnCodepoint, FrameStats};

use super::{Connection, Phase};
use crate::gauge::Gauge;
use crate::names::Packets;
use crate::{Ecn, Transmit};

/// The one place that decides how many packets leave. quinn-proto's own window and pacer never hold one back: its
/// window is a gate, which is open for as many packets as it is asked for, or shut.
///
/// Mirrors of quinn-proto's state, and what keeps each true:
/// * bytes in flight: put right by every acknowledgement and counted along between two, and none where quinn-proto has
///   no timer. Until then handshake packets whose keys were dropped, and lost probes for the MTU, may be in it.
/// * bytes unsent: what was written and lost, less what left. Nothing is left when quinn-proto has nothing to send
///   through an open gate, or a packet that is not full.
/// * frames that ask for an acknowledgement: the sum of its counters.
pub(super) struct Flow {
    gauge: Arc<Gauge>,
    unsent: u64,
    lost: u64,
    stream_frames: u64,
    eliciting_frames: u64,
    /// Urgent data may leave beyond the window.
    urged: bool,
    /// Packets that leave whatever is in flight and asked for.
    owed: u64,
    /// Unreliable datagrams may wait.
    has_datagrams: bool,
    /// All control frames of quinn-proto's were sent since this was last asked.
    control_flushed: bool,
    /// Bytes that may still be written before the acceptor has answered; `None`: it has.
    early: Option<u64>,
}

impl Flow {
    pub(super) fn new(gauge: Arc<Gauge>) -> Self {
        Self {
            gauge,
            unsent: 0,
            lost: 0,
            stream_frames: 0,
            eliciting_frames: 0,
            urged: false,
            owed: 0,
            has_datagrams: false,
            control_flushed: false,
            early: None,
        }
    }

    pub(super) fn wrote(&mut self, bytes: usize) {
        self.unsent += bytes as u64;
        if let Some(left) = &mut self.early {
            *left = left.saturating_sub(bytes as u64);
        }
    }

    /// Lets one flight be written before the acceptor has answered.
    pub(super) fn begin_early(&mut self) {
        self.early = Some(EARLY_MAX);
    }

    /// The acceptor has answered; `rejected`: what was written is gone.
    pub(super) fn end_early(&mut self, rejected: bool) {
        self.early = None;
        if rejected {
            self.unsent = 0;
        }
    }

    pub(super) fn gauge(&self) -> &Gauge {
        &self.gauge
    }

    pub(super) fn unsent(&self) -> u64 {
        self.unsent
    }

    /// Lets the next packet leave whatever is in flight.
    pub(super) fn exempt_one(&mut self) {
        self.owed = self.owed.max(1);
    }

    /// Lets all packets from now on leave whatever is in flight.
    pub(super) fn exempt_all(&mut self) {
        self.owed = u64::MAX;
    }

    /// Full packets that the window, and so many beyond it, let leave.
    fn free(&self, beyond: u64, mtu: u64) -> u64 {
        let in_flight = self.gauge.in_flight();
        let free = (self.gauge.window() + beyond * mtu).saturating_sub(in_flight) / mtu;
        if in_flight == 0 { free.max(LEAST_PACKETS) } else { free }
    }

    /// Full packets that ask for an acknowledgement and may leave now.
    fn allowed(&self, packets: Packets, mtu: u64) -> u64 {
        let beyond = if self.urged { urgent_packets(mtu) } else { 0 };
        let free = match packets {
            Packets::All => self.free(beyond, mtu),
            Packets::NonEliciting => 0,
        };
        free.max(self.owed)
    }

    fn room(&self, mtu: u64) -> u64 {
        let full = mtu - OVERHEAD;
        let least = LEAST_PACKETS * full;
        let room = (self.free(0, mtu) * full).min(UNSENT_MAX.max(least)).saturating_sub(self.unsent);
        match self.early {
            Some(left) => room.min(left),
            None if room < least => 0,
            None => room,
        }
    }

    /// Notes a transmit that left, through an open gate or past a shut one. Whether it asks for an acknowledgement.
    fn sent(&mut self, left: Left, frames: &FrameStats, mtu: u64) -> bool {
        let Left { size, last, open } = left;
        let eliciting = eliciting(frames);
        let asks = std::mem::replace(&mut self.eliciting_frames, eliciting) != eliciting;
        let streams = std::mem::replace(&mut self.stream_frames, frames.stream) != frames.stream;
        if asks {
            self.gauge.sent(size as u64);
            self.gauge.fills(NEARLY_FULL_PACKETS * mtu);
            self.urged = false;
            self.owed = if self.owed == u64::MAX { u64::MAX } else { 0 };
        }
        if streams {
            let packets = (size as u64).div_ceil(mtu);
            self.unsent = self.unsent.saturating_sub((size as u64).saturating_sub(packets * OVERHEAD));
        }
        let ran_dry = open && last + NOT_FULL < mtu as usize;
        if ran_dry {
            self.unsent = 0;
            self.has_datagrams = false;
        }
        // quinn-proto writes control frames before those of streams.
        self.control_flushed |= ran_dry || (open && streams);
        asks
    }

    /// Notes a probe that quinn-proto made and that does not leave.
    pub(super) fn withheld(&mut self, bytes: u64, frames: &FrameStats) {
        self.eliciting_frames = eliciting(frames);
        self.gauge.withhold(bytes);
    }

    /// Whether there is more to send than acknowledgements and control frames, about.
    fn has_more(&self) -> bool {
        self.unsent > 0 || self.owed > 0 || self.has_datagrams
    }

    /// Notes that nothing had to leave through an open gate.
    fn nothing_left(&mut self) {
        self.unsent = 0;
        self.has_datagrams = false;
        self.urged = false;
        self.owed = if self.owed == u64::MAX { u64::MAX } else { 0 };
    }

    fn count_lost(&mut self) {
        let lost = self.gauge.lost();
        self.unsent += lost - std::mem::replace(&mut self.lost, lost);
    }
}

/// Packets that left in one call.
struct Left {
    size: usize,
    /// Size of the last packet.
    last: usize,
    open: bool,
}

impl Connection {
    /// Bytes that may be written now to leave at once.
    pub(crate) fn room(&self) -> usize {
        match self.phase {
            Phase::Open => self.flow.room(self.inner.current_mtu().into()) as usize,
            Phase::Handshaking | Phase::Ended => 0,
        }
    }

    /// Bytes that may be written now and leave at once, up to [`urgent_packets`] beyond the window.
    pub(crate) fn urge(&mut self) -> usize {
        let mtu = u64::from(self.inner.current_mtu());
        let beyond = self.flow.free(urgent_packets(mtu), mtu) * (mtu - OVERHEAD);
        if self.phase != Phase::Open || beyond == 0 || self.flow.early.is_some() {
            return self.room();
        }
        self.flow.urged = true;
        self.room().max(beyond as usize)
    }

    /// UDP payload of a full packet.
    pub(crate) fn payload(&self) -> usize {
        self.inner.current_mtu().into()
    }

    /// Bytes written, or lost and to be sent again, that have not left, about.
    pub(crate) fn unsent(&self) -> u64 {
        self.flow.unsent()
    }

    pub(crate) fn poll_transmit(
        &mut self,
        packets: Packets,
        max: usize,
        out: &mut Vec<u8>,
        now: Instant,
    ) -> Option<Transmit> {
        if self.phase == Phase::Open {
            self.flush_control();
        }
        let mtu = u64::from(self.inner.current_mtu());
        let allowed = usize::try_from(self.flow.allowed(packets, mtu)).unwrap_or(usize::MAX);
        let open = allowed > 0;
        self.flow.gauge.open(open);
        if self.phase == Phase::Open && self.quiet.waits(now) && !(open && self.flow.has_more()) {
            return None;
        }
        // Past a shut gate leave acknowledgements, and quinn-proto's probes of what is lost.
        let most = if open { max.min(allowed) } else { max };
        let mut transmit = self.inner.poll_transmit(now, most, out);
        if transmit.is_none() && open && self.send_waiting_stops() {
            transmit = self.inner.poll_transmit(now, most, out);
        }
        self.flow.count_lost();
        if transmit.as_ref().is_some_and(|made| self.withholds(made, mtu)) {
            out.clear();
            transmit = None;
        }
        let Some(transmit) = transmit else {
            if open {
                self.flow.nothing_left();
            }
            return None;
        };
        self.parting.departed(now);
        let size = transmit.size;
        let segment = transmit.segment_size.unwrap_or(size);
        let last = size - (size - 1) / segment * segment;
        let asks = self.flow.sent(Left { size, last, open }, &self.inner.stats().frame_tx, mtu);
        if std::mem::take(&mut self.flow.control_flushed) {
            self.send_waiting_stops();
        }
        if asks {
            self.unanswered.get_or_insert(now);
            self.unacknowledged.get_or_insert(now);
        } else if self.unacknowledged.is_some() {
            self.quiet.left(size.div_ceil(segment) as u64, now);
        }
        Some(Transmit { segment, ecn: ecn(transmit.ecn), asks })
    }

    /// Queues an unreliable datagram.
    pub(crate) fn send_datagram(&mut self, bytes: Bytes) -> bool {
        let sent = self.phase == Phase::Open && self.inner.datagrams().send(bytes, false).is_ok();
        self.wants_writable |= !sent;
        self.flow.has_datagrams |= sent;
        sent
    }

    pub(crate) fn max_datagram_size(&self) -> usize {
        // One byte of type, at most four of packet number, and the longest length of a frame (RFC 9221).
        const FRAME: usize = 1 + 8;
        let header = 1 + 8 + 4 + crate::frames::TAG_LENGTH;
        let mtu = usize::from(self.inner.current_mtu()).saturating_sub(header + FRAME);
        let limit = usize::try_from(self.limits.datagram).unwrap_or(usize::MAX).saturating_sub(FRAME);
        if self.phase == Phase::Open { mtu.min(limit) } else { 0 }
    }
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

/// Packets of urgent data that may leave beyond a window which other data fills.
fn urgent_packets(mtu: u64) -> u64 {
    (URGENT_BYTES / mtu).clamp(URGENT_LEAST, URGENT_MOST)
}

fn ecn(codepoint: Option<EcnCodepoint>) -> Ecn {
    match codepoint {
        None => Ecn::NotEct,
        Some(EcnCodepoint::Ect0) => Ecn::Ect0,
        Some(EcnCodepoint::Ect1) => Ecn::Ect1,
        Some(EcnCodepoint::Ce) => Ecn::Ce,
    }
}

/// The most that may be written and unsent, or the least that is written where that is more: one batch of segments.
const UNSENT_MAX: u64 = 96 << 10;

/// Bytes of a full packet that carry no stream data, about: header, tag, frame header.
const OVERHEAD: u64 = 28;

/// Most packets of urgent data that leave beyond a window which other data fills: one urgent object of a few KiB each
/// round trip.
const URGENT_MOST: u64 = 8;
/// Bytes that eight jumbo frames hold. Two packets in any case: a window may be more than full, by almost a packet.
const URGENT_BYTES: u64 = 72_000;
const URGENT_LEAST: u64 = 2;

/// Bytes that a dialler may write before the acceptor has answered: the first flight of ten packets (RFC 9002 section
/// 7.2), and less than an acceptor keeps of a dial that it has not judged.
const EARLY_MAX: u64 = 12_000;

/// Packets that may leave while nothing flies, whatever the window (RFC 9002 section 7.2 has it no smaller). Less than
/// these is not written: little pieces make quinn-proto's send buffer long, and it is searched from the front.
const LEAST_PACKETS: u64 = 2;

/// A window this close to full was filled: data is written just in time, a few packets at once.
const NEARLY_FULL_PACKETS: u64 = 4;

/// A packet shorter than full by more than this had no more stream data to take (quinn-proto keeps 25 bytes free for
/// the longest frame header).
const NOT_FULL: usize = 64;
