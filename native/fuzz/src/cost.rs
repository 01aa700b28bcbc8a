//! Cost of a peer's packets, in work and in memory: bounded whatever it puts into them.

use std::time::{Duration, Instant};

use warren_quic::{CloseCause, Ecn, Event};

use crate::meter::{held, inside};
use crate::quic_node::{PEER, QuicNode};
use crate::wire::{Level, QuicEnd, crypto, put, stream};

#[test]
fn small_pieces_out_of_order_are_worked_off_at_a_bounded_rate_and_the_rest_dropped() {
    let mut attack = Attack::connected();
    let mut frames = Vec::new();
    for piece in 0..130 {
        frames.extend(stream(own(1), 2 + piece * 2, &[7], false));
    }
    let mut taken = Vec::new();
    for _ in 0..5 {
        let before = attack.dropped();
        for _ in 0..2_000 {
            attack.send(&frames);
            attack.node.now += Duration::from_micros(500);
        }
        taken.push(2_000 - (attack.dropped() - before));
    }
    // 40,000 at once and 10,000 a second: the store is empty within the first second.
    assert!(taken[0] <= (40_000 + 10_000) / 129 + 1, "{taken:?}");
    assert!(taken[1..].iter().all(|&taken| (1..=10_000 / 129 + 1).contains(&taken)), "{taken:?}");
    assert!(attack.lives(), "it may be an honest end's bad day");
}

#[test]
fn small_pieces_out_of_order_are_counted_across_redials_and_forgotten_once_there_may_be_all_again() {
    let mut attack = Attack::connected();
    let frames: Vec<u8> = (0..130).flat_map(|piece| stream(own(1), 2 + piece * 2, &[7], false)).collect();
    let taken_of = |attack: &mut Attack, packets: u64| {
        let before = attack.dropped();
        (0..packets).for_each(|_| attack.send(&frames));
        packets - (attack.dropped() - before)
    };
    assert!((305..=311).contains(&taken_of(&mut attack, 400)), "40,000 at once");
    for _ in 0..3 {
        attack.redial();
        assert!(taken_of(&mut attack, 10) <= 1);
    }
    attack.node.now += Duration::from_secs(5);
    attack.redial();
    assert!((305..=311).contains(&taken_of(&mut attack, 400)), "as at first");
}

#[test]
fn what_a_datagram_begins_with_hides_nothing_that_follows() {
    let frames: Vec<u8> = (0..130).flat_map(|piece| stream(own(1), 2 + piece * 2, &[7], false)).collect();
    // quinn-proto has no keys any more for the packets before, or drops them as too short, and reads on.
    let unknown: &[u8] = &[0x7f, 0xff];
    for (what, level, cut) in [
        ("frames of a later version", Level::Handshake, 0),
        ("the same in a first packet", Level::Initial, 0),
        ("a packet too short for its tag", Level::Handshake, 9),
    ] {
        let mut attack = Attack::connected();
        for _ in 0..2_000 {
            let mut datagram = attack.end.packet(level, unknown);
            if cut > 0 {
                datagram.truncate(datagram.len() - cut);
                let length = 1 + 4 + 1 + 8 + 1 + 8;
                datagram[length] -= cut as u8;
            }
            datagram.extend(attack.end.packet(Level::Data, &frames));
            attack.send_datagram(&datagram);
        }
        assert!(2_000 - attack.dropped() <= 40_000 / 129, "{what}");
    }
}

#[test]
fn small_pieces_in_order_count_too_where_a_datagram_has_many_of_one_stream() {
    let mut attack = Attack::connected();
    let mut at = 2;
    for _ in 0..2_000 {
        let frames: Vec<u8> = (0..130).flat_map(|piece| stream(own(1), at + piece, &[7], false)).collect();
        attack.send_unmetered(&frames);
        at = 2 + (at + 128) % 100_000;
    }
    assert!(2_000 - attack.dropped() <= 40_000 / 129 + 1);
    assert!(attack.lives());
}

