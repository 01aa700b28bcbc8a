//! The mailbox between the I/O thread and its owner: commands in, events out, one wake a burst each way; and none for
//! what can wait until the other wakes anyway.

mod weights;

use std::any::Any;
use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use warren_engine::transport::Transport;
use warren_engine::{Engine, Event, Quic};

use crate::clock::Clock;
use crate::outlet::{Left, Outlet};
use crate::poll::Notifier;
use crate::stats::IoStats;
use weights::{BULK_WAKE, Weights};

/// State that a command works on, on the I/O thread.
pub struct Context<'a, T: Transport = Quic> {
    /// The engine.
    pub engine: &'a mut Engine<T>,
    /// The driver's counters.
    pub io: &'a IoStats,
    /// The driver's clock.
    pub now: Instant,
}

/// The engine, its way out, and the driver's counters: the thread's in its turns, the owner's for a moment between two.
pub(crate) struct Core<T: Transport> {
    pub(crate) engine: Engine<T>,
    pub(crate) outlet: Outlet,
    pub(crate) stats: IoStats,
    /// Time at which the thread that sleeps wakes by itself; `None`: never.
    pub(crate) rests_until: Option<Instant>,
    /// Time since which events wait that the owner does not wait for.
    pub(crate) unheeded_since: Option<Instant>,
    /// Time at which the owner last had sent here.
    sent_here: Option<Instant>,
}

impl<T: Transport> Core<T> {
    pub(crate) fn new(engine: Engine<T>, outlet: Outlet) -> Self {
        Self {
            engine,
            outlet,
            stats: IoStats::default(),
            rests_until: None,
            unheeded_since: None,
            sent_here: None,
        }
    }

    /// Notes since when events wait that the owner does not wait for.
    pub(crate) fn note_unheeded(&mut self, mailbox: &Mailbox<T>, now: Instant) {
        self.unheeded_since = mailbox.has_unheeded().then(|| self.unheeded_since.unwrap_or(now));
    }

    /// Instant at which the owner is told of events that it does not wait for.
    pub(crate) fn unheeded_until(&self) -> Option<Instant> {
        self.unheeded_since.map(|since| since + SOON)
    }

    /// Whether the thread that sleeps wakes by itself in time for the next deadline.
    fn rests_long_enough(&mut self) -> bool {
        let deadline = self.engine.poll_timeout().map(|(deadline, _)| deadline);
        let next = deadline.into_iter().chain(self.engine.next_turn()).chain(self.unheeded_until()).min();
        next.is_none_or(|next| self.rests_until.is_some_and(|until| until <= next))
    }

    /// Sends a batch of at most so many datagrams.
    pub(crate) fn transmit(&mut self, most: usize, now: Instant) -> Left {
        self.outlet.transmit(&mut self.engine, &mut self.stats, most, now)
    }

    pub(crate) fn context(&mut self, now: Instant) -> Context<'_, T> {
        Context { engine: &mut self.engine, io: &self.stats, now }
    }
}

pub(crate) type Command<T> = Box<dyn FnOnce(Context<'_, T>) + Send>;

/// Called from the I/O thread when there are events to drain, once until they are drained.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Place of a command that the owner would run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Errand {
    /// It changes nothing.
    Ask,
    /// The owner waits for the answer; of a burst, the thread sends what there is to send.
    Call,
    /// The owner does not wait: of a burst, the thread runs it.
    Send,
}

