//! Work that a datagram asks of quinn-proto, found out before it gets it: the frames can be read, for nothing is
//! encrypted.

use std::time::Instant;

use crate::frames::{
    ACK, ACK_ECN, ACK_FREQUENCY, APPLICATION_CLOSE, CONNECTION_CLOSE, CRYPTO, DATA_BLOCKED, DATAGRAM,
    DATAGRAM_WITH_LENGTH, HANDSHAKE_DONE, IMMEDIATE_ACK, LONG_HEADER, MAX_DATA, MAX_STREAM_DATA,
    MAX_STREAMS_BIDI, NEW_CONNECTION_ID, NEW_TOKEN, PACKET_NUMBER_LENGTH, PADDING, PATH_CHALLENGE,
    PATH_RESPONSE, PING, RESET_STREAM, RETIRE_CONNECTION_ID, STOP_SENDING, STREAM, STREAM_DATA_BLOCKED,
    STREAM_FIN, STREAM_HAS_LENGTH, STREAM_HAS_OFFSET, STREAM_LAST, STREAMS_BLOCKED_BIDI, STREAMS_BLOCKED_UNI,
    TAG_LENGTH,
};
use crate::{cid, varint};

/// Demands of a datagram that its bytes alone do not tell. Made anew for each datagram, in the same memory.
#[derive(Debug, Default)]
pub(crate) struct Weight {
    /// STREAM frames that say where a stream goes on: stream, offset, length.
    pub(crate) pieces: Vec<(u64, u64, u64)>,
    /// Pieces that came under long headers, in early data.
    pub(crate) early_pieces: u32,
    /// All STREAM frames.
    pub(crate) stream_frames: u64,
    /// CRYPTO frames of a handshake.
    pub(crate) hello_pieces: u32,
    /// Number of streams of each type (RFC 9000 section 2.1) of which it may open the last.
    pub(crate) named: [u64; 4],
    /// Length of the datagram: quinn-proto takes each piece to pin all of its packet, and sorts the sooner.
    pub(crate) bytes: usize,
    /// Connection IDs given out or retired.
    pub(crate) ids: u32,
    /// Bytes at the end of the packet read last that are PADDING, but for the first.
    pub(crate) padding: usize,
    /// Something that no honest end ever sends.
    pub(crate) offence: Option<&'static str>,
}

impl Weight {
    /// Reads all packets of a datagram. Frames that cannot be read are left to quinn-proto, which drops their packet or
    /// ends the connection, and in either case reads the packets behind it.
    pub(crate) fn read(&mut self, datagram: &[u8]) {
        self.pieces.clear();
        *self = Self { pieces: std::mem::take(&mut self.pieces), bytes: datagram.len(), ..Self::default() };
        let mut rest = datagram;
        while let Some((is_long, payload)) = next_packet(&mut rest) {
            let _ = self.read_frames(is_long, payload);
        }
    }

    /// Times that a piece costs what one in an ordinary packet does.
    pub(crate) fn factor(&self) -> u32 {
        u32::try_from(self.bytes.div_ceil(ORDINARY)).unwrap_or(u32::MAX)
    }

    /// Length from which a piece is not costly: a sixth of its packet explains its cost.
    pub(crate) fn small(&self) -> u64 {
        (self.bytes as u64 / 6).max(SMALL)
    }

    /// Whether so many pieces of streams, after the first of each, may be more than a datagram may bring.
    pub(crate) fn may_be_too_dear(&self, pieces: u32) -> bool {
        pieces as usize * self.bytes > UNJUDGED
    }

    /// Whether they are, if their streams hold so many chunks, summed over the pieces.
    pub(crate) fn is_too_dear(&self, chunks: u64) -> bool {
        chunks.saturating_mul(self.bytes as u64) > SORTED_MAX
    }

    fn names(&mut self, stream: u64) {
        let named = &mut self.named[(stream & 3) as usize];
        *named = (*named).max((stream >> 2) + 1);
    }

