//! Handshakes: who may begin them, when, and what comes of it.

use warren_wireguard::{Event, Sent};

use crate::node::*;

#[test]
fn a_packet_starts_a_handshake_and_arrives_after_one_and_a_half_round_trips() {
    let mut pair = Pair::new();
    let began = pair.world.now();
    assert_eq!(pair.send_a(b"hello"), Sent::Staged);
    pair.world.run_until(SECOND, |world| !world.node(address(2)).received.is_empty());
    assert_eq!(texts(pair.node_b()), [b"hello"]);
    assert_eq!(pair.node_b().received[0].0 - began, 60 * MILLISECOND);
    assert!(
        matches!(pair.node_a().events[0].1, Event::Up { handshake, .. } if handshake == 40 * MILLISECOND)
    );
    assert!(
        matches!(pair.node_b().events[0].1, Event::Up { handshake, .. } if handshake == 40 * MILLISECOND)
    );
    assert!(matches!(pair.send_b(b"back"), Sent::Sealed(path) if path.remote == pair.a));
    pair.world.run_for(SECOND);
    assert_eq!(texts(pair.node_a()), [b"back"]);
    assert_eq!((pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(INITIATION)), (1, 0));
}
