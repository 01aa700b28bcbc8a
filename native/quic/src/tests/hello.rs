//! Hellos that are altered, unknown or rubbish.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};

use super::*;
use crate::control_stream::{ControlReader, ControlWriter};
use crate::fields::take_field;
use crate::grease::Grease;
use crate::hello::{Greeting, HelloError, HelloReader, MAX_BODY};
use crate::{CloseCause, ClosedBy, Hello, Lists, varint};

#[test]
fn a_list_altered_on_its_way_is_told_at_both_ends() {
    for (direction, from, to) in [(0, b"test", b"best"), (1, b"test", b"best")] {
        let mut pair = Pair::new();
        pair.path = altering(direction, move |payload| {
            // The list of accepted protocols, which comes after the offered one and decides nothing here.
            let Some(at) = payload.windows(4).rposition(|window| window == from) else { return };
            // The chosen protocol comes last in an acceptor's hello.
            let at = if direction == 1 {
                payload[..at].windows(4).rposition(|window| window == from).unwrap()
            } else {
                at
            };
            payload[at..at + 4].copy_from_slice(to);
        });
        pair.dial();
        pair.run();
        for (end, by) in [(0, ClosedBy::Local), (1, ClosedBy::Remote)] {
            let closed = pair.closed(end).unwrap_or_else(|| panic!("end {end}, direction {direction}"));
            assert_eq!((closed.by, closed.cause), (by, CloseCause::ListsDiffer), "{closed:?}");
        }
        assert!(!pair.ends.iter().any(|end| end.has(|event| matches!(event, Event::Connected { .. }))));
    }
}

#[test]
fn of_a_dial_whose_hello_was_altered_no_early_data_is_read_and_no_answer_to_it() {
    for direction in [0, 1] {
        let mut pair = Pair::new();
        // The name of the one transport, which decides nothing.
        pair.path = altering(direction, |payload| {
            if payload.windows(6).any(|window| window == b"quic/1") {
                replace(payload, b"quic/1", b"quic/7");
            }
        });
        pair.dial_early();
        for _ in 0..2 {
            while pair.carry(0) || pair.carry(1) {}
            let [_, End { quic, connection, events }] = &mut pair.ends;
            let is_told = events.iter().any(|event| matches!(event, Event::Connected { .. }));
            if let Some(handle) = connection.filter(|_| is_told)
                && let Some(message) = quic.begin_message(handle, 0, 6)
            {
                quic.write_message(handle, message, &mut bytes::Bytes::from_static(b"answer"));
            }
        }
        pair.run();
        for (end, by) in [(0, ClosedBy::Local), (1, ClosedBy::Remote)] {
            let closed = pair.closed(end).unwrap_or_else(|| panic!("end {end}, direction {direction}"));
            assert_eq!((closed.by, closed.cause), (by, CloseCause::ListsDiffer), "{closed:?}");
        }
        let read = |end: &End| end.has(|event| matches!(event, Event::Message { .. }));
        assert!(!read(&pair.ends[0]), "direction {direction}");
        assert_eq!(read(&pair.ends[1]), direction == 1, "the acceptor's hello alone was altered");
    }
}

/// A path that alters what one end says in its first packets.
fn altering(end: usize, mut alter: impl FnMut(&mut [u8]) + 'static) -> Box<Path> {
    let mut destination = Vec::new();
    Box::new(move |sender, datagram| {
        if sender == 0 && destination.is_empty() {
            destination = destination_of(datagram);
        }
        if sender == end && datagram[0] & 0xb0 == 0x80 {
            let side = if sender == 0 { Side::Client } else { Side::Server };
            alter_initial(datagram, side, &destination, &mut alter);
        }
        true
    })
}

#[test]
fn an_unknown_hello_version_is_answered_with_ours() {
    let mut pair = Pair::new();
    pair.path = Box::new(|sender, datagram| {
        if sender == 0 && datagram[0] & 0xb0 == 0x80 {
            let destination = destination_of(datagram);
            // CRYPTO frame: type, offset 0, length of two bytes, and the hello from its version on.
            alter_initial(datagram, Side::Client, &destination, |payload| {
                let at = payload.iter().position(|byte| *byte == 6).unwrap();
                assert_eq!(payload[at + 4], 1);
                payload[at + 4] = 9;
            });
        }
        true
    });
    pair.dial();
    pair.run();
    let closed = pair.closed(0).unwrap();
    assert_eq!((closed.by, closed.cause), (ClosedBy::Remote, CloseCause::Version));
    assert!(String::from_utf8_lossy(&closed.reason).contains("only version 1"));
    assert_eq!(pair.ends[1].quic.totals().unknown_hello_versions, 1);
    assert!(pair.ends[1].events.is_empty());
}

