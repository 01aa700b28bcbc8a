//! Byte streams.

use std::time::Duration;

use bytes::{Buf, Bytes};
use warren_quic::{ConnectionHandle, Event, PeerTag, Read, Stopped, StreamHandle, StreamName};
use warren_testing::Link;

use crate::support::*;

#[test]
fn a_stream_carries_all_bytes_in_order_both_ways() {
    let link = Link { loss: 0.03, reorder: 0.1, ..latency(10) };
    let (mut world, a, b) = pair(1, link);
    let there: Bytes = (0..3_000_000_u32).map(|at| (at ^ at >> 11) as u8).collect::<Vec<_>>().into();
    let back: Bytes = (0..700_000_u32).map(|at| (at ^ at >> 7) as u8).collect::<Vec<_>>().into();
    let at_a =
        world.with(address(A), |node, _| node.quic.open_stream(a, true, 9, &StreamName::default()).unwrap());
    let mut out = [there.clone(), back.clone()];
    let mut seen = [Vec::new(), Vec::new()];
    let mut ended = [false, false];
    let mut at_b = None;
    for _ in 0..20_000 {
        write(&mut world, A, a, at_a, &mut out[0]);
        ended[0] |= read(&mut world, A, a, at_a, &mut seen[0]);
        at_b = at_b.or_else(|| opened(&world, B));
        if let Some((stream, bidirectional, priority)) = at_b {
            assert!(bidirectional && priority == 9);
            write(&mut world, B, b, stream, &mut out[1]);
            ended[1] |= read(&mut world, B, b, stream, &mut seen[1]);
        }
        world.run_for(Duration::from_millis(5));
        if ended == [true, true] {
            break;
        }
    }
    assert_eq!(ended, [true, true]);
    assert!(seen[0] == back && seen[1] == there);
    world.run_for(Duration::from_secs(1));
    assert!(has(&world, A, Event::StreamFinished(at_a)));
}

#[test]
fn a_stream_keeps_its_name_and_what_is_written_behind_it_whatever_the_length() {
    let (mut world, a, b) = pair(10, latency(5));
    for length in [0, 1, 63, 255] {
        let name = StreamName::new(&"n".repeat(length)).unwrap();
        world.with(address(A), |node, _| {
            let stream = node.quic.open_stream(a, length % 2 == 0, 7, &name).unwrap();
            node.quic.write_stream(a, stream, &mut Bytes::from_static(b"bytes")).unwrap();
        });
        world.run_for(Duration::from_millis(50));
        let (stream, named) = world
            .node(address(B))
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::StreamOpened { stream, name, .. } => Some((*stream, name.clone())),
                _ => None,
            })
            .next_back()
            .unwrap();
        assert_eq!(named, name);
        let read = world.with(address(B), |node, _| node.quic.read_stream(b, stream, usize::MAX));
        assert_eq!(read, Read::Data(Bytes::from_static(b"bytes")));
    }
    assert_eq!(StreamName::new(&"n".repeat(256)), None);
}

#[test]
fn a_stream_closed_in_one_direction_goes_on_in_the_other() {
    let (mut world, a, b) = pair(2, latency(5));
    let stream = world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
        node.quic.write_stream(a, stream, &mut Bytes::from_static(b"question")).unwrap();
        node.quic.finish_stream(a, stream);
        stream
    });
    world.run_for(Duration::from_millis(50));
    let (there, ..) = opened(&world, B).unwrap();
    let mut question = Vec::new();
    assert!(read(&mut world, B, b, there, &mut question));
    assert_eq!(question, b"question");
    for part in ["an ", "answer ", "in ", "parts"] {
        write_some(&mut world, B, b, there, &mut Bytes::from(part.as_bytes()));
        world.run_for(Duration::from_millis(100));
    }
    world.with(address(B), |node, _| node.quic.finish_stream(b, there));
    world.run_for(Duration::from_millis(50));
    let mut answer = Vec::new();
    assert!(read(&mut world, A, a, stream, &mut answer));
    assert_eq!(answer, b"an answer in parts");
}

