//! A connection to the victim, of an end that knows its rights: what it may send, and what it has heard.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::heard::{Frame, Numbers, next_frame};
use crate::wire::{Level, QuicEnd, cut, get, put, stream};

pub(super) struct Line {
    pub(super) end: QuicEnd,
    pub(super) begun: Instant,
    heard: Instant,
    /// Both hellos were confirmed, as far as this end knows.
    pub(super) connected: bool,
    pub(super) closed: bool,
    /// Something was heard that asks for an acknowledgement.
    pub(super) owes: bool,
    pub(super) numbers: Numbers,
    /// Connection IDs that the victim gave, that of its hello included.
    pub(super) ids_given: u64,
    /// Packets with this byte of any stream are never acknowledged.
    pub(super) withheld: Option<u64>,
    /// Streams that the victim asked to stop, and nobody looked at yet.
    pub(super) stopped: BTreeSet<u64>,
    /// The victim's control stream is there, and was given leave to grow.
    pub(super) control_heard: bool,
    pub(super) control_granted: bool,
    /// The other stream on which the victim sent last.
    pub(super) last_stream: Option<u64>,
    credit: Credit,
    /// The next stream that was never used, one way and two ways.
    next: (u64, u64),
}

/// The flow control that the victim grants.
#[derive(Default)]
struct Credit {
    data: u64,
    spent: u64,
    each_stream: u64,
    one_way: u64,
    two_ways: u64,
    streams: BTreeMap<u64, u64>,
}

impl Line {
    pub(super) fn new(end: QuicEnd, now: Instant) -> Self {
        Self {
            end,
            begun: now,
            heard: now,
            connected: false,
            closed: false,
            owes: false,
            numbers: Numbers::default(),
            ids_given: 1,
            withheld: None,
            stopped: BTreeSet::new(),
            control_heard: false,
            control_granted: false,
            last_stream: None,
            credit: Credit::default(),
            // The first one-way stream is the control stream.
            next: (1, 0),
        }
    }

    /// Takes what came to QUIC's port.
    pub(super) fn hear(&mut self, payload: &[u8], now: Instant) {
        let is_data = payload.first().is_some_and(|first| first & 0xc0 == 0x40);
        if is_data && payload.get(1..9) != Some(self.end.own_id()) {
            return;
        }
        self.heard = now;
        self.end.hear(payload);
        if is_data {
            self.hear_data(payload);
        }
    }

    /// Whether this end may think that the connection is there.
    pub(super) fn lives(&self, now: Instant) -> bool {
        self.connected && !self.closed && now.duration_since(self.heard) < SILENCE
    }

    /// The victim's whole hello is here.
    pub(super) fn is_answered(&self) -> bool {
        let hello = &self.end.other_hello;
        let length = hello.get(1..3).map(|length| usize::from(length[0]) << 8 | usize::from(length[1]));
        length.is_some_and(|length| hello.len() >= length + 3)
    }

    /// The packets after the hellos: the confirmation, and the control stream as an honest dialler begins it.
    pub(super) fn complete(&mut self) -> Vec<Vec<u8>> {
        self.connected = true;
        self.learn_parameters();
        let mut frames = stream(own(0), 0, &[0], false);
        for (kind, most) in [(0x10, GRANTED), (0x13, GRANTED), (0x12, GRANTED)] {
            put(&mut frames, kind);
            put(&mut frames, most);
        }
        vec![self.end.confirmation(), self.end.packet(Level::Data, &frames)]
    }

    /// The next unused one-way stream, while the victim lets there be more.
    pub(super) fn open(&mut self) -> Option<u64> {
        let index = self.next.0;
        (index < self.credit.one_way).then(|| {
            self.next.0 += 1;
            own(index)
        })
    }

    /// The next unused stream of two ways.
    pub(super) fn open_both(&mut self) -> Option<u64> {
        let index = self.next.1;
        (index < self.credit.two_ways).then(|| {
            self.next.1 += 1;
            index * 4
        })
    }

