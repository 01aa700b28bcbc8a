//! The one `unsafe` of this crate, small enough for Miri. What it leaves behind is seen in `tests/memory.rs`.

use boringtun::noise::Tunn;

use super::Wiped;
use crate::keys::PrivateKey;

#[test]
fn a_tunnel_is_dropped_once_and_its_memory_is_overwritten_in_full() {
    let (own, other) = (PrivateKey::from_bytes([1; 32]), PrivateKey::from_bytes([2; 32]));
    let make = || {
        Wiped::new(Tunn::new(own.secret().clone(), other.public_key().point(), Some([3; 32]), None, 1, None))
    };
    let mut tunnels = vec![make(), make(), make()];
    tunnels.swap(0, 2);
    // Used through the wrapper, moved, dropped by hand and by its owner.
    assert_eq!(tunnels[0].time_since_last_handshake(), None);
    drop(tunnels.pop());
}