#[test]
fn a_long_datagram_asks_for_no_more_sorting_than_an_ordinary_one() {
    let mut attack = Attack::connected();
    let many = |first: u64, count: u64| -> Vec<u8> {
        (0..count).flat_map(|piece| stream(own(1), first + piece * 2, &[7], false)).collect()
    };
    attack.send_unmetered(&many(2, 1_200));
    assert_eq!(attack.dropped(), 1, "quinn-proto would sort the stream hundreds of times");
    let taken = attack.taken_of_a_thousand(many(2, 30), 8_800);
    assert!((200..=40_000 / (29 * 6) + 1).contains(&taken), "{taken}: a piece counts six times");
    assert!(attack.lives());
}

#[test]
fn pieces_that_are_short_beside_their_datagram_count_there() {
    // quinn-proto sorts a stream at each piece of a packet of more than 32 KiB.
    let mut attack = Attack::connected();
    let apart = |count: u64, length: usize| -> Vec<u8> {
        (0..count)
            .flat_map(|piece| stream(own(1), 2 + piece * (length as u64 + 1), &vec![7; length], false))
            .collect()
    };
    for (count, length, dropped) in [(5, 13_000, 0), (4, 300, 0), (200, 300, 1)] {
        let mut frames = apart(count, length);
        frames.resize(65_300, 0);
        attack.send_unmetered(&frames);
        assert_eq!(attack.dropped(), dropped, "{count} of {length} bytes");
    }
    let taken = attack.taken_of_a_thousand(apart(4, 300), 65_300);
    assert!((200..=40_000 / (3 * 44) + 1).contains(&taken), "{taken}: a piece counts 44 times");
    assert!(attack.lives());
}

#[test]
fn pieces_that_overlap_hold_no_more_memory_than_their_bytes_explain() {
    // A wrong tag, or a number that came before: quinn-proto reads none of it.
    let lies = |attack: &mut Attack| {
        let far = stream(own(1), 4_000_000, &[7], false);
        let mut wrong = attack.end.packet(Level::Data, &far);
        *wrong.last_mut().expect("a tag") ^= 1;
        attack.send_datagram(&wrong);
    };
    for lying in [false, true] {
        let mut attack = Attack::connected();
        let (before, mut most) = (held(), 0);
        let mut at = 2 + PINS * PINNED;
        for _ in 0..PINS {
            if lying {
                lies(&mut attack);
            }
            at -= PINNED;
            // quinn-proto takes it for held in full, and the ones before for what is left of them.
            attack.send_unmetered(&stream(own(1), at, &vec![7; FULL], false));
            let mut again: Vec<u8> = (0..32).flat_map(|_| stream(own(1), at, &[7; 256], false)).collect();
            again.resize(FULL, 0);
            attack.send_unmetered(&again);
            most = most.max(held() - before);
            attack.node.now += Duration::from_micros(500);
        }
        let credit = (PINS * PINNED) as usize + FULL;
        // quinn-proto sorts a stream once it holds one and a half times as much beside it.
        assert!(most <= credit * 5 / 2 + (64 << 10), "{most} held for {credit}");
        assert!(attack.lives());
    }
}

#[test]
fn as_many_small_messages_as_may_come_at_once_pass_in_one_packet() {
    let mut attack = Attack::connected();
    let frames: Vec<u8> = (1..33).flat_map(|next| stream(own(next), 0, &[1, 1, 9, 1, b'x'], true)).collect();
    attack.send(&frames);
    let messages = attack.node.events.iter().filter(|(_, event)| matches!(event, Event::Message { .. }));
    assert_eq!((messages.count(), attack.dropped()), (32, 0));
    assert!(attack.lives());
}

