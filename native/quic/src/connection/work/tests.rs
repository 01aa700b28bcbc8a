use super::{HOLES_MAX, LOOKED_FOR, Work};
use crate::frames::TAG_LENGTH;
use crate::weigh::Weight;
use crate::{cid, varint};

/// A datagram of one 1-RTT packet with these STREAM frames: stream, offset, length, end.
fn datagram(frames: &[(u64, u64, usize, bool)]) -> Vec<u8> {
    let mut out = vec![0x40];
    out.resize(1 + cid::LENGTH + 1, 7);
    for &(stream, offset, length, end) in frames {
        out.push(0x0e | u8::from(end));
        for value in [stream, offset, length as u64] {
            varint::put(&mut out, value);
        }
        out.resize(out.len() + length, 1);
    }
    out.resize(out.len() + TAG_LENGTH, 0);
    out
}

fn costs(work: &mut Work, frames: &[(u64, u64, usize, bool)]) -> u32 {
    let mut weight = Weight::default();
    weight.read(&datagram(frames));
    let pieces = work.pieces(&weight, |_| Some(0)).expect("nothing that an honest end would not send");
    work.note(&weight, weight.stream_frames);
    pieces.expect("no more than a datagram may bring")
}

#[test]
fn what_an_honest_end_sends_costs_nothing_where_nothing_is_lost() {
    let mut work = Work::default();
    for round in 0..100 {
        let messages: Vec<_> = (0..200).map(|stream| (4 * (200 * round + stream) + 2, 0, 3, true)).collect();
        assert_eq!(costs(&mut work, &messages), 0, "200 streams of one small message each");
    }
    let mut work = Work::default();
    for packet in 0..10_000 {
        let frames =
            [(0, packet * 20, 20, false), (4, packet * 9, 9, false), (8, packet * 1_000, 1_000, false)];
        assert_eq!(costs(&mut work, &frames), 0, "small writes in order");
    }
    // One packet in ten is lost, and comes again.
    let mut cost = 0;
    for packet in 10_000..20_000 {
        if packet % 10 != 0 {
            cost += costs(&mut work, &[(0, packet * 20, 20, false)]);
        }
        if packet % 10 == 5 {
            cost += costs(&mut work, &[(0, (packet - 5) * 20, 20, false)]);
        }
    }
    assert_eq!(cost, 2_000, "two a loss");
}

#[test]
fn small_pieces_that_leave_gaps_or_come_twice_cost_each() {
    let mut work = Work::default();
    let gaps: Vec<_> = (0..100).map(|piece| (2, 2 + 2 * piece, 1, false)).collect();
    assert_eq!(costs(&mut work, &gaps), 100);
    let many: Vec<_> = (0..100).map(|piece| (2 + 4 * (piece % 50), 2 + 2 * piece, 1, false)).collect();
    assert!(costs(&mut work, &many) > 99, "on however many streams");
    let large: Vec<_> = (0..4).map(|piece| (2, 300 * piece, 256, false)).collect();
    assert_eq!(costs(&mut work, &large), 0, "their bytes explain what they cost");
}

/// Whether a datagram of this piece may be held, of a stream that was read so far.
fn takes(work: &mut Work, piece: (u64, u64, usize), read: Option<u64>) -> bool {
    let mut weight = Weight::default();
    weight.read(&datagram(&[(piece.0, piece.1, piece.2, false)]));
    let pieces = work.pieces(&weight, |_| read).expect("nothing that an honest end would not send");
    work.note(&weight, if pieces.is_some() { weight.stream_frames } else { 0 });
    pieces.is_some()
}

#[test]
fn an_honest_end_is_heard_however_much_it_sends_again_whether_it_is_read_or_not() {
    for read in [0, 1 << 40] {
        let mut work = Work::default();
        // One packet in five is lost; all come again and again, at first in pieces of other lengths.
        for packet in 0..2_000_u64 {
            assert!(packet % 5 == 1 || takes(&mut work, (2, packet * 8_800, 8_800), Some(read)), "{packet}");
            if let Some(late) = packet.checked_sub(50) {
                assert!(takes(&mut work, (2, late * 8_800, 8_799), Some(read)), "{packet}");
                assert!(takes(&mut work, (2, late * 8_800, 8_800), Some(read)), "{packet}");
                assert!(takes(&mut work, (2, late * 8_800, 8_800), Some(read)), "{packet}");
            }
        }
    }
}