    fn read_frames(&mut self, is_long: bool, mut frames: &[u8]) -> Option<()> {
        while !frames.is_empty() {
            let kind = varint::take(&mut frames)?;
            self.padding = 0;
            let mut number = || varint::take(&mut frames);
            let data = match kind {
                PADDING => {
                    self.padding = zeros(frames);
                    self.padding as u64
                }
                PING | HANDSHAKE_DONE | IMMEDIATE_ACK => 0,
                ACK | ACK_ECN => {
                    let (_largest, _delay, ranges, _first) = (number()?, number()?, number()?, number()?);
                    for _ in 0..ranges.checked_mul(2)? + if kind == ACK_ECN { 3 } else { 0 } {
                        number()?;
                    }
                    0
                }
                MAX_DATA | MAX_STREAMS_BIDI..=DATA_BLOCKED | STREAMS_BLOCKED_BIDI | STREAMS_BLOCKED_UNI => {
                    number()?;
                    0
                }
                STOP_SENDING | MAX_STREAM_DATA | STREAM_DATA_BLOCKED | RESET_STREAM => {
                    let (stream, _value) = (number()?, number()?);
                    if kind == RESET_STREAM {
                        let _size = number()?;
                    }
                    self.names(stream);
                    0
                }
                CRYPTO => {
                    let (_offset, length) = (number()?, number()?);
                    self.hello_pieces += 1;
                    if !is_long {
                        self.offence = Some("a hello after the handshake");
                    }
                    length
                }
                NEW_TOKEN => number()?,
                STREAM..=STREAM_LAST => {
                    let stream = number()?;
                    let offset = if kind & STREAM_HAS_OFFSET > 0 { number()? } else { 0 };
                    let is_open_ended = kind & STREAM_HAS_LENGTH == 0;
                    let length = if is_open_ended { frames.len() as u64 } else { number()? };
                    self.stream_frames += 1;
                    self.names(stream);
                    // A whole message in one piece leaves nothing behind.
                    if offset > 0 || kind & STREAM_FIN == 0 {
                        self.pieces.push((stream, offset, length));
                        self.early_pieces += u32::from(is_long);
                    }
                    length
                }
                NEW_CONNECTION_ID => {
                    let (_sequence, _retired, length) = (number()?, number()?, number()?);
                    self.ids += 1;
                    length + RESET_TOKEN
                }
                RETIRE_CONNECTION_ID => {
                    number()?;
                    self.ids += 1;
                    0
                }
                PATH_CHALLENGE | PATH_RESPONSE => 8,
                DATAGRAM => frames.len() as u64,
                DATAGRAM_WITH_LENGTH => number()?,
                CONNECTION_CLOSE => {
                    let (_code, _frame) = (number()?, number()?);
                    number()?
                }
                APPLICATION_CLOSE => {
                    let _code = number()?;
                    number()?
                }
                ACK_FREQUENCY => {
                    let (_sequence, _threshold, delay, _reordering) =
                        (number()?, number()?, number()?, number()?);
                    if delay > LATEST_ACK {
                        self.offence = Some("acknowledgements put off for more than ten seconds");
                    }
                    0
                }
                _ => return None,
            };
            frames = frames.get(usize::try_from(data).ok()?..)?;
        }
        Some(())
    }
}

/// Number of bytes at the end of a packet's frames that can be left away, since they are PADDING: quinn-proto reads
/// each as a frame, some 5 ns, and the probe of a long path has 8,900.
pub(crate) fn spare_padding(frames: &[u8]) -> usize {
    let Some(end) = frames.last_chunk() else { return 0 };
    let mut weight = Weight::default();
    if end != &[0; WORTH_LEAVING] || weight.read_frames(true, frames).is_none() {
        return 0;
    }
    weight.padding
}

/// Number of zeros at the front.
fn zeros(bytes: &[u8]) -> usize {
    let (chunks, _) = bytes.as_chunks::<32>();
    let whole = chunks.iter().take_while(|&&chunk| chunk == [0; 32]).count() * 32;
    whole + bytes[whole..].iter().take_while(|&&byte| byte == 0).count()
}

