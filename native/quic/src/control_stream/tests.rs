//! Frames of the control stream, in pieces and in numbers.

use super::*;
use crate::Lists;

#[test]
fn frames_survive_any_cut_and_unknown_ones_between() {
    let frames = [
        ControlFrame::Delivered { message: 5 },
        ControlFrame::Delivered { message: 70_000 },
        ControlFrame::Refused { message: 1 },
        ControlFrame::Cancelled { message: 2 },
        ControlFrame::GivenUp { message: 8, code: 3 },
        ControlFrame::Read { stream: 9, bytes: READ_ALL },
        ControlFrame::Announce(Announcement::new(&lists(8)).expect("short lists")),
        ControlFrame::Finished,
    ];
    let mut writer = ControlWriter::default();
    frames.iter().for_each(|frame| writer.push(frame.clone()));
    let mut bytes = vec![0x21, 3, 1, 2, 3];
    bytes.extend_from_slice(writer.bytes());
    bytes.extend_from_slice(&[0x40, 0x99, 0]);
    for size in 1..bytes.len() {
        let mut reader = ControlReader::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(size) {
            reader.push(piece, |frame| found.push(frame)).expect("it follows the rules");
        }
        found.sort_by_key(|frame| frames.iter().position(|known| known == frame));
        assert_eq!(found, frames);
        assert!(reader.bytes.is_empty());
    }
}

#[test]
fn what_was_written_is_not_written_again() {
    let mut writer = ControlWriter::default();
    let mut out = Vec::new();
    for message in 0..100_000 {
        writer.push(ControlFrame::Delivered { message });
        let some = writer.bytes().len() / 2;
        out.extend_from_slice(&writer.bytes()[..some]);
        writer.advance(some);
    }
    out.extend_from_slice(writer.bytes());
    let mut expected = 0;
    ControlReader::default()
        .push(&out, |frame| {
            assert_eq!(frame, ControlFrame::Delivered { message: expected });
            expected += 1;
        })
        .expect("it follows the rules");
    assert_eq!(expected, 100_000);
}

#[test]
fn an_announcement_of_the_longest_lists_is_within_what_a_reader_takes() {
    let mut long = lists(1 << 62);
    long.offer = (10..42).map(|n| format!("{n}{}", "x".repeat(46)).into()).collect();
    long.accept = long.offer.clone();
    let announcement = Announcement::new(&long).expect("no more names than may be");
    let mut writer = ControlWriter::default();
    writer.push(ControlFrame::Announce(announcement.clone()));
    let mut found = None;
    ControlReader::default().push(writer.bytes(), |frame| found = Some(frame)).expect("it follows the rules");
    assert_eq!(found, Some(ControlFrame::Announce(announcement.clone())));
    assert_eq!(announcement.read(), Ok(long));
}

#[test]
fn an_announcement_that_lacks_a_list_or_says_one_twice_is_malformed() {
    let whole = Announcement::new(&lists(8)).expect("short lists");
    for twice in [false, true] {
        let mut body = if twice { whole.body().to_vec() } else { Vec::new() };
        body.extend_from_slice(&whole.body()[..10]);
        assert!(Announcement::from_body(&body).read().is_err(), "{twice}");
    }
}

fn lists(generation: u64) -> Lists {
    let names = |list: &str| list.split(' ').map(Box::from).collect();
    Lists {
        generation: Some(generation),
        offer: names("ledger/2 ledger/1"),
        accept: names("ledger/1"),
        transports: names("quic/1"),
    }
}
