//! sched_setattr(2): since Linux 6.12 a fair thread may have a slice of its own.
#![expect(unsafe_code, reason = "it has no safe interface")]

use std::time::Duration;

/// Version 0 of `struct sched_attr`, which every kernel takes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    /// Nanoseconds of a fair thread's slice. Kernels before 6.12 ignore it, and say 0.
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// Gives the calling thread slices of this length; the least is 0.1 ms. `false`: it cannot have them.
pub(super) fn shorten_slice(slice: Duration) -> bool {
    let Some(mut attributes) = get() else { return false };
    let is_fair = [libc::SCHED_OTHER, libc::SCHED_BATCH].map(i32::cast_unsigned).contains(&attributes.policy);
    if !is_fair {
        return false;
    }
    attributes.runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
    set(&attributes) && get().is_some_and(|now| now.runtime == attributes.runtime)
}

fn get() -> Option<Attributes> {
    let mut attributes = Attributes::default();
    // SAFETY: the kernel writes at most the given size, which is that of the structure.
    let result = unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, SIZE, 0) };
    (result == 0).then_some(attributes)
}

fn set(attributes: &Attributes) -> bool {
    let attributes: *const Attributes = attributes;
    // SAFETY: the kernel reads as many bytes as the structure says of itself.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, attributes, 0) == 0 }
}

const SIZE: u32 = size_of::<Attributes>() as u32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_the_slice_that_it_asked_for_and_is_else_as_before() {
        let before = get().expect("every kernel tells");
        let shortened = shorten_slice(Duration::from_micros(100));
        let after = get().expect("every kernel tells");
        assert_eq!(after.runtime == 100_000, shortened);
        assert_eq!((after.policy, after.nice), (before.policy, before.nice));
        assert_eq!(SIZE, 48);
    }

    #[test]
    fn other_threads_keep_theirs() {
        let before = get().expect("every kernel tells").runtime;
        std::thread::spawn(|| shorten_slice(Duration::from_micros(100))).join().expect("no panic");
        assert_eq!(get().expect("every kernel tells").runtime, before);
    }
}
