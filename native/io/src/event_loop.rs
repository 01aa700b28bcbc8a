//! The loop of the I/O thread: receive a batch, work off waiting datagrams, run commands, fire timers, tell the owner,
//! send a batch; sleep when all are idle. Between turns, the owner may use the engine itself.

mod receive;
mod recovery;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;
use warren_engine::transport::Transport;

use crate::bind::Listen;
use crate::clock::Clock;
use crate::mailbox::{Command, Core, Mailbox, SOON, Stop};
use crate::moderation::Moderation;
use crate::outlet::{Left, TRANSMIT_DATAGRAMS};
use crate::poll::{Interest, Watch};
use crate::socket::Offload;
use crate::trouble::{FAILS_FOR, Trouble};
use crate::yielding::Yielding;
use recovery::{Loss, REBIND_FOR};

/// Failures that end a device which nobody closed.
#[derive(Debug, Error)]
pub(crate) enum Fatal {
    #[error("the socket was lost ({lost}) and could not be bound again for {} s: {last}", REBIND_FOR.as_secs())]
    Socket { lost: io::Error, last: String },
    #[error("reading the socket failed for {} s, though it was bound anew: {last}", FAILS_FOR.as_secs())]
    Receive { last: io::Error },
    #[error("waiting for the socket failed for {} s: {last}", FAILS_FOR.as_secs())]
    Wait { last: io::Error },
    #[error("the socket cannot be waited for: {0}")]
    Watch(#[from] io::Error),
}

pub(crate) struct EventLoop<T: Transport> {
    clock: Clock,
    mailbox: Arc<Mailbox<T>>,
    watch: Watch,
    /// The address at which a lost socket is bound again.
    listen: Listen,
    offload: Offload,
    loss: Option<Loss>,
    /// Time at which the socket was last bound anew.
    bound: Option<Instant>,
    /// The socket fails to be read.
    trouble: Option<Trouble>,
    /// Time since which no wait succeeded.
    waits_fail_since: Option<Instant>,
    readable: bool,
    /// The last turn did something.
    was_busy: bool,
    /// Buffers that take the place of those whose datagrams wait.
    spare: Vec<Vec<u8>>,
    /// Time since which bulk waits that the owner was not told of.
    holding_since: Option<Instant>,
    /// Time until which the owner is expected to say that it took messages.
    taken_until: Option<Instant>,
    commands: Vec<Command<T>>,
    moderation: Moderation,
}

/// A wait for what it takes to go on.
struct Rest {
    interest: Interest,
    timeout: Option<Duration>,
}

impl<T: Transport> EventLoop<T> {
    pub(crate) fn new(
        clock: Clock,
        mailbox: Arc<Mailbox<T>>,
        watch: Watch,
        listen: Listen,
        offload: Offload,
    ) -> Self {
        Self {
            clock,
            mailbox,
            watch,
            listen,
            offload,
            loss: None,
            bound: None,
            trouble: None,
            waits_fail_since: None,
            readable: true,
            was_busy: false,
            spare: Vec::new(),
            holding_since: None,
            taken_until: None,
            commands: Vec::new(),
            moderation: Moderation::new(clock.now()),
        }
    }

    /// Runs until told to stop.
    ///
    /// The socket is read while it has more than a batch, after commands and after full batches, which may go on and
    /// on; otherwise a datagram that comes in ends the next wait.
    pub(crate) fn run(&mut self) -> Result<(), Fatal> {
        let mailbox = Arc::clone(&self.mailbox);
        let mut yielding = Yielding::begin();
        loop {
            let rest = {
                let mut held = mailbox.lock_core();
                let Some(core) = held.as_mut() else { return Ok(()) };
                if let Some(stop) = self.turn(core)? {
                    self.leave(core, &stop);
                    return Ok(());
                }
                if self.was_busy { None } else { self.rest(core) }
            };
            match rest {
                Some(rest) => self.sleep(rest)?,
                None if self.was_busy => yielding.let_go(&self.clock),
                None => {}
            }
        }
    }

    /// One turn; gives the stop that was told.
    fn turn(&mut self, core: &mut Core<T>) -> Result<Option<Stop>, Fatal> {
        let mut busy = self.receive(core)?;
        busy |= self.work_off(core);
        let (ran, stop) = self.run_commands(core);
        if stop.is_some() {
            return Ok(stop);
        }
        busy |= ran;
        self.readable |= ran;
        self.fire_timers(core);
        // The owner wakes while the answers of the transport leave.
        self.deliver(core);
        busy |= self.transmit(core);
        self.rebind(core)?;
        self.was_busy = busy;
        Ok(None)
    }

    fn run_commands(&mut self, core: &mut Core<T>) -> (bool, Option<Stop>) {
        let stop = self.mailbox.take_commands(COMMANDS, &mut self.commands);
        let ran = !self.commands.is_empty();
        if ran {
            self.taken_until = None;
        }
        let now = self.clock.now();
        for command in self.commands.drain(..) {
            command(core.context(now));
        }
        (ran, stop)
    }

    fn fire_timers(&mut self, core: &mut Core<T>) {
        let Some((deadline, _)) = core.engine.poll_timeout() else { return };
        let now = self.clock.now();
        if deadline <= now {
            core.engine.handle_timeout(now);
        }
    }

