//! STOP_SENDING: words to the other end that it shall stop a stream.

use std::collections::VecDeque;

use quinn_proto::{StreamId, VarInt};

use super::Connection;

/// Streams of the other end that are not wanted.
///
/// quinn-proto keeps a STOP_SENDING frame until it is acknowledged, also after the stream is over and there is credit
/// for the next one. An end that acknowledges nothing would make those that wait for the window grow without end. So no
/// more than [`QUEUED_MAX`] wait there; the other streams stay unread, and keep their credit.
#[derive(Debug, Default)]
pub(super) struct Stops {
    /// Upper bound of those that wait inside quinn-proto, but for lost ones.
    queued: u32,
    waiting: VecDeque<(StreamId, VarInt)>,
}

impl Connection {
    /// Stops a stream of which nothing more is read, at once or when its word has room.
    pub(super) fn stop_receiving(&mut self, id: StreamId, code: VarInt) {
        if self.stops.queued < QUEUED_MAX {
            self.stops.queued += 1;
            // Fails only if the stream is over already.
            let _ = self.inner.recv_stream(id).stop(code);
        } else {
            self.stops.waiting.push_back((id, code));
        }
    }

    /// Stops waiting streams, since no word waits inside quinn-proto any more. Whether there were any.
    pub(super) fn send_waiting_stops(&mut self) -> bool {
        self.stops.queued = 0;
        let some = self.stops.waiting.len().min(QUEUED_MAX as usize);
        for (id, code) in self.stops.waiting.drain(..some).collect::<Vec<_>>() {
            // What was reset meanwhile is over once it is looked at.
            if !matches!(self.inner.recv_stream(id).received_reset(), Ok(Some(_))) {
                self.stop_receiving(id, code);
            }
        }
        some > 0
    }
}

/// Most words that wait: for four times as many streams as may be open by default. They take 32 KiB, and 6 KB on the
/// wire.
const QUEUED_MAX: u32 = 1_024;
