//! Peers that break the rules of streams and messages.

use quinn_proto::{Dir, VarInt};

use super::*;
use crate::control_stream::{ControlFrame, ControlWriter};
use crate::{CloseCause, ClosedBy, Outcome, varint};

#[test]
fn breaking_the_rules_ends_the_connection_with_a_typed_error_at_both_ends() {
    let message = |length: u64, bytes: usize| {
        let mut stream = vec![1, 1, 0];
        varint::put(&mut stream, length);
        stream.resize(stream.len() + bytes, 7);
        stream
    };
    let control = |frame: ControlFrame| {
        let mut writer = ControlWriter::default();
        writer.push(frame);
        writer.bytes().to_vec()
    };
    let broken: [(&str, Attack); 13] = [
        ("a message longer than announced", Attack::Stream(Dir::Uni, message(10, 20), true)),
        ("a message shorter than announced", Attack::Stream(Dir::Uni, message(10, 5), true)),
        ("a message on a bidirectional stream", Attack::Stream(Dir::Bi, message(10, 10), true)),
        ("a stream that ends inside its header", Attack::Stream(Dir::Uni, vec![1, 1, 5], true)),
        ("an empty stream", Attack::Stream(Dir::Uni, vec![], true)),
        ("a second control stream", Attack::Stream(Dir::Uni, vec![0, 1], false)),
        ("a control stream on a bidirectional one", Attack::Stream(Dir::Bi, vec![0, 1], false)),
        ("delivery of what was not sent", Attack::Control(control(ControlFrame::Delivered { message: 99 }))),
        ("refusal of the control stream", Attack::Control(control(ControlFrame::Refused { message: 0 }))),
        (
            "cancellation of what was not sent",
            Attack::Control(control(ControlFrame::Cancelled { message: 7 })),
        ),
        ("a read of what was not sent", Attack::Control(control(ControlFrame::Read { stream: 3, bytes: 1 }))),
        ("a control frame that is too long", Attack::Control(vec![1, 0x80, 1, 0, 0])),
        ("a control frame cut short", Attack::Control(vec![2, 1, 5])),
    ];
    for (what, attack) in broken {
        let mut pair = Pair::connected();
        attack.run(&mut pair);
        pair.run();
        for (end, by) in [(0, ClosedBy::Remote), (1, ClosedBy::Local)] {
            let closed = pair.closed(end).unwrap_or_else(|| panic!("{what}: end {end} goes on"));
            assert_eq!((closed.by, closed.cause), (by, CloseCause::Violation), "{what}: {closed:?}");
            assert!(!closed.reason.is_empty());
        }
        assert_eq!(pair.ends[1].quic.totals().violations, 1, "{what}");
    }
}

#[test]
fn the_control_stream_must_live() {
    for finish in [true, false] {
        let mut pair = Pair::connected();
        let inside = pair.inside(0);
        let id = inside.control_stream().unwrap();
        let mut stream = inside.inner().send_stream(id);
        if finish {
            stream.finish().unwrap();
        } else {
            stream.reset(VarInt::from_u32(5)).unwrap();
        }
        pair.wake(0);
        pair.run();
        assert_eq!(pair.closed(1).unwrap().cause, CloseCause::Violation);
    }
    let mut pair = Pair::connected();
    let id = pair.inside(1).control_stream().unwrap();
    pair.inside(0).inner().recv_stream(id).stop(VarInt::from_u32(5)).unwrap();
    pair.wake(0);
    pair.run();
    assert_eq!(pair.closed(1).unwrap().cause, CloseCause::Violation);
}

#[test]
fn streams_of_later_kinds_are_turned_down_and_the_connection_goes_on() {
    for (dir, bytes) in [
        (Dir::Uni, vec![9, 1, 2, 3]),
        (Dir::Uni, vec![1, 2, 0, 5]),
        (Dir::Bi, vec![9, 1, 2, 3]),
        (Dir::Bi, vec![2, 7, 0]),
    ] {
        let mut pair = Pair::connected();
        for _ in 0..300 {
            Attack::Stream(dir, bytes.clone(), true).run(&mut pair);
            while (0..2).any(|from| pair.carry(from)) {}
        }
        pair.run();
        assert!(pair.closed(0).is_none() && pair.closed(1).is_none(), "{:?}", pair.closed(1));
    }
}