    /// Sends one batch. `true`: there may be more.
    fn transmit(&mut self, core: &mut Core<T>) -> bool {
        let left = core.transmit(TRANSMIT_DATAGRAMS, self.clock.now());
        self.readable |= left == Left::FullBatch;
        if let Some(lost) = core.outlet.take_lost() {
            self.lose(core, lost);
        }
        matches!(left, Left::Batch | Left::FullBatch)
    }

    /// Delivers events. Bulk alone wakes the owner once there is much of it, when the thread sleeps, or when it has
    /// waited; events that the owner does not wait for, with others, or when they have waited.
    fn deliver(&mut self, core: &mut Core<T>) {
        let delivered = self.mailbox.deliver(&mut core.engine);
        let (is_holding, has_unheeded) = (self.mailbox.is_holding(), self.mailbox.has_unheeded());
        if !(delivered.has_messages || is_holding || has_unheeded) {
            (self.holding_since, core.unheeded_since) = (None, None);
            return;
        }
        let now = self.clock.now();
        if delivered.has_messages {
            self.taken_until = Some(now + SOON);
        }
        self.holding_since = is_holding.then(|| self.holding_since.unwrap_or(now));
        core.note_unheeded(&self.mailbox, now);
        if core.unheeded_until().is_some_and(|until| now >= until) {
            self.mailbox.flush_all();
        } else if self.holding_since.is_some_and(|since| now >= since + HOLD_FOR) {
            self.mailbox.flush();
        }
    }

    /// Instants at which what may wait for a short while has waited.
    fn soon(&self, core: &Core<T>, now: Instant) -> impl Iterator<Item = Instant> {
        let unheeded = core.unheeded_until().filter(|_| self.mailbox.has_unheeded());
        unheeded.into_iter().chain(self.taken_until.filter(|until| *until > now))
    }

    /// How to sleep; `None`: there is something to do already.
    fn rest(&mut self, core: &mut Core<T>) -> Option<Rest> {
        self.deliver(core);
        self.mailbox.flush();
        let now = self.clock.now();
        let deadline = core.engine.poll_timeout().map(|(deadline, _)| deadline);
        let quiet_until = self.trouble.as_ref().map(Trouble::quiet_until).filter(|until| *until > now);
        if self.trouble.is_some() && quiet_until.is_none() && self.watch.socket().is_some() {
            // Read again though nothing may have come, so that a trouble is over as soon as reading works.
            self.readable = true;
            return None;
        }
        let rebind = self.loss.as_ref().map(|loss| loss.next_try);
        let turn = core.engine.next_turn();
        let deadline = deadline
            .into_iter()
            .chain(turn)
            .chain(rebind)
            .chain(quiet_until)
            .chain(self.soon(core, now))
            .min();
        let mut timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
        let is_blocked = core.outlet.is_blocked();
        if is_blocked {
            // The deadline may be that of the batch that cannot leave: do not spin on it.
            timeout = timeout.map(|timeout| timeout.max(BLOCKED_TICK));
        } else if timeout == Some(Duration::ZERO) {
            return None;
        }
        if !self.mailbox.may_sleep(timeout) {
            return None;
        }
        let (interest, timeout) = match self.moderation.pause(&core.stats, now) {
            _ if is_blocked && (quiet_until.is_some() || core.outlet.is_blocked_in_vain()) => {
                (Interest::Nothing, Some(BLOCKED_TICK))
            }
            _ if is_blocked => (Interest::Both, timeout),
            _ if quiet_until.is_some() => (Interest::Nothing, timeout),
            Some(pause) => (Interest::Nothing, Some(timeout.map_or(pause, |timeout| timeout.min(pause)))),
            None => (Interest::Readable, timeout),
        };
        core.rests_until = timeout.map(|timeout| now + timeout);
        Some(Rest { interest, timeout })
    }

    fn sleep(&mut self, Rest { interest, timeout }: Rest) -> Result<(), Fatal> {
        let waited = self.watch.wait(interest, timeout);
        self.mailbox.woke();
        self.readable = self.heard(waited)? || interest == Interest::Nothing;
        Ok(())
    }

    /// Says goodbye and hands the last datagrams to the system.
    fn leave(&mut self, core: &mut Core<T>, stop: &Stop) {
        let deadline = self.clock.now() + LEAVE_FOR;
        core.engine.shutdown(stop.code, &stop.reason, self.clock.now());
        while self.transmit(core) || core.outlet.is_blocked() {
            let now = self.clock.now();
            if now >= deadline || self.watch.socket().is_none() {
                break;
            }
            if core.outlet.is_blocked() && self.watch.wait(Interest::Both, Some(deadline - now)).is_err() {
                break;
            }
        }
        self.mailbox.deliver_all(&mut core.engine);
    }
}

/// A command takes about 1 us; so many delay a datagram less than a batch does.
const COMMANDS: usize = 64;
/// A thread that other traffic keeps from sleeping holds no byte back for longer: some ten batches. Half of it woke the
/// owner for every 78 KB of a stream of 2.5 Gbit/s, and took a twentieth of its throughput.
const HOLD_FOR: Duration = Duration::from_micros(500);
const BLOCKED_TICK: Duration = Duration::from_millis(1);
/// A full socket buffer of 4 MiB drains in this time at 700 Mbit/s; the goodbyes are best effort.
const LEAVE_FOR: Duration = Duration::from_millis(50);
