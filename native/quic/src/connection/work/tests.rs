use super::Work;
use crate::tag::TAG_LENGTH;
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
    work.pieces(&weight).expect("nothing that an honest end would not send")
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
