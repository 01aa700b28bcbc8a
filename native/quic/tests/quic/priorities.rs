//! Urgent before bulk, whatever bulk does.

use std::time::Duration;

use bytes::Bytes;
use warren_quic::{Event, Outcome, StreamName};
use warren_testing::{Link, Rate};

use crate::support::*;

#[test]
fn urgent_arrives_though_ten_thousand_bulk_messages_wait_unread() {
    let (mut world, a, _) = pair(1, latency(10));
    world.with(address(B), |node, _| node.releases = false);
    world.with(address(A), |node, _| {
        let bulk = Bytes::from(vec![1; 100_000]);
        node.send_many(a, 0, 10_000, bulk)
    });
    world.run_for(Duration::from_secs(20));
    assert!(world.node(address(A)).queued(a) > 9_000, "bulk stands still");
    for lane in [1, 2, 100, 200, 255] {
        let id = world.with(address(A), |node, _| node.send(a, lane, vec![2; 1024]));
        let took =
            world.run_until(Duration::from_secs(1), |world| world.node(address(A)).settled.contains_key(&id));
        assert_eq!(world.node(address(A)).settled[&id], Outcome::Delivered);
        assert!(took <= Duration::from_millis(46), "lane {lane} took {took:?}");
    }
}

#[test]
fn urgent_overtakes_bulk_on_a_slow_link() {
    let rate = Rate { bits_per_second: 50_000_000, queue_bytes: 150_000 };
    let (mut world, a, _) = pair(2, Link { rate: Some(rate), ..latency(20) });
    world.with(address(A), |node, _| node.send_many(a, 0, 40, vec![1; 1 << 20]));
    world.run_for(Duration::from_secs(1));
    let mut took = Vec::new();
    for _ in 0..50 {
        let sent = world.now();
        world.with(address(A), |node, _| node.send(a, 200, vec![2; 1024]));
        world.run_until(Duration::from_secs(2), |world| urgent(world) > took.len());
        took.push(world.now() - sent);
        world.run_for(Duration::from_millis(10));
    }
    took.sort();
    // One way and a full queue of the link, 44 ms; what is dropped there is sent again a round trip later.
    assert!(took[25] < Duration::from_millis(50), "{took:?}");
    assert!(took[49] < Duration::from_millis(300), "{took:?}");
}

fn urgent(world: &World) -> usize {
    world.node(address(B)).messages.iter().filter(|message| message.priority == 200).count()
}

#[test]
fn lanes_leave_in_order_of_priority() {
    let rate = Rate { bits_per_second: 2_000_000, queue_bytes: 800_000 };
    let (mut world, a, _) = pair(3, Link { rate: Some(rate), ..latency(5) });
    for lane in [0, 7, 3, 255, 1] {
        world.with(address(A), |node, _| node.send_many(a, lane, 3, vec![lane; 40_000]));
    }
    world.run_until(Duration::from_secs(60), |world| world.node(address(A)).settled.len() == 15);
    let order: Vec<_> = world.node(address(B)).messages.iter().map(|message| message.priority).collect();
    // The first lane began before the others were queued.
    assert_eq!(order.iter().filter(|lane| **lane == 0).count(), 3);
    let without_first: Vec<_> = order.iter().copied().filter(|lane| *lane != 0).collect();
    assert_eq!(without_first, [255, 255, 255, 7, 7, 7, 3, 3, 3, 1, 1, 1]);
}

#[test]
fn byte_streams_that_nobody_reads_leave_room_for_messages() {
    let (mut world, a, _) = pair(4, latency(5));
    let streams: Vec<_> = world.with(address(A), |node, _| {
        (0..100).filter_map(|_| node.quic.open_stream(a, false, 0, &StreamName::default())).collect()
    });
    assert!(streams.len() >= 30, "{}", streams.len());
    for _ in 0..400 {
        for stream in &streams {
            world.with(address(A), |node, _| {
                let mut bytes = vec![3; 200_000].into();
                let _ = node.quic.write_stream(a, *stream, &mut bytes);
            });
        }
        world.run_for(Duration::from_millis(10));
    }
    let id = world.with(address(A), |node, _| node.send(a, 1, vec![4; 1 << 20]));
    world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.contains_key(&id));
}

#[test]
fn byte_streams_that_are_held_open_leave_streams_for_messages_of_any_priority() {
    let (mut world, a, _) = pair(9, latency(5));
    for (lane, most) in [(15, 256), (0, 0), (16, 32), (255, 16), (15, 0)] {
        let streams = world.with(address(A), |node, _| {
            (0..1000).filter_map(|_| node.quic.open_stream(a, false, lane, &StreamName::default())).count()
        });
        assert_eq!(streams, most, "in lane {lane}");
    }
    for lane in [0, 3, 255] {
        let id = world.with(address(A), |node, _| node.send(a, lane, vec![4; 100]));
        world.run_until(Duration::from_secs(5), |world| world.node(address(A)).settled.contains_key(&id));
    }
}

#[test]
fn a_sender_that_waits_is_told_when_it_may_go_on() {
    let (mut world, a, _) = pair(5, latency(5));
    world.with(address(B), |node, _| node.releases = false);
    let begun = world.with(address(A), |node, _| {
        std::iter::from_fn(|| node.quic.begin_message(a, 0, 10)).take(1000).count()
    });
    assert!((64..200).contains(&begun), "{begun}");
    let (mut world, a, _) = pair(6, latency(5));
    world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
        while node.quic.write_stream(a, stream, &mut vec![0; 1 << 20].into()).unwrap() > 0 {}
    });
    world.run_for(Duration::from_secs(1));
    assert!(!world.node(address(A)).events.iter().any(|(_, event)| matches!(event, Event::Writable)));
    world.with(address(B), |node, _| {
        let (connection, stream) = node
            .events
            .iter()
            .find_map(|(connection, event)| match event {
                Event::StreamOpened { stream, .. } => Some((*connection, *stream)),
                _ => None,
            })
            .unwrap();
        while let warren_quic::Read::Data(_) = node.quic.read_stream(connection, stream, usize::MAX) {}
    });
    world.run_for(Duration::from_secs(1));
    assert!(world.node(address(A)).events.iter().any(|(_, event)| matches!(event, Event::Writable)));
}
