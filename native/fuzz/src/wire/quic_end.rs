//! An end of a connection that says what it is told to, in packets whose tags are right.

use blake2::{Blake2s256, Digest};
use twox_hash::XxHash3_64;

use super::{cut, get, put};

/// Role of an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Dialler,
    Acceptor,
}

/// Keys that tag a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Initial,
    Handshake,
    Data,
}

/// The other end's idea of a connection, as far as it can be had from its packets.
pub(crate) struct QuicEnd {
    side: Side,
    /// The connection ID from which the first tags come.
    first_destination: Vec<u8>,
    own_id: [u8; 8],
    other_id: Vec<u8>,
    pub(crate) own_hello: Vec<u8>,
    pub(crate) other_hello: Vec<u8>,
    next_number: u32,
    /// The greatest packet number that the other end used with data.
    heard: Option<u64>,
}

impl QuicEnd {
    /// A dialler, whose hello is yet to be said.
    pub(crate) fn dialler(own_id: [u8; 8]) -> Self {
        QuicEnd::dialler_to(own_id, [own_id[0] ^ 0x55; 8])
    }

    /// A dialler that names the other end so in its first packets.
    pub(crate) fn dialler_to(own_id: [u8; 8], first: [u8; 8]) -> Self {
        Self {
            side: Side::Dialler,
            first_destination: first.to_vec(),
            own_id,
            other_id: first.to_vec(),
            own_hello: good_hello(Side::Dialler, &own_id, &[]),
            other_hello: Vec::new(),
            next_number: 0,
            heard: None,
        }
    }

    /// An acceptor that was dialled by this first packet.
    pub(crate) fn acceptor(own_id: [u8; 8], first: &[u8]) -> Option<Self> {
        let (destination, source) = connection_ids(first)?;
        let mut end = Self {
            side: Side::Acceptor,
            first_destination: destination.to_vec(),
            other_id: source.to_vec(),
            own_hello: good_hello(Side::Acceptor, &own_id, destination),
            ..QuicEnd::dialler(own_id)
        };
        end.hear(first);
        Some(end)
    }

    /// Learns the other end's connection ID, hello and packet numbers.
    pub(crate) fn hear(&mut self, datagram: &[u8]) {
        let mut rest = datagram;
        while let Some(packet) = next_packet(&mut rest) {
            match packet {
                Heard::Initial { source, payload } => {
                    self.other_id = source.to_vec();
                    for (offset, bytes) in crypto_frames(payload) {
                        if offset == self.other_hello.len() as u64 {
                            self.other_hello.extend_from_slice(bytes);
                        }
                    }
                }
                Heard::Data { number } => self.heard = Some(number.max(self.heard.unwrap_or(0))),
                Heard::Other => {}
            }
        }
    }

    /// A datagram of one packet with these frames; an Initial one is padded to what QUIC asks for.
    pub(crate) fn packet(&mut self, level: Level, frames: &[u8]) -> Vec<u8> {
        let number = self.next_number;
        self.next_number += 1;
        let mut frames = frames.to_vec();
        if level == Level::Initial {
            frames.resize(frames.len().max(1200), 0);
        }
        let mut out = Vec::with_capacity(frames.len() + 64);
        match level {
            Level::Data => {
                out.push(0x43);
                out.extend_from_slice(&self.other_id);
            }
            Level::Initial | Level::Handshake => {
                out.push(if level == Level::Initial { 0xc3 } else { 0xe3 });
                out.extend_from_slice(&QUIC_VERSION.to_be_bytes());
                out.push(self.other_id.len() as u8);
                out.extend_from_slice(&self.other_id);
                out.push(self.own_id.len() as u8);
                out.extend_from_slice(&self.own_id);
                if level == Level::Initial {
                    out.push(0);
                }
                put(&mut out, (4 + frames.len() + TAG_LENGTH) as u64);
            }
        }
        out.extend_from_slice(&number.to_be_bytes());
        let tag = tag(self.key(level), u64::from(number), &out, &frames);
        out.extend_from_slice(&frames);
        out.extend_from_slice(&tag);
        out
    }

