//! The uptime on Unix: the clock that counts suspend.
#![expect(unsafe_code, reason = "clock_gettime has no safe interface")]

use std::time::Duration;

pub(super) fn uptime() -> Duration {
    read(CLOCK)
}

pub(super) fn thread_time() -> Duration {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a live timespec that the call fills; it keeps no reference.
    let failed = unsafe { libc::clock_gettime(clock, &mut time) };
    debug_assert_eq!(failed, 0, "every kernel this builds for has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

// Linux stops CLOCK_MONOTONIC in suspend; elsewhere it runs on (clock_gettime(3) of macOS and the BSDs).
#[cfg(any(target_os = "linux", target_os = "android"))]
const CLOCK: libc::clockid_t = libc::CLOCK_BOOTTIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const CLOCK: libc::clockid_t = libc::CLOCK_MONOTONIC;
