//! The two MACs of handshake messages, and cookies for when there are too many (whitepaper sections 5.3 and 5.4.7).

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Mac};
use blake2::{Blake2s256, Blake2sMac, Digest};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::constants::{COOKIE_REPLY, COOKIE_REPLY_LENGTH, COOKIE_SECRET_TIME};
use crate::initiation::field;
use crate::keys::PublicKey;
use crate::random::Random;

/// Checks both MACs, and answers with cookies.
///
/// A cookie proves that its sender receives at an address and port; the secret behind it changes every 2 minutes.
pub(crate) struct Cookies {
    mac1_key: [u8; 32],
    reply_key: [u8; 32],
    secret: Zeroizing<[u8; 32]>,
    secret_made: Instant,
}

impl Cookies {
    pub(crate) fn new(own: &PublicKey, random: &mut Random, now: Instant) -> Self {
        let labelled = |label: &[u8]| {
            Blake2s256::new().chain_update(label).chain_update(own.as_bytes()).finalize().into()
        };
        Self {
            mac1_key: labelled(b"mac1----"),
            reply_key: labelled(b"cookie--"),
            secret: Zeroizing::new(random.bytes()),
            secret_made: now,
        }
    }

    /// Whether the sender knows our public key: without that nobody gets an answer.
    pub(crate) fn knows_us(&self, message: &[u8]) -> bool {
        let (signed, mac1, _) = split(message);
        mac(&self.mac1_key, &[signed]).verify_slice(mac1).is_ok()
    }

    /// Whether the sender showed that it receives where it sends from.
    pub(crate) fn returned(
        &mut self,
        message: &[u8],
        from: SocketAddr,
        random: &mut Random,
        now: Instant,
    ) -> bool {
        let (signed, mac1, mac2) = split(message);
        if !has_cookie(message) {
            return false;
        }
        let cookie = self.cookie(from, random, now);
        mac(&cookie, &[signed, mac1]).verify_slice(mac2).is_ok()
    }

    /// The message that gives the sender its cookie.
    pub(crate) fn reply(
        &mut self,
        message: &[u8],
        from: SocketAddr,
        random: &mut Random,
        now: Instant,
    ) -> [u8; COOKIE_REPLY_LENGTH] {
        let (_, mac1, _) = split(message);
        let mut cookie = self.cookie(from, random, now);
        let nonce: [u8; 24] = *random.bytes().first_chunk().expect("24 of 32 bytes");
        let tag = XChaCha20Poly1305::new(&self.reply_key.into())
            .encrypt_in_place_detached(XNonce::from_slice(&nonce), mac1, &mut cookie)
            .expect("16 bytes are far below the cipher's limit");
        let mut reply = [0; COOKIE_REPLY_LENGTH];
        reply[..4].copy_from_slice(&COOKIE_REPLY.to_le_bytes());
        reply[4..8].copy_from_slice(&message[4..8]);
        reply[8..32].copy_from_slice(&nonce);
        reply[32..48].copy_from_slice(&cookie);
        reply[48..].copy_from_slice(&tag);
        reply
    }

    fn cookie(&mut self, from: SocketAddr, random: &mut Random, now: Instant) -> [u8; 16] {
        if now.duration_since(self.secret_made) >= COOKIE_SECRET_TIME {
            self.secret = Zeroizing::new(random.bytes());
            self.secret_made = now;
        }
        let address = match from.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped(),
            IpAddr::V6(v6) => v6,
        };
        mac(&*self.secret, &[&address.octets(), &from.port().to_be_bytes()]).finalize_fixed().into()
    }
}

/// Opens a cookie reply with the first MAC of the message that it answers; gives the cookie.
pub(crate) fn open_reply(
    reply: &[u8; COOKIE_REPLY_LENGTH],
    from: &PublicKey,
    mac1: &[u8; 16],
) -> Option<[u8; 16]> {
    let key: [u8; 32] =
        Blake2s256::new().chain_update(b"cookie--").chain_update(from.as_bytes()).finalize().into();
    let mut cookie: [u8; 16] = field(reply, 32);
    XChaCha20Poly1305::new(&key.into())
        .decrypt_in_place_detached(
            XNonce::from_slice(&reply[8..32]),
            mac1,
            &mut cookie,
            &Tag::from(field::<16>(reply, 48)),
        )
        .ok()?;
    Some(cookie)
}

/// Lets a handshake message return a cookie.
pub(crate) fn give_back(cookie: &[u8; 16], message: &mut [u8]) {
    let (signed, mac2) = message.split_at_mut(message.len() - 16);
    mac2.copy_from_slice(&mac(cookie, &[signed]).finalize_fixed());
}

/// The first MAC of a handshake message.
pub(crate) fn mac1(message: &[u8]) -> [u8; 16] {
    field(split(message).1, 0)
}

/// Whether a handshake message says that it returns a cookie.
pub(crate) fn has_cookie(message: &[u8]) -> bool {
    split(message).2 != [0; 16]
}

/// Splits a message into the bytes that mac1 signs, mac1, and mac2, which signs both.
fn split(message: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (signed, macs) = message.split_at(message.len() - 32);
    let (mac1, mac2) = macs.split_at(16);
    (signed, mac1, mac2)
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Blake2sMac<U16> {
    let mut mac =
        <Blake2sMac<U16> as KeyInit>::new_from_slice(key).expect("BLAKE2s takes keys of up to 32 bytes");
    parts.iter().for_each(|part| Mac::update(&mut mac, part));
    mac
}