pub(crate) struct Mailbox<T: Transport> {
    /// The thread waits for the engine.
    wanted: AtomicBool,
    /// `None`: before the thread has made it, and after the thread has ended.
    core: Mutex<Option<Core<T>>>,
    notifier: Arc<Notifier>,
    /// The thread will look at the commands, and for room, before it sleeps: no wake-up is needed.
    awake: AtomicBool,
    /// The thread will look at the commands within `SOON`: it runs, or sleeps for no longer.
    soon: AtomicBool,
    commands: Mutex<Commands<T>>,
    /// Bytes of which commands that wait for the thread's next wake speak.
    quiet: AtomicUsize,
    /// The owner was told and has not drained yet.
    kicked: AtomicBool,
    /// There is bulk that the owner was not told of yet; the thread's own, but for a drain that takes it meanwhile.
    untold: AtomicUsize,
    /// Events of which the owner was not told since it waits for none such, by weight; likewise.
    unheeded: AtomicUsize,
    /// The owner waits for room, or for the end of a message.
    heeding: AtomicBool,
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

impl<T: Transport> Commands<T> {
    /// Whether commands are taken still, and no more than so many wait.
    fn takes(&self, most: usize) -> bool {
        !self.closed && self.queue.len() <= most
    }
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
            wanted: AtomicBool::new(false),
            core: Mutex::new(None),
            notifier,
            awake: AtomicBool::new(true),
            soon: AtomicBool::new(true),
            commands: Mutex::new(Commands { queue: VecDeque::new(), stop: None, closed: false }),
            quiet: AtomicUsize::new(0),
            kicked: AtomicBool::new(false),
            untold: AtomicUsize::new(0),
            unheeded: AtomicUsize::new(0),
            heeding: AtomicBool::new(false),
            withheld: AtomicBool::new(false),
            outbox: Mutex::default(),
            held: AtomicUsize::new(0),
            waker,
        }
    }

    /// `false`: the thread is gone, and the command with it.
    pub(crate) fn post(&self, command: Command<T>) -> bool {
        let taken = self.queue(command);
        if taken {
            self.wake();
        }
        taken
    }

    /// The same for a command that may run some milliseconds later: one that says that `bytes` were taken.
    pub(crate) fn post_quietly(&self, command: Command<T>, bytes: usize) -> bool {
        let taken = self.queue(command);
        let quiet = self.quiet.fetch_add(bytes, Ordering::SeqCst).saturating_add(bytes);
        if taken && (quiet >= QUIET || !self.soon.load(Ordering::SeqCst)) {
            self.wake();
        }
        taken
    }

    fn queue(&self, command: Command<T>) -> bool {
        let mut commands = lock(&self.commands);
        if !commands.closed {
            commands.queue.push_back(command);
        }
        !commands.closed
    }

    /// Runs a command here and now, or else queues it. `false`: the thread is gone, and the command with it.
    pub(crate) fn run(&self, clock: &Clock, command: Command<T>, errand: Errand) -> bool {
        let mut command = Some(command);
        let mut run = |context: Context<'_, T>| {
            if let Some(command) = command.take() {
                command(context);
            }
        };
        self.run_here(clock, &mut run, errand) || command.is_some_and(|command| self.post(command))
    }

    /// Runs a command here and now unless the thread is in a turn, after those that wait, and sends what a few
    /// datagrams hold. `false`: the thread is in a turn, or has ended, or is the one to run it. One that panics ends
    /// the device.
    pub(crate) fn run_here(
        &self,
        clock: &Clock,
        command: &mut dyn FnMut(Context<'_, T>),
        errand: Errand,
    ) -> bool {
        if self.wanted.load(Ordering::SeqCst) {
            return false;
        }
        let Ok(mut held) = self.core.try_lock() else { return false };
        let most = if errand == Errand::Send { FEW } else { usize::MAX };
        let Some(core) = held.as_mut().filter(|_| lock(&self.commands).takes(most)) else { return false };
        let now = clock.now();
        let is_burst = core.sent_here.is_some_and(|last| now < last + BURST);
        if errand == Errand::Send && is_burst {
            return false;
        }
        let mut earlier = Vec::new();
        self.take_commands(usize::MAX, &mut earlier);
        let changes = errand != Errand::Ask || !earlier.is_empty();
        let mut wakes = changes;
        let ran = catch_unwind(AssertUnwindSafe(|| {
            for command in earlier {
                command(core.context(now));
            }
            command(core.context(now));
            if changes && !is_burst {
                wakes = self.send(core, clock, now);
            }
        }));
        if let Err(panic) = &ran {
            self.close();
            self.fail(panic_message(&**panic));
            let core = held.take();
            // A state that a panic left half done may panic again when it is dropped.
            let _ = catch_unwind(AssertUnwindSafe(move || drop(core)));
        }
        drop(held);
        if wakes || ran.is_err() {
            self.wake();
        }
        true
    }

    /// Sends what a command made ready. `true`: the thread has to go on with it.
    fn send(&self, core: &mut Core<T>, clock: &Clock, now: Instant) -> bool {
        // A batch that waits for room wakes the thread when there is some.
        let was_blocked = core.outlet.is_blocked();
        let left = if was_blocked { Left::Nothing } else { core.transmit(OWNERS_DATAGRAMS, now) };
        let is_done = match left {
            Left::Nothing => true,
            Left::Batch => core.transmit(OWNERS_DATAGRAMS, now) == Left::Nothing,
            Left::FullBatch | Left::Blocked => false,
        };
        if left != Left::Nothing {
            core.sent_here = Some(clock.now());
        }
        self.deliver(&mut core.engine);
        self.flush();
        core.note_unheeded(self, now);
        !is_done || core.outlet.has_lost() || !core.rests_long_enough()
    }

    /// Says whether the owner waits for room, or for the end of a message: else these wake nobody for `SOON`.
    pub(crate) fn heed(&self, heeding: bool) {
        self.heeding.store(heeding, Ordering::SeqCst);
        if heeding && self.unheeded.load(Ordering::SeqCst) > 0 {
            self.kick();
        }
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
        self.unheeded.store(0, Ordering::SeqCst);
        drop(outbox);
        into.extend(events);
        if self.withheld.load(Ordering::SeqCst) {
            self.wake();
        }
        failure
    }

    // The rest is the thread's side.

    /// Drops the engine.
    pub(crate) fn take_core(&self) {
        drop(self.lock_core().take());
    }

    /// Takes the engine for a turn. An owner that calls again and again does not keep it from the thread.
    pub(crate) fn lock_core(&self) -> MutexGuard<'_, Option<Core<T>>> {
        self.wanted.store(true, Ordering::SeqCst);
        let held = lock(&self.core);
        self.wanted.store(false, Ordering::SeqCst);
        held
    }

    /// Takes at most `count` commands.
    pub(crate) fn take_commands(&self, count: usize, into: &mut Vec<Command<T>>) -> Option<Stop> {
        let mut commands = lock(&self.commands);
        self.quiet.store(0, Ordering::SeqCst);
        let count = count.min(commands.queue.len());
        into.extend(commands.queue.drain(..count));
        // A stop comes after the commands that were given before it.
        if commands.queue.is_empty() { commands.stop.clone() } else { None }
    }

    /// Says that the thread is about to sleep. `false`: there is a command already, or room for withheld events.
    pub(crate) fn may_sleep(&self, timeout: Option<Duration>) -> bool {
        self.soon.store(timeout.is_some_and(|timeout| timeout <= SOON), Ordering::SeqCst);
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
        self.soon.store(true, Ordering::SeqCst);
    }

    /// Moves events from the engine to the owner, as many as there is room for; the engine bounds what stays with it.
    ///
    /// The owner is woken at once, but for bulk alone: that waits for more, until `flush`. Events that it does not wait
    /// for wait for others, until `flush_all`.
    pub(crate) fn deliver(&self, engine: &mut Engine<T>) -> Weights {
        let has_room = self.has_room();
        self.withheld.store(!has_room, Ordering::SeqCst);
        if has_room { self.deliver_up_to(MAX_WORK, || engine.poll_event()) } else { Weights::default() }
    }

    fn has_room(&self) -> bool {
        self.held.load(Ordering::SeqCst) < MAX_WORK
    }

    /// The last delivery, of everything.
    pub(crate) fn deliver_all(&self, engine: &mut Engine<T>) {
        self.deliver_up_to(usize::MAX, || engine.poll_event());
        self.flush_all();
    }

    fn deliver_up_to(&self, max: usize, mut next: impl FnMut() -> Option<Event>) -> Weights {
        let mut weights = Weights::default();
        let Some(first) = next() else { return weights };
        weights.add(&first);
        let mut outbox = lock(&self.outbox);
        // The owner sets it to nothing while it has the lock.
        let mut held = self.held.load(Ordering::SeqCst) + work(&first);
        outbox.events.push(first);
        while held < max
            && let Some(event) = next()
        {
            weights.add(&event);
            held = held.saturating_add(work(&event));
            outbox.events.push(event);
        }
        if held >= max {
            self.withheld.store(true, Ordering::SeqCst);
        }
        self.held.store(held, Ordering::SeqCst);
        let untold = self.untold.fetch_add(weights.bulk.min(BULK_WAKE), Ordering::SeqCst) + weights.bulk;
        let unheeded = self.unheeded.fetch_add(weights.unheeded, Ordering::SeqCst) + weights.unheeded;
        drop(outbox);
        // Whether the owner waits is asked after the events are there: it looks for them after it says so.
        let is_heeded = unheeded > 0 && self.heeding.load(Ordering::SeqCst);
        if is_heeded || untold >= BULK_WAKE || unheeded >= BULK_WAKE || (unheeded > 0 && held >= MAX_WORK / 2)
        {
            self.kick();
        }
        weights
    }

    /// Whether there is bulk that the owner was not told of.
    pub(crate) fn is_holding(&self) -> bool {
        self.untold.load(Ordering::SeqCst) > 0
    }

    /// Whether there are events that wait for others.
    pub(crate) fn has_unheeded(&self) -> bool {
        self.unheeded.load(Ordering::SeqCst) > 0
    }

    /// Wakes the owner for the bulk that it was not told of.
    pub(crate) fn flush(&self) {
        if self.is_holding() {
            self.kick();
        }
    }

    /// Wakes the owner for all that it was not told of.
    pub(crate) fn flush_all(&self) {
        if self.is_holding() || self.has_unheeded() {
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
        self.unheeded.store(0, Ordering::SeqCst);
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

/// The reason that a device which a panic ended gives its owner.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    format!("a bug in warren ended the device: {message}")
}

/// A panic while a lock is held leaves whole values behind: every critical section is a few moves.
fn lock<C>(mutex: &Mutex<C>) -> MutexGuard<'_, C> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn work(event: &Event) -> usize {
    usize::try_from(event.expected_time().as_nanos()).unwrap_or(usize::MAX)
}

/// A command or an event that may wait does so for no longer: a person sees no difference in a counter, and what a
/// sender may not yet send again is no more than `QUIET`.
pub(crate) const SOON: Duration = Duration::from_millis(10);
/// Bytes that the owner took and the engine does not know of: a quarter of the least window that a peer may have.
const QUIET: usize = 16 * 1024;
/// Commands that the owner runs before one that sends: its own of the last microseconds.
const FEW: usize = 8;
/// Sealed and sent by the owner in some 15 us: what a small message takes, and acknowledgements that wait.
const OWNERS_DATAGRAMS: usize = 8;
/// What comes so soon after another is one of many, which leave in batches: by the thread, while the owner goes on. A
/// round trip over loopback takes longer.
const BURST: Duration = Duration::from_micros(50);
/// In nanoseconds. What waits here has no turns any more: an urgent message of another peer comes after all of it.
const MAX_WORK: usize = 2_000_000;

#[cfg(test)]
mod tests;
