//! Work of the hot paths in figures that repeat: a fixed number of datagrams from one engine to another, in virtual
//! time.
//!
//! `cargo run --release -p warren-engine --example costs LOAD ROUNDS` prints the datagrams that carried the load, and
//! the allocations while they did; `scripts/costs.mjs` counts instructions too, and compares both with their bounds.
#![expect(unsafe_code, reason = "an allocator that counts has no safe interface")]

#[path = "shared/pair.rs"]
mod pair;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pair::{Load, Pair};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let load = match arguments.next().as_deref() {
        Some("stream") => Load::Stream,
        Some("messages") => Load::Messages(1 << 20),
        Some("small") => Load::Messages(200),
        Some("datagrams") => Load::Datagrams,
        other => panic!("no such load: {other:?}; there are stream, messages, small and datagrams"),
    };
    let rounds: u32 = arguments.next().expect("the number of rounds").parse().expect("a number");
    let mut run = Run { now: start(), datagrams: 0 };
    let mut pair = Pair::connected(load, BATCH, run.now, |pair| run.turn(pair));
    for _ in 0..WARM {
        run.round(&mut pair);
    }
    let (datagrams, allocations) = (run.datagrams, ALLOCATIONS.load(Ordering::Relaxed));
    for _ in 0..rounds {
        run.round(&mut pair);
    }
    println!(
        "{} datagrams, {} allocations",
        run.datagrams - datagrams,
        ALLOCATIONS.load(Ordering::Relaxed) - allocations
    );
}

/// Virtual time, and the datagrams that left the near engine.
struct Run {
    now: Instant,
    datagrams: u64,
}

impl Run {
    fn round(&mut self, pair: &mut Pair) {
        pair.feed(self.now);
        self.turn(pair);
    }

    /// One batch each way, a tenth of a millisecond later; whether the connection came up.
    fn turn(&mut self, pair: &mut Pair) -> bool {
        self.now += Duration::from_micros(100);
        pair.near.handle_timeout(self.now);
        pair.far.handle_timeout(self.now);
        pair.near_sends(self.now);
        self.datagrams += pair.batch.len() as u64;
        pair.far_takes(self.now);
        pair.hear_far(self.now);
        pair.far_sends(self.now);
        pair.near_takes(self.now);
        pair.hear_near()
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant to count from: time is virtual after it")]
fn start() -> Instant {
    Instant::now()
}

/// Counts what is allocated, and what is moved to grow.
struct Counting;

// SAFETY: all is the system allocator's work; the counter touches none of its memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// As a driver's.
const BATCH: usize = 44;
/// Rounds until every queue and table has its size.
const WARM: u32 = 300;