    /// The packet with this end's whole hello.
    pub(crate) fn hello(&mut self) -> Vec<u8> {
        self.packet(Level::Initial, &crypto(0, &self.own_hello.clone()))
    }

    /// The packet that confirms what both ends said.
    pub(crate) fn confirmation(&mut self) -> Vec<u8> {
        let label: &[u8] = if self.side == Side::Dialler { b"dialler" } else { b"acceptor" };
        let digest = Blake2s256::new_with_prefix(self.transcript()).chain_update(label).finalize();
        self.packet(Level::Handshake, &crypto(0, &digest))
    }

    /// An ACK frame for all that was heard with data.
    pub(crate) fn acknowledgement(&self) -> Vec<u8> {
        let mut frame = vec![2];
        let heard = self.heard.unwrap_or(0);
        for value in [heard, 0, 0, heard] {
            put(&mut frame, value);
        }
        frame
    }

    /// The greatest packet number that the other end used with data.
    #[cfg(test)]
    pub(crate) fn heard(&self) -> Option<u64> {
        self.heard
    }

    /// The connection ID that the other end sends to.
    pub(crate) fn own_id(&self) -> &[u8] {
        &self.own_id
    }

    /// The connection ID from which the first tags come.
    pub(crate) fn first_destination(&self) -> &[u8] {
        &self.first_destination
    }

    fn transcript(&self) -> [u8; 32] {
        let (dialler, acceptor) = match self.side {
            Side::Dialler => (&self.own_hello, &self.other_hello),
            Side::Acceptor => (&self.other_hello, &self.own_hello),
        };
        Blake2s256::new_with_prefix(b"warren quic transcript 1")
            .chain_update((dialler.len() as u64).to_le_bytes())
            .chain_update(dialler)
            .chain_update(acceptor)
            .finalize()
            .into()
    }

    fn key(&self, level: Level) -> u64 {
        let initial = XxHash3_64::oneshot_with_seed(1, &self.first_destination);
        let secret = match level {
            Level::Initial => initial,
            Level::Handshake => XxHash3_64::oneshot_with_seed(2, &initial.to_le_bytes()),
            Level::Data => XxHash3_64::oneshot_with_seed(3, &self.transcript()),
        };
        let mut input = [0; 17];
        input[..8].copy_from_slice(&secret.to_le_bytes());
        input[16] = u8::from(self.side == Side::Acceptor);
        XxHash3_64::oneshot(&input)
    }
}

/// A hello that offers and accepts "test", with the least transport parameters that are allowed.
fn good_hello(side: Side, own_id: &[u8], first_destination: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    field(&mut body, 1, &[0, 0, 0, 0, 0, 0, 0, own_id[0]]);
    field(&mut body, 2, b"\x04test");
    field(&mut body, 3, b"\x04test");
    field(&mut body, 4, b"\x06quic/1");
    if side == Side::Acceptor {
        field(&mut body, 6, b"test");
    }
    field(&mut body, 8, &[0; 8]);
    field(&mut body, 7, &good_parameters(side, own_id, first_destination));
    let mut hello = vec![1];
    hello.extend_from_slice(&(body.len() as u16).to_be_bytes());
    hello.extend_from_slice(&body);
    hello
}

/// The least transport parameters that are allowed (RFC 9000 section 18.2).
pub(crate) fn good_parameters(side: Side, own_id: &[u8], first_destination: &[u8]) -> Vec<u8> {
    let mut parameters = Vec::new();
    let numbers =
        [(4, 4 << 20), (5, 256 << 10), (6, 256 << 10), (7, 256 << 10), (8, 32), (9, 33), (0x20, 1200)];
    for (id, value) in numbers {
        let mut encoded = Vec::new();
        put(&mut encoded, value);
        field(&mut parameters, id, &encoded);
    }
    field(&mut parameters, 0x0f, own_id);
    if side == Side::Acceptor {
        field(&mut parameters, 0x00, first_destination);
    }
    parameters
}