#[test]
fn unknown_fields_are_skipped() {
    let greeting = greeting();
    let mut bytes = greeting.encode(&Grease::default()).unwrap();
    for kind in [10, 63, 1000, varint::MAX] {
        varint::put(&mut bytes, kind);
        varint::put(&mut bytes, 5);
        bytes.extend_from_slice(b"extra");
    }
    let body = (bytes.len() - 3) as u16;
    bytes[1..3].copy_from_slice(&body.to_be_bytes());
    assert_eq!(HelloReader::default().push(&bytes), Ok(Some(greeting)));
}

#[test]
fn each_hello_and_each_control_stream_has_a_reserved_part_that_is_skipped() {
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(1);
    let mut kinds = BTreeSet::new();
    let mut lengths = BTreeSet::new();
    for _ in 0..500 {
        let grease = Grease::new(rng.random());
        let bytes = greeting().encode(&grease).unwrap();
        assert_eq!(HelloReader::default().push(&bytes), Ok(Some(greeting())));
        let mut rest = &bytes[3..];
        let mut reserved = Vec::new();
        while let Ok((kind, value)) = take_field(&mut rest) {
            reserved.extend((kind % 31 == 27).then_some((kind, value.len())));
        }
        assert_eq!(reserved.len(), 1);
        kinds.insert(reserved[0].0);
        lengths.insert(reserved[0].1);
        let mut writer = ControlWriter::default();
        writer.push_unknown(&grease);
        assert_eq!(varint::take(&mut &writer.bytes()[..]).unwrap() % 31, 27);
        ControlReader::default().push(writer.bytes(), |_| panic!("it means nothing")).unwrap();
    }
    assert!(kinds.len() > 300 && kinds.first() < Some(&64) && kinds.last() > Some(&(1 << 30)), "{kinds:?}");
    assert!(lengths.len() > 5, "{lengths:?}");
}

#[test]
fn a_hello_survives_any_cut() {
    let greeting = greeting();
    let bytes = greeting.encode(&Grease::default()).unwrap();
    for size in 1..=bytes.len() {
        let mut reader = HelloReader::default();
        let pieces: Vec<_> = bytes.chunks(size).map(|piece| reader.push(piece)).collect();
        let (last, before) = pieces.split_last().unwrap();
        assert!(before.iter().all(|piece| *piece == Ok(None)));
        assert_eq!(*last, Ok(Some(greeting.clone())));
    }
}

#[test]
fn damaged_hellos_are_refused_and_never_panic() {
    let bytes = greeting().encode(&Grease::default()).unwrap();
    for at in 0..bytes.len() {
        for value in [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xff] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = HelloReader::default().push(&damaged);
        }
        let _ = HelloReader::default().push(&bytes[at..]);
    }
    let mut twice = bytes.clone();
    twice.extend_from_slice(&[1, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    let body = (twice.len() - 3) as u16;
    twice[1..3].copy_from_slice(&body.to_be_bytes());
    assert_eq!(HelloReader::default().push(&twice), Err(HelloError::Malformed("a field comes twice")));
    assert_eq!(HelloReader::default().push(&[1, 0xff, 0xff]), Err(HelloError::Malformed("too long")));
    assert_eq!(HelloReader::default().push(&vec![1; MAX_BODY + 4]), Err(HelloError::Malformed("too long")));
    assert_eq!(HelloReader::default().push(&vec![2; MAX_BODY + 4]), Err(HelloError::Version(2)));
}

#[test]
fn transport_parameters_below_the_floors_are_told_at_both_ends() {
    let mut pair = Pair::new();
    pair.path = Box::new(|sender, datagram| {
        if sender == 0 && datagram[0] & 0xb0 == 0x80 {
            let destination = destination_of(datagram);
            // initial_max_data of 32 MiB becomes 1.
            alter_initial(datagram, Side::Client, &destination, |payload| {
                replace(payload, &[0x04, 4, 0x82, 0, 0, 0], &[0x04, 4, 0x80, 0, 0, 1]);
            });
        }
        true
    });
    pair.dial();
    pair.run();
    let closed = pair.closed(0).unwrap();
    assert_eq!((closed.by, closed.cause), (ClosedBy::Remote, CloseCause::Parameters));
    assert_eq!(pair.ends[1].quic.totals().malformed_hellos, 1);
}

fn greeting() -> Greeting {
    let names = |list: &str| list.split(' ').map(Box::from).collect::<Vec<Box<str>>>();
    Greeting {
        hello: Hello {
            incarnation: 0x1234_5678_9abc_def0,
            lists: Lists {
                generation: Some(7),
                offer: names("ledger/2 ledger/1"),
                accept: names("ledger/1"),
                transports: names("quic/1 sctp/1"),
            },
            asked: None,
            observed: Some("[2001:db8::1]:51820".parse().unwrap()),
        },
        chosen: Some("ledger/1".into()),
        early: None,
        verdict: None,
        parameters: vec![1, 2, 3],
    }
}
