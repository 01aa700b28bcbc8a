//! Connection IDs and the keys of the endpoint, none of them from the operating system.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac256, Digest};
use quinn_proto::crypto::{AeadKey, CryptoError, HandshakeTokenKey, HmacKey};
use quinn_proto::{ConnectionId, ConnectionIdGenerator};
use zeroize::{Zeroize, Zeroizing};

use crate::config::Config;
use crate::grease::Grease;

/// Secrets behind a node's connection IDs, reset tokens and endpoints; wiped when dropped.
pub(crate) struct Secrets {
    pub(crate) ids: ConnectionIds,
    pub(crate) reset_key: ResetKey,
    seed: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// Takes the secrets out of the configuration, and leaves none there.
    pub(crate) fn take(config: &mut Config) -> Self {
        let taken = |key: &mut [u8; 32]| {
            let secret = Zeroizing::new(*key);
            key.zeroize();
            secret
        };
        Self {
            ids: ConnectionIds::new(taken(&mut config.cid_key), config.incarnation),
            reset_key: ResetKey(taken(&mut config.reset_key)),
            seed: taken(&mut config.seed),
        }
    }

    /// The seed of the `number`th endpoint that is made, for a peer.
    pub(crate) fn endpoint_seed(&self, peer: u32, number: u64) -> [u8; 32] {
        let mut digest = Blake2s256::new();
        Digest::update(&mut digest, *self.seed);
        Digest::update(&mut digest, peer.to_le_bytes());
        Digest::update(&mut digest, number.to_le_bytes());
        digest.finalize().into()
    }

    /// The meaningless parts of the `number`th connection.
    pub(crate) fn grease(&self, number: u32) -> Grease {
        let mut digest = Blake2s256::new();
        Digest::update(&mut digest, b"grease");
        Digest::update(&mut digest, *self.seed);
        Digest::update(&mut digest, number.to_le_bytes());
        Grease::new(digest.finalize().into())
    }
}

/// Draws the connection IDs of all endpoints of a node from a secret, the incarnation and a counter.
#[derive(Clone)]
pub(crate) struct ConnectionIds {
    key: Zeroizing<[u8; 32]>,
    incarnation: u64,
    drawn: Arc<AtomicU64>,
}

impl ConnectionIds {
    fn new(key: Zeroizing<[u8; 32]>, incarnation: u64) -> Self {
        Self { key, incarnation, drawn: Arc::default() }
    }

    pub(crate) fn draw(&self) -> ConnectionId {
        let number = self.drawn.fetch_add(1, Ordering::Relaxed);
        let digest = keyed(&self.key, &[&self.incarnation.to_le_bytes(), &number.to_le_bytes()]);
        ConnectionId::new(&digest[..LENGTH])
    }
}

impl ConnectionIdGenerator for ConnectionIds {
    fn generate_cid(&mut self) -> ConnectionId {
        self.draw()
    }

    fn cid_len(&self) -> usize {
        LENGTH
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

/// Makes stateless reset tokens (RFC 9000 section 10.3.2).
#[derive(Clone)]
pub(crate) struct ResetKey(Zeroizing<[u8; 32]>);

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(&keyed(&self.0, &[data]));
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        if keyed(&self.0, &[data]) == *signature { Ok(()) } else { Err(CryptoError) }
    }
}

/// No address validation tokens: none is given, none is believed.
pub(crate) struct NoTokens;

impl HandshakeTokenKey for NoTokens {
    fn aead_from_hkdf(&self, _random_bytes: &[u8]) -> Box<dyn AeadKey> {
        Box::new(Self)
    }
}

impl AeadKey for NoTokens {
    fn seal(&self, _data: &mut Vec<u8>, _additional_data: &[u8]) -> Result<(), CryptoError> {
        Err(CryptoError)
    }

    fn open<'a>(&self, _data: &'a mut [u8], _additional_data: &[u8]) -> Result<&'a mut [u8], CryptoError> {
        Err(CryptoError)
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Blake2sMac256::new(&(*key).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize_fixed().into()
}

/// Long enough that no two of a node's connections share one by chance, short enough to cost little in each packet.
pub(crate) const LENGTH: usize = 8;
