//! The commands that both devices have.
//!
//! `scripts/build/commands.mjs` writes `lib/generated/commands.ts` from them: the interface that both drivers
//! implement, and what hands each to the addon. The docs are theirs, so they speak of JavaScript's names.

use bytes::Bytes;
use warren_engine::{ConnectionId, PeerId};
use warren_io::{Context, Gone};

/// Access to an engine: on its own thread, or right here.
pub(crate) trait Host {
    /// Runs on the engine and waits for the answer.
    fn call<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> Result<R, Gone>;

    /// The same for a command that changes nothing.
    fn ask<R: Send + 'static>(
        &mut self,
        command: impl FnOnce(Context<'_>) -> R + Send + 'static,
    ) -> Result<R, Gone>;

    /// Runs on the engine in order with all others; nothing happens if it is gone.
    fn post(&mut self, command: impl FnOnce(Context<'_>) + Send + 'static);

    /// The same for what sends so many bytes.
    fn send(&mut self, bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static);

    /// The same for what says that `bytes` were taken, and may run some milliseconds later.
    fn post_quietly(&mut self, bytes: usize, command: impl FnOnce(Context<'_>) + Send + 'static);

    /// Takes note whether anything in JavaScript waits for room, or to hear that a message was delivered.
    fn heed(&mut self, heeding: bool);

    /// `false`: dropped, for a queue is full.
    fn send_packet(&mut self, peer: PeerId, packet: Bytes) -> bool;

    /// `false`: dropped, for a queue is full, or it is larger than fits.
    fn send_datagram(&mut self, connection: ConnectionId, bytes: Bytes) -> bool;
}

/// Implements the commands for a class whose `host` is a `Host`.
macro_rules! commands {
    ($device:ident) => {
        mod generated {
            use bytes::Bytes;
            use napi::Env;
            use napi_derive::napi;
            use warren_engine::{ConnectionId, Dialled, MessageId, PeerId, Protocols, StreamId, StreamName};

            use super::$device;
            use $crate::commands::Host;
            use $crate::errors::{self, Result};
            use $crate::lanes::LaneFigures;
            use $crate::options::{DriverProtocols, give_up, milliseconds};
            use $crate::peer::{self, DriverPeer, DriverPeerChanges};
            use $crate::stats::{self, ConnectionFigures, DeviceFigures, PeerFigures};

            #[napi]
            impl $device {
                /// Adds a peer; gives its number.
                #[napi]
                pub fn add_peer(&mut self, peer: DriverPeer) -> Result<u32> {
                    let peer = peer.try_into()?;
                    let added = self.host.call(move |context| context.engine.add_peer(peer, context.now));
                    Ok(added.map_err(errors::gone)?.map_err(errors::add_peer)?.0)
                }

                /// Changes a living peer.
                #[napi]
                pub fn update_peer(&mut self, peer: u32, changes: DriverPeerChanges) -> Result<()> {
                    let changes = changes.try_into()?;
                    let updated = self
                        .host
                        .call(move |context| context.engine.update_peer(PeerId(peer), changes, context.now));
                    updated.map_err(errors::gone)?.map_err(errors::update_peer)
                }

                /// Ends the peer's connections with this code and reason, then forgets it.
                #[napi]
                pub fn remove_peer(&mut self, peer: u32, code: i64, reason: String) {
                    self.host.post(move |context| {
                        context.engine.remove_peer(PeerId(peer), code as u64, &reason, context.now);
                    });
                }

                /// Makes a stranger a peer; gives its number.
                #[napi]
                pub fn authorize(&mut self, peer: DriverPeer) -> Result<u32> {
                    let peer = peer.try_into()?;
                    let added = self.host.call(move |context| context.engine.authorize(peer, context.now));
                    Ok(added.map_err(errors::gone)?.map_err(errors::add_peer)?.0)
                }

                /// Answers a stranger with no, in silence.
                #[napi]
                pub fn refuse(&mut self, public_key: String) -> Result<()> {
                    let key = peer::public_key(&public_key)?;
                    self.host.post(move |context| context.engine.refuse(&key, context.now));
                    Ok(())
                }

                /// Replaces the protocols of one peer, or of all that have none of their own (`peer` undefined);
                /// `protocols` undefined: the peer has none of its own any more. They count from the next hello on, of
                /// either end. A connection that comes up on an older hello is told the newer lists by itself; those
                /// that are up are told by `announce`.
                #[napi]
                pub fn set_protocols(
                    &mut self,
                    peer: Option<u32>,
                    protocols: Option<DriverProtocols>,
                ) -> Result<()> {
                    let protocols = protocols.map(Protocols::try_from).transpose()?;
                    self.host.post(move |context| {
                        context.engine.set_protocols(peer.map(PeerId), protocols, context.now);
                    });
                    Ok(())
                }

                /// Tells the peer on this connection which lists are this end's from now on. A peer whose generation is
                /// undefined skips it.
                #[napi]
                pub fn announce(&mut self, connection: u32, protocols: DriverProtocols) -> Result<()> {
                    let protocols = Protocols::try_from(protocols)?;
                    self.host.post(move |context| {
                        context.engine.announce(ConnectionId(connection), protocols.lists, context.now);
                    });
                    Ok(())
                }

                /// Another connection took the place of this one, which goes on with what it has: no dial is content
                /// with it, or refused for its sake.
                #[napi]
                pub fn supersede(&mut self, connection: u32) {
                    self.host.post(move |context| context.engine.supersede(ConnectionId(connection)));
                }

                /// Takes back `supersede`: the connection that took the place of this one is gone.
                #[napi]
                pub fn take_back(&mut self, connection: u32) {
                    self.host.post(move |context| context.engine.take_back(ConnectionId(connection)));
                }

                /// Gives up a dial. Where its connection is up already, the peer may send on it: `connected` tells of
                /// it, or has.
                #[napi]
                pub fn abandon_dial(&mut self, connection: u32) {
                    self.host.post(move |context| {
                        context.engine.abandon_dial(ConnectionId(connection), context.now);
                    });
                }

                /// Tells the peer that this end sends no more on a connection, once the peer holds all that was sent:
                /// `finished` there.
                #[napi]
                pub fn finish(&mut self, connection: u32) {
                    self.host.post(move |context| {
                        context.engine.finish(ConnectionId(connection), context.now);
                    });
                }

                /// Sends one IP packet; `false`: dropped, for a queue is full.
                #[napi]
                pub fn send_packet(&mut self, peer: u32, packet: &[u8]) -> bool {
                    self.host.send_packet(PeerId(peer), Bytes::copy_from_slice(packet))
                }

                /// Dials a peer with these protocols, which this dial offers whatever the lists say; undefined: for
                /// anything in the lists of both ends. Gives the connection's number, which may be that of a live one.
                /// Where the pair speaks a protocol that the peer alone offers, the dial ends with the cause
                /// 'peer-dials', and the peer is told that it has to dial (`dialRefused` there). `early`: where the
                /// dial may take what is to be sent before it is up, the event `early` says so.
                #[napi]
                pub fn connect(
                    &mut self,
                    peer: u32,
                    protocols: Option<Vec<String>>,
                    timeout: f64,
                    early: bool,
                ) -> Result<u32> {
                    let protocols =
                        protocols.map(|all| all.into_iter().map(String::into_boxed_str).collect());
                    let timeout = milliseconds(timeout);
                    let dialled = self.host.call(move |context| match early {
                        true => context.engine.connect_early(PeerId(peer), protocols, timeout, context.now),
                        false => context.engine.connect(PeerId(peer), protocols, timeout, context.now),
                    });
                    let (Dialled::New(connection) | Dialled::Live(connection)) =
                        dialled.map_err(errors::gone)?.map_err(errors::connect)?;
                    Ok(connection.0)
                }

                /// Takes an accepted connection out of those that are pending.
                #[napi]
                pub fn claim(&mut self, connection: u32) {
                    self.host.post(move |context| context.engine.claim(ConnectionId(connection)));
                }

                /// Delivers what was admitted for at most `grace` milliseconds, then closes.
                #[napi]
                pub fn close_connection(&mut self, connection: u32, code: i64, reason: String, grace: f64) {
                    self.host.post(move |context| {
                        let connection = ConnectionId(connection);
                        let grace = milliseconds(grace);
                        context.engine.close(connection, code as u64, &reason, grace, context.now);
                    });
                }

                /// Sends a message, a copy of `bytes`, under a number of the caller's, unique within the device. It is
                /// given up when `lifetime` milliseconds are over; undefined: never.
                #[napi]
                pub fn send_message(
                    &mut self,
                    connection: u32,
                    message: i64,
                    priority: u8,
                    lifetime: Option<f64>,
                    bytes: &[u8],
                ) {
                    self.send(connection, message, priority, lifetime, Bytes::copy_from_slice(bytes));
                }

                /// Gives a message up. `messageSettled` follows, with this reason unless the peer had it whole before.
                #[napi]
                pub fn cancel_message(
                    &mut self,
                    connection: u32,
                    message: i64,
                    #[napi(ts_arg_type = "'cancelled' | 'replaced'")] reason: String,
                ) -> Result<()> {
                    let reason = give_up(&reason)?;
                    self.host.post(move |context| {
                        let (connection, message) = (ConnectionId(connection), MessageId(message as u64));
                        context.engine.cancel_message(connection, message, reason, context.now);
                    });
                    Ok(())
                }

                /// Copies `bytes` once, for any number of messages; gives the number by which they are sent.
                #[napi]
                pub fn share(&mut self, bytes: &[u8]) -> u32 {
                    self.shares.add(Bytes::copy_from_slice(bytes))
                }

                /// Sends a message of shared bytes; does nothing if they are shared no more.
                #[napi]
                pub fn send_shared(
                    &mut self,
                    connection: u32,
                    message: i64,
                    priority: u8,
                    lifetime: Option<f64>,
                    share: u32,
                ) {
                    if let Some(bytes) = self.shares.get(share) {
                        self.send(connection, message, priority, lifetime, bytes);
                    }
                }

                /// Forgets shared bytes, which are freed when no queue holds them; messages that were sent of them are
                /// not concerned.
                #[napi]
                pub fn unshare(&mut self, share: u32) {
                    self.shares.remove(share);
                }

                /// Notes that messages of this lane with `bytes` in all were taken.
                #[napi]
                pub fn release_messages(&mut self, connection: u32, priority: u8, bytes: i64) {
                    self.host.post_quietly(bytes as usize, move |context| {
                        let connection = ConnectionId(connection);
                        context.engine.release_messages(connection, priority, bytes as usize, context.now);
                    });
                }

                /// Says whether anything here waits for room, or to hear that a message was delivered: else
                /// `laneDrained`, `streamDrained` and 'delivered' wake nobody, and come with others or some
                /// milliseconds later.
                #[napi]
                pub fn heed(&mut self, heeding: bool) {
                    self.host.heed(heeding);
                }

                /// Sends an unreliable datagram; `false`: dropped, for a queue is full, or it does not fit.
                #[napi]
                pub fn send_datagram(&mut self, connection: u32, bytes: &[u8]) -> bool {
                    self.host.send_datagram(ConnectionId(connection), Bytes::copy_from_slice(bytes))
                }

                /// The longest unreliable datagram, in bytes.
                #[napi]
                pub fn max_datagram_size(&mut self, connection: u32) -> u32 {
                    let size = self
                        .host
                        .ask(move |context| context.engine.max_datagram_size(ConnectionId(connection)));
                    size.unwrap_or(0) as u32
                }

                /// Opens a byte stream under a number of the caller's: an even one, unique within the device.
                #[napi]
                pub fn open_stream(
                    &mut self,
                    connection: u32,
                    stream: i64,
                    bidirectional: bool,
                    priority: u8,
                    name: Option<String>,
                ) -> Result<()> {
                    let name = StreamName::new(&name.unwrap_or_default())
                        .ok_or_else(|| errors::invalid("name", "longer than 255 bytes"))?;
                    self.host.post(move |context| {
                        let (connection, stream) = (ConnectionId(connection), StreamId(stream as u64));
                        context.engine.open_stream(connection, stream, bidirectional, priority, name);
                    });
                    Ok(())
                }

                /// Writes a copy of `chunk`.
                #[napi]
                pub fn write_stream(&mut self, stream: i64, chunk: &[u8]) {
                    let chunk = Bytes::copy_from_slice(chunk);
                    self.host.send(chunk.len(), move |context| {
                        context.engine.write_stream(StreamId(stream as u64), chunk);
                    });
                }

                /// Finishes the stream: nothing more will be written.
                #[napi]
                pub fn finish_stream(&mut self, stream: i64) {
                    self.host.post(move |context| {
                        context.engine.finish_stream(StreamId(stream as u64));
                    });
                }

                /// Resets the stream: takes back what was written and not delivered.
                #[napi]
                pub fn reset_stream(&mut self, stream: i64, code: i64) {
                    self.host.post(move |context| {
                        context.engine.reset_stream(StreamId(stream as u64), code as u64, context.now);
                    });
                }

                /// Ends the stream if the peer has acknowledged everything that was written; else it is as
                /// `resetStream`.
                #[napi]
                pub fn leave_stream(&mut self, stream: i64, code: i64) {
                    self.host.post(move |context| {
                        context.engine.leave_stream(StreamId(stream as u64), code as u64, context.now);
                    });
                }

                /// Stops the stream: nothing more is wanted.
                #[napi]
                pub fn stop_stream(&mut self, stream: i64, code: i64) {
                    self.host.post(move |context| {
                        context.engine.stop_stream(StreamId(stream as u64), code as u64, context.now);
                    });
                }

                /// Sets the priority with which the stream's data leaves from now on.
                #[napi]
                pub fn set_stream_priority(&mut self, stream: i64, priority: u8) {
                    self.host.post(move |context| {
                        context.engine.set_stream_priority(StreamId(stream as u64), priority);
                    });
                }

                /// Allows the peer so many further bytes of data. From the first grant on, be it of 0, the stream's end
                /// is told once nothing lies before it.
                #[napi]
                pub fn grant_stream(&mut self, stream: i64, bytes: i64) {
                    self.host.post(move |context| {
                        context.engine.grant_stream(StreamId(stream as u64), bytes as u64, context.now);
                    });
                }

                /// Figures of the device, by name.
                #[napi(ts_return_type = "object")]
                pub fn stats<'env>(&mut self, env: &'env Env) -> Result<DeviceFigures<'env>> {
                    let entries = self.host.ask(|context| stats::device(&context.engine.stats(), context.io));
                    stats::object(env, entries.map_err(errors::gone)?)
                }

                /// Figures of a peer, by name; nothing if there is no such peer.
                #[napi(ts_return_type = "object | null")]
                pub fn peer_stats<'env>(
                    &mut self,
                    env: &'env Env,
                    peer: u32,
                ) -> Result<Option<PeerFigures<'env>>> {
                    let entries = self.host.ask(move |context| {
                        let stats = context.engine.peer_stats(PeerId(peer))?;
                        Some(stats::peer(&stats, context.now))
                    });
                    entries.map_err(errors::gone)?.map(|entries| stats::object(env, entries)).transpose()
                }

                /// Figures of a connection, by name; nothing if there is no such connection.
                #[napi(ts_return_type = "object | null")]
                pub fn connection_stats<'env>(
                    &mut self,
                    env: &'env Env,
                    connection: u32,
                ) -> Result<Option<ConnectionFigures<'env>>> {
                    let entries = self.host.ask(move |context| {
                        let stats = context.engine.connection_stats(ConnectionId(connection), context.now)?;
                        Some(stats::connection(&stats))
                    });
                    entries.map_err(errors::gone)?.map(|entries| stats::object(env, entries)).transpose()
                }

                /// Endpoint of a peer's tunnel, or the one about to be tried: `ip:port`, `[v6]:port` or
                /// `[v6%number]:port`.
                #[napi]
                pub fn peer_endpoint(&mut self, peer: u32) -> Option<String> {
                    let endpoint =
                        self.host.ask(move |context| context.engine.peer_stats(PeerId(peer))?.endpoint);
                    endpoint.ok().flatten().map(|endpoint| endpoint.to_string())
                }

                /// Figures of each lane that was ever used, lowest first; nothing if there is no such connection. Also
                /// of a connection that has ended, until 256 others have.
                #[napi]
                pub fn lane_stats(&mut self, connection: u32) -> Result<Option<Vec<LaneFigures>>> {
                    let lanes = self
                        .host
                        .ask(move |context| context.engine.lane_stats(ConnectionId(connection), context.now));
                    Ok(lanes
                        .map_err(errors::gone)?
                        .map(|lanes| lanes.iter().map(LaneFigures::from).collect()))
                }

                /// Figures of lanes, summed over all connections that the device has and had.
                #[napi]
                pub fn device_lanes(&mut self) -> Result<Vec<LaneFigures>> {
                    let lanes = self.host.ask(move |context| context.engine.device_lanes(context.now));
                    Ok(lanes.map_err(errors::gone)?.iter().map(LaneFigures::from).collect())
                }

                /// Figures of lanes, summed over all connections that a peer has and had; nothing if there is no such
                /// peer.
                #[napi]
                pub fn peer_lanes(&mut self, peer: u32) -> Result<Option<Vec<LaneFigures>>> {
                    let lanes =
                        self.host.ask(move |context| context.engine.peer_lanes(PeerId(peer), context.now));
                    let lanes = lanes.map_err(errors::gone)?;
                    Ok(lanes.map(|lanes| lanes.iter().map(LaneFigures::from).collect()))
                }
            }

            impl $device {
                fn send(
                    &mut self,
                    connection: u32,
                    message: i64,
                    priority: u8,
                    lifetime: Option<f64>,
                    bytes: Bytes,
                ) {
                    let lifetime = lifetime.map(milliseconds);
                    self.host.send(bytes.len(), move |context| {
                        let (connection, message) = (ConnectionId(connection), MessageId(message as u64));
                        let (engine, now) = (context.engine, context.now);
                        engine.send_message(connection, message, priority, lifetime, bytes, now);
                    });
                }
            }
        }
    };
}

pub(crate) use commands;