#[test]
fn a_reader_that_pauses_holds_the_writer() {
    let (mut world, a, b) = pair(3, latency(5));
    let stream =
        world.with(address(A), |node, _| node.quic.open_stream(a, false, 0, &StreamName::default()).unwrap());
    let mut left = Bytes::from(vec![5; 20 << 20]);
    for _ in 0..500 {
        write_some(&mut world, A, a, stream, &mut left);
        world.run_for(Duration::from_millis(5));
    }
    let taken = (20 << 20) - left.len();
    assert!((3 << 20..=4 << 20).contains(&taken), "one stream's window, not {taken}");
    let (there, bidirectional, _) = opened(&world, B).unwrap();
    assert!(!bidirectional);
    let mut seen = Vec::new();
    for _ in 0..2000 {
        write(&mut world, A, a, stream, &mut left);
        if read(&mut world, B, b, there, &mut seen) {
            break;
        }
        world.run_for(Duration::from_millis(5));
    }
    assert_eq!(seen.len(), 20 << 20);
}

#[test]
fn reset_and_stop_reach_the_other_end_with_their_codes() {
    let (mut world, a, b) = pair(4, latency(5));
    let stream = world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
        node.quic.write_stream(a, stream, &mut Bytes::from(vec![1; 5000])).unwrap();
        stream
    });
    world.run_for(Duration::from_millis(50));
    let (there, ..) = opened(&world, B).unwrap();
    world.with(address(A), |node, _| {
        node.quic.reset_stream(a, stream, 77);
        node.quic.stop_stream(a, stream, 88);
        assert_eq!(node.quic.write_stream(a, stream, &mut Bytes::from_static(b"x")), Err(Stopped(None)));
        assert_eq!(node.quic.read_stream(a, stream, 10), Read::End);
    });
    world.run_for(Duration::from_millis(50));
    assert!(has(&world, B, Event::StreamStopped { stream: there, code: 88, whole: true }));
    let read = world.with(address(B), |node, _| node.quic.read_stream(b, there, usize::MAX));
    assert_eq!(read, Read::Reset(77));
    world.run_for(Duration::from_millis(50));
    let again =
        world.with(address(B), |node, _| node.quic.write_stream(b, there, &mut Bytes::from_static(b"x")));
    assert!(again.is_err());
    assert_alive(&mut world, a);
}

#[test]
fn streams_that_are_stopped_in_packets_before_their_headers_are_told_as_stopped() {
    let (mut world, a, _) = pair(16, latency(5));
    world.with(address(A), |node, _| {
        // More than a packet has room for: those that ask to stop leave first.
        for _ in 0..200 {
            let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
            node.quic.finish_stream(a, stream);
            node.quic.stop_stream(a, stream, 7);
        }
    });
    world.run_for(Duration::from_millis(200));
    let told =
        |is: fn(&Event) -> bool| world.node(address(B)).events.iter().filter(|(_, event)| is(event)).count();
    assert_eq!(told(|event| matches!(event, Event::StreamOpened { .. })), 200);
    assert_eq!(told(|event| matches!(event, Event::StreamStopped { code: 7, .. })), 200);
}

#[test]
fn a_stream_stopped_while_its_end_is_on_its_way_is_told_as_stopped() {
    let (mut world, a, b) = pair(11, latency(5));
    let stream = world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
        node.quic.write_stream(a, stream, &mut Bytes::from_static(b"begun")).unwrap();
        stream
    });
    world.run_for(Duration::from_millis(50));
    let (there, ..) = opened(&world, B).unwrap();
    world.with(address(B), |node, _| node.quic.stop_stream(b, there, 9));
    world.with(address(A), |node, _| {
        node.quic.write_stream(a, stream, &mut Bytes::from(vec![1; 5000])).unwrap();
        node.quic.finish_stream(a, stream);
    });
    world.run_for(Duration::from_millis(50));
    assert!(has(&world, A, Event::StreamStopped { stream, code: 9, whole: false }));
}

#[test]
fn a_stream_that_is_left_ends_if_all_of_it_arrived_and_is_reset_if_not() {
    let (mut world, a, b) = pair(12, latency(20));
    for (after, ends) in [(0, false), (15, false), (100, true)] {
        let stream = world.with(address(A), |node, _| {
            let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
            node.quic.write_stream(a, stream, &mut Bytes::from(vec![1; 10_000])).unwrap();
            stream
        });
        world.run_for(Duration::from_millis(after));
        assert_eq!(world.with(address(A), |node, _| node.quic.leave_stream(a, stream, 5)), ends);
        world.run_for(Duration::from_millis(200));
        let seen = world.with(address(B), |node, _| {
            let mut seen = 0;
            loop {
                match node.quic.read_stream(b, stream, usize::MAX) {
                    Read::Data(bytes) => seen += bytes.len(),
                    other => return (seen, other),
                }
            }
        });
        assert_eq!(seen, if ends { (10_000, Read::End) } else { (0, Read::Reset(5)) });
        assert_eq!(has(&world, A, Event::StreamFinished(stream)), ends);
    }
    let untouched = world.with(address(A), |node, _| {
        let stream = node.quic.open_stream(a, true, 0, &StreamName::default()).unwrap();
        (stream, node.quic.leave_stream(a, stream, 5))
    });
    assert!(untouched.1, "nothing was written, so nothing is missing");
    world.run_for(Duration::from_millis(100));
    let read = world.with(address(B), |node, _| node.quic.read_stream(b, untouched.0, usize::MAX));
    assert_eq!(read, Read::End);
}

