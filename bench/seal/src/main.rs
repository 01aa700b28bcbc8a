//! How fast one core seals and opens packets with ChaCha20-Poly1305, in the library that the tunnel uses.
//!
//! Prints one JSON object: `packetBytes`, `sealNanoseconds`, `openNanoseconds`, the last two for one packet.

use std::hint::black_box;
use std::time::Instant;

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::error::Unspecified;

fn main() -> Result<(), Unspecified> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, &[7; 32])?);
    measure(&key)?;
    let (seal, open) = measure(&key)?;
    println!(
        "{{\"packetBytes\":{PACKET_BYTES},\"sealNanoseconds\":{seal:.1},\"openNanoseconds\":{open:.1}}}"
    );
    Ok(())
}

/// Nanoseconds to seal and to open one packet.
fn measure(key: &LessSafeKey) -> Result<(f64, f64), Unspecified> {
    let nonce = || Nonce::assume_unique_for_key([0; 12]);
    let mut packet = vec![0; PACKET_BYTES];

    let started = Instant::now();
    for _ in 0..PACKETS {
        let _ = black_box(key.seal_in_place_separate_tag(nonce(), Aad::empty(), black_box(&mut packet))?);
    }
    let seal = nanoseconds_each(started);

    let mut sealed = vec![0; PACKET_BYTES];
    let tag = key.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut sealed)?;
    sealed.extend_from_slice(tag.as_ref());
    let mut received = sealed.clone();
    let started = Instant::now();
    for _ in 0..PACKETS {
        received.copy_from_slice(&sealed);
        black_box(key.open_in_place(nonce(), Aad::empty(), black_box(&mut received))?);
    }
    Ok((seal, nanoseconds_each(started)))
}

fn nanoseconds_each(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e9 / PACKETS as f64
}

/// An inner packet of the default tunnel MTU.
const PACKET_BYTES: usize = 1420;
const PACKETS: usize = 300_000;
