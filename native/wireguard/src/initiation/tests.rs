//! Our opening of initiations against boringtun's making of them.

use std::time::{Duration, Instant};

use super::{Opener, Timestamp, field};
use crate::constants::INITIATION_LENGTH;
use crate::index_table::TunnelIndex;
use crate::keys::{PrivateKey, PublicKey};
use crate::tunnel::{Clock, Identity, Tunnel};

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes([number; 32])
}

fn tunnel(clock: Clock, now: Instant) -> Tunnel {
    let identity = Identity::new(key(1), clock, now);
    Tunnel::new(&identity, &key(2).public_key(), None, TunnelIndex(7), clock, None, now)
}

fn opened(message: &[u8; INITIATION_LENGTH]) -> (PublicKey, Timestamp) {
    let opener = Opener::new(&key(2));
    let claim = opener.claim(message).expect("it is for us");
    let timestamp = Opener::prove(&claim, message, &opener.shared(&claim.public_key)).expect("it is proven");
    (claim.public_key, timestamp)
}

#[test]
fn an_initiation_opens_to_its_makers_key_and_with_no_other() {
    let now = warren_testing::start();
    let message = tunnel(Clock::new(now), now).initiate(&mut None, now).expect("an initiation");
    assert_eq!(opened(&message).0, key(1).public_key());
    assert!(Opener::new(&key(3)).claim(&message).is_err());
    let opener = Opener::new(&key(2));
    let claim = opener.claim(&message).expect("it is for us");
    assert!(Opener::prove(&claim, &message, &opener.shared(&key(3).public_key())).is_err());
}

#[test]
fn timestamps_rise_with_our_time_across_tunnels_and_devices_and_are_rounded() {
    let mut now = warren_testing::start();
    let mut last = Timestamp::default();
    for device in 0..3 {
        let clock = Clock::new(now);
        for _ in 0..4 {
            let mut tunnel = tunnel(clock, now);
            for pause in [20, 5_000, 86_400_000] {
                now += Duration::from_millis(pause);
                // A series of 90 s is given up, and its tunnel with it.
                if tunnel.fit_for_handshake(now) {
                    let message = tunnel.initiate(&mut None, now).expect("an initiation");
                    let timestamp = opened(&message).1;
                    assert!(timestamp > last, "device {device}: {timestamp:?} after {last:?}");
                    last = timestamp;
                    let fraction = u32::from_be_bytes(field(&timestamp.0, 8)) % (1 << 24);
                    // The rest is the time between two readings of the wall clock.
                    assert!(fraction <= 100_000 || fraction > 0xff_0000, "{fraction}");
                }
            }
        }
    }
}
