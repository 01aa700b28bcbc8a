//! The work on a packet and the memory that it leaves behind, counted and not timed.
//!
//! Allocations are counted where [`Meter`] is the global allocator, as it is in this crate's tests and in the targets
//! of libFuzzer. Steps are counted where everything is built with `-Cinstrument-coverage --cfg warren_count_steps`, as
//! `npm run fuzz` does: LLVM then keeps a counter for each branch of the rooms and of the crates below them,
//! quinn-proto and boringtun included, and the sum of these counters is how often any was taken.
#![expect(unsafe_code, reason = "an allocator cannot be written without, nor are the counters of LLVM safe")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a note beside each allocation of whether the victim made it.
pub struct Meter;

/// Work done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Work {
    /// Allocations made inside the victim.
    pub(crate) allocations: u64,
    /// Bytes of these, also of what was given back since.
    pub(crate) bytes: u64,
    /// Branches taken anywhere; 0 where they are not counted.
    pub(crate) steps: u64,
}

/// Runs a part of the victim.
pub(crate) fn inside<T>(run: impl FnOnce() -> T) -> T {
    as_inside(true, run)
}

/// Runs a part of an onlooker, in the midst of the victim.
pub(crate) fn outside<T>(run: impl FnOnce() -> T) -> T {
    as_inside(false, run)
}

fn as_inside<T>(inside: bool, run: impl FnOnce() -> T) -> T {
    let before = STATE.with(|state| state.inside.replace(inside));
    let result = run();
    STATE.with(|state| state.inside.set(before));
    result
}

/// The work done so far.
pub(crate) fn work() -> Work {
    STATE.with(|state| Work {
        allocations: state.allocations.get(),
        bytes: state.bytes.get(),
        steps: steps(),
    })
}

/// Bytes that the victim took and nobody gave back.
pub(crate) fn held() -> usize {
    usize::try_from(STATE.with(|state| state.held.get())).unwrap_or(0)
}

impl Work {
    /// The work done since then.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            allocations: self.allocations - earlier.allocations,
            bytes: self.bytes - earlier.bytes,
            steps: self.steps.wrapping_sub(earlier.steps),
        }
    }
}

/// Checks the cost of each packet, and the bytes held since this began.
#[derive(Debug)]
pub(crate) struct Gauge {
    begun: Work,
    held: usize,
}

impl Gauge {
    /// Begins to look.
    pub(crate) fn new() -> Self {
        Self { begun: work(), held: held() }
    }

    /// A packet is handed to the victim.
    pub(crate) fn packet_begins(&mut self) {
        self.begun = work();
    }

    /// All that the packet led to is done.
    ///
    /// # Panics
    /// If that was more than any packet may cost.
    pub(crate) fn packet_ends(&mut self) -> Work {
        let done = work().since(self.begun);
        assert!(done.allocations <= PACKET.allocations, "a packet costs {done:?}");
        assert!(done.bytes <= PACKET.bytes, "a packet costs {done:?}");
        assert!(done.steps <= PACKET.steps, "a packet costs {done:?}");
        done
    }

    /// Looks at what is held.
    ///
    /// # Panics
    /// If that is more than this, the sum of the victim's limits.
    pub(crate) fn check_held(&self, stated: usize) {
        let kept = self.kept();
        assert!(kept <= stated, "{kept} bytes are held; stated are {stated}");
    }

    /// Bytes that are held more than when this began.
    pub(crate) fn kept(&self) -> usize {
        held().saturating_sub(self.held)
    }
}

struct State {
    inside: Cell<bool>,
    allocations: Cell<u64>,
    bytes: Cell<u64>,
    held: Cell<isize>,
}

thread_local! {
    static STATE: State = const {
        State { inside: Cell::new(false), allocations: Cell::new(0), bytes: Cell::new(0), held: Cell::new(0) }
    };
}

// SAFETY: each block has `head` bytes more in front, which are a multiple of its alignment, and is given back as it was
// taken.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(whole) = whole(layout, layout.size()) else { return std::ptr::null_mut() };
        // SAFETY: the layout is not empty.
        let memory = unsafe { System.alloc(whole) };
        if memory.is_null() {
            return memory;
        }
        let mark = u8::from(note(layout.size(), None));
        // SAFETY: the note is in front of what the caller gets.
        unsafe {
            memory.add(head(layout) - 1).write(mark);
            memory.add(head(layout))
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: it was taken by `alloc` with this layout.
        unsafe {
            let marked = memory.sub(1).read() == 1;
            give_back(marked, layout.size());
            let Some(whole) = whole(layout, layout.size()) else { return };
            System.dealloc(memory.sub(head(layout)), whole);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (Some(old), Some(new)) = (whole(layout, layout.size()), whole(layout, size)) else {
            return std::ptr::null_mut();
        };
        // SAFETY: it was taken by `alloc` with this layout, and `head` depends on the alignment alone.
        unsafe {
            let marked = memory.sub(1).read() == 1;
            let moved = System.realloc(memory.sub(head(layout)), old, new.size());
            if moved.is_null() {
                return moved;
            }
            give_back(marked, layout.size());
            note(size, Some(marked));
            moved.add(head(layout))
        }
    }
}

/// Counts an allocation, and says whether it is the victim's: as it was, if it was one before.
fn note(size: usize, marked: Option<bool>) -> bool {
    STATE
        .try_with(|state| {
            let inside = state.inside.get();
            if inside {
                state.allocations.set(state.allocations.get() + 1);
                state.bytes.set(state.bytes.get() + size as u64);
            }
            let marked = marked.unwrap_or(inside);
            if marked {
                state.held.set(state.held.get() + size as isize);
            }
            marked
        })
        // The thread is ending.
        .unwrap_or(false)
}

fn give_back(marked: bool, size: usize) {
    if marked {
        let _unless_the_thread_is_ending =
            STATE.try_with(|state| state.held.set(state.held.get() - size as isize));
    }
}

fn whole(layout: Layout, size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(head(layout))?, layout.align().max(HEAD)).ok()
}

/// Bytes in front of a block, the last of which is the note.
fn head(layout: Layout) -> usize {
    layout.align().max(HEAD)
}

#[cfg(warren_count_steps)]
fn steps() -> u64 {
    unsafe extern "C" {
        fn __llvm_profile_begin_counters() -> *const u64;
        fn __llvm_profile_end_counters() -> *const u64;
    }
    // SAFETY: both are ends of one array, which lives as long as the process; other threads may count meanwhile, and a
    // count that is torn by one is as good as another.
    unsafe {
        let (begin, end) = (__llvm_profile_begin_counters(), __llvm_profile_end_counters());
        let length = usize::try_from(end.offset_from(begin)).unwrap_or(0);
        std::slice::from_raw_parts(begin, length).iter().fold(0, |sum, count| sum.wrapping_add(*count))
    }
}

#[cfg(not(warren_count_steps))]
fn steps() -> u64 {
    0
}

/// The alignment of `System` where nothing else is asked for.
const HEAD: usize = 16;

/// The most that one packet may cost, with all that it leads to. Measured: a handshake is 1,177,000 steps and 160
/// allocations; 227 pieces of a stream out of order, of which 40,000 may come at once, are 1,333,000 steps and
/// 1,250,000 bytes; 130 messages are 400 allocations, a hello in hundreds of pieces 380. All else is below 400,000
/// steps, of which 80,000 seal and open it.
const PACKET: Work = Work { allocations: 800, bytes: 2_000_000, steps: 2_000_000 };
