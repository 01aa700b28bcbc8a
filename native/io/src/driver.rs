//! The owner's handle of an I/O thread.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use thiserror::Error;
use warren_engine::transport::Transport;
use warren_engine::{ConfigError, Engine, Event, Quic};

use crate::bind::{BindError, Listen};
use crate::clock::Clock;
use crate::event_loop::EventLoop;
use crate::mailbox::{Context, Core, Errand, Mailbox, Stop, Waker, panic_message};
use crate::outlet::Outlet;
use crate::poll::{Notifier, Watch};
use crate::socket::{self, Offload};

/// A device could not be started.
#[derive(Debug, Error)]
pub enum SpawnError {
    /// The socket could not be bound.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The engine refused its configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The system has no thread or no descriptor left.
    #[error("no thread for the device: {0}")]
    System(#[from] std::io::Error),
}

/// The thread has ended: it was stopped, or it failed (`Driver::drain` said so).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the device is closed")]
pub struct Gone;

/// One device's thread. Dropping it stops the thread without a reason.
///
/// It is generic as the engine is, so that the engine's code is made where a transport is chosen: once in an addon, for
/// both drivers.
pub struct Driver<T: Transport + Send + 'static = Quic> {
    mailbox: Arc<Mailbox<T>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    clock: Clock,
    local: SocketAddr,
}

impl<T: Transport + Send + 'static> Driver<T> {
    /// Binds the socket, starts the thread with the engine that `make` makes there, and returns when both stand.
    ///
    /// `waker` is called on the thread when there is something to `drain`, once until it is drained; it must not block.
    pub fn spawn(
        make: impl FnOnce(Instant) -> Result<Engine<T>, ConfigError> + Send + 'static,
        listen: Listen,
        offload: Offload,
        waker: Waker,
    ) -> Result<Self, SpawnError> {
        let (receiver, sender) = socket::open(listen, offload)?;
        let local = receiver.local_address();
        let again = Listen { port: local.port(), ..listen };
        let notifier = Arc::new(Notifier::new()?);
        let watch = Watch::new(Arc::clone(&notifier), receiver)?;
        let mailbox = Arc::new(Mailbox::new(notifier, waker));
        let (ready, started) = sync_channel(1);
        let clock = Clock::start();
        let thread = thread::Builder::new().name("warren".to_owned()).spawn({
            let mailbox = Arc::clone(&mailbox);
            move || {
                let engine = match make(clock.now()) {
                    Ok(engine) => engine,
                    Err(error) => {
                        let _ = ready.send(Err(error));
                        return;
                    }
                };
                *mailbox.lock_core() = Some(Core::new(engine, Outlet::new(sender)));
                let event_loop = EventLoop::new(clock, Arc::clone(&mailbox), watch, again, offload);
                let _ = ready.send(Ok(()));
                drop(ready);
                run(event_loop, &mailbox);
            }
        })?;
        // A thread that ends without a word panicked; `drain` tells.
        if let Ok(Err(error)) = started.recv() {
            // The port is free again once the thread has ended.
            let _ = thread.join();
            return Err(error.into());
        }
        Ok(Self { mailbox, thread: Mutex::new(Some(thread)), clock, local })
    }

    /// The bound address.
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Runs a command and gives its answer: at once unless the thread is in a turn, else on the thread, which takes
    /// some 60 us.
    pub fn call<R: Send + 'static>(
        &self,
        command: impl FnOnce(Context<'_, T>) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        self.answer(command, Errand::Call)
    }

    /// The same for a command that changes nothing.
    pub fn ask<R: Send + 'static>(
        &self,
        command: impl FnOnce(Context<'_, T>) -> R + Send + 'static,
    ) -> Result<R, Gone> {
        self.answer(command, Errand::Ask)
    }

    fn answer<R: Send + 'static>(
        &self,
        command: impl FnOnce(Context<'_, T>) -> R + Send + 'static,
        errand: Errand,
    ) -> Result<R, Gone> {
        // Made for each command, so what is the same for all is not here; the command stands in it once.
        let (answer, answered) = sync_channel(1);
        let command = Box::new(move |context: Context<'_, T>| {
            let _ = answer.send(command(context));
        });
        self.mailbox.run(&self.clock, command, errand);
        // Dropped with the command where the thread is gone.
        answered.recv().map_err(|_| Gone)
    }

    /// Queues a command, in order with all others; one wake-up a burst.
    pub fn post(&self, command: impl FnOnce(Context<'_, T>) + Send + 'static) -> Result<(), Gone> {
        if self.mailbox.post(Box::new(command)) { Ok(()) } else { Err(Gone) }
    }

    /// Runs a command after which a few datagrams leave, and sends them, here and now unless the thread is in a turn:
    /// that saves a wake of the thread, the longer part of the way out. Else, and for one of a burst, queues it. In
    /// order with all others.
    pub fn send(&self, command: impl FnOnce(Context<'_, T>) + Send + 'static) -> Result<(), Gone> {
        if self.mailbox.run(&self.clock, Box::new(command), Errand::Send) { Ok(()) } else { Err(Gone) }
    }

    /// Queues a command that says that `bytes` were taken: it may run some milliseconds later, with others.
    pub fn post_quietly(
        &self,
        bytes: usize,
        command: impl FnOnce(Context<'_, T>) + Send + 'static,
    ) -> Result<(), Gone> {
        if self.mailbox.post_quietly(Box::new(command), bytes) { Ok(()) } else { Err(Gone) }
    }

    /// Says whether the owner waits for room, or to hear that a message was delivered. While it does not, `waker` is
    /// called for such events some milliseconds later, or together with others.
    pub fn heed(&self, heeding: bool) {
        self.mailbox.heed(heeding);
    }

    /// Appends the events since the last call to `into`. Gives the reason why the thread has ended, once, after all
    /// events.
    pub fn drain(&self, into: &mut VecDeque<Event>) -> Option<String> {
        self.mailbox.drain(into)
    }

    /// Tells every peer, sends what is sealed, frees the port and joins the thread. Idempotent.
    pub fn stop(&self, code: u64, reason: &str) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        self.mailbox.stop(Stop { code, reason: reason.to_owned() });
        // The thread catches its own panics; what it had to say is in the mailbox.
        let _ = thread.join();
    }
}

impl<T: Transport + Send + 'static> Drop for Driver<T> {
    fn drop(&mut self) {
        self.stop(0, "");
    }
}

fn run<T: Transport>(mut event_loop: EventLoop<T>, mailbox: &Mailbox<T>) {
    let ended = catch_unwind(AssertUnwindSafe(|| event_loop.run()));
    mailbox.close();
    match ended {
        Ok(Ok(())) => {}
        Ok(Err(fatal)) => mailbox.fail(fatal.to_string()),
        Err(panic) => mailbox.fail(panic_message(&*panic)),
    }
    // A state that a panic left half done may panic again when it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(move || {
        drop(event_loop);
        mailbox.take_core();
    }));
}
