//! The mailbox between the I/O thread and its owner: commands in, events out, one wake a burst each way.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use warren_engine::transport::Transport;
use warren_engine::{Engine, Event, Quic};

use crate::poll::Notifier;
use crate::stats::IoStats;

/// State that a command works on, on the I/O thread.
pub struct Context<'a, T: Transport = Quic> {
    /// The engine.
    pub engine: &'a mut Engine<T>,
    /// The driver's counters.
    pub io: &'a IoStats,
    /// The driver's clock.
    pub now: Instant,
}

pub(crate) type Command<T> = Box<dyn FnOnce(Context<'_, T>) + Send>;

/// Called from the I/O thread when there are events to drain, once until they are drained.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

pub(crate) struct Mailbox<T: Transport> {
    notifier: Arc<Notifier>,
    /// The thread will look at the commands, and for room, before it sleeps: no wake-up is needed.
    awake: AtomicBool,
    commands: Mutex<Commands<T>>,
    /// The owner was told and has not drained yet.
    kicked: AtomicBool,
    /// There is bulk that the owner was not told of yet; the thread's own, but for a drain that takes it meanwhile.
    untold: AtomicUsize,
    /// Events wait in the engine for want of room here; until the thread looks at them again.
    withheld: AtomicBool,
    outbox: Mutex<Outbox>,
    /// Nanoseconds that the owner is expected to take for the events in the outbox.
    held: AtomicUsize,
    waker: Waker,
}

struct Commands<T: Transport> {
    queue: VecDeque<Command<T>>,
    stop: Option<Stop>,
    /// The thread is gone, or about to go: nothing is taken any more.
    closed: bool,
}

/// Code and reason with which to take leave of the peers.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) code: u64,
    pub(crate) reason: String,
}

#[derive(Default)]
struct Outbox {
    events: Vec<Event>,
    failure: Option<String>,
}

impl<T: Transport> Mailbox<T> {
    pub(crate) fn new(notifier: Arc<Notifier>, waker: Waker) -> Self {
        Self {
            notifier,
            awake: AtomicBool::new(true),
            commands: Mutex::new(Commands { queue: VecDeque::new(), stop: None, closed: false }),
            kicked: AtomicBool::new(false),
            untold: AtomicUsize::new(0),
            withheld: AtomicBool::new(false),
            outbox: Mutex::default(),
            held: AtomicUsize::new(0),
            waker,
        }
    }

    /// `false`: the thread is gone, and the command with it.
    pub(crate) fn post(&self, command: Command<T>) -> bool {
        let mut commands = lock(&self.commands);
        if commands.closed {
            return false;
        }
        commands.queue.push_back(command);
        drop(commands);
        self.wake();
        true
    }

    pub(crate) fn stop(&self, stop: Stop) {
        lock(&self.commands).stop.get_or_insert(stop);
        self.wake();
    }

    /// Events since the last call, appended to `into`; and the failure that ended the thread, once.
    pub(crate) fn drain(&self, into: &mut VecDeque<Event>) -> Option<String> {
        // Before the events are taken: a kick lost here would leave the next ones lying.
        self.kicked.store(false, Ordering::SeqCst);
        let mut outbox = lock(&self.outbox);
        let events = mem::take(&mut outbox.events);
        let failure = outbox.failure.take();
        self.held.store(0, Ordering::SeqCst);
        self.untold.store(0, Ordering::SeqCst);
        drop(outbox);
        into.extend(events);
        if self.withheld.load(Ordering::SeqCst) {
            self.wake();
        }
        failure
    }

    // The rest is the thread's side.

    /// Takes at most `count` commands.
    pub(crate) fn take_commands(&self, count: usize, into: &mut Vec<Command<T>>) -> Option<Stop> {
        let mut commands = lock(&self.commands);
        let count = count.min(commands.queue.len());
        into.extend(commands.queue.drain(..count));
        // A stop comes after the commands that were given before it.
        if commands.queue.is_empty() { commands.stop.clone() } else { None }
    }

    /// Says that the thread is about to sleep. `false`: there is a command already, or room for withheld events.
    pub(crate) fn may_sleep(&self) -> bool {
        self.awake.store(false, Ordering::SeqCst);
        let commands = lock(&self.commands);
        let idle = commands.queue.is_empty() && commands.stop.is_none();
        drop(commands);
        let idle = idle && !(self.withheld.load(Ordering::SeqCst) && self.has_room());
        if !idle {
            self.woke();
        }
        idle
    }