#[test]
fn what_no_honest_end_sends_ends_the_connection_with_a_typed_error() {
    let mut late = Vec::new();
    for value in [0xaf, 0, 9, 1 << 61, 16] {
        put(&mut late, value);
    }
    for (what, frames) in [
        ("a hello after the handshake", crypto(2, &[1])),
        ("an acknowledgement put off for centuries", late),
        ("connection IDs retired without end", retired()),
        ("connection IDs given without end", given()),
    ] {
        let mut attack = Attack::connected();
        attack.send(&frames);
        assert_eq!(attack.cause(), Some(CloseCause::Violation), "{what}");
        assert_eq!(attack.node.quic.totals().violations, 1, "{what}");
    }
}

#[test]
fn streams_that_are_stopped_and_reset_hold_nothing_though_nothing_is_acknowledged() {
    let mut attack = Attack::connected();
    let mut next = 1;
    // What is held is compared with the limits at each packet.
    while next < 150_000 && attack.lives() {
        let streams = next..next + 30;
        attack
            .send(&streams.clone().flat_map(|next| stream(own(next), 0, &[3, 1], false)).collect::<Vec<_>>());
        attack.send(&streams.clone().flat_map(|next| reset(own(next), 2)).collect::<Vec<_>>());
        next = streams.end;
    }
    assert!(next > 1_000, "some may be stopped before an acknowledgement is due: {next}");
    assert!(next < 10_000, "what waits to be stopped keeps its credit: {next}");
    assert_eq!(attack.cause(), Some(CloseCause::Violation));
}

#[test]
fn what_is_confirmed_of_streams_and_never_acknowledged_ends_the_connection() {
    let mut attack = Attack::connected();
    let mut credit = Vec::new();
    for value in [0x10, 1 << 40, 0x11, 3, 1 << 40] {
        put(&mut credit, value);
    }
    attack.send(&credit);
    let mut next = 1;
    while next < 150_000 && attack.lives() {
        attack.send(&(next..next + 30).flat_map(|next| reset(own(next), 0)).collect::<Vec<_>>());
        next += 30;
    }
    assert_eq!(attack.cause(), Some(CloseCause::Violation), "{next}");
}

#[test]
fn an_end_that_acknowledges_none_but_the_oldest_packets_is_held_little_for() {
    let mut attack = Attack::connected();
    let before = held();
    let (mut oldest, mut most) = (0, 0);
    for sent in 1..400_000 {
        attack.node.now += Duration::from_micros(50);
        attack.send_unmetered(ASKS_AT_ONCE);
        most = held().saturating_sub(before).max(most);
        if sent % 1_000 == 0 {
            inside(|| attack.node.quic.ping(attack.node.live[0]));
        }
        if sent % 20_000 == 0 {
            oldest += 1;
            attack.send_unmetered(&acknowledges(oldest));
        }
    }
    assert!(attack.lives());
    assert!(most < 2 << 20, "{most} bytes");
}

#[test]
fn an_end_that_is_unheard_for_a_while_keeps_its_connection_and_is_answered_at_once_after_that() {
    let mut attack = Attack::connected();
    let mut answers = Vec::new();
    for sent in 0..40_000 {
        attack.node.now += Duration::from_micros(100);
        answers.push(attack.send_unmetered(ASKS_AT_ONCE));
        if sent % 10_000 == 0 {
            inside(|| attack.node.quic.ping(attack.node.live[0]));
        }
    }
    let last: usize = answers[30_000..].iter().sum();
    assert!((40..=50).contains(&last), "one in 25 ms, and a question: {last}");
    inside(|| attack.node.quic.ping(attack.node.live[0]));
    attack.send_unmetered(ASKS_AT_ONCE);
    let newest = acknowledges(attack.end.heard().expect("a question"));
    attack.send_unmetered(&newest);
    for _ in 0..100 {
        attack.node.now += Duration::from_micros(100);
        assert_eq!(attack.send_unmetered(ASKS_AT_ONCE), 1);
    }
    assert!(attack.lives());
}

struct Attack {
    node: QuicNode,
    end: QuicEnd,
}

impl Attack {
    fn connected() -> Self {
        let mut attack = Self { node: QuicNode::new(Instant::now()), end: QuicEnd::dialler([9; 8]) };
        attack.connect();
        attack
    }

