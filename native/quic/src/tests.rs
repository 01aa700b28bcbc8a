//! Tests that need the inside: peers that break the rules, and hellos altered on their way.

mod deadlines;
mod delay;
mod hello;
mod keys;
mod room;
mod rules;
mod vectors;
mod zeros;

use std::time::{Duration, Instant};

use bytes::BytesMut;
use quinn_proto::Side;

use crate::connection::Connection;
use crate::frames::TAG_LENGTH;
use crate::initial::Initial;
use crate::tag::Secret;
use crate::{Closed, Config, ConnectionHandle, Ecn, Event, PeerTag, Quic};

/// Two nodes and a path without time.
struct Pair {
    ends: [End; 2],
    now: Instant,
    /// Does what it likes to each datagram; `false` drops it. The first argument is the sender.
    path: Box<Path>,
}

type Path = dyn FnMut(usize, &mut Vec<u8>) -> bool;

struct End {
    quic: Quic,
    connection: Option<ConnectionHandle>,
    events: Vec<Event>,
}

impl Pair {
    fn new() -> Self {
        Self { ends: [End::new(1), End::new(2)], now: start(), path: Box::new(|_, _| true) }
    }

    fn connected() -> Self {
        let mut pair = Self::new();
        pair.dial();
        pair.run();
        assert!(pair.ends.iter().all(|end| end.has(|event| matches!(event, Event::Connected { .. }))));
        pair
    }

    fn dial(&mut self) {
        let handle = self.ends[0].quic.connect(PEER, Some(&["test".into()]), None, None, self.now);
        self.ends[0].connection = Some(handle);
    }

    /// Dials with a message in the first flight.
    fn dial_early(&mut self) {
        let End { quic, connection, .. } = &mut self.ends[0];
        let handle = quic.connect_early(PEER, Some(&["test".into()]), (1, "test"), (None, None), self.now);
        let message = quic.begin_message(handle, 0, 5).expect("a first message");
        assert_eq!(quic.write_message(handle, message, &mut bytes::Bytes::from_static(b"early")), 5);
        *connection = Some(handle);
    }

    /// Until nothing moves, with time for delayed acknowledgements.
    fn run(&mut self) {
        for _ in 0..50 {
            while (0..2).any(|from| self.carry(from)) {}
            self.now += Duration::from_millis(10);
            self.ends.iter_mut().for_each(|end| end.quic.handle_timeout(self.now));
        }
    }

    fn carry(&mut self, from: usize) -> bool {
        let mut datagrams = self.ends[from].take(self.now);
        let any = !datagrams.is_empty();
        datagrams.retain_mut(|datagram| (self.path)(from, datagram));
        for datagram in datagrams {
            let to = &mut self.ends[1 - from].quic;
            to.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(&datagram[..]), None, self.now);
        }
        any
    }

    /// The inside of one end's connection.
    fn inside(&mut self, end: usize) -> &mut Connection {
        let End { quic, connection, .. } = &mut self.ends[end];
        quic.inside(connection.expect("there is one"))
    }

    fn closed(&self, end: usize) -> Option<&Closed> {
        self.ends[end].events.iter().find_map(|event| match event {
            Event::Closed(closed) => Some(closed),
            _ => None,
        })
    }
}

impl End {
    fn new(number: u8) -> Self {
        let config = Config {
            incarnation: number.into(),
            protocols: vec!["test".into()].into(),
            reset_key: [number; 32],
            cid_key: [number + 10; 32],
            seed: [number + 20; 32],
            ..Config::default()
        };
        Self { quic: Quic::new(config), connection: None, events: Vec::new() }
    }

    fn has(&self, wanted: impl Fn(&Event) -> bool) -> bool {
        self.events.iter().any(wanted)
    }

    fn take(&mut self, now: Instant) -> Vec<Vec<u8>> {
        while let Some((connection, event)) = self.quic.poll_event(now) {
            self.connection = Some(connection);
            if let Event::Incoming { .. } = event {
                self.quic.accept(connection, None, now);
            }
            self.events.push(event);
        }
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while self.quic.poll_response(&mut out).is_some() {
            datagrams.push(std::mem::take(&mut out));
        }
        while let Some(connection) = self.quic.poll_ready(now) {
            out.clear();
            while let Some(transmit) = self.quic.poll_transmit(connection, 8, &mut out, now) {
                datagrams.extend(out.chunks(transmit.segment).map(<[u8]>::to_vec));
                out.clear();
            }
        }
        datagrams
    }
}

#[expect(clippy::disallowed_methods, reason = "an instant can be had in no other way")]
fn start() -> Instant {
    Instant::now()
}

/// Changes the payload of a lone Initial packet, and makes its tag good again.
fn alter_initial(datagram: &mut [u8], sender: Side, destination: &[u8], alter: impl FnOnce(&mut [u8])) {
    let token = 1 + 4 + 1 + usize::from(datagram[5]);
    let token = token + 1 + usize::from(datagram[token]);
    assert_eq!(datagram[token], 0, "no token");
    let length = usize::from(u16::from_be_bytes([datagram[token + 1], datagram[token + 2]]) & 0x3fff);
    let number_length = usize::from(datagram[0] & 3) + 1;
    let header = token + 3 + number_length;
    let end = token + 3 + length;
    let number = datagram[token + 3..header].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    alter(&mut datagram[header..end - TAG_LENGTH]);
    let destination = quinn_proto::ConnectionId::new(destination);
    let keys = Secret::initial(&destination).packet_keys(sender, 0);
    keys.local.encrypt(number, &mut datagram[..end], header);
}

/// The connection ID from which the keys of a dialler's Initial packets come.
fn destination_of(datagram: &[u8]) -> Vec<u8> {
    Initial::read(datagram).expect("an Initial packet").destination.to_vec()
}

/// Replaces bytes by others of the same length.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).expect("they are there");
    bytes[at..at + from.len()].copy_from_slice(to);
}

const PEER: PeerTag = PeerTag(7);
