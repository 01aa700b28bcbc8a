//! Frames of the control stream, by which a receiver tells the outcome of what it was sent.
//!
//! type (varint), length of the body (varint), body. Unknown types are skipped.

use thiserror::Error;

use crate::announcement::Announcement;
use crate::grease::{Grease, Purpose};
use crate::varint;

/// A receiver's word. Messages are named by the index of their unidirectional stream, byte streams by stream ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ControlFrame {
    /// The receiver holds the whole message.
    Delivered { message: u64 },
    /// The message is longer than the receiver takes.
    Refused { message: u64 },
    /// The sender cancelled before the receiver had the whole message.
    Cancelled { message: u64 },
    /// The other way: the sender gives up a message of which the transport has acknowledged all, so that its stream can
    /// be reset no more. Counts if the message waits for room; else it is delivered, or on its way there.
    GivenUp { message: u64, code: u64 },
    /// The receiver has read this many bytes of a message or a byte stream, or lets go of all that come. What it has
    /// not read takes up the connection's credit.
    Read { stream: u64, bytes: u64 },
    /// This end's lists as they are from now on.
    Announce(Announcement),
    /// Nothing more will be sent: the receiver holds all that was.
    Finished,
}

/// Frames that wait to be written to the control stream.
#[derive(Debug, Default)]
pub(crate) struct ControlWriter {
    delivered: Vec<u8>,
    waiting: Vec<u8>,
    /// Bytes of `waiting` that were written.
    written: usize,
}

impl ControlWriter {
    /// A writer whose first bytes are the stream's header.
    pub(crate) fn starting_with(header: Vec<u8>) -> Self {
        Self { waiting: header, ..Self::default() }
    }

    pub(crate) fn push(&mut self, frame: ControlFrame) {
        match frame {
            ControlFrame::Delivered { message } => {
                varint::put(&mut self.delivered, message);
                // Keeps a body well below what the reader takes.
                if self.delivered.len() > MAX_BODY as usize / 2 {
                    self.seal();
                }
            }
            ControlFrame::Refused { message } => self.put(kind::REFUSED, &[message, REASON_TOO_LONG]),
            ControlFrame::Cancelled { message } => self.put(kind::CANCELLED, &[message]),
            ControlFrame::GivenUp { message, code } => self.put(kind::GIVEN_UP, &[message, code]),
            ControlFrame::Read { stream, bytes } => self.put(kind::READ, &[stream, bytes]),
            ControlFrame::Announce(announcement) => self.put_body(kind::ANNOUNCE, announcement.body()),
            ControlFrame::Finished => self.put(kind::FINISHED, &[]),
        }
    }

    /// A frame that means nothing.
    pub(crate) fn push_unknown(&mut self, grease: &Grease) {
        self.seal();
        grease.put(Purpose::Control, &mut self.waiting);
    }

    /// Bytes to be written next.
    pub(crate) fn bytes(&mut self) -> &[u8] {
        self.seal();
        &self.waiting[self.written..]
    }