#[test]
fn a_message_settled_twice_or_wrongly_is_a_violation() {
    for (first, second) in [
        (None, ControlFrame::Delivered { message: 1 }),
        (None, ControlFrame::Cancelled { message: 1 }),
        (Some(ControlFrame::Refused { message: 1 }), ControlFrame::Refused { message: 1 }),
    ] {
        let mut pair = Pair::connected();
        let connection = pair.ends[1].connection.unwrap();
        let message = pair.ends[1].quic.begin_message(connection, 0, 1000).unwrap();
        pair.ends[1].quic.write_message(connection, message, &mut vec![1; 100].into());
        assert_eq!(message.0, 1, "after the control stream");
        for frame in first.clone().into_iter().chain([second]) {
            pair.inside(0).control().push(frame);
        }
        pair.wake(0);
        pair.run();
        assert_eq!(pair.closed(1).unwrap().cause, CloseCause::Violation);
        let settled = |event: &&Event| matches!(event, Event::MessageSettled { .. });
        assert_eq!(pair.ends[1].events.iter().filter(settled).count(), 1, "settled once, lost or refused");
        let refused =
            |event: &Event| matches!(event, Event::MessageSettled { outcome: Outcome::Refused, .. });
        assert_eq!(pair.ends[1].has(refused), first.is_some());
    }
}

#[test]
fn a_peer_that_never_reads_its_control_stream_is_shown_the_door() {
    let mut pair = Pair::connected();
    // Confirmations that cannot leave pile up.
    let inside = pair.inside(1);
    for message in 0..200_000 {
        inside.control().push(ControlFrame::Delivered { message });
    }
    Attack::Stream(Dir::Uni, vec![2, 1, 0], false).run(&mut pair);
    pair.ends[0].quic.handle_timeout(pair.now);
    pair.carry(0);
    pair.ends[1].take(pair.now);
    assert_eq!(pair.closed(1).unwrap().cause, CloseCause::Violation);
}

#[test]
fn a_message_that_has_begun_makes_way_for_a_higher_lane_and_not_for_its_own() {
    let mut pair = Pair::connected();
    let connection = pair.ends[0].connection.unwrap();
    let quic = &mut pair.ends[0].quic;
    let begin = |quic: &mut Quic, lane: u8, length: usize| {
        let message = quic.begin_message(connection, lane, length).unwrap();
        assert_eq!(quic.write_message(connection, message, &mut vec![lane; length].into()), length);
    };
    begin(quic, 3, 300_000);
    // The bytes of the first window leave; the rest waits inside quinn-proto.
    pair.carry(0);
    let quic = &mut pair.ends[0].quic;
    begin(quic, 3, 1000);
    begin(quic, 4, 1000);
    pair.run();
    let order: Vec<_> = pair.ends[1]
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Message { priority, bytes } => Some((*priority, bytes.len())),
            _ => None,
        })
        .collect();
    assert_eq!(order, [(4, 1000), (3, 300_000), (3, 1000)]);
}

/// Broken rule of a peer.
enum Attack {
    /// Opens a stream, writes this, and perhaps finishes.
    Stream(Dir, Vec<u8>, bool),
    /// Writes this to its control stream.
    Control(Vec<u8>),
}

impl Attack {
    fn run(self, pair: &mut Pair) {
        let inside = pair.inside(0);
        let (id, bytes, finish) = match self {
            Self::Stream(dir, bytes, finish) => {
                let Some(id) = inside.inner().streams().open(dir) else { return };
                (id, bytes, finish)
            }
            Self::Control(bytes) => (inside.control_stream().unwrap(), bytes, false),
        };
        let mut stream = inside.inner().send_stream(id);
        if !bytes.is_empty() {
            assert_eq!(stream.write(&bytes).unwrap(), bytes.len());
        }
        if finish {
            stream.finish().unwrap();
        }
        pair.wake(0);
    }
}

impl Pair {
    fn wake(&mut self, end: usize) {
        let connection = self.ends[end].connection.unwrap();
        self.ends[end].quic.ping(connection);
    }
}

#[test]
fn small_pieces_of_early_data_are_weighed_before_there_is_a_connection() {
    let mut quic = End::new(1).quic;
    let now = start();
    let pieces: Vec<u8> = (0..200u16)
        .flat_map(|n| {
            let [high, low] = (0x4000 | (n * 2)).to_be_bytes();
            // A STREAM frame with offset and length, of one byte.
            [0x0e, 0, high, low, 1, b'x']
        })
        .collect();
    let length = 0x4000 | (1 + pieces.len() + TAG_LENGTH) as u16;
    // A 0-RTT packet, its connection IDs of 8 bytes and none, its packet number in one.
    let head = [
        &[0xd0][..],
        &crate::session::QUIC_VERSION.to_be_bytes(),
        &[8],
        &[7; 8],
        &[0],
        &length.to_be_bytes(),
        &[0],
    ];
    let datagram = [&head.concat()[..], &pieces, &[0; TAG_LENGTH]].concat();
    for _ in 0..200 {
        quic.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(&datagram[..]), None, now);
    }
    assert!(quic.totals().datagrams_dropped > 100);
    assert_eq!(quic.totals().datagrams_too_costly, 0, "40,000 at once");
    quic.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(&datagram[..]), None, now);
    assert_eq!(quic.totals().datagrams_too_costly, 1);
}
