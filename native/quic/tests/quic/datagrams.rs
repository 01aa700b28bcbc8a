//! Unreliable datagrams.

use std::time::Duration;

use bytes::Bytes;
use warren_quic::Event;
use warren_testing::Link;

use crate::support::*;

#[test]
fn datagrams_arrive_or_not_and_never_in_part() {
    let (mut world, a, _) = pair(1, Link { loss: 0.2, ..latency(5) });
    let size = world.node(address(A)).quic.max_datagram_size(a);
    assert!((1300..1372).contains(&size), "{size}");
    for number in 0..500_u32 {
        world.with(address(A), |node, _| {
            // Losing one packet in five may look like a path that carries less.
            let mut bytes = vec![number as u8; node.quic.max_datagram_size(a)];
            bytes[..4].copy_from_slice(&number.to_le_bytes());
            assert!(node.quic.send_datagram(a, bytes.into()));
        });
        world.run_for(Duration::from_millis(20));
    }
    let arrived: Vec<_> = datagrams(&world);
    assert!((350..450).contains(&arrived.len()), "{}", arrived.len());
    for bytes in arrived {
        let number = u32::from_le_bytes(*bytes.first_chunk().unwrap());
        assert!((1150..=size).contains(&bytes.len()) && bytes[4..].iter().all(|byte| *byte == number as u8));
    }
}

#[test]
fn a_datagram_too_large_or_too_many_are_not_taken() {
    let (mut world, a, _) = pair(2, latency(5));
    world.with(address(A), |node, _| {
        let size = node.quic.max_datagram_size(a);
        assert!(!node.quic.send_datagram(a, vec![0; size + 10].into()));
        let taken = (0..1000).take_while(|_| node.quic.send_datagram(a, vec![0; size].into())).count();
        assert!((100..300).contains(&taken), "{taken}");
    });
    world.run_for(Duration::from_secs(2));
    assert!(world.node(address(A)).events.iter().any(|(_, event)| matches!(event, Event::Writable)));
    world.with(address(A), |node, _| assert!(node.quic.send_datagram(a, Bytes::from_static(b"more"))));
}

fn datagrams(world: &World) -> Vec<Bytes> {
    world
        .node(address(B))
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Datagram(bytes) => Some(bytes.clone()),
            _ => None,
        })
        .collect()
}
