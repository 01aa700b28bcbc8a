//! First bytes of packets, types of frames, and the tag's length, where this crate reads them itself.

/// RFC 9000 section 17.
pub(crate) const LONG_HEADER: u8 = 0x80;
pub(crate) const PACKET_NUMBER_LENGTH: u8 = 0x03;
/// Bytes that each packet is longer for its tag.
pub(crate) const TAG_LENGTH: usize = 8;

/// RFC 9000 section 19.
pub(crate) const PADDING: u64 = 0x00;
pub(crate) const PING: u64 = 0x01;
pub(crate) const ACK: u64 = 0x02;
pub(crate) const ACK_ECN: u64 = 0x03;
pub(crate) const RESET_STREAM: u64 = 0x04;
pub(crate) const STOP_SENDING: u64 = 0x05;
pub(crate) const CRYPTO: u64 = 0x06;
pub(crate) const NEW_TOKEN: u64 = 0x07;
pub(crate) const STREAM: u64 = 0x08;
pub(crate) const STREAM_LAST: u64 = 0x0f;
pub(crate) const STREAM_FIN: u64 = 0x01;
pub(crate) const STREAM_HAS_LENGTH: u64 = 0x02;
pub(crate) const STREAM_HAS_OFFSET: u64 = 0x04;
pub(crate) const MAX_DATA: u64 = 0x10;
pub(crate) const MAX_STREAM_DATA: u64 = 0x11;
pub(crate) const MAX_STREAMS_BIDI: u64 = 0x12;
pub(crate) const MAX_STREAMS_UNI: u64 = 0x13;
pub(crate) const DATA_BLOCKED: u64 = 0x14;
pub(crate) const STREAM_DATA_BLOCKED: u64 = 0x15;
pub(crate) const STREAMS_BLOCKED_BIDI: u64 = 0x16;
pub(crate) const STREAMS_BLOCKED_UNI: u64 = 0x17;
pub(crate) const NEW_CONNECTION_ID: u64 = 0x18;
pub(crate) const RETIRE_CONNECTION_ID: u64 = 0x19;
pub(crate) const PATH_CHALLENGE: u64 = 0x1a;
pub(crate) const PATH_RESPONSE: u64 = 0x1b;
pub(crate) const CONNECTION_CLOSE: u64 = 0x1c;
pub(crate) const APPLICATION_CLOSE: u64 = 0x1d;
pub(crate) const HANDSHAKE_DONE: u64 = 0x1e;
/// RFC 9221.
pub(crate) const DATAGRAM: u64 = 0x30;
pub(crate) const DATAGRAM_WITH_LENGTH: u64 = 0x31;
/// draft-ietf-quic-ack-frequency.
pub(crate) const IMMEDIATE_ACK: u64 = 0x1f;
pub(crate) const ACK_FREQUENCY: u64 = 0xaf;
