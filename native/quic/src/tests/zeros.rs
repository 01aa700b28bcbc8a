//! Data that reads as padding: zeros arrive as they were sent, whatever stands behind them.

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::{Read, StreamName};

#[test]
fn zeros_in_messages_streams_datagrams_and_reasons_arrive_as_they_were_sent() {
    for seed in 0..50 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut pair = Pair::connected();
        pair.ends[1].events.clear();
        let mut sent = Content::default();
        for _ in 0..rng.random_range(1..20) {
            send(&mut pair, &mut sent, &mut rng);
            if rng.random_bool(0.3) {
                pair.run();
            }
        }
        pair.run();
        let mut arrived = arrived(&mut pair);
        arrived.sort();
        sent.sort();
        assert!(arrived == sent, "seed {seed}: {sent:?} is not {arrived:?}");
        let reason = vec![0; rng.random_range(0..256)];
        let End { quic, connection, .. } = &mut pair.ends[0];
        quic.close(connection.unwrap(), 0, &reason, pair.now);
        pair.run();
        assert_eq!(pair.closed(1).unwrap().reason, reason, "seed {seed}");
    }
}

#[derive(Debug, Default, PartialEq)]
struct Content {
    messages: Vec<Vec<u8>>,
    streams: Vec<Vec<u8>>,
    datagrams: Vec<Vec<u8>>,
}

impl Content {
    fn sort(&mut self) {
        for list in [&mut self.messages, &mut self.streams, &mut self.datagrams] {
            list.sort();
        }
    }
}

fn send(pair: &mut Pair, sent: &mut Content, rng: &mut StdRng) {
    let End { quic, connection, .. } = &mut pair.ends[0];
    let connection = connection.unwrap();
    let bytes = mostly_zeros(rng);
    let mut left = Bytes::from(bytes.clone());
    match rng.random_range(0..3) {
        0 => {
            let message = quic.begin_message(connection, 0, bytes.len()).unwrap();
            quic.write_message(connection, message, &mut left);
            sent.messages.push(bytes);
        }
        1 => {
            let stream =
                quic.open_stream(connection, rng.random_bool(0.5), 0, &StreamName::default()).unwrap();
            let mut first = left.split_to(rng.random_range(0..=left.len()));
            quic.write_stream(connection, stream, &mut first).unwrap();
            if rng.random_bool(0.5) {
                quic.ping(connection);
            }
            quic.write_stream(connection, stream, &mut left).unwrap();
            assert!(first.is_empty());
            quic.finish_stream(connection, stream);
            sent.streams.push(bytes);
        }
        _ => {
            let bytes = bytes[..bytes.len().min(quic.max_datagram_size(connection))].to_vec();
            assert!(quic.send_datagram(connection, bytes.clone().into()));
            sent.datagrams.push(bytes);
            return;
        }
    }
    assert!(left.is_empty());
}

/// Lengths around those of whole packets too.
fn mostly_zeros(rng: &mut StdRng) -> Vec<u8> {
    let most = *[1, 40, 100, 1_400, 6_000].choose(rng).unwrap();
    let mut bytes = vec![0; rng.random_range(0..=most)];
    if let Some(byte) = bytes.first_mut().filter(|_| rng.random_bool(0.3)) {
        *byte = 1;
    }
    if let Some(byte) = bytes.last_mut().filter(|_| rng.random_bool(0.3)) {
        *byte = 1;
    }
    bytes
}

fn arrived(pair: &mut Pair) -> Content {
    let mut content = Content::default();
    let End { quic, connection, events } = &mut pair.ends[1];
    for event in events {
        match event {
            Event::Message { bytes, .. } => content.messages.push(bytes.to_vec()),
            Event::Datagram(bytes) => content.datagrams.push(bytes.to_vec()),
            Event::StreamOpened { stream, .. } => {
                let mut bytes = Vec::new();
                while let Read::Data(more) = quic.read_stream(connection.unwrap(), *stream, usize::MAX) {
                    bytes.extend_from_slice(&more);
                }
                content.streams.push(bytes);
            }
            _ => {}
        }
    }
    content
}
