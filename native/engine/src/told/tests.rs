use std::time::{Duration, Instant};

use bytes::Bytes;
use warren_wireguard::PeerId;

use super::{Told, estimate};
use crate::event::Event;
use crate::ids::{ConnectionId, StreamId};

#[expect(clippy::disallowed_methods, reason = "an arbitrary point in time")]
fn start() -> Instant {
    Instant::now()
}

fn told() -> Told {
    let mut told = Told::new();
    told.at(start());
    for (peer, connection) in [HONEST, HOSTILE] {
        told.begin(connection, peer);
    }
    told
}

fn message(connection: ConnectionId, length: usize) -> Event {
    Event::Message { connection, priority: 0, bytes: vec![0; length].into() }
}

fn piece() -> Event {
    Event::StreamData { stream: StreamId(0), bytes: Bytes::from_static(&[0; 64 << 10]) }
}

#[test]
fn a_message_of_one_peer_does_not_wait_behind_thousands_of_another() {
    let mut told = told();
    for _ in 0..10_000 {
        told.push_back(message(HOSTILE.1, 0));
    }
    for _ in 0..5_000 {
        told.pop_front();
    }
    told.push_back(message(HONEST.1, 1_024));
    let before = std::iter::from_fn(|| told.pop_front())
        .take_while(|event| matches!(event, Event::Message { connection, .. } if *connection != HONEST.1));
    assert!(before.count() <= 2);
}

#[test]
fn what_one_peer_is_told_stays_in_order() {
    let mut told = told();
    for length in 0..1_000 {
        told.push_back(message(HONEST.1, length));
        told.push_back(message(HOSTILE.1, 0));
    }
    let lengths = std::iter::from_fn(|| told.pop_front()).filter_map(|event| match event {
        Event::Message { connection, bytes, .. } if connection == HONEST.1 => Some(bytes.len()),
        _ => None,
    });
    assert!(lengths.eq(0..1_000));
    assert_eq!(told.len(), 0);
}

#[test]
fn a_peer_of_events_that_their_bytes_do_not_explain_has_a_tenth_of_the_time_while_others_wait() {
    let mut told = told();
    let mut now = start();
    let (mut bulk, mut dear) = (Duration::ZERO, Duration::ZERO);
    let begun = now;
    while now < begun + Duration::from_secs(1) {
        told.push_of(Some(HONEST.1), piece());
        told.push_back(message(HOSTILE.1, 0));
        let Some(event) = told.pop_front() else { break };
        let (takes, _) = estimate(&event);
        now += takes;
        told.at(now);
        // Until then nobody is known to be dear.
        if now < begun + Duration::from_millis(500) {
            continue;
        }
        match event {
            Event::StreamData { .. } => bulk += takes,
            _ => dear += takes,
        }
    }
    let share = dear.as_secs_f64() / (bulk + dear).as_secs_f64();
    assert!((0.05..0.12).contains(&share), "{share}");
}

#[test]
fn a_peer_of_ordinary_messages_has_an_equal_share_beside_bulk() {
    let mut told = told();
    let mut now = start();
    let (mut bulk, mut messages) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..20_000 {
        told.push_of(Some(HONEST.1), piece());
        told.push_back(message(HOSTILE.1, 500));
        let Some(event) = told.pop_front() else { break };
        let (takes, _) = estimate(&event);
        now += takes;
        told.at(now);
        match event {
            Event::StreamData { .. } => bulk += takes,
            _ => messages += takes,
        }
    }
    let share = messages.as_secs_f64() / (bulk + messages).as_secs_f64();
    assert!((0.45..0.55).contains(&share), "{share}");
}

#[test]
fn events_that_their_bytes_do_not_explain_wait_for_their_tenth_though_nobody_else_has_any_just_then() {
    let mut told = told();
    let begun = start();
    let (mut now, mut next, mut dear) = (begun, begun, Duration::ZERO);
    while now < begun + Duration::from_secs(1) {
        // Bulk that keeps the caller busy for half of the time.
        if now >= next {
            told.push_of(Some(HONEST.1), piece());
            next += 2 * estimate(&piece()).0;
        }
        told.push_back(message(HOSTILE.1, 0));
        match told.pop_front() {
            Some(event) => {
                now += estimate(&event).0;
                let is_dear = matches!(event, Event::Message { .. });
                if is_dear && now > begun + Duration::from_millis(500) {
                    dear += estimate(&event).0;
                }
            }
            None => now = told.deadline().map_or(next, |at| at.min(next)).max(now),
        }
        told.at(now);
    }
    let share = dear.as_secs_f64() / 0.5;
    assert!((0.05..0.15).contains(&share), "{share}");
}