/// Takes a packet from the front of a datagram: whether it has a long header, and its frames.
fn next_packet<'a>(rest: &mut &'a [u8]) -> Option<(bool, &'a [u8])> {
    let first = *rest.first()?;
    let number = usize::from(first & PACKET_NUMBER_LENGTH) + 1;
    if first & LONG_HEADER == 0 {
        let packet = std::mem::take(rest);
        let end = packet.len().checked_sub(TAG_LENGTH)?;
        return Some((false, packet.get(1 + cid::LENGTH + number..end)?));
    }
    *rest = rest.get(1 + VERSION..)?;
    for _ in 0..2 {
        let length = usize::from(*rest.first()?);
        *rest = rest.get(1 + length..)?;
    }
    if first & LONG_TYPE == INITIAL {
        let token = varint::take(rest)?;
        *rest = rest.get(usize::try_from(token).ok()?..)?;
    }
    let length = usize::try_from(varint::take(rest)?).ok()?;
    let (body, after) = rest.split_at_checked(length)?;
    *rest = after;
    // One that is too short is dropped, and what is behind it is read.
    let frames = body.len().checked_sub(TAG_LENGTH).and_then(|end| body.get(number..end));
    Some((true, frames.unwrap_or_default()))
}

/// Pieces that a peer may ask for: a store that fills with time.
#[derive(Debug)]
pub(crate) struct Allowance {
    left: u32,
    at: Option<Instant>,
}

impl Default for Allowance {
    fn default() -> Self {
        Self { left: PIECES_AT_ONCE, at: None }
    }
}

impl Allowance {
    /// Spends so many pieces. Whether they may be worked off now.
    pub(crate) fn spend(&mut self, pieces: u32, now: Instant) -> bool {
        self.fill(now);
        let affords = pieces <= self.left;
        if affords {
            self.left -= pieces;
        }
        affords
    }

    fn fill(&mut self, now: Instant) {
        let at = *self.at.get_or_insert(now);
        let earned = now.saturating_duration_since(at).as_millis() * u128::from(PIECES_PER_SECOND) / 1_000;
        if earned > 0 {
            self.at = Some(now);
            let earned = u32::try_from(earned).unwrap_or(u32::MAX);
            self.left = self.left.saturating_add(earned).min(PIECES_AT_ONCE);
        }
    }
}

/// Small pieces out of order of one peer. Each costs 2.3 us where a stream has a thousand gaps: this is a fortieth of a
/// core. An honest end sends two for each packet of small writes that was lost.
const PIECES_PER_SECOND: u32 = 10_000;
/// Two seconds of losing every second one of 10,000 packets a second.
const PIECES_AT_ONCE: u32 = 40_000;

/// Padding that takes quinn-proto longer than finding it.
const WORTH_LEAVING: usize = 32;
/// A sixth of an ordinary packet.
const SMALL: u64 = 256;
/// The longest datagram of an ordinary path.
const ORDINARY: usize = 1_500;
/// Pieces of a datagram, each taken to be as long as that: quinn-proto sorts a stream for every 32 KiB of them, so ten
/// times. No ordinary datagram has more.
const UNJUDGED: usize = 320 << 10;
/// The same times the chunks of the stream: 32,768 that are sorted, of 50 ns each. A long datagram has
/// room for what a stream lost in 47 packets of ordinary length, which must not be lost again for ever: black hole
/// detection makes ordinary ones of it only where no other long packet arrives.
const SORTED_MAX: u64 = 1 << 30;

/// Microseconds. Honest ends ask for milliseconds.
const LATEST_ACK: u64 = 10_000_000;

/// RFC 9000 section 17.
const LONG_TYPE: u8 = 0x30;
const INITIAL: u8 = 0x00;
const VERSION: usize = 4;
const RESET_TOKEN: u64 = 16;

#[cfg(test)]
mod tests;