    /// Whether a stream may grow from one length to another; then it counts as grown.
    pub(super) fn spend(&mut self, id: u64, from: u64, to: u64) -> bool {
        let credit = &mut self.credit;
        let most = credit.streams.get(&id).copied().unwrap_or(credit.each_stream);
        let fits = to <= most && credit.spent + (to - from) <= credit.data;
        if fits {
            credit.spent += to - from;
        }
        fits
    }

    /// A frame that grants the victim more of one stream.
    pub(super) fn grant(id: u64) -> Vec<u8> {
        let mut frame = vec![0x11];
        put(&mut frame, id);
        put(&mut frame, GRANTED);
        frame
    }

    /// An ACK frame for what was heard and is not withheld.
    pub(super) fn acknowledgement(&mut self) -> Vec<u8> {
        self.owes = false;
        let mut ranges = self.numbers.newest_first();
        let Some((mut first, last)) = ranges.next() else { return Vec::new() };
        let rest: Vec<_> = ranges.collect();
        let mut frame = vec![2];
        for value in [last, 0, rest.len() as u64, last - first] {
            put(&mut frame, value);
        }
        for (start, end) in rest {
            put(&mut frame, first - end - 2);
            put(&mut frame, end - start);
            first = start;
        }
        frame
    }

    fn hear_data(&mut self, packet: &[u8]) {
        let bytes = usize::from(packet[0] & 3) + 1;
        let Some(number) = packet.get(9..9 + bytes) else { return };
        let truncated = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let number = self.numbers.decode(truncated, bytes);
        let Some(mut rest) = packet.get(9 + bytes..packet.len().saturating_sub(8)) else { return };
        let mut keeps = false;
        while !rest.is_empty()
            && let Some(frame) = next_frame(&mut rest)
        {
            self.owes |= frame != Frame::Quiet;
            match frame {
                Frame::MaxData(most) => self.credit.data = self.credit.data.max(most),
                Frame::MaxStreamData { stream, most } => {
                    self.credit.streams.insert(stream, most);
                }
                Frame::MaxStreams { one_way: true, most } => {
                    self.credit.one_way = self.credit.one_way.max(most)
                }
                Frame::MaxStreams { one_way: false, most } => {
                    self.credit.two_ways = self.credit.two_ways.max(most)
                }
                Frame::Stream { stream, offset, length } => {
                    match stream {
                        CONTROL => self.control_heard = true,
                        _ => self.last_stream = Some(stream),
                    }
                    keeps |= self.withheld.is_some_and(|byte| (offset..offset + length).contains(&byte));
                }
                Frame::Stop { stream } => {
                    self.stopped.insert(stream);
                }
                Frame::Id { serial } => self.ids_given = self.ids_given.max(serial + 1),
                Frame::Close => self.closed = true,
                Frame::Quiet | Frame::Other => {}
            }
        }
        if !keeps {
            self.numbers.note(number);
        }
    }

    /// The transport parameters in the victim's hello (RFC 9000 section 18.2).
    fn learn_parameters(&mut self) {
        let hello = self.end.other_hello.clone();
        let mut fields = hello.get(3..).unwrap_or_default();
        while let Some((kind, value)) = next_field(&mut fields) {
            if kind != 7 {
                continue;
            }
            let mut parameters = value;
            while let Some((id, mut value)) = next_field(&mut parameters) {
                let credit = &mut self.credit;
                let known = match id {
                    4 => &mut credit.data,
                    7 => &mut credit.each_stream,
                    8 => &mut credit.two_ways,
                    9 => &mut credit.one_way,
                    _ => continue,
                };
                *known = get(&mut value).unwrap_or(0);
            }
        }
    }
}

/// The dialler's own one-way streams (RFC 9000 section 2.1).
pub(super) fn own(index: u64) -> u64 {
    index * 4 + 2
}

fn next_field<'a>(rest: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let kind = get(rest)?;
    let length = get(rest)?;
    Some((kind, cut(rest, length)?))
}

/// The victim's first one-way stream.
pub(super) const CONTROL: u64 = 3;
const GRANTED: u64 = 1 << 40;
/// Longest silence of the victim after which the connection is still thought to live.
const SILENCE: Duration = Duration::from_secs(3);
