//! Memory that a peer can make a node hold. Alone in its process, since it looks at the whole of it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use warren_quic::{Config, ConnectionHandle, Ecn, Event, PeerTag, Quic, StreamName};

#[test]
fn a_peer_that_sends_all_it_may_is_held_to_the_windows() {
    let Some(before) = resident() else {
        eprintln!("skipped: the memory of a process is read from /proc");
        return;
    };
    let mut now = start();
    let (mut sender, mut receiver) = (node(1), node(2));
    let connection = sender.connect(PEER, Some(&["test".into()]), None, None, now);
    let chunk = Bytes::from(vec![9; 64 << 10]);
    let mut streams = Vec::new();
    let mut messages = Vec::new();
    let mut written = 0;
    for round in 0..4000 {
        exchange(&mut sender, &mut receiver, now);
        exchange(&mut receiver, &mut sender, now);
        now += Duration::from_millis(1);
        [&mut sender, &mut receiver].iter_mut().for_each(|node| node.handle_timeout(now));
        if round < 300 {
            // Messages of all lanes that say they are long, and byte streams that nobody will read.
            let lane = round as u8;
            messages.extend(sender.begin_message(connection, lane, 16 << 20));
            streams.extend(sender.open_stream(connection, round % 2 == 0, lane, &StreamName::default()));
        }
        let room = sender.room(connection).min(chunk.len());
        for stream in &streams {
            written += sender.write_stream(connection, *stream, &mut chunk.slice(..room)).unwrap_or(0);
        }
        for message in &messages {
            written += sender.write_message(connection, *message, &mut chunk.slice(..room));
        }
    }
    assert!(streams.len() > 100 && messages.len() > 50, "{} {}", streams.len(), messages.len());
    assert!(written > 20 << 20, "{written}");
    let grown = resident().map_or(0, |after| after.saturating_sub(before));
    // 32 MiB of receive window and 64 MiB of messages in all lanes, twice that for copies on their way; not the
    // gigabytes that were announced.
    assert!(grown < 256 << 20, "{} MiB", grown >> 20);
}

fn node(number: u8) -> Quic {
    Quic::new(Config {
        incarnation: number.into(),
        protocols: vec!["test".into()].into(),
        seed: [number; 32],
        cid_key: [number; 32],
        ..Config::default()
    })
}

fn exchange(from: &mut Quic, to: &mut Quic, now: Instant) {
    while let Some((connection, event)) = from.poll_event(now) {
        if let Event::Incoming { .. } = event {
            from.accept(connection, None, now);
        }
        assert!(!matches!(event, Event::Closed(_)), "{event:?}");
    }
    let mut out = Vec::new();
    while let Some(connection) = from.poll_ready(now) {
        send(from, to, connection, &mut out, now);
    }
}

fn send(from: &mut Quic, to: &mut Quic, connection: ConnectionHandle, out: &mut Vec<u8>, now: Instant) {
    out.clear();
    while let Some(transmit) = from.poll_transmit(connection, 16, out, now) {
        for datagram in out.chunks(transmit.segment) {
            to.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(datagram), None, now);
        }
        out.clear();
    }
}

/// Bytes of memory in use by this process.
fn resident() -> Option<usize> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split_whitespace().nth(1)?.parse::<usize>().ok()? * 4096)
}

#[expect(clippy::disallowed_methods, reason = "an instant can be had in no other way")]
fn start() -> Instant {
    Instant::now()
}

const PEER: PeerTag = PeerTag(0);