#[test]
fn pieces_that_overlap_are_taken_until_they_could_hold_much_and_again_once_they_are_read() {
    let mut work = Work::default();
    let mut at = 100_000;
    let mut next = |work: &mut Work, read| {
        at -= 1;
        takes(work, (2, at, 8_800), read)
    };
    let taken = (0..20).filter(|_| next(&mut work, Some(0))).count();
    assert_eq!(taken, 1 + (32 * 1024 + 108_799 / 4) / 8_799, "32 KiB, and a quarter of what there is");
    assert!(!next(&mut work, Some(100_000)), "some of it is held");
    assert!(next(&mut work, Some(108_799)), "nothing is held any more");
    let all = (0..100).all(|_| next(&mut work, None));
    assert!(all, "the stream is over");
}

#[test]
fn holes_are_counted_over_all_streams_until_they_are_filled_or_their_streams_are_over() {
    let mut work = Work::default();
    for hole in 0..HOLES_MAX as u64 {
        assert!(takes(&mut work, (2 + 4 * (hole % 8), 1 + hole / 8 * 600, 300), Some(0)));
    }
    assert!(!takes(&mut work, (2, 10 << 20, 300), Some(0)));
    assert!(takes(&mut work, (2, 0, 8_800), Some(0)), "it fills holes");
    assert!(takes(&mut work, (2, 10 << 20, 300), Some(0)));
    work.holes = HOLES_MAX;
    work.datagrams = LOOKED_FOR;
    work.forget(|_| true);
    assert!(takes(&mut work, (2, 10 << 20, 300), Some(0)));
}

#[test]
fn what_quinn_proto_did_not_read_fills_nothing_and_what_it_may_have_read_counts_as_held() {
    let mut weight = Weight::default();
    weight.read(&datagram(&[(2, 0, 8_800, false), (6, 0, 8_800, false)]));
    let mut work = Work::default();
    work.note(&weight, 0);
    assert!((0..30).all(|_| takes(&mut work, (2, 100, 8_700), Some(0))), "the same again brings nothing");
    assert!(takes(&mut work, (2, 0, 8_800), Some(0)));
    let mut work = Work::default();
    for _ in 0..4 {
        work.note(&weight, 1);
    }
    assert!(takes(&mut work, (2, 100, 8_800), Some(0)));
    assert!(!takes(&mut work, (2, 99, 8_800), Some(0)));
}

/// Whether a datagram of so many bytes with these pieces may be worked off, and what it costs.
fn judged(work: &mut Work, pieces: &[(u64, u64, usize)], length: usize, read: u64) -> Option<u32> {
    let frames: Vec<_> =
        pieces.iter().map(|&(stream, offset, length)| (stream, offset, length, false)).collect();
    let mut bytes = datagram(&frames);
    bytes.resize(length.max(bytes.len()), 0);
    let mut weight = Weight::default();
    weight.read(&bytes);
    work.pieces(&weight, |_| Some(read)).expect("nothing that an honest end would not send")
}

#[test]
fn what_ordinary_packets_lost_may_come_again_in_one_long_datagram() {
    // Before a long path is found: every second packet of a stream is lost, then come long ones of it and of others.
    for before in [0, 10_000_000] {
        let mut work = Work::default();
        if before > 0 {
            assert!(takes(&mut work, (2, 0, before as usize), Some(before)));
        }
        let at = |packet: u64| before + packet * 1_300;
        for packet in (0..94).step_by(2) {
            assert!(takes(&mut work, (2, at(packet), 1_300), Some(before)));
        }
        for packet in 0..100 {
            assert!(takes(&mut work, (2, at(94) + packet * 65_000, 65_000), Some(before)));
        }
        let again: Vec<_> = (1..94).step_by(2).map(|packet| (2, at(packet), 1_300)).collect();
        for part in [&again[..46], &again[..10], &again[..20]] {
            let cost = judged(&mut work, part, 65_400, before);
            assert_eq!(cost, Some(part.len() as u32 * 44), "{} pieces after {before} bytes", part.len());
        }
    }
}

#[test]
fn a_long_datagram_makes_no_stream_be_sorted_often_that_holds_much() {
    let apart =
        |count: u64| -> Vec<_> { (0..count).map(|piece| (2, 2_000_000 + piece * 200, 100)).collect() };
    let mut work = Work::default();
    assert!(judged(&mut work, &apart(100), 65_400, 0).is_some());
    assert_eq!(judged(&mut work, &apart(140), 65_400, 0), None, "140 pieces");
    for piece in 0..1_000 {
        assert!(takes(&mut work, (2, 1 + piece * 200, 100), Some(0)));
    }
    assert_eq!(judged(&mut work, &apart(20), 65_400, 0), None, "20 of a thousand");
    let mut work = Work::default();
    assert!(takes(&mut work, (2, 0, 1_000_000), Some(0)));
    assert_eq!(judged(&mut work, &apart(20), 65_400, 0), None, "20 of what nobody reads");
    assert!(judged(&mut work, &apart(20), 65_400, 999_900).is_some(), "and it is read");
}
