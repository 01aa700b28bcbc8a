//! Streams, messages and control frames of a peer that keeps to no rule but that of its packets' tags.

use std::time::{Duration, Instant};

use warren_quic::{ConnectionHandle, Event};

use crate::input::Input;
use crate::quic_node::{MESSAGE_BYTES, QuicNode};
use crate::wire::{Level, QuicEnd, field, put, stream};

/// A connected peer sends what the input says, while the other end goes about its own business.
///
/// # Panics
/// When messages arrive that were not sent, settle twice or never, or more is held than the limits allow.
pub fn framing(data: &[u8]) {
    let mut input = Input::new(data);
    let mut attack = Attack::connected();
    for _ in 0..MAX_STEPS {
        let Some(choice) = input.step() else { break };
        attack.step(choice, &mut input);
    }
    let answers = attack.node.wait(Duration::from_secs(5));
    attack.hear(&answers);
    attack.check_messages();
    for handle in attack.node.live.clone() {
        attack.node.quic.close(handle, 0, b"", attack.node.now);
    }
    attack.node.wait(Duration::from_secs(60));
    assert!(attack.node.live.is_empty(), "a connection that was closed does not end");
    attack.node.forget();
    attack.node.gauge.check_held(LEFT_BEHIND);
}

struct Attack {
    node: QuicNode,
    end: QuicEnd,
    handle: ConnectionHandle,
    /// Bytes sent so far on each stream, by its ID.
    streams: Vec<(u64, Vec<u8>)>,
    /// Frames went out that were not made here: the contents of the streams are not known any more.
    raw: bool,
}

impl Attack {
    fn connected() -> Self {
        let mut node = QuicNode::new(Instant::now());
        let mut end = QuicEnd::dialler([9; 8]);
        let hello = end.hello();
        node.give(&hello).iter().for_each(|answer| end.hear(answer));
        let confirmation = end.confirmation();
        node.give(&confirmation).iter().for_each(|answer| end.hear(answer));
        let connected = node.events.iter().find(|(_, event)| matches!(event, Event::Connected { .. }));
        let handle = connected.expect("a good handshake completes").0;
        // Stream 2 is the first unidirectional one: the control stream, as an honest dialler would have it.
        Self { node, end, handle, streams: vec![(2, Vec::new())], raw: false }
    }

    fn step(&mut self, choice: u8, input: &mut Input<'_>) {
        match choice % 16 {
            0 => self.open(input),
            1..5 => self.write(input, choice & 16 != 0),
            5 => self.control(input),
            6 => {
                let (id, sent) = self.stream(input);
                let mut frame = vec![4];
                for value in [id, u64::from(input.byte()), sent + u64::from(choice >> 4)] {
                    put(&mut frame, value);
                }
                self.send(&frame);
            }
            7 => {
                let mut frame = vec![5];
                put(&mut frame, u64::from(input.byte() % 64));
                put(&mut frame, u64::from(input.byte()));
                self.send(&frame);
            }
            8 => {
                self.raw = true;
                let frames = input.bytes().to_vec();
                self.send(&frames);
            }
            9 => {
                let mut frame = vec![0x31];
                let bytes = input.bytes();
                put(&mut frame, bytes.len() as u64);
                frame.extend_from_slice(bytes);
                self.send(&frame);
            }
            10 | 11 => {
                let frame = self.end.acknowledgement();
                self.send(&frame);
            }
            12 => {
                let answers = self.node.wait(Duration::from_millis(1 << (choice >> 4)));
                self.hear(&answers);
            }
            13 => {
                // As another end would say it, or as one that never was.
                let frames = input.bytes().to_vec();
                let level = if choice & 16 == 0 { Level::Initial } else { Level::Handshake };
                let packet = self.end.packet(level, &frames);
                self.give(&packet);
            }
            _ => {
                let size = input.below(MESSAGE_BYTES * 2);
                self.node.act(self.handle, input.byte(), size);
                let answers = self.node.drain();
                self.hear(&answers);
            }
        }
    }

