//! A look into Initial packets before quinn-proto gets them: whether to accept depends on the hello inside.

use std::collections::BTreeMap;

use bytes::BytesMut;
use quinn_proto::{ConnectionId, Side};

use crate::hello::{Greeting, HelloError, HelloReader};
use crate::session::QUIC_VERSION;
use crate::tag::Secret;
use crate::varint;

/// The CRYPTO frames of one sound Initial packet.
pub(crate) struct Initial {
    pub(crate) destination: ConnectionId,
    frames: Vec<(u64, Vec<u8>)>,
}

impl Initial {
    /// Reads the first packet of a datagram; `None` if it is no Initial of our version, or damaged.
    ///
    /// quinn-proto judges what this leaves out; a wrong answer here costs the peer its own connection, nothing else.
    pub(crate) fn read(datagram: &[u8]) -> Option<Self> {
        let first = *datagram.first()?;
        // Long header, type Initial (RFC 9000 section 17.2.2). The fixed bit may be greased.
        if first & 0b1011_0000 != 0b1000_0000 {
            return None;
        }
        let mut rest = &datagram[1..];
        let version = u32::from_be_bytes(*take(&mut rest, 4)?.first_chunk()?);
        if version != QUIC_VERSION {
            return None;
        }
        let destination = take_connection_id(&mut rest)?;
        take_connection_id(&mut rest)?;
        let token = varint::take(&mut rest)?;
        take(&mut rest, token)?;
        let length = varint::take(&mut rest)?;
        let header_start = datagram.len() - rest.len();
        let body = take(&mut rest, length)?;
        let number_length = usize::from(first & 0b11) + 1;
        let (number, payload) = body.split_at_checked(number_length)?;
        let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let mut payload = BytesMut::from(payload);
        let keys = Secret::initial(&destination).packet_keys(Side::Server, 0);
        keys.remote.decrypt(number, &datagram[..header_start + number_length], &mut payload).ok()?;
        Some(Self { destination, frames: crypto_frames(&payload)? })
    }
}

/// Assembles a hello from the Initial packets of one dialler.
#[derive(Debug, Default)]
pub(crate) struct HelloAssembly {
    reader: HelloReader,
    /// Pieces past what was read, by offset.
    ahead: BTreeMap<u64, Vec<u8>>,
    held: usize,
}

impl HelloAssembly {
    /// The most bytes of a hello that may wait for their turn.
    const AHEAD: usize = 8192;

    /// The most pieces that may wait for their turn.
    const PIECES: usize = 64;

    /// Takes a packet's frames; gives the hello when it is complete. After that, or an error, it must not be used.
    pub(crate) fn push(&mut self, initial: Initial) -> Result<Option<Greeting>, HelloError> {
        for (offset, data) in initial.frames {
            let read = self.reader.bytes().len() as u64;
            if offset.saturating_add(data.len() as u64) <= read {
                continue;
            }
            let known = self.ahead.get(&offset).map_or(0, Vec::len);
            if known < data.len() {
                self.held += data.len() - known;
                self.ahead.insert(offset, data);
            }
            if self.held > Self::AHEAD || self.ahead.len() > Self::PIECES {
                return Err(HelloError::Malformed("too many pieces"));
            }
        }
        let mut whole = None;
        while let Some(piece) = self.ahead.first_entry() {
            let read = self.reader.bytes().len() as u64;
            if *piece.key() > read {
                break;
            }
            let (offset, data) = piece.remove_entry();
            self.held -= data.len();
            let Some(fresh) = data.get((read - offset) as usize..) else { continue };
            if !fresh.is_empty() {
                whole = self.reader.push(fresh)?;
            }
        }
        Ok(whole)
    }

    /// The hello as it came.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.reader.bytes()
    }
}

fn crypto_frames(mut payload: &[u8]) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut frames = Vec::new();
    while let Some((kind, rest)) = payload.split_first() {
        payload = rest;
        match *kind {
            frame::PADDING | frame::PING => {}
            frame::ACK | frame::ACK_ECN => skip_ack(&mut payload, *kind == frame::ACK_ECN)?,
            // No hello is in so many, and to read them costs as much as to answer a good one.
            frame::CRYPTO if frames.len() == HelloAssembly::PIECES => return None,
            frame::CRYPTO => {
                let offset = varint::take(&mut payload)?;
                let length = varint::take(&mut payload)?;
                frames.push((offset, take(&mut payload, length)?.to_vec()));
            }
            _ => return None,
        }
    }
    Some(frames)
}

fn skip_ack(payload: &mut &[u8], ecn: bool) -> Option<()> {
    varint::take(payload)?;
    varint::take(payload)?;
    let ranges = varint::take(payload)?;
    varint::take(payload)?;
    for _ in 0..ranges.checked_mul(2)?.checked_add(if ecn { 3 } else { 0 })? {
        varint::take(payload)?;
    }
    Some(())
}

fn take<'a>(bytes: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(usize::try_from(length).ok()?)?;
    *bytes = tail;
    Some(head)
}

fn take_connection_id(bytes: &mut &[u8]) -> Option<ConnectionId> {
    let length = *take(bytes, 1)?.first()?;
    if length > 20 {
        return None;
    }
    take(bytes, u64::from(length)).map(ConnectionId::new)
}

/// Frame types (RFC 9000 section 19).
mod frame {
    pub(super) const PADDING: u8 = 0x00;
    pub(super) const PING: u8 = 0x01;
    pub(super) const ACK: u8 = 0x02;
    pub(super) const ACK_ECN: u8 = 0x03;
    pub(super) const CRYPTO: u8 = 0x06;
}
