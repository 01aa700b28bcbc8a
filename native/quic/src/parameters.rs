//! Transport parameters (RFC 9000 section 18): the least that our version promises, and those that the sender must
//! know.

use quinn_proto::Side;
use quinn_proto::transport_parameters::TransportParameters;
use thiserror::Error;

use crate::fields::{put_field, take_field};
use crate::varint;

/// The least values that an end of our version may announce. Early data may rely on them without having seen any.
pub(crate) mod floor {
    pub(crate) const RECEIVE_WINDOW: u64 = 4 << 20;
    pub(crate) const STREAM_RECEIVE_WINDOW: u64 = 256 << 10;
    pub(crate) const STREAMS: u64 = 32;
    pub(crate) const DATAGRAM: u64 = 1200;
}

/// Parameters that a dialler takes for the acceptor's until it has them.
pub(crate) fn least() -> TransportParameters {
    let mut encoded = Vec::new();
    let windows = [id::MAX_STREAM_DATA_BIDI_LOCAL, id::MAX_STREAM_DATA_BIDI_REMOTE, id::MAX_STREAM_DATA_UNI];
    let least = windows.map(|id| (id, floor::STREAM_RECEIVE_WINDOW)).into_iter().chain([
        (id::MAX_DATA, floor::RECEIVE_WINDOW),
        (id::MAX_STREAMS_BIDI, floor::STREAMS),
        (id::MAX_STREAMS_UNI, floor::STREAMS),
        (id::MAX_DATAGRAM, floor::DATAGRAM),
    ]);
    for (id, value) in least {
        put_number(&mut encoded, id, value);
    }
    TransportParameters::read(Side::Client, &mut &encoded[..]).expect("they were written above")
}

/// Puts the streams, bidirectional and unidirectional, that the other end may have open into parameters as quinn-proto
/// wrote them, which knows of those alone for which it has room.
pub(crate) fn announce([bidirectional, unidirectional]: [u64; 2], parameters: &mut Vec<u8>) {
    replace_number(parameters, id::MAX_STREAMS_BIDI, bidirectional);
    replace_number(parameters, id::MAX_STREAMS_UNI, unidirectional);
}

/// Streams, bidirectional and unidirectional, for which there is room at first, of an end that is told of so many.
pub(crate) fn first_room([bidirectional, unidirectional]: [u64; 2]) -> [u64; 2] {
    [bidirectional.min(ROOM_BIDIRECTIONAL), unidirectional.min(ROOM_UNIDIRECTIONAL)]
}

#[cold]
fn replace_number(parameters: &mut Vec<u8>, id: u64, number: u64) {
    let mut rest = &parameters[..];
    while let Ok((found, value)) = take_field(&mut rest) {
        if found == id {
            let end = parameters.len() - rest.len();
            // A byte each of type and length.
            parameters.drain(end - value.len() - 2..end);
            break;
        }
    }
    put_number(parameters, id, number);
}

#[cold]
fn put_number(out: &mut Vec<u8>, id: u64, number: u64) {
    let mut value = Vec::new();
    varint::put(&mut value, number);
    put_field(out, id, &value);
}

/// Limits within which the other end lets us send.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct PeerLimits {
    pub(crate) receive_window: u64,
    pub(crate) stream_receive_window: u64,
    pub(crate) unidirectional_streams: u64,
    pub(crate) bidirectional_streams: u64,
    pub(crate) datagram: u64,
}

/// Shares of the unidirectional streams that an end may have open. Byte streams which are held open leave some for
/// messages, and those of one lane some for the lanes above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StreamShares {
    /// Byte streams of any lane.
    pub(crate) bytes: u64,
    /// Byte streams beyond that, of lanes that have fewer: a quarter as many.
    pub(crate) reserve: u64,
    /// Messages, and the control stream.
    pub(crate) messages: u64,
}

impl StreamShares {
    /// Number of streams to announce, so that this many byte streams may be open.
    pub(crate) fn announce(streams: u32) -> u32 {
        2 * streams + streams.div_ceil(4) + 1
    }
}