#[test]
fn streams_reset_before_anything_arrived_leave_no_trace() {
    for (seed, bidirectional) in [(5, true), (6, false)] {
        let (mut world, a, _) =
            pair(seed, Link { jitter: Duration::from_millis(20), loss: 0.1, ..latency(10) });
        for round in 0..300 {
            world.with(address(A), |node, _| {
                let Some(stream) = node.quic.open_stream(a, bidirectional, 3, &StreamName::default()) else {
                    return;
                };
                if round % 3 > 0 {
                    let _ = node.quic.write_stream(a, stream, &mut Bytes::from(vec![1; 3000]));
                }
                node.quic.reset_stream(a, stream, 1);
                node.quic.stop_stream(a, stream, 1);
            });
            drain_streams(&mut world, B);
            world.run_for(Duration::from_millis(10));
        }
        for _ in 0..100 {
            drain_streams(&mut world, B);
            world.run_for(Duration::from_millis(50));
        }
        assert_alive(&mut world, a);
    }
}

#[test]
fn streams_come_back_as_fast_as_they_end() {
    let (mut world, a, b) = pair(7, latency(1));
    let mut opened_in_all = 0;
    for _ in 0..300 {
        opened_in_all += world.with(address(A), |node, _| {
            let mut opened = 0;
            while let Some(stream) = node.quic.open_stream(a, false, 3, &StreamName::default()) {
                node.quic.write_stream(a, stream, &mut Bytes::from_static(b"short")).unwrap();
                node.quic.finish_stream(a, stream);
                opened += 1;
            }
            opened
        });
        drain_streams(&mut world, B);
        world.run_for(Duration::from_millis(4));
    }
    assert!(opened_in_all > 5000, "{opened_in_all}");
    assert_alive(&mut world, a);
    let _ = b;
}

#[test]
fn a_changed_priority_is_obeyed() {
    let rate = warren_testing::Rate { bits_per_second: 4_000_000, queue_bytes: 400_000 };
    let (mut world, a, b) = pair(8, Link { rate: Some(rate), ..latency(5) });
    let [low, high] = world.with(address(A), |node, _| {
        [3, 4].map(|priority| node.quic.open_stream(a, true, priority, &StreamName::default()).unwrap())
    });
    world.with(address(A), |node, _| {
        node.quic.set_stream_priority(a, low, 200);
        for stream in [high, low] {
            node.quic.write_stream(a, stream, &mut Bytes::from(vec![1; 60_000])).unwrap();
        }
    });
    let mut seen = [0, 0];
    world.run_for(Duration::from_millis(120));
    for (at, stream) in [low, high].into_iter().enumerate() {
        while let Read::Data(bytes) =
            world.with(address(B), |node, _| node.quic.read_stream(b, stream, usize::MAX))
        {
            seen[at] += bytes.len();
        }
    }
    assert!(seen[0] > 5 * seen[1], "{seen:?}");
}

#[test]
fn a_stream_takes_no_more_pieces_than_the_other_end_acknowledges_and_goes_on_when_it_does() {
    let (mut world, a, b) = pair(9, latency(5));
    let stream =
        world.with(address(A), |node, _| node.quic.open_stream(a, false, 0, &StreamName::default()).unwrap());
    let mut bytes = Bytes::from(vec![5; 40_000]);
    let mut seen = Vec::new();
    let mut rounds = 0;
    while !bytes.is_empty() {
        world.with(address(A), |node, _| {
            node.events.clear();
            for _ in 0..40_000 {
                let mut piece = bytes.slice(..bytes.len().min(1));
                let written = node.quic.write_stream(a, stream, &mut piece).unwrap();
                bytes.advance(written);
            }
        });
        rounds += 1;
        assert!(40_000 - bytes.len() <= rounds * 16_400, "{} pieces in round {rounds}", 40_000 - bytes.len());
        world.run_for(Duration::from_secs(2));
        let (there, ..) = opened(&world, B).unwrap();
        read(&mut world, B, b, there, &mut seen);
        assert!(bytes.is_empty() || has(&world, A, Event::Writable), "the owner is told");
    }
    assert_eq!(seen.len(), 40_000);
}

