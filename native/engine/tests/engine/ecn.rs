use std::time::Duration;

use warren_engine::Ecn;
use warren_testing::{Link, Seed};

use crate::world::{at, bulk, connect, mesh};

/// Number of times that the sender heard of congestion while 1 MiB went to a peer whose datagrams arrive with this
/// outer mark.
fn congestion_events(marked: Ecn) -> u64 {
    let mut world = mesh(2, Seed::of_this_run(), |_, _| {});
    world.network.set_default(Link::with_latency(Duration::from_millis(5)));
    let (ours, _) = connect(&mut world, 0, 1);
    world.with(at(1), |node, _| node.marked = marked);
    world.with(at(0), |node, now| node.send(ours, 0, bulk(1 << 20), now));
    world.run_until(Duration::from_secs(20), |world| !world.node(at(1)).received.is_empty());
    let now = world.now();
    world.node(at(0)).engine.connection_stats(ours, now).expect("it is open").transport.congestion_events
}

#[test]
fn a_mark_that_a_router_puts_on_the_outer_header_reaches_the_senders_transport() {
    assert!(congestion_events(Ecn::Ce) > 0);
}

#[test]
fn a_path_that_marks_nothing_or_bleaches_the_field_is_no_congestion() {
    assert_eq!(congestion_events(Ecn::Ect0), 0);
    assert_eq!(congestion_events(Ecn::NotEct), 0);
}