impl PeerLimits {
    /// Limits of an end whose parameters are not known yet.
    pub(crate) const LEAST: Self = Self {
        receive_window: floor::RECEIVE_WINDOW,
        stream_receive_window: floor::STREAM_RECEIVE_WINDOW,
        unidirectional_streams: floor::STREAMS,
        bidirectional_streams: floor::STREAMS,
        datagram: floor::DATAGRAM,
    };

    pub(crate) fn shares(&self) -> StreamShares {
        let bytes = self.unidirectional_streams.saturating_sub(1) * 4 / 9;
        let reserve = bytes.div_ceil(4);
        StreamShares { bytes, reserve, messages: self.unidirectional_streams - bytes - reserve }
    }
}

/// Fault of the other end's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ParameterError {
    #[error("malformed transport parameters")]
    Malformed,
    #[error("transport parameters below the floors of this version")]
    BelowFloor,
}

impl PeerLimits {
    /// Reads the parameters that matter here; quinn-proto reads them all.
    pub(crate) fn decode(mut parameters: &[u8]) -> Result<Self, ParameterError> {
        let mut limits = Self { stream_receive_window: u64::MAX, ..Self::default() };
        let mut windows = 0;
        while !parameters.is_empty() {
            let id = varint::take(&mut parameters).ok_or(ParameterError::Malformed)?;
            let length = varint::take(&mut parameters).ok_or(ParameterError::Malformed)?;
            let length = usize::try_from(length).map_err(|_| ParameterError::Malformed)?;
            let (mut value, rest) = parameters.split_at_checked(length).ok_or(ParameterError::Malformed)?;
            parameters = rest;
            let limit = match id {
                id::MAX_DATA => &mut limits.receive_window,
                id::MAX_STREAMS_BIDI => &mut limits.bidirectional_streams,
                id::MAX_STREAMS_UNI => &mut limits.unidirectional_streams,
                id::MAX_DATAGRAM => &mut limits.datagram,
                id::MAX_STREAM_DATA_BIDI_LOCAL
                | id::MAX_STREAM_DATA_BIDI_REMOTE
                | id::MAX_STREAM_DATA_UNI => {
                    let window = varint::take(&mut value).ok_or(ParameterError::Malformed)?;
                    limits.stream_receive_window = limits.stream_receive_window.min(window);
                    windows += 1;
                    continue;
                }
                _ => continue,
            };
            *limit = varint::take(&mut value).ok_or(ParameterError::Malformed)?;
        }
        let enough = windows == 3
            && limits.receive_window >= floor::RECEIVE_WINDOW
            && limits.stream_receive_window >= floor::STREAM_RECEIVE_WINDOW
            && limits.bidirectional_streams >= floor::STREAMS
            && limits.unidirectional_streams >= floor::STREAMS
            && limits.datagram >= floor::DATAGRAM;
        if enough { Ok(limits) } else { Err(ParameterError::BelowFloor) }
    }
}

/// quinn-proto tells of freed room by eighths: 32 may always be opened at once. All of both take 8 KiB, where 256
/// streams of each kind, with their messages, take 36.
const ROOM_BIDIRECTIONAL: u64 = 40;
/// As many messages as one lane may have on its way of the 577 that an end is told of by default, and an eighth.
const ROOM_UNIDIRECTIONAL: u64 = 168;

/// Identifiers (RFC 9000 section 18.2, RFC 9221 section 3).
mod id {
    pub(super) const MAX_DATA: u64 = 0x04;
    pub(super) const MAX_STREAM_DATA_BIDI_LOCAL: u64 = 0x05;
    pub(super) const MAX_STREAM_DATA_BIDI_REMOTE: u64 = 0x06;
    pub(super) const MAX_STREAM_DATA_UNI: u64 = 0x07;
    pub(super) const MAX_STREAMS_BIDI: u64 = 0x08;
    pub(super) const MAX_STREAMS_UNI: u64 = 0x09;
    pub(super) const MAX_DATAGRAM: u64 = 0x20;
}