    /// Notes that this much of [`ControlWriter::bytes`] was written.
    pub(crate) fn advance(&mut self, written: usize) {
        self.written += written;
        if self.written == self.waiting.len() {
            self.waiting.clear();
            self.written = 0;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.delivered.is_empty() && self.written == self.waiting.len()
    }

    /// Whether more waits than an honest reader would leave.
    pub(crate) fn is_overfull(&self) -> bool {
        self.waiting.len() - self.written > MAX_WAITING
    }

    fn seal(&mut self) {
        if !self.delivered.is_empty() {
            let delivered = std::mem::take(&mut self.delivered);
            self.put_body(kind::DELIVERED, &delivered);
            self.delivered = delivered;
            self.delivered.clear();
        }
    }

    fn put(&mut self, kind: u64, values: &[u64]) {
        let mut body = Vec::with_capacity(16);
        for value in values {
            varint::put(&mut body, *value);
        }
        self.put_body(kind, &body);
    }

    fn put_body(&mut self, kind: u64, body: &[u8]) {
        if self.written > MAX_WAITING / 2 {
            self.waiting.drain(..self.written);
            self.written = 0;
        }
        varint::put(&mut self.waiting, kind);
        varint::put(&mut self.waiting, body.len() as u64);
        self.waiting.extend_from_slice(body);
    }
}

/// Reads the other end's control stream.
#[derive(Debug, Default)]
pub(crate) struct ControlReader {
    bytes: Vec<u8>,
    /// Bytes of an unknown frame that are still to come.
    skip: u64,
}

/// A control stream that does not follow the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("malformed control frame")]
pub(crate) struct ControlError;

impl ControlReader {
    /// Takes the next bytes, and gives each frame that they complete to `found`.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        mut found: impl FnMut(ControlFrame),
    ) -> Result<(), ControlError> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        bytes = &bytes[skipped..];
        self.bytes.extend_from_slice(bytes);
        let mut rest = &self.bytes[..];
        loop {
            let mut frame = rest;
            let (Some(kind), Some(length)) = (varint::take(&mut frame), varint::take(&mut frame)) else {
                break;
            };
            if !kind::is_known(kind) {
                let here = usize::try_from(length).unwrap_or(usize::MAX).min(frame.len());
                self.skip = length - here as u64;
                rest = &frame[here..];
                continue;
            }
            if length > MAX_BODY {
                return Err(ControlError);
            }
            let Some((body, after)) = frame.split_at_checked(length as usize) else { break };
            decode(kind, body, &mut found)?;
            rest = after;
        }
        let read = self.bytes.len() - rest.len();
        self.bytes.drain(..read);
        Ok(())
    }
}

fn decode(kind: u64, mut body: &[u8], found: &mut impl FnMut(ControlFrame)) -> Result<(), ControlError> {
    let body = &mut body;
    match kind {
        kind::DELIVERED => {
            while !body.is_empty() {
                found(ControlFrame::Delivered { message: value(body)? });
            }
        }
        kind::REFUSED => {
            let message = value(body)?;
            value(body)?;
            found(ControlFrame::Refused { message });
        }
        kind::CANCELLED => found(ControlFrame::Cancelled { message: value(body)? }),
        kind::GIVEN_UP => found(ControlFrame::GivenUp { message: value(body)?, code: value(body)? }),
        kind::ANNOUNCE => found(ControlFrame::Announce(Announcement::from_body(body))),
        kind::FINISHED => found(ControlFrame::Finished),
        _ => found(ControlFrame::Read { stream: value(body)?, bytes: value(body)? }),
    }
    Ok(())
}

fn value(body: &mut &[u8]) -> Result<u64, ControlError> {
    varint::take(body).ok_or(ControlError)
}

/// Frame types. 5 is reserved for a grant of more streams; those of the form 31 * n + 27 mean nothing.
mod kind {
    pub(super) const DELIVERED: u64 = 1;
    pub(super) const REFUSED: u64 = 2;
    pub(super) const CANCELLED: u64 = 3;
    pub(super) const READ: u64 = 4;
    pub(super) const GIVEN_UP: u64 = 6;
    pub(super) const ANNOUNCE: u64 = 7;
    pub(super) const FINISHED: u64 = 8;

    pub(super) fn is_known(kind: u64) -> bool {
        (DELIVERED..=READ).contains(&kind) || (GIVEN_UP..=FINISHED).contains(&kind)
    }
}

/// The longest body of a known type.
pub(crate) const MAX_BODY: u64 = 4096;

/// Bytes that may wait to be written; more means that the other end does not read its control stream.
const MAX_WAITING: usize = 1 << 18;

/// Value of [`ControlFrame::Read`] for a stream of which nothing more will be held.
pub(crate) const READ_ALL: u64 = varint::MAX;

/// The reason why a message was refused; the only one so far.
const REASON_TOO_LONG: u64 = 1;

#[cfg(test)]
mod tests;
