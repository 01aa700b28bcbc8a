//! What strangers can send, made before the flood begins.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, KeyInit, Update};
use blake2::{Blake2s256, Blake2sMac, Digest};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// What a flood consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Initiations with a right first MAC, as anyone can make who knows the public key; each costs a Diffie-Hellman to
    /// find out.
    Initiations,
    /// Initiations whose first MAC is wrong.
    WrongMac,
    /// Data for sessions that do not exist, some of it as long as a datagram can be.
    Data,
    /// All that is no message: empty, too short, too long, of unknown types, with reserved bytes set.
    Malformed,
    /// All of these.
    Mixed,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "initiations" => Ok(Kind::Initiations),
            "wrong-mac" => Ok(Kind::WrongMac),
            "data" => Ok(Kind::Data),
            "malformed" => Ok(Kind::Malformed),
            "mixed" => Ok(Kind::Mixed),
            _ => Err(format!("{name} is none of initiations, wrong-mac, data, malformed, mixed")),
        }
    }
}

pub(crate) fn public_key(text: &str) -> Result<[u8; 32], String> {
    let bytes = STANDARD.decode(text).map_err(|error| error.to_string())?;
    bytes.try_into().map_err(|_| format!("{text} is no key"))
}

/// Enough of them that they stay apart from each other for as long as anything is remembered of them.
pub(crate) fn make(kind: Kind, victim: &[u8; 32]) -> Vec<Vec<u8>> {
    let mut rng = Pcg64::seed_from_u64(7);
    let mac1_key: [u8; 32] =
        Blake2s256::new().chain_update(b"mac1----").chain_update(victim).finalize().into();
    (0..COUNT)
        .map(|at| match kind {
            Kind::Initiations => initiation(&mut rng, &mac1_key),
            Kind::WrongMac => initiation(&mut rng, &[7; 32]),
            Kind::Data => data(&mut rng, at),
            Kind::Malformed => malformed(&mut rng, at),
            Kind::Mixed => match at % 4 {
                0 => initiation(&mut rng, &mac1_key),
                1 => initiation(&mut rng, &[7; 32]),
                2 => data(&mut rng, at),
                _ => malformed(&mut rng, at),
            },
        })
        .collect()
}

fn initiation(rng: &mut Pcg64, mac1_key: &[u8; 32]) -> Vec<u8> {
    let mut message = random(rng, 148);
    message[..4].copy_from_slice(&[1, 0, 0, 0]);
    let mut mac = Blake2sMac::<U16>::new(mac1_key.into());
    Update::update(&mut mac, &message[..116]);
    message[116..132].copy_from_slice(&mac.finalize_fixed());
    message[132..].fill(0);
    message
}

fn data(rng: &mut Pcg64, at: usize) -> Vec<u8> {
    let length = if at % 512 == 2 { LONGEST } else { 32 + rng.next_u32() as usize % 90 * 16 };
    let mut message = random(rng, length);
    message[..4].copy_from_slice(&[4, 0, 0, 0]);
    message
}

fn malformed(rng: &mut Pcg64, at: usize) -> Vec<u8> {
    let length = match at % 512 {
        3 => LONGEST,
        at if at % 8 == 0 => 0,
        _ => 1 + rng.next_u32() as usize % 200,
    };
    let mut message = random(rng, length);
    let kinds: [[u8; 4]; 6] = [[0; 4], [1, 0, 0, 1], [2, 0, 1, 0], [5, 0, 0, 0], [4, 1, 0, 0], [255; 4]];
    let kind = kinds[rng.next_u32() as usize % kinds.len()];
    let start = length.min(4);
    message[..start].copy_from_slice(&kind[..start]);
    message
}

fn random(rng: &mut Pcg64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    rng.fill_bytes(&mut bytes);
    bytes
}

const COUNT: usize = 8_192;

/// Of a UDP datagram over IPv4.
const LONGEST: usize = 65_507;