#[test]
fn at_the_end_all_is_told_at_once() {
    let mut told = told();
    for _ in 0..10_000 {
        told.push_back(message(HOSTILE.1, 0));
        told.push_of(Some(HONEST.1), piece());
    }
    told.hurry();
    assert_eq!(std::iter::from_fn(|| told.pop_front()).count(), 20_000);
}

#[test]
fn events_that_wait_for_their_tenth_wake_nobody_for_each_of_them() {
    let mut told = told();
    let begun = start();
    let (mut now, mut next, mut wakes, mut dear) = (begun, begun, 0, 0);
    for _ in 0..200_000 {
        told.push_back(message(HOSTILE.1, 0));
    }
    while now < begun + Duration::from_secs(2) {
        // Bulk that comes now and then.
        if now >= next {
            (0..20).for_each(|_| told.push_of(Some(HONEST.1), piece()));
            next += Duration::from_millis(10);
        }
        match told.pop_front() {
            Some(event) => {
                now += estimate(&event).0;
                dear +=
                    u32::from(matches!(event, Event::Message { .. }) && now > begun + Duration::from_secs(1));
            }
            None => {
                wakes += u32::from(now > begun + Duration::from_secs(1));
                now = told.deadline().map_or(next, |at| at.min(next)).max(now);
            }
        }
        told.at(now);
    }
    assert!((40_000..60_000).contains(&dear), "a tenth of the time is 50,000 a second, and {dear} were told");
    assert!(wakes < 2_000, "{wakes} a second");
}

#[test]
fn small_pieces_of_streams_wait_together_and_in_order_whatever_comes_between() {
    let mut told = told();
    let streams = [StreamId(1), StreamId(3), StreamId(5)];
    let count = 60_000_usize;
    for index in 0..count {
        let bytes = Bytes::copy_from_slice(&[index as u8]);
        told.push_data(HOSTILE.1, streams[index % 3], bytes);
        if index % 1_000 == 0 {
            told.push_back(message(HOSTILE.1, 1));
        }
        if index == count / 2 {
            (0..10).for_each(|_| drop(told.pop_front()));
        }
    }
    assert!(told.len() <= 80, "{} events", told.len());
    let mut next = [None::<usize>; 3];
    told.hurry();
    while let Some(event) = told.pop_front() {
        let Event::StreamData { stream, bytes } = event else { continue };
        let which = streams.iter().position(|it| *it == stream).expect("one of them");
        for byte in bytes {
            let index = next[which].unwrap_or_else(|| {
                (0..count).find(|at| at % 3 == which && *at as u8 == byte).expect("it was sent")
            });
            assert_eq!(byte, index as u8);
            next[which] = Some(index + 3);
        }
    }
}

#[test]
fn pieces_of_a_stream_stay_in_order_whatever_their_lengths() {
    let lengths = [1, 133, 2_048, 2_049, 24_626, 63_489, 65_535, 65_536, 90_000];
    for first in lengths {
        for second in lengths {
            for third in lengths {
                let mut told = told();
                let mut sent = Vec::new();
                for (index, length) in [first, second, third].into_iter().enumerate() {
                    let bytes = vec![index as u8; length];
                    sent.extend_from_slice(&bytes);
                    told.push_data(HONEST.1, StreamId(1), bytes.into());
                    told.push_data(HONEST.1, StreamId(2), Bytes::from_static(&[7]));
                }
                told.hurry();
                let mut arrived = Vec::new();
                while let Some(Event::StreamData { stream, bytes }) = told.pop_front() {
                    if stream == StreamId(1) {
                        arrived.extend_from_slice(&bytes);
                    }
                }
                assert!(arrived == sent, "{first}, {second} and {third} bytes");
            }
        }
    }
}

#[test]
fn large_pieces_are_not_copied_together() {
    let mut told = told();
    let bytes = Bytes::from(vec![1; 8_900]);
    told.push_data(HONEST.1, StreamId(1), bytes.clone());
    told.push_data(HONEST.1, StreamId(1), bytes.clone());
    let Some(Event::StreamData { bytes: first, .. }) = told.pop_front() else { panic!("a piece") };
    assert_eq!((first.as_ptr(), first.len(), told.len()), (bytes.as_ptr(), 8_900, 1));
}

const HONEST: (PeerId, ConnectionId) = (PeerId(1), ConnectionId(1));
const HOSTILE: (PeerId, ConnectionId) = (PeerId(2), ConnectionId(2));
