//! The frames of the bare transport: a mark, whether the dialler of their connection sent them, the dialler's name for
//! it, a kind, and the rest.

use bytes::{Buf, BufMut, Bytes};

pub(super) fn frame(by_dialler: bool, name: u32, kind: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![MARK, u8::from(by_dialler)];
    bytes.put_u32(name);
    bytes.put_u8(kind);
    bytes.extend_from_slice(content);
    bytes
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u8(text.len() as u8);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_list(out: &mut Vec<u8>, list: &[Box<str>]) {
    out.put_u8(list.len() as u8);
    list.iter().for_each(|text| put_text(out, text));
}

pub(super) fn take_text(from: &mut Bytes) -> Box<str> {
    let length = usize::from(from.get_u8());
    String::from_utf8_lossy(&from.split_to(length)).into()
}

pub(super) fn take_list(from: &mut Bytes) -> Vec<Box<str>> {
    (0..from.get_u8()).map(|_| take_text(from)).collect()
}

/// Both high bits: no word between engines.
pub(super) const MARK: u8 = 0xc0;

pub(super) const HELLO: u8 = 1;
pub(super) const WELCOME: u8 = 2;
pub(super) const CLOSE: u8 = 3;
pub(super) const PING: u8 = 4;
pub(super) const DATAGRAM: u8 = 5;
pub(super) const MESSAGE: u8 = 6;
pub(super) const CANCEL: u8 = 7;
pub(super) const OPEN: u8 = 8;
pub(super) const DATA: u8 = 9;
pub(super) const FINISH: u8 = 10;
pub(super) const RESET_STREAM: u8 = 11;
pub(super) const STOP: u8 = 12;
/// Kinds from here on ask for nothing.
pub(super) const ANSWERS: u8 = 20;
pub(super) const REFUSE: u8 = 20;
pub(super) const RESET: u8 = 21;
pub(super) const PONG: u8 = 22;
pub(super) const HAVE: u8 = 23;
pub(super) const HAVE_NOT: u8 = 24;
pub(super) const STREAM_HAVE: u8 = 25;

pub(super) const NO_PROTOCOL: u8 = 0;
pub(super) const DUPLICATE: u8 = 1;
pub(super) const TOO_MANY: u8 = 2;
