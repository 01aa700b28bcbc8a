//! Generations of packet keys.

use bytes::BytesMut;
use quinn_proto::{ConnectionId, Side};

use super::*;
use crate::frames::TAG_LENGTH;
use crate::tag::Secret;

#[test]
fn keys_change_under_reordering_and_nothing_is_lost() {
    let mut pair = Pair::connected();
    let mut held: [Vec<Vec<u8>>; 2] = Default::default();
    let mut count = 0_u32;
    // One in three datagrams waits for the next one of its direction.
    pair.path = Box::new(move |sender, datagram| {
        count += 1;
        if count.is_multiple_of(3) && held[sender].is_empty() {
            held[sender].push(datagram.clone());
            return false;
        }
        if let Some(late) = held[sender].pop() {
            let early = std::mem::replace(datagram, late);
            held[sender].push(early);
        }
        true
    });
    let connection = pair.ends[0].connection.unwrap();
    for round in 0..60_usize {
        for end in 0..2 {
            if round % 5 == 2 * end {
                pair.inside(end).force_key_update();
            }
        }
        let quic = &mut pair.ends[0].quic;
        let message = quic.begin_message(connection, 0, 30_000).unwrap();
        let mut bytes = vec![round as u8; 30_000].into();
        assert_eq!(quic.write_message(connection, message, &mut bytes), 30_000);
        pair.run();
    }
    pair.path = Box::new(|_, _| true);
    for _ in 0..5 {
        pair.run();
    }
    let delivered = pair.ends[1]
        .events
        .iter()
        .filter(|event| matches!(event, Event::Message { bytes, .. } if bytes.len() == 30_000))
        .count();
    assert_eq!(delivered, 60);
    assert!(pair.closed(0).is_none() && pair.closed(1).is_none());
}

#[test]
fn a_packet_that_is_damaged_anywhere_is_dropped() {
    let mut pair = Pair::connected();
    let connection = pair.ends[0].connection.unwrap();
    let mut at = 0;
    pair.path = Box::new(move |sender, datagram| {
        if sender == 0 && !datagram.is_empty() {
            at += 1;
            // Only the part of the header that quinn-proto reads before the tag is checked may send the packet
            // elsewhere.
            let place = at % datagram.len();
            datagram[place] ^= 1 << (at % 8);
        }
        true
    });
    let quic = &mut pair.ends[0].quic;
    let message = quic.begin_message(connection, 0, 5000).unwrap();
    quic.write_message(connection, message, &mut vec![1; 5000].into());
    pair.run();
    assert!(!pair.ends[1].has(|event| matches!(event, Event::Message { .. })));
    assert!(pair.closed(1).is_none());
    pair.path = Box::new(|_, _| true);
    for _ in 0..40 {
        pair.run();
    }
    assert!(pair.ends[1].has(|event| matches!(event, Event::Message { .. })));
}

#[test]
fn a_packet_is_opened_without_the_padding_at_its_end() {
    let keys = |side| Secret::initial(&ConnectionId::new(&[1; 8])).keys(side);
    let (header, ping) = ([0xc0, 1], [1]);
    let mut packet = [&header[..], &ping, &[0; 8_000], &[0; TAG_LENGTH]].concat();
    keys(Side::Client).packet.local.encrypt(7, &mut packet, header.len());
    let mut payload = BytesMut::from(&packet[header.len()..]);
    keys(Side::Server).packet.remote.decrypt(7, &header, &mut payload).unwrap();
    assert_eq!(payload[..], [1, 0]);
}