    /// Closes the connection, and makes another.
    fn redial(&mut self) {
        self.send(&[0x1d, 0, 0]);
        self.node.events.clear();
        let id = self.end.own_id()[0];
        self.end = QuicEnd::dialler([id + 1; 8]);
        self.connect();
    }

    fn connect(&mut self) {
        let hello = self.end.hello();
        self.node.give(&hello).iter().for_each(|answer| self.end.hear(answer));
        let confirmation = self.end.confirmation();
        self.node.give(&confirmation).iter().for_each(|answer| self.end.hear(answer));
        assert!(self.lives());
        // As an honest dialler would have it: the control stream first.
        self.send(&stream(own(0), 0, &[0], false));
    }

    fn send(&mut self, frames: &[u8]) {
        let packet = self.end.packet(Level::Data, frames);
        for answer in self.node.give(&packet) {
            self.end.hear(&answer);
        }
    }

    /// Sends a packet of these frames, whatever the node then holds. Gives the number of answers.
    fn send_unmetered(&mut self, frames: &[u8]) -> usize {
        let datagram = self.end.packet(Level::Data, frames);
        self.send_datagram(&datagram)
    }

    /// Number of datagrams of these frames, padded to this length, that are taken of a thousand.
    fn taken_of_a_thousand(&mut self, mut frames: Vec<u8>, length: usize) -> u64 {
        frames.resize(length, 0);
        let before = self.dropped();
        for _ in 0..1_000 {
            self.send_unmetered(&frames);
        }
        1_000 + before - self.dropped()
    }

    /// Hands a datagram to the node, in memory of its own. Gives the number of answers.
    fn send_datagram(&mut self, datagram: &[u8]) -> usize {
        let node = &mut self.node;
        inside(|| {
            let datagram = bytes::BytesMut::from(datagram);
            node.quic.handle_datagram(PEER, Ecn::NotEct, datagram, None, node.now);
        });
        let answers = node.drain();
        answers.iter().for_each(|answer| self.end.hear(answer));
        answers.len()
    }

    fn dropped(&self) -> u64 {
        self.node.quic.totals().datagrams_too_costly
    }

    fn lives(&self) -> bool {
        self.cause().is_none()
    }

    /// The end of the connection.
    fn cause(&self) -> Option<CloseCause> {
        self.node.events.iter().find_map(|(_, event)| match event {
            Event::Closed(closed) => Some(closed.cause),
            _ => None,
        })
    }
}

/// The dialler's own unidirectional streams (RFC 9000 section 2.1).
fn own(index: u64) -> u64 {
    index * 4 + 2
}

/// One packet is acknowledged.
fn acknowledges(number: u64) -> Vec<u8> {
    let mut frame = vec![2];
    for value in [number, 0, 0, 0] {
        put(&mut frame, value);
    }
    frame
}

/// A stream is given up at this length.
fn reset(stream: u64, length: u64) -> Vec<u8> {
    let mut frame = Vec::new();
    for value in [4, stream, 0, length] {
        put(&mut frame, value);
    }
    frame
}

fn retired() -> Vec<u8> {
    let mut frames = Vec::new();
    for sequence in 0..65 {
        put(&mut frames, 0x19);
        put(&mut frames, sequence);
    }
    frames
}

fn given() -> Vec<u8> {
    let mut frames = Vec::new();
    for sequence in 1..66_u64 {
        for value in [0x18, sequence, sequence] {
            put(&mut frames, value);
        }
        frames.push(8);
        frames.extend(sequence.to_be_bytes());
        frames.extend([sequence as u8; 16]);
    }
    frames
}

/// Packets that overlap, and what is left of each.
const PINS: u64 = 400;
const PINNED: u64 = 256;
/// Frames of a long packet.
const FULL: usize = 8_800;

/// A question, and that its answer shall not wait (draft-ietf-quic-ack-frequency).
const ASKS_AT_ONCE: &[u8] = &[1, 0x1f];
