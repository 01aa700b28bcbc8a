//! A device that JavaScript drives: it owns the sockets, the timers and the clock.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use bytes::Bytes;
use napi::Env;
use napi::bindgen_prelude::BufferSlice;
use napi_derive::napi;
use warren_engine::{Config, ConnectionId, Ecn, Engine, Path, PeerId, TransmitBatch};
use warren_io::{Context, Gone, IoStats, Stopwatch, panic_message};

use crate::commands::{Host, commands};
use crate::errors::{self, Result, invalid};
use crate::options::{EngineOptions, milliseconds};
use crate::paths::Paths;
use crate::records::{RECORD_BYTES, Records};
use crate::shares::Shares;
use crate::words::Words;

/// An engine without any I/O. Call `clock` before each turn of commands.
#[napi]
pub struct ScriptDevice {
    host: Inline,
    records: Records,
    shares: Shares,
    paths: Paths,
    batch: TransmitBatch,
    /// The first datagram of the batch that JavaScript has not taken yet: its group, and its offset in it.
    group: usize,
    offset: usize,
}

commands!(ScriptDevice);

#[napi]
impl ScriptDevice {
    /// `now` is in milliseconds on the caller's clock, as everywhere here.
    #[napi(constructor)]
    pub fn new(options: EngineOptions, now: f64) -> Result<Self> {
        let epoch = Instant::now();
        let start = epoch + milliseconds(now);
        let engine = Engine::new(Config::try_from(options)?, start).map_err(errors::config)?;
        Ok(Self {
            host: Inline { engine: Some(engine), failure: None, io: IoStats::default(), epoch, now: start },
            records: Records::default(),
            shares: Shares::default(),
            paths: Paths::default(),
            batch: TransmitBatch::with_capacity(TRANSMIT_DATAGRAMS),
            group: 0,
            offset: 0,
        })
    }

    /// Sets the clock; it never goes back.
    #[napi]
    pub fn clock(&mut self, now: f64) {
        self.host.now = self.host.now.max(self.host.epoch + milliseconds(now));
    }

