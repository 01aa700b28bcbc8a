//! From the socket to the engine: at once where nobody else's datagrams could wait for it, else by turns.

use std::mem;
use std::time::Duration;

use warren_engine::transport::Transport;

use super::{EventLoop, Fatal};
use crate::clock::Stopwatch;
use crate::mailbox::Core;
use crate::socket::{Lost, RECEIVE_BUFFER, Received, Unread};
use crate::trouble::{Cure, Trouble};

impl<T: Transport> EventLoop<T> {
    /// Takes a batch; while datagrams have to wait for their turn, takes all that the socket has.
    pub(super) fn receive(&mut self, core: &mut Core<T>) -> Result<bool, Fatal> {
        let mut received = false;
        for _ in 0..CALLS {
            received |= self.receive_batch(core)?;
            if !self.readable || !core.engine.has_arrivals() {
                break;
            }
        }
        Ok(received)
    }

    fn receive_batch(&mut self, core: &mut Core<T>) -> Result<bool, Fatal> {
        let now = self.clock.now();
        let is_quiet = self.trouble.as_ref().is_some_and(|trouble| now < trouble.quiet_until());
        let Some(socket) = self.watch.socket().filter(|_| self.readable && !is_quiet) else {
            return Ok(false);
        };
        let mut stopwatch = None;
        let engine = &mut core.engine;
        let spare = &mut self.spare;
        let result = socket.receive(&mut core.stats, &mut |Received { path, ecn, segment, buffer, len }| {
            let stopwatch = stopwatch.get_or_insert_with(Stopwatch::start);
            if engine.handle_at_once(path, ecn, segment, &mut buffer[..len], now) {
                engine.charge(stopwatch.lap(), now);
            } else {
                engine.file(path, ecn, segment, owned(buffer, len, spare));
            }
        });
        match result {
            Ok(more) => {
                self.readable = more;
                self.trouble = None;
            }
            Err(Unread::Report) => self.trouble.get_or_insert_with(|| Trouble::new(now)).reported(now),
            Err(Unread::Failed { error, lost }) => {
                match self.trouble.get_or_insert_with(|| Trouble::new(now)).failed(now) {
                    Cure::GiveUp => return Err(Fatal::Receive { last: error }),
                    Cure::Bind => self.lose(core, Lost(error)),
                    Cure::Wait if lost => self.lose(core, Lost(error)),
                    Cure::Wait => {}
                }
            }
        }
        Ok(stopwatch.is_some())
    }

    /// Works off some turns of the datagrams that wait. `true`: there were any.
    pub(super) fn work_off(&mut self, core: &mut Core<T>) -> bool {
        let start = self.clock.now();
        if !core.engine.may_work_off(start) {
            return false;
        }
        let mut now = start;
        let mut stopwatch = Stopwatch::start();
        while core.engine.may_work_off(now) && now.saturating_duration_since(start) < TURNS {
            let memory = core.engine.work_off(now);
            now = self.clock.now();
            core.engine.charge(stopwatch.lap(), now);
            if let Some(mut memory) =
                memory.filter(|it| it.capacity() >= RECEIVE_BUFFER && self.spare.len() < SPARE)
            {
                memory.resize(RECEIVE_BUFFER, 0);
                self.spare.push(memory);
            }
        }
        // Datagrams that came meanwhile have their turn too.
        self.readable |= core.engine.has_arrivals();
        true
    }
}

/// Gives the datagrams memory of their own: a large batch keeps its buffer, and another takes its place.
fn owned(buffer: &mut Vec<u8>, len: usize, spare: &mut Vec<Vec<u8>>) -> Vec<u8> {
    if len < COPIED {
        return buffer[..len].to_vec();
    }
    let other = spare.pop().unwrap_or_else(|| vec![0; RECEIVE_BUFFER]);
    let mut bytes = mem::replace(buffer, other);
    bytes.truncate(len);
    bytes
}

/// Some 100 us of copying; who waits for its turn waits as long at most.
const CALLS: usize = 16;
/// As long as the batch of bulk that is worked off at once: then commands, timers and what leaves.
const TURNS: Duration = Duration::from_micros(60);
/// Copied in 1 us, and a buffer is no more than four times what it holds.
const COPIED: usize = RECEIVE_BUFFER / 4;
/// 1 MiB, for a thread that has been busy once.
const SPARE: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_batch_is_copied_and_a_large_one_keeps_its_buffer() {
        let mut buffer: Vec<u8> = (0..RECEIVE_BUFFER).map(|i| i as u8).collect();
        let expected = buffer.clone();
        let mut spare = vec![vec![0; RECEIVE_BUFFER]];
        let at = buffer.as_ptr();
        for (len, copied) in [(148, true), (COPIED - 1, true), (COPIED, false)] {
            let bytes = owned(&mut buffer, len, &mut spare);
            assert_eq!(bytes, expected[..len]);
            assert_eq!(bytes.as_ptr() != at, copied);
            assert_eq!(buffer.len(), RECEIVE_BUFFER, "another takes its place");
        }
        assert!(spare.is_empty());
    }
}
