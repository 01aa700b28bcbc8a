//! A device on a thread of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use napi::bindgen_prelude::{BufferSlice, Function, ObjectFinalize};
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{CleanupEnvHook, Env};
use napi_derive::napi;
use warren_engine::{Config, ConnectionId, Engine, PeerId};
use warren_io::{Context, Driver, Gone, Listen, Offload, first_hop};

use crate::commands::{Host, commands};
use crate::errors::{self, Result};
use crate::options::{EngineOptions, ListenOptions};
use crate::records::{RECORD_BYTES, Records};
use crate::shares::Shares;

/// An engine with its socket and clock on a native thread.
#[napi(custom_finalize)]
pub struct NativeDevice {
    host: Thread,
    records: Records,
    shares: Shares,
    hook: Option<CleanupEnvHook<Weak<OnceLock<Driver>>>>,
}

commands!(NativeDevice);

#[napi]
impl NativeDevice {
    /// Binds the socket and starts the thread.
    ///
    /// `wake` is called once when there is something to drain, until it is drained. It must not hold the device
    /// strongly, or the device is never collected.
    #[napi(constructor)]
    pub fn new(
        env: &Env,
        options: EngineOptions,
        listen: ListenOptions,
        wake: Function<'_, (), ()>,
    ) -> Result<Self> {
        let config = Config { first_hop: Some(first_hop), ..Config::try_from(options)? };
        let listen = Listen::try_from(listen)?;
        let packet_bytes = config.limits.packet_bytes_per_peer;
        // The order matters at the end of an environment, which undoes it backwards: the thread is joined before the
        // function that it calls is gone.
        let wake = wake
            .build_threadsafe_function::<()>()
            .callee_handled::<false>()
            .max_queue_size::<1>()
            .weak::<true>()
            .build()
            .map_err(errors::from_node)?;
        let driver = Arc::new(OnceLock::new());
        let hook = env.add_env_cleanup_hook(Arc::downgrade(&driver), stop).map_err(errors::from_node)?;
        let spawned = Driver::spawn(
            move |now| Engine::new(config, now),
            listen,
            Offload::Auto,
            Arc::new(move || {
                // A full queue: the call that is in it will drain what this one is about.
                wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }),
        );
        match spawned {
            Ok(spawned) => {
                let _ = driver.set(spawned);
            }
            Err(error) => {
                env.remove_env_cleanup_hook(hook).map_err(errors::from_node)?;
                return Err(errors::spawn(error));
            }
        }
        let host = Thread { driver: Some(driver), packets: Arc::default(), packet_bytes };
        Ok(Self { host, records: Records::default(), shares: Shares::default(), hook: Some(hook) })
    }

    /// The bound address.
    #[napi(getter)]
    pub fn host(&self) -> Option<String> {
        self.host.driver().map(|driver| driver.local_address().ip().to_string())
    }

    /// The bound port.
    #[napi(getter)]
    pub fn port(&self) -> Option<u16> {
        self.host.driver().map(|driver| driver.local_address().port())
    }

    /// Writes events into the words as records (`records.rs`), their bytes from `slab_start` on; gives the number of
    /// records.
    #[napi]
    pub fn drain(&mut self, mut words: BufferSlice<'_>, mut slab: BufferSlice<'_>, slab_start: u32) -> u32 {
        // The thread wakes nobody again until its events are taken: none may be left there when this says that it is
        // all.
        let untaken = self.records.events.len() >= words.len() / RECORD_BYTES;
        if let Some(driver) = self.host.driver()
            && !untaken
        {
            let failure = driver.drain(&mut self.records.events);
            self.records.failure = self.records.failure.take().or(failure);
        }
        self.records.drain(&mut words, &mut slab, slab_start, untaken)
    }

    /// Moves the bytes of the first message record that was not taken yet into memory of exactly its length.
    #[napi]
    pub fn take_message(&mut self, mut into: BufferSlice<'_>) -> bool {
        self.records.take_message(&mut into)
    }