/// Type, length, value.
pub(crate) fn field(out: &mut Vec<u8>, kind: u64, value: &[u8]) {
    put(out, kind);
    put(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// A CRYPTO frame.
pub(crate) fn crypto(offset: u64, bytes: &[u8]) -> Vec<u8> {
    let mut frame = vec![6];
    put(&mut frame, offset);
    put(&mut frame, bytes.len() as u64);
    frame.extend_from_slice(bytes);
    frame
}

/// A STREAM frame.
pub(crate) fn stream(id: u64, offset: u64, bytes: &[u8], end: bool) -> Vec<u8> {
    let mut frame = vec![0x0e | u8::from(end)];
    put(&mut frame, id);
    put(&mut frame, offset);
    put(&mut frame, bytes.len() as u64);
    frame.extend_from_slice(bytes);
    frame
}

enum Heard<'a> {
    Initial { source: &'a [u8], payload: &'a [u8] },
    Data { number: u64 },
    Other,
}

/// Takes a packet from the front of a datagram.
fn next_packet<'a>(rest: &mut &'a [u8]) -> Option<Heard<'a>> {
    let first = *rest.first()?;
    if first & 0x80 == 0 {
        let packet = std::mem::take(rest);
        let number = packet.get(9..9 + usize::from(first & 3) + 1)?;
        let number = number.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        return Some(Heard::Data { number });
    }
    cut(rest, 5)?;
    let length = *cut(rest, 1)?.first()?;
    cut(rest, u64::from(length))?;
    let length = *cut(rest, 1)?.first()?;
    let source = cut(rest, u64::from(length))?;
    let initial = first & 0x30 == 0;
    if initial {
        let token = get(rest)?;
        cut(rest, token)?;
    }
    let length = get(rest)?;
    let body = cut(rest, length)?;
    let payload = body.get(usize::from(first & 3) + 1..body.len().checked_sub(TAG_LENGTH)?)?;
    Some(if initial { Heard::Initial { source, payload } } else { Heard::Other })
}

/// Destination and source of an Initial packet.
fn connection_ids(packet: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = packet;
    if cut(&mut rest, 5)?[0] & 0xb0 != 0x80 {
        return None;
    }
    let length = *cut(&mut rest, 1)?.first()?;
    let destination = cut(&mut rest, u64::from(length))?;
    let length = *cut(&mut rest, 1)?.first()?;
    Some((destination, cut(&mut rest, u64::from(length))?))
}

/// The CRYPTO frames at the front of a payload, acknowledgements and padding skipped.
fn crypto_frames(mut payload: &[u8]) -> Vec<(u64, &[u8])> {
    let mut frames = Vec::new();
    while let Some((kind, rest)) = payload.split_first() {
        payload = rest;
        let taken = match kind {
            0 | 1 => Some(()),
            2 | 3 => skip_acknowledgement(&mut payload, *kind == 3),
            6 => take_crypto(&mut payload).map(|frame| frames.push(frame)),
            _ => None,
        };
        if taken.is_none() {
            break;
        }
    }
    frames
}

fn take_crypto<'a>(payload: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let offset = get(payload)?;
    let length = get(payload)?;
    Some((offset, cut(payload, length)?))
}

fn skip_acknowledgement(payload: &mut &[u8], marks: bool) -> Option<()> {
    get(payload)?;
    get(payload)?;
    let ranges = get(payload)?;
    for _ in 0..ranges * 2 + 1 + if marks { 3 } else { 0 } {
        get(payload)?;
    }
    Some(())
}

fn tag(key: u64, number: u64, header: &[u8], payload: &[u8]) -> [u8; TAG_LENGTH] {
    let header = XxHash3_64::oneshot_with_seed(key ^ number.wrapping_mul(ODD), header);
    let payload = XxHash3_64::oneshot(payload);
    let product = u128::from(header ^ ODD) * u128::from(payload ^ key);
    ((product >> 64) as u64 ^ product as u64 ^ header).to_le_bytes()
}

const QUIC_VERSION: u32 = 0x7772_0001;
const TAG_LENGTH: usize = 8;
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
