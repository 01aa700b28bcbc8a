//! A timerfd of CLOCK_BOOTTIME (timerfd_create(2)); epoll's own timeout is CLOCK_MONOTONIC, which stops in suspend.
#![expect(
    unsafe_code,
    reason = "timerfd has no safe interface, and `polling` leaves it to the caller that a source is removed before it is closed"
)]

use std::fs::File;
use std::io::{self, Read as _};
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use polling::{Event, PollMode, Poller};

use crate::clock::uptime;

/// Wakes the poller with an event of its key.
pub(crate) struct Alarm {
    poller: Arc<Poller>,
    timer: File,
    /// In time since boot.
    rings: Option<Duration>,
}

impl Alarm {
    pub(crate) fn new(poller: Arc<Poller>, key: usize) -> io::Result<Alarm> {
        // SAFETY: the call takes no pointers.
        let timer =
            unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, libc::TFD_NONBLOCK | libc::TFD_CLOEXEC) };
        if timer < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made, and nobody else has it.
        let timer = unsafe { File::from_raw_fd(timer) };
        // SAFETY: `drop` removes it from the poller before it is closed.
        unsafe { poller.add_with_mode(&timer, Event::readable(key), PollMode::Level)? };
        Ok(Alarm { poller, timer, rings: None })
    }

    /// Rings after this time at the latest: one that is set for less stays as it is, and costs nothing.
    pub(crate) fn set(&mut self, after: Duration) {
        let at = uptime() + after;
        if self.rings.is_some_and(|rings| rings <= at) {
            return;
        }
        // SAFETY: an itimerspec is plain data for which all zeros means "no interval".
        let mut setting: libc::itimerspec = unsafe { mem::zeroed() };
        setting.it_value.tv_sec = at.as_secs() as libc::time_t;
        setting.it_value.tv_nsec = at.subsec_nanos().into();
        // SAFETY: `setting` lives through the call, which only reads it; the old setting is not asked for.
        let failed = unsafe {
            libc::timerfd_settime(self.timer.as_raw_fd(), libc::TFD_TIMER_ABSTIME, &setting, ptr::null_mut())
        };
        self.rings = (failed == 0).then_some(at);
    }

    /// Its event came.
    pub(crate) fn rang(&mut self) {
        self.rings = None;
        // Until it is read, it keeps ringing. It fails only if it does not ring after all.
        let _ = self.timer.read(&mut [0; 8]);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // Fails only for a descriptor that is gone already.
        let _ = self.poller.delete(&self.timer);
    }
}
