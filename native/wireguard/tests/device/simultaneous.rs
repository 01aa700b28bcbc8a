//! Both ends dial at once.

use warren_testing::Link;
use warren_wireguard::Event;

use crate::node::*;

#[test]
fn both_initiations_are_answered_and_data_flows_within_one_and_a_half_round_trips() {
    let mut pair = Pair::new();
    pair.send_a(b"from a");
    pair.send_b(b"from b");
    let took = pair.world.run_until(SECOND, |world| world.nodes().all(|(_, node)| !node.received.is_empty()));
    assert_eq!(took, 60 * MILLISECOND);
    pair.world.run_for(60 * SECOND);
    assert_eq!((pair.node_a().sent_of(INITIATION), pair.node_b().sent_of(INITIATION)), (1, 1));
    assert_eq!((pair.node_a().sent_of(RESPONSE), pair.node_b().sent_of(RESPONSE)), (1, 1));
}

#[test]
fn the_end_with_the_greater_key_lets_the_other_renew_so_that_one_session_is_left() {
    let mut pair = Pair::new();
    pair.send_a(b"from a");
    pair.send_b(b"from b");
    for _ in 0..400 {
        pair.world.run_for(SECOND);
        pair.send_a(b"more from a");
        pair.send_b(b"more from b");
    }
    pair.world.run_for(SECOND);
    assert_eq!((pair.node_a().received.len(), pair.node_b().received.len()), (401, 401));
    let greater = if key(1).public_key() > key(2).public_key() { pair.node_a() } else { pair.node_b() };
    assert_eq!(greater.sent_of(INITIATION), 1, "only the first");
    let total = pair.node_a().sent_of(INITIATION) + pair.node_b().sent_of(INITIATION);
    assert_eq!(total, 2 + 3, "one every 120 s");
}

#[test]
fn simultaneous_dials_with_loss_end_in_a_working_tunnel_without_a_storm() {
    for seed in 0..40 {
        let mut pair = Pair::seeded(seed);
        let lossy = Link { loss: 0.3, jitter: 10 * MILLISECOND, ..Link::with_latency(20 * MILLISECOND) };
        pair.world.network.set_default(lossy);
        pair.send_a(b"from a");
        pair.send_b(b"from b");
        for _ in 0..60 {
            pair.world.run_for(SECOND);
            pair.send_a(b"more");
            pair.send_b(b"more");
        }
        let (a, b) = (pair.node_a(), pair.node_b());
        assert!(a.received.len() > 20 && b.received.len() > 20, "{} {}", a.received.len(), b.received.len());
        for node in [a, b] {
            let times = node.times_of(INITIATION);
            assert!(times.windows(2).all(|two| two[1] - two[0] >= 5 * SECOND), "5 s apart");
            assert_eq!(node.count(|event| matches!(event, Event::Down { .. })), 0);
        }
    }
}