fn write(
    world: &mut World,
    tag: PeerTag,
    connection: ConnectionHandle,
    stream: StreamHandle,
    bytes: &mut Bytes,
) {
    if write_some(world, tag, connection, stream, bytes) && bytes.is_empty() {
        world.with(address(tag), |node, _| node.quic.finish_stream(connection, stream));
    }
}

/// Whether there was anything to write.
fn write_some(
    world: &mut World,
    tag: PeerTag,
    connection: ConnectionHandle,
    stream: StreamHandle,
    bytes: &mut Bytes,
) -> bool {
    if bytes.is_empty() {
        return false;
    }
    world.with(address(tag), |node, _| {
        let room = node.quic.room(connection).min(bytes.len());
        let mut part = bytes.slice(..room);
        let written = node.quic.write_stream(connection, stream, &mut part).unwrap();
        bytes.advance(written);
    });
    true
}

/// Whether the stream ended.
fn read(
    world: &mut World,
    tag: PeerTag,
    connection: ConnectionHandle,
    stream: StreamHandle,
    into: &mut Vec<u8>,
) -> bool {
    loop {
        match world.with(address(tag), |node, _| node.quic.read_stream(connection, stream, 10_000)) {
            Read::Data(bytes) => into.extend_from_slice(&bytes),
            Read::Blocked => return false,
            Read::End => return true,
            Read::Reset(code) => panic!("reset with {code}"),
        }
    }
}

/// The first stream that the other end opened.
fn opened(world: &World, tag: PeerTag) -> Option<(StreamHandle, bool, u8)> {
    world.node(address(tag)).events.iter().find_map(|(_, event)| match event {
        Event::StreamOpened { stream, bidirectional, priority, .. } => {
            Some((*stream, *bidirectional, *priority))
        }
        _ => None,
    })
}

/// Reads and drops all there is on streams that the other end opened.
fn drain_streams(world: &mut World, tag: PeerTag) {
    world.with(address(tag), |node, _| {
        for at in 0..node.events.len() {
            if let (connection, Event::StreamOpened { stream, .. }) = node.events[at] {
                while let Read::Data(_) = node.quic.read_stream(connection, stream, usize::MAX) {}
            }
        }
    });
}

fn has(world: &World, tag: PeerTag, wanted: Event) -> bool {
    let wanted = format!("{wanted:?}");
    world.node(address(tag)).events.iter().any(|(_, event)| format!("{event:?}") == wanted)
}

fn assert_alive(world: &mut World, a: ConnectionHandle) {
    for tag in [A, B] {
        assert_eq!(world.node(address(tag)).any_closed(), None);
    }
    let id = world.with(address(A), |node, _| node.send(a, 0, &b"alive"[..]));
    world.run_until(Duration::from_secs(20), |world| world.node(address(A)).settled.contains_key(&id));
}

#[test]
fn many_streams_of_which_each_was_read_a_little_do_not_use_up_what_all_may_have() {
    let (mut world, a, b) = pair(11, latency(1));
    const STREAMS: usize = 60;
    const LENGTH: usize = 450_000;
    let ours: Vec<_> = (0..STREAMS)
        .map(|_| {
            world.with(address(A), |node, _| {
                node.quic.open_stream(a, false, 0, &StreamName::default()).unwrap()
            })
        })
        .collect();
    let mut left: Vec<_> = ours.iter().map(|_| Bytes::from(vec![7; LENGTH])).collect();
    let mut read_at_b = 0;
    for _ in 0..2_000 {
        for (stream, left) in ours.iter().zip(&mut left) {
            // No end follows, with which all would be told.
            let mut part = left.split_to(left.len().min(3_000));
            write_some(&mut world, A, a, *stream, &mut part);
            if !part.is_empty() {
                *left = [part, left.clone()].concat().into();
            }
        }
        world.run_for(Duration::from_millis(5));
        let theirs: Vec<_> = world
            .node(address(B))
            .events
            .iter()
            .filter_map(|(_, event)| match event {
                Event::StreamOpened { stream, .. } => Some(*stream),
                _ => None,
            })
            .collect();
        for stream in theirs {
            let mut seen = Vec::new();
            read(&mut world, B, b, stream, &mut seen);
            read_at_b += seen.len();
        }
        if read_at_b == STREAMS * LENGTH {
            return;
        }
    }
    panic!("{read_at_b} of {} bytes", STREAMS * LENGTH);
}
