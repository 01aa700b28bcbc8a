//! Opening a handshake initiation ourselves, before anything believes the key in it.
//!
//! boringtun's `parse_handshake_anon` stops at the encrypted static key, which anyone can put there who knows our
//! public key. Only the encrypted timestamp behind it proves possession (whitepaper section 5.4.2).

use blake2::{Blake2s256, Digest};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce, Tag};
use hmac::{Mac, SimpleHmac};
use zeroize::Zeroizing;

use crate::constants::INITIATION_LENGTH;
use crate::keys::{KEY_LENGTH, PrivateKey, PublicKey};

type Hash = [u8; 32];
type Secret = Zeroizing<[u8; 32]>;

/// Diffie-Hellman of the two static keys; cached per peer, since it is half of the work of opening.
#[derive(Clone)]
pub(crate) struct StaticShared(Secret);

/// Time at which an initiation was made, by its maker's clock (TAI64N: big-endian, so that bytes compare like times).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp(pub(crate) [u8; 12]);

/// Public key that an initiation claims, not yet proven.
pub(crate) struct Claim {
    pub(crate) public_key: PublicKey,
    chaining_key: Secret,
    hash: Hash,
}

/// The message does not open with our key, or with the key that it claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unopened;

/// The responder's half of the first message.
pub(crate) struct Opener {
    private_key: PrivateKey,
    /// HASH(CONSTRUCTION), and HASH(HASH(that || IDENTIFIER) || our public key).
    chaining_key: Hash,
    hash: Hash,
}

impl Opener {
    pub(crate) fn new(private_key: &PrivateKey) -> Self {
        let chaining_key = hash(CONSTRUCTION, &[]);
        let start = hash(&hash(&chaining_key, IDENTIFIER), private_key.public_key().as_bytes());
        Self { private_key: private_key.clone(), chaining_key, hash: start }
    }

    /// Our static secret and a peer's static key.
    pub(crate) fn shared(&self, peer: &PublicKey) -> StaticShared {
        StaticShared(self.diffie_hellman(peer))
    }

    /// First half, one Diffie-Hellman: which key the message claims to come from.
    pub(crate) fn claim(&self, message: &[u8; INITIATION_LENGTH]) -> Result<Claim, Unopened> {
        let ephemeral = PublicKey::from_bytes(field::<KEY_LENGTH>(message, 8));
        if ephemeral.is_low_order() {
            return Err(Unopened);
        }
        let after_ephemeral = hash(&self.hash, ephemeral.as_bytes());
        let chaining_key = derive_one(&self.chaining_key, ephemeral.as_bytes());
        let (chaining_key, key) = derive_two(&chaining_key, &*self.diffie_hellman(&ephemeral));
        let mut public_key = field::<KEY_LENGTH>(message, 40);
        open(&key, &after_ephemeral, &mut public_key, field(message, 72))?;
        let hash = hash(&after_ephemeral, &message[40..88]);
        Ok(Claim { public_key: PublicKey::from_bytes(public_key), chaining_key, hash })
    }

    /// Second half: whether the maker holds the key it claims, and when it made the message.
    pub(crate) fn prove(
        claim: &Claim,
        message: &[u8; INITIATION_LENGTH],
        shared: &StaticShared,
    ) -> Result<Timestamp, Unopened> {
        let (_, key) = derive_two(&claim.chaining_key, &*shared.0);
        let mut timestamp = field::<12>(message, 88);
        open(&key, &claim.hash, &mut timestamp, field(message, 100))?;
        Ok(Timestamp(timestamp))
    }

    fn diffie_hellman(&self, public_key: &PublicKey) -> Secret {
        Zeroizing::new(self.private_key.secret().diffie_hellman(&public_key.point()).to_bytes())
    }
}

/// The bytes of a message from `at` on; its length was looked at before.
pub(crate) fn field<const N: usize>(message: &[u8], at: usize) -> [u8; N] {
    *message[at..].first_chunk().expect("every field lies within the least length of its message")
}

fn hash(a: &[u8], b: &[u8]) -> Hash {
    Blake2s256::new().chain_update(a).chain_update(b).finalize().into()
}

/// KDF1 of whitepaper section 5.4.
fn derive_one(chaining_key: &Hash, input: &[u8]) -> Secret {
    hmac(&hmac(chaining_key, &[input]), &[&[1]])
}

/// KDF2 of whitepaper section 5.4.
fn derive_two(chaining_key: &Hash, input: &[u8]) -> (Secret, Secret) {
    let extracted = hmac(chaining_key, &[input]);
    let first = hmac(&extracted, &[&[1]]);
    let second = hmac(&extracted, &[&*first, &[2]]);
    (first, second)
}

fn hmac(key: &Hash, parts: &[&[u8]]) -> Secret {
    let mut mac =
        <SimpleHmac<Blake2s256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn open(key: &Secret, associated: &Hash, text: &mut [u8], tag: [u8; 16]) -> Result<(), Unopened> {
    ChaCha20Poly1305::new((&**key).into())
        .decrypt_in_place_detached(&Nonce::default(), associated, text, &Tag::from(tag))
        .map_err(|_| Unopened)
}

/// Whitepaper section 5.4.
const CONSTRUCTION: &[u8] = b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
const IDENTIFIER: &[u8] = b"WireGuard v1 zx2c4 Jason@zx2c4.com";

#[cfg(test)]
mod tests;