    pub(crate) fn woke(&self) {
        self.awake.store(true, Ordering::SeqCst);
    }

    /// Moves events from the engine to the owner, as many as there is room for; the engine bounds what stays with it.
    ///
    /// The owner is woken at once, but for bulk alone: that waits for more, until `flush`.
    pub(crate) fn deliver(&self, engine: &mut Engine<T>) {
        let has_room = self.has_room();
        self.withheld.store(!has_room, Ordering::SeqCst);
        if has_room {
            self.deliver_up_to(engine, MAX_WORK);
        }
    }

    fn has_room(&self) -> bool {
        self.held.load(Ordering::SeqCst) < MAX_WORK
    }

    /// The last delivery, of everything.
    pub(crate) fn deliver_all(&self, engine: &mut Engine<T>) {
        self.deliver_up_to(engine, usize::MAX);
    }

    fn deliver_up_to(&self, engine: &mut Engine<T>, max: usize) {
        let Some(first) = engine.poll_event() else { return };
        let mut weight = bulk(&first);
        let mut outbox = lock(&self.outbox);
        // The owner sets it to nothing while it has the lock.
        let mut held = self.held.load(Ordering::SeqCst) + work(&first);
        outbox.events.push(first);
        while held < max
            && let Some(event) = engine.poll_event()
        {
            weight = weight.saturating_add(bulk(&event));
            held = held.saturating_add(work(&event));
            outbox.events.push(event);
        }
        if held >= max {
            self.withheld.store(true, Ordering::SeqCst);
        }
        self.held.store(held, Ordering::SeqCst);
        let untold = self.untold.fetch_add(weight.min(BULK_WAKE), Ordering::SeqCst) + weight;
        drop(outbox);
        if untold >= BULK_WAKE {
            self.kick();
        }
    }

    /// Whether there is bulk that the owner was not told of.
    pub(crate) fn is_holding(&self) -> bool {
        self.untold.load(Ordering::SeqCst) > 0
    }

    /// Wakes the owner for the bulk that it was not told of.
    pub(crate) fn flush(&self) {
        if self.is_holding() {
            self.kick();
        }
    }

    pub(crate) fn fail(&self, failure: String) {
        lock(&self.outbox).failure.get_or_insert(failure);
        self.kick();
    }

    /// Takes no more commands; those that wait are dropped, which ends the calls among them.
    pub(crate) fn close(&self) {
        let mut commands = lock(&self.commands);
        commands.closed = true;
        let dropped = mem::take(&mut commands.queue);
        drop(commands);
        drop(dropped);
    }

    fn kick(&self) {
        self.untold.store(0, Ordering::SeqCst);
        if !self.kicked.swap(true, Ordering::SeqCst) {
            (self.waker)();
        }
    }

    fn wake(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            self.notifier.notify();
        }
    }
}

/// A panic while a lock is held leaves whole values behind: every critical section is a few moves.
fn lock<C>(mutex: &Mutex<C>) -> MutexGuard<'_, C> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An event's weight towards a wake-up: bulk counts by bytes, anything else wakes at once.
fn bulk(event: &Event) -> usize {
    match event {
        Event::StreamData { bytes, .. } => bytes.len().max(1),
        // A writer is a megabyte ahead.
        Event::StreamDrained { bytes, .. } | Event::LaneDrained { bytes, .. } => (*bytes as usize / 2).max(1),
        _ => BULK_WAKE,
    }
}

fn work(event: &Event) -> usize {
    usize::try_from(event.expected_time().as_nanos()).unwrap_or(usize::MAX)
}

/// A wake-up costs the two threads some 10 us together: with this, one stream at full speed took 38,000 context
/// switches where it took 147,000. At 4 Gbit/s it is 0.25 ms; a slower stream lets the thread sleep between its
/// packets, and that flushes.
const BULK_WAKE: usize = 128 * 1024;
/// In nanoseconds. What waits here has no turns any more: an urgent message of another peer comes after all of it.
const MAX_WORK: usize = 2_000_000;

#[cfg(test)]
mod tests;
