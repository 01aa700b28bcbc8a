//! Nodes by their numbers, as all rigs of this crate's tests name them: address, key and configuration.

use std::net::SocketAddr;

use rand::SeedableRng;
use warren_engine::{Config, PeerConfig, PrivateKey};

/// The address of node `n`.
pub(crate) fn at(n: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 1000 + n))
}

pub(crate) fn key(n: u16) -> PrivateKey {
    PrivateKey::generate(&mut rand::rngs::StdRng::seed_from_u64(u64::from(n) + 1))
}

/// Defaults but for one protocol.
pub(crate) fn configured(n: u16, incarnation: u64, seed: [u8; 32]) -> Config {
    Config { protocols: vec!["test/1".into()].into(), ..Config::new(key(n), incarnation, seed) }
}

pub(crate) fn peer_config(n: u16) -> PeerConfig {
    PeerConfig::new(key(n).public_key(), Some(at(n)))
}
