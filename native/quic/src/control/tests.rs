//! Frames of the control stream, in pieces and in numbers.

use super::*;

#[test]
fn frames_survive_any_cut_and_unknown_ones_between() {
    let frames = [
        ControlFrame::Delivered { message: 5 },
        ControlFrame::Delivered { message: 70_000 },
        ControlFrame::Refused { message: 1 },
        ControlFrame::Cancelled { message: 2 },
        ControlFrame::GivenUp { message: 8, code: 3 },
        ControlFrame::Read { stream: 9, bytes: READ_ALL },
    ];
    let mut writer = ControlWriter::default();
    frames.into_iter().for_each(|frame| writer.push(frame));
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