    /// A new stream, with a good header or any other.
    fn open(&mut self, input: &mut Input<'_>) {
        let id = match input.byte() % 4 {
            0 => 4 * u64::from(input.byte()),
            1 => 4 * u64::from(input.byte()) + 2,
            // The next one, of either direction.
            kind => {
                let kind = u64::from(kind == 3) * 2;
                let last = self.streams.iter().map(|(id, _)| *id).filter(|id| id % 4 == kind).max();
                last.map_or(kind, |last| last + 4)
            }
        };
        if !self.streams.iter().any(|(known, _)| *known == id) {
            self.streams.push((id, Vec::new()));
        }
        let kind = input.byte();
        // The upper half is of version 2, in which byte streams have names, and nothing else is known.
        let mut header = vec![kind % 4, 1 + (kind >> 7), input.byte()];
        match header[0] {
            0 => header.truncate(2),
            1 => put(&mut header, input.below(MESSAGE_BYTES + 100) as u64),
            2 if header[1] == 2 => {
                let name = input.bytes();
                header.push(name.len() as u8);
                header.extend_from_slice(name);
            }
            2 => {}
            _ => header.extend_from_slice(input.bytes()),
        }
        self.write_to(id, &header, false);
    }

    /// More of a stream: of the input, or so and so many bytes.
    fn write(&mut self, input: &mut Input<'_>, end: bool) {
        let (id, _) = self.stream(input);
        let bytes = match input.byte() % 2 {
            0 => input.bytes().to_vec(),
            _ => vec![input.byte(); input.below(4096)],
        };
        for piece in bytes.chunks(1_100) {
            self.write_to(id, piece, end && piece.len() < 1_100);
        }
        if bytes.is_empty() {
            self.write_to(id, &[], end);
        }
    }

    /// A control frame, of messages that exist as a rule.
    fn control(&mut self, input: &mut Input<'_>) {
        let mut body = Vec::new();
        let kind = input.byte() % 10;
        match kind {
            7 => announcement(&mut body, input),
            _ => {
                for _ in 0..=input.byte() % 4 {
                    put(&mut body, u64::from(input.byte() % 16));
                }
            }
        }
        let mut frame = Vec::new();
        if self.streams[0].1.is_empty() {
            frame.extend_from_slice(&[0, 1]);
        }
        put(&mut frame, u64::from(kind));
        put(&mut frame, body.len() as u64);
        frame.extend_from_slice(&body);
        self.write_to(2, &frame, false);
    }

    fn write_to(&mut self, id: u64, bytes: &[u8], end: bool) {
        let Some((_, sent)) = self.streams.iter_mut().find(|(known, _)| *known == id) else { return };
        let frame = stream(id, sent.len() as u64, bytes, end);
        sent.extend_from_slice(bytes);
        self.send(&frame);
    }

    fn stream(&self, input: &mut Input<'_>) -> (u64, u64) {
        let (id, sent) = &self.streams[input.below(self.streams.len())];
        (*id, sent.len() as u64)
    }

    fn send(&mut self, frames: &[u8]) {
        let packet = self.end.packet(Level::Data, frames);
        self.give(&packet);
    }

    fn give(&mut self, packet: &[u8]) {
        let answers = self.node.give(packet);
        self.hear(&answers);
        self.check_messages();
    }

    fn hear(&mut self, answers: &[Vec<u8>]) {
        answers.iter().for_each(|answer| self.end.hear(answer));
    }

    /// Every message is the whole content of a stream that announced it.
    fn check_messages(&self) {
        if self.raw {
            return;
        }
        for (_, event) in &self.node.events {
            let Event::Message { priority, bytes } = event else { continue };
            let announces = |sent: &[u8]| -> bool {
                let length = sent.get(3).map_or(0, |first| 1 << (first >> 6));
                let content = sent.get(3 + length..3 + length + bytes.len());
                sent[..sent.len().min(3)] == [1, 1, *priority] && content == Some(bytes)
            };
            let known = self.streams.iter().any(|(id, sent)| id % 4 == 2 && announces(sent));
            assert!(known, "a message of {} bytes that nobody sent", bytes.len());
        }
    }
}

/// Lists of protocols of some generation, sound or not.
fn announcement(body: &mut Vec<u8>, input: &mut Input<'_>) {
    field(body, 8, &u64::from(input.byte()).to_be_bytes());
    for kind in [2, 3, 4] {
        let names = input.bytes();
        let mut list: Vec<u8> = names.iter().flat_map(|name| [1, b'a' + name % 4]).collect();
        if names.first() == Some(&0) {
            list = names.to_vec();
        }
        field(body, kind, &list);
    }
}

const MAX_STEPS: usize = 200;
/// Tables that stay as large as they were.
const LEFT_BEHIND: usize = 32 << 10;