    /// The first message record's bytes that were not taken yet, in the memory in which they were assembled.
    #[napi]
    pub fn take_owned_message<'env>(&mut self, env: &'env Env) -> Result<Option<BufferSlice<'env>>> {
        let message = self.records.take_owned_message();
        message.map(|message| BufferSlice::from_data(env, message)).transpose().map_err(errors::from_node)
    }

    /// Tells every peer, frees the port, joins the thread; events until then can still be drained. Idempotent.
    #[napi]
    pub fn close(&mut self, env: &Env, code: i64, reason: String) -> Result<()> {
        let Some(driver) = self.host.driver.take() else { return Ok(()) };
        self.shares = Shares::default();
        if let Some(driver) = driver.get() {
            driver.stop(code as u64, &reason);
            let failure = driver.drain(&mut self.records.events);
            self.records.failure = self.records.failure.take().or(failure);
        }
        // napi does not reclaim the argument of a removed hook: a Weak and an empty box stay, some 150 bytes a device.
        let removed = self.hook.take().map(|hook| env.remove_env_cleanup_hook(hook));
        // The function is released with the driver's last reference, here: after the thread that calls it.
        drop(driver);
        removed.transpose().map(|_| ()).map_err(errors::from_node)
    }
}

impl ObjectFinalize for NativeDevice {
    fn finalize(mut self, env: Env) -> napi::Result<()> {
        // At the end of an environment the hook ran before this, and removing it again is refused without harm.
        let _ = self.close(&env, 0, String::new());
        Ok(())
    }
}

struct Thread {
    driver: Option<Arc<OnceLock<Driver>>>,
    /// Raw packets on their way to the thread, in bytes.
    packets: Arc<AtomicUsize>,
    packet_bytes: usize,
}

impl Thread {
    fn driver(&self) -> Option<&Driver> {
        self.driver.as_ref().and_then(|driver| driver.get())
    }

    /// Bounds only what has not reached the thread; drops of the engine behind that are in its counters.
    fn post_bounded(&mut self, length: usize, command: impl FnOnce(Context<'_>) + Send + 'static) -> bool {
        if self.driver.is_none() || self.packets.load(Ordering::Relaxed) + length > self.packet_bytes {
            return false;
        }
        self.packets.fetch_add(length, Ordering::Relaxed);
        let packets = Arc::clone(&self.packets);
        self.send(length, move |context| {
            packets.fetch_sub(length, Ordering::Relaxed);
            command(context);
        });
        true
    }
}

impl Host for Thread {
    fn call<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> std::result::Result<R, Gone> {
        self.driver().ok_or(Gone)?.call(command)
    }

    fn ask<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> std::result::Result<R, Gone> {
        self.driver().ok_or(Gone)?.ask(command)
    }

    fn post(&mut self, command: impl FnOnce(Context<'_>) + Send + 'static) {
        if let Some(driver) = self.driver() {
            // A thread that failed tells so by a record of its own.
            let _ = driver.post(command);
        }
    }

    fn send(&mut self, bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static) {
        if let Some(driver) = self.driver() {
            let _ = if bytes <= LITTLE { driver.send(command) } else { driver.post(command) };
        }
    }

    fn post_quietly(&mut self, bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static) {
        if let Some(driver) = self.driver() {
            let _ = driver.post_quietly(bytes, command);
        }
    }

    fn heed(&mut self, heeding: bool) {
        if let Some(driver) = self.driver() {
            driver.heed(heeding);
        }
    }

    fn send_packet(&mut self, peer: PeerId, packet: Bytes) -> bool {
        self.post_bounded(packet.len(), move |context| {
            context.engine.send_packet(peer, packet);
        })
    }

    fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes) -> bool {
        self.post_bounded(bytes.len(), move |context| {
            context.engine.send_datagram(connection, bytes);
        })
    }
}

/// At the end of an environment: after this no call can come from the thread.
fn stop(driver: Weak<OnceLock<Driver>>) {
    if let Some(driver) = driver.upgrade()
        && let Some(driver) = driver.get()
    {
        driver.stop(0, "");
    }
}

/// Bytes that are sealed and sent in some 15 us: JavaScript waits no longer for it than for a small object of its own.
const LITTLE: usize = 8 * 1024;
