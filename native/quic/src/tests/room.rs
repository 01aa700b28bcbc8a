//! Room for streams of the other end, and how it grows.

use quinn_proto::Dir;

use super::*;
use crate::header::Header;
use crate::weigh::Weight;
use crate::{StreamHandle, StreamName};

#[test]
fn a_connection_that_carries_little_has_room_for_few_streams() {
    let mut pair = Pair::connected();
    for dir in [Dir::Bi, Dir::Uni] {
        for _ in 0..20 {
            open(&mut pair, dir).unwrap();
        }
    }
    pair.run();
    assert_eq!(arrived(&pair).len(), 40);
    for end in 0..2 {
        assert_eq!(room(&mut pair, end), [40, 168]);
    }
}

#[test]
fn all_streams_that_an_end_was_told_of_may_be_opened_at_once() {
    // One of those that go one way carries control.
    for (dir, told, room_after) in [(Dir::Bi, 256, [256, 168]), (Dir::Uni, 576, [40, 577])] {
        let mut pair = Pair::connected();
        for _ in 0..told {
            open(&mut pair, dir).unwrap();
        }
        assert_eq!(open(&mut pair, dir), None);
        pair.run();
        assert_eq!(arrived(&pair).len(), told);
        assert!(pair.closed(0).is_none() && pair.closed(1).is_none());
        assert_eq!(room(&mut pair, 1), room_after);
    }
}

#[test]
fn streams_that_are_named_by_their_resets_alone_have_room() {
    let mut pair = Pair::connected();
    let End { quic, connection, .. } = &mut pair.ends[0];
    let connection = connection.unwrap();
    for _ in 0..200 {
        let stream = quic.open_stream(connection, true, 1, &StreamName::default()).unwrap();
        quic.reset_stream(connection, stream, 0);
    }
    pair.run();
    assert!(pair.closed(0).is_none() && pair.closed(1).is_none());
    assert!(room(&mut pair, 1)[0] >= 200);
}

#[test]
fn streams_that_end_one_after_the_other_leave_32_to_be_opened_at_once() {
    let mut pair = Pair::connected();
    use_up(&mut pair, 400);
    assert_eq!(room(&mut pair, 1)[0], 40);
    for _ in 0..32 {
        open(&mut pair, Dir::Bi).unwrap();
    }
}

#[test]
fn room_grows_before_it_is_used_up_until_it_is_what_was_told() {
    let mut pair = Pair::connected();
    use_up(&mut pair, 300);
    let mut grown = vec![room(&mut pair, 1)[0]];
    let mut held = 0;
    while let Some(has) = grown.last().copied().filter(|has| held < *has) {
        while held <= has / 2 || has == 256 && held < 256 {
            open(&mut pair, Dir::Bi).unwrap();
            held += 1;
        }
        pair.run();
        grown.push(room(&mut pair, 1)[0]);
    }
    grown.dedup();
    assert_eq!(grown, [40, 80, 160, 256]);
    assert_eq!(open(&mut pair, Dir::Bi), None);
}

#[test]
fn no_name_of_a_stream_makes_more_room_than_was_told() {
    let mut pair = Pair::connected();
    pair.inside(1).make_room(&Weight { named: [1 << 62; 4], ..Weight::default() });
    assert_eq!(room(&mut pair, 1), [256, 577]);
}

/// Opens and ends so many streams, one after the other.
fn use_up(pair: &mut Pair, streams: usize) {
    for _ in 0..streams {
        open(pair, Dir::Bi).unwrap();
        pair.run();
        let theirs = arrived(pair)[0];
        for end in &mut pair.ends {
            let connection = end.connection.unwrap();
            end.quic.reset_stream(connection, theirs, 0);
            end.quic.stop_stream(connection, theirs, 0);
            end.events.clear();
        }
        pair.run();
    }
}

/// Opens a stream of bytes.
fn open(pair: &mut Pair, dir: Dir) -> Option<StreamHandle> {
    let End { quic, connection, .. } = &mut pair.ends[0];
    let connection = connection.unwrap();
    if dir == Dir::Bi {
        return quic.open_stream(connection, true, 1, &StreamName::default());
    }
    // Past the shares of lanes.
    let inner = quic.inside(connection).inner();
    let id = inner.streams().open(dir)?;
    let header = Header::Bytes { priority: 1, name: StreamName::default() }.encode();
    inner.send_stream(id).write(&header).unwrap();
    quic.ping(connection);
    Some(StreamHandle(id.into()))
}

fn arrived(pair: &Pair) -> Vec<StreamHandle> {
    let opened = |event: &Event| match event {
        Event::StreamOpened { stream, .. } => Some(*stream),
        _ => None,
    };
    pair.ends[1].events.iter().filter_map(opened).collect()
}

/// Streams of the other end, bidirectional and unidirectional, for which an end has room.
fn room(pair: &mut Pair, end: usize) -> [u64; 2] {
    let inner = pair.inside(end).inner();
    [Dir::Bi, Dir::Uni].map(|dir| inner.max_concurrent_streams(dir))
}