    /// The number of an address, for `receive`; `scope`: of the interface of a link-local one, else 0.
    #[napi]
    pub fn path(&mut self, host: String, port: u16, scope: u32) -> Result<u32> {
        let ip: IpAddr = host.parse().map_err(|error| invalid(&host, error))?;
        let address = match ip {
            IpAddr::V4(_) => SocketAddr::new(ip, port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
        };
        Ok(self.paths.number(address))
    }

    /// The address of a number that `transmit` gave.
    #[napi]
    pub fn path_host(&self, path: u32) -> Option<String> {
        self.paths.address(path).map(|address| address.ip().to_string())
    }

    /// The port of a number.
    #[napi]
    pub fn path_port(&self, path: u32) -> Option<u16> {
        self.paths.address(path).map(|address| address.port())
    }

    /// The number of the interface of a number's link-local address, else 0.
    #[napi]
    pub fn path_scope(&self, path: u32) -> u32 {
        match self.paths.address(path) {
            Some(SocketAddr::V6(address)) => address.scope_id(),
            Some(SocketAddr::V4(_)) | None => 0,
        }
    }

    /// Forgets all numbers.
    #[napi]
    pub fn forget_paths(&mut self) {
        self.paths.clear();
    }

    /// Hands in datagrams: `words` has (start, length, path) of each in `bytes`, which is overwritten. Some may wait
    /// for `workOff`.
    #[napi]
    pub fn receive(&mut self, mut bytes: BufferSlice<'_>, words: &[f64]) {
        let mut stopwatch = Stopwatch::start();
        for datagram in words.chunks_exact(3) {
            let (start, length) = (datagram[0] as usize, datagram[1] as usize);
            let Some(remote) = self.paths.address(datagram[2] as u32) else { continue };
            let Some(bytes) = start.checked_add(length).and_then(|end| bytes.get_mut(start..end)) else {
                continue;
            };
            self.host.run(|context| {
                let path = Path { remote, local: None };
                let engine = context.engine;
                if engine.handle_at_once(path, Ecn::NotEct, length, bytes, context.now) {
                    engine.charge(stopwatch.lap(), context.now);
                } else {
                    engine.file(path, Ecn::NotEct, length, bytes.to_vec());
                }
            });
        }
    }

    /// Works off the waiting datagrams whose turn it is; `false`: nobody's yet.
    #[napi]
    pub fn work_off(&mut self) -> bool {
        let worked = self.host.run(|context| {
            let mut stopwatch = Stopwatch::start();
            let has_turn = context.engine.may_work_off(context.now);
            context.engine.work_off(context.now);
            context.engine.charge(stopwatch.lap(), context.now);
            has_turn
        });
        worked.unwrap_or(false)
    }

    /// The system refused to send to the address of this number, with this error number.
    #[napi]
    pub fn handle_unreachable(&mut self, path: u32, error: i32) {
        let Some(remote) = self.paths.address(path) else { return };
        self.host.run(|context| {
            let path = Path { remote, local: None };
            context.engine.handle_unreachable(path, error, context.now);
        });
    }

    /// Fires what is due, if anything is.
    #[napi]
    pub fn timeout(&mut self) {
        self.host.run(|context| {
            if context.engine.poll_timeout().is_some_and(|(deadline, _)| deadline <= context.now) {
                context.engine.handle_timeout(context.now);
            }
        });
    }

    /// Time at which `timeout` or `workOff` is due, on the caller's clock; nothing: never.
    #[napi]
    pub fn deadline(&mut self) -> Option<f64> {
        let epoch = self.host.epoch;
        let deadline = self.host.run(|context| {
            let timeout = context.engine.poll_timeout().map(|(deadline, _)| deadline);
            timeout.into_iter().chain(context.engine.next_turn()).min()
        });
        deadline.flatten().map(|deadline| deadline.saturating_duration_since(epoch).as_secs_f64() * 1e3)
    }

    /// Copies datagrams to send into `bytes` and (start, length, path) of each into `words`; gives their number. Call
    /// until it is 0.
    #[napi]
    pub fn transmit(&mut self, mut bytes: BufferSlice<'_>, mut words: BufferSlice<'_>) -> u32 {
        if self.group == self.batch.groups.len() {
            self.refill();
        }
        let mut words = Words(&mut words);
        let mut count = 0;
        let mut end = 0;
        while (count + 1) * 3 <= words.len() {
            let Some(group) = self.batch.groups.get(self.group) else { break };
            let length = group.segment.min(group.len - self.offset);
            let Some(room) = bytes.get_mut(end..end + length) else { break };
            room.copy_from_slice(&self.batch.bytes[group.start + self.offset..][..length]);
            let path = self.paths.number(group.path.remote);
            words.write(count * 3, &[end as f64, length as f64, path.into()]);
            count += 1;
            end += length;
            self.offset += length;
            if self.offset == group.len {
                self.group += 1;
                self.offset = 0;
            }
        }
        count as u32
    }

    /// Writes events into the words as records (`records.rs`), their bytes from `slab_start` on; gives the number of
    /// records.
    #[napi]
    pub fn drain(&mut self, mut words: BufferSlice<'_>, mut slab: BufferSlice<'_>, slab_start: u32) -> u32 {
        let wanted = words.len() / RECORD_BYTES;
        let records = &mut self.records;
        self.host.run(|context| {
            while records.events.len() < wanted
                && let Some(event) = context.engine.poll_event()
            {
                records.events.push_back(event);
            }
        });
        records.failure = records.failure.take().or(self.host.failure.take());
        let more = records.events.len() >= wanted;
        records.drain(&mut words, &mut slab, slab_start, more)
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

    /// Says goodbye on every connection; `transmit` and `drain` a last time, then `close`.
    #[napi]
    pub fn shutdown(&mut self, code: i64, reason: String) {
        self.host.run(|context| context.engine.shutdown(code as u64, &reason, context.now));
    }

    /// Drops the engine with its keys, and the buffers: JavaScript may keep the object for long.
    #[napi]
    pub fn close(&mut self) {
        self.host.drop_engine();
        self.records = Records::default();
        self.shares = Shares::default();
        self.paths.clear();
        self.batch = TransmitBatch::with_capacity(1);
    }
}

impl ScriptDevice {
    fn refill(&mut self) {
        let batch = &mut self.batch;
        batch.clear();
        self.group = 0;
        self.offset = 0;
        if self.host.run(|context| context.engine.poll_transmit(batch, context.now)).is_none() {
            batch.clear();
        }
    }
}

struct Inline {
    /// `None`: closed, or ended by a panic.
    engine: Option<Engine>,
    failure: Option<String>,
    /// All zero: JavaScript counts its own sockets.
    io: IoStats,
    epoch: Instant,
    now: Instant,
}

impl Inline {
    /// A panic ends this device alone.
    fn run<R>(&mut self, command: impl FnOnce(Context<'_>) -> R) -> Option<R> {
        let context = Context { engine: self.engine.as_mut()?, io: &self.io, now: self.now };
        match catch_unwind(AssertUnwindSafe(|| command(context))) {
            Ok(result) => Some(result),
            Err(panic) => {
                self.failure = Some(panic_message(&*panic));
                self.drop_engine();
                None
            }
        }
    }

    fn drop_engine(&mut self) {
        let engine = self.engine.take();
        // A state that a panic left half done may panic again when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(move || drop(engine)));
    }
}

impl Host for Inline {
    fn call<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> std::result::Result<R, Gone> {
        self.run(command).ok_or(Gone)
    }

    fn ask<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> std::result::Result<R, Gone> {
        self.call(command)
    }

    fn post(&mut self, command: impl FnOnce(Context<'_>) + Send + 'static) {
        self.run(command);
    }

    fn send(&mut self, _bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static) {
        self.run(command);
    }

    fn post_quietly(&mut self, _bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static) {
        self.run(command);
    }

    /// Events are read as they come: none wakes anybody.
    fn heed(&mut self, _heeding: bool) {}

    fn send_packet(&mut self, peer: PeerId, packet: Bytes) -> bool {
        self.run(|context| context.engine.send_packet(peer, packet)).unwrap_or(false)
    }

    fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes) -> bool {
        self.run(|context| context.engine.send_datagram(connection, bytes)).unwrap_or(false)
    }
}

/// A turn of the event loop sends so many before it looks at the sockets again: some 250 us of system calls in dgram.
const TRANSMIT_DATAGRAMS: usize = 32;
