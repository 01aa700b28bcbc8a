//! Nodes with fixed names, and instants.

use std::net::SocketAddr;
use std::time::Instant;

use warren_engine::{Config, Ecn, Engine, Limits, Path, PeerConfig, PrivateKey, TransmitBatch};

use crate::meter::outside;

pub(crate) fn key(n: u8) -> PrivateKey {
    PrivateKey::from_bytes([n + 1; 32])
}

pub(crate) fn at(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 1000 + u16::from(n)))
}

pub(crate) fn path(remote: SocketAddr) -> Path {
    Path { remote, local: None }
}

pub(crate) fn peer_config(n: u8) -> PeerConfig {
    PeerConfig::new(key(n).public_key(), Some(at(n)))
}

/// Limits far below the defaults, so that a short input reaches them.
pub(crate) fn config(n: u8, life: u8) -> Config {
    let incarnation = u64::from(n) << 8 | u64::from(life);
    Config {
        protocols: vec!["test".into()].into(),
        authorize: true,
        limits: Limits {
            peers: 8,
            pending_authorizations: 2,
            handshakes_per_second: 100,
            message_bytes: 64 << 10,
            receive_bytes_per_connection: 128 << 10,
            streams_per_connection: 32,
            pending_connections: 4,
            packet_bytes_per_peer: 16 << 10,
        },
        ..Config::new(key(n), incarnation, [n ^ life.rotate_left(4); 32])
    }
}

pub(crate) fn engine(config: Config, now: Instant) -> Engine {
    Engine::new(config, now).expect("a good configuration")
}

/// Gives an engine one datagram.
pub(crate) fn give(engine: &mut Engine, from: SocketAddr, datagram: &[u8], now: Instant) {
    let mut bytes = outside(|| datagram.to_vec());
    engine.handle_datagrams(path(from), Ecn::NotEct, bytes.len(), &mut bytes, now);
}

/// Everything an engine has to send now.
pub(crate) fn transmits(engine: &mut Engine, now: Instant) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut batch = outside(|| TransmitBatch::with_capacity(16));
    let mut sent = Vec::new();
    loop {
        batch.clear();
        engine.poll_transmit(&mut batch, now);
        if batch.is_empty() {
            engine.check_progress().expect("no connection stands still");
            return sent;
        }
        assert!(sent.len() < 100_000, "an engine that never comes to rest");
        outside(|| {
            sent.extend(batch.datagrams().map(|(path, datagram)| (path.remote, datagram.to_vec())));
        });
    }
}

/// Does what is due by `now`.
pub(crate) fn expire(engine: &mut Engine, now: Instant) {
    let mut turns = 0;
    while let Some((_, reason)) = engine.poll_timeout().filter(|(at, _)| *at <= now) {
        turns += 1;
        assert!(turns < 1_000, "the deadline \"{reason}\" stays in the past");
        engine.handle_timeout(now);
    }
}

pub(crate) const VICTIM: u8 = 0;
