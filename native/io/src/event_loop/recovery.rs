//! Recovery from a lost socket, and from waits that fail.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use warren_engine::transport::Transport;

use super::{EventLoop, Fatal};
use crate::mailbox::Core;
use crate::socket::{self, Lost};
use crate::trouble::FAILS_FOR;

/// The socket is gone, and is to be bound anew.
pub(super) struct Loss {
    pub(super) error: io::Error,
    pub(super) give_up: Instant,
    pub(super) next_try: Instant,
}

impl<T: Transport> EventLoop<T> {
    pub(super) fn lose(&mut self, core: &mut Core<T>, Lost(error): Lost) {
        tracing::warn!(%error, "the socket is lost");
        self.watch.forget();
        core.outlet.forget();
        let now = self.clock.now();
        // The first is bound at once. One that is lost as soon as it is bound must not make this a busy loop.
        let next_try = self.bound.map_or(now, |bound| now.max(bound + REBIND_EVERY));
        self.loss = Some(Loss { error, give_up: now + REBIND_FOR, next_try });
    }

    pub(super) fn rebind(&mut self, core: &mut Core<T>) -> Result<(), Fatal> {
        let Some(loss) = &mut self.loss else { return Ok(()) };
        let now = self.clock.now();
        if now < loss.next_try {
            return Ok(());
        }
        match socket::open(self.listen, self.offload) {
            Ok((receiver, sender)) => {
                self.watch.replace(receiver)?;
                core.outlet.replace(sender);
                self.readable = true;
                self.bound = Some(now);
                core.stats.rebound += 1;
                self.loss = None;
            }
            Err(_) if now < loss.give_up => {
                loss.next_try = now + REBIND_EVERY;
            }
            Err(error) => {
                let lost = std::mem::replace(&mut loss.error, io::ErrorKind::Other.into());
                return Err(Fatal::Socket { lost, last: error.to_string() });
            }
        }
        Ok(())
    }

    /// Makes up for a wait that fails by a pause: a system that lacks memory for a moment has it again.
    pub(super) fn heard(&mut self, waited: io::Result<bool>) -> Result<bool, Fatal> {
        let error = match waited {
            Ok(readable) => {
                self.waits_fail_since = None;
                return Ok(readable);
            }
            Err(error) => error,
        };
        let now = self.clock.now();
        let since = *self.waits_fail_since.get_or_insert(now);
        if now.saturating_duration_since(since) >= FAILS_FOR {
            return Err(Fatal::Wait { last: error });
        }
        thread::sleep(WAIT_FAILED);
        Ok(true)
    }
}

/// Between two tries, and how long in all: longer than an interface takes to come back after a suspend.
const REBIND_EVERY: Duration = Duration::from_secs(1);
pub(super) const REBIND_FOR: Duration = Duration::from_secs(30);
const WAIT_FAILED: Duration = Duration::from_millis(10);
