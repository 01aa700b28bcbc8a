//! Padding that can be left away.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::frames::MAX_STREAMS_UNI;

/// Frames, then so many zeros.
fn padded(frames: &[u8], zeros: usize) -> Vec<u8> {
    [frames, &vec![0; zeros]].concat()
}

#[test]
fn padding_at_the_end_can_be_left_away_but_for_one_frame() {
    let ping_and_ack_at_once: &[u8] = &[0x01, 0x1f];
    let data_with_length: &[u8] = &[0x0a, 4, 3, 0, 0, 0];
    for frames in [ping_and_ack_at_once, data_with_length, &[], &[0x01, 0, 0, 0, 0x01]] {
        for zeros in [32, 33, 64, 100, 8_900] {
            assert_eq!(spare_padding(&padded(frames, zeros)), zeros - 1, "{frames:?} and {zeros} zeros");
        }
    }
}

#[test]
fn zeros_that_are_data_stay() {
    let data_to_the_end: &[u8] = &[0x08, 4];
    let datagram_to_the_end: &[u8] = &[0x30];
    let unknown: &[u8] = &[0x40, 0x99];
    let cut_short: &[u8] = &[0x0a, 4, 0x50, 0];
    for frames in [data_to_the_end, datagram_to_the_end, unknown, cut_short] {
        assert_eq!(spare_padding(&padded(frames, 100)), 0, "{frames:?}");
    }
    assert_eq!(spare_padding(&padded(&[0x0a, 4, 60], 100)), 39, "60 zeros of data, then padding");
    assert_eq!(spare_padding(&padded(&[0x01], 31)), 0, "not worth it");
}

#[test]
fn of_any_frames_all_padding_behind_the_last_can_be_left_away_and_nothing_else() {
    let mut random = StdRng::seed_from_u64(1);
    for _ in 0..50_000 {
        let mut frames = Vec::new();
        let mut is_open_ended = false;
        for _ in 0..random.random_range(0..5) {
            is_open_ended = put_frame(&mut frames, &mut random);
            if is_open_ended {
                break;
            }
        }
        let zeros = random.random_range(0..100);
        let packet = padded(&frames, zeros);
        let is_worth_it = packet.ends_with(&[0; WORTH_LEAVING]);
        let expected = if is_worth_it && !is_open_ended { zeros.saturating_sub(1) } else { 0 };
        assert_eq!(spare_padding(&packet), expected, "{packet:?}");
    }
}

/// Puts a frame whose numbers and bytes are zeros, mostly. Whether it reaches to the end of the packet.
fn put_frame(frames: &mut Vec<u8>, random: &mut StdRng) -> bool {
    const NUMBERS: [(u64, usize); 21] = [
        (PING, 0),
        (HANDSHAKE_DONE, 0),
        (IMMEDIATE_ACK, 0),
        (RESET_STREAM, 3),
        (STOP_SENDING, 2),
        (MAX_DATA, 1),
        (MAX_STREAM_DATA, 2),
        (MAX_STREAMS_BIDI, 1),
        (MAX_STREAMS_UNI, 1),
        (DATA_BLOCKED, 1),
        (STREAM_DATA_BLOCKED, 2),
        (STREAMS_BLOCKED_BIDI, 1),
        (STREAMS_BLOCKED_UNI, 1),
        (RETIRE_CONNECTION_ID, 1),
        (ACK_FREQUENCY, 4),
        (ACK, 0),
        (ACK_ECN, 3),
        (CRYPTO, 1),
        (CONNECTION_CLOSE, 2),
        (APPLICATION_CLOSE, 1),
        (DATAGRAM_WITH_LENGTH, 0),
    ];
    let other = NUMBERS.len();
    let index = random.random_range(0..other + 4);
    let bytes = vec![0; random.random_range(0..80)];
    let mut number = |frames: &mut Vec<u8>| {
        let value = [0, 0, 0, 1, 64 << random.random_range(0..40)][random.random_range(0..5)];
        varint::put(frames, value);
    };
    let Some(&(kind, numbers)) = NUMBERS.get(index) else {
        match index - other {
            0 => frames.extend([&[PATH_CHALLENGE as u8][..], &[0; 8]].concat()),
            1 => {
                frames.push(NEW_CONNECTION_ID as u8);
                for _ in 0..2 {
                    number(frames);
                }
                frames.extend([&[8][..], &[0; 8 + RESET_TOKEN as usize]].concat());
            }
            2 => {
                frames.push((STREAM | STREAM_HAS_LENGTH | STREAM_FIN) as u8);
                number(frames);
                put_bytes(frames, &bytes);
            }
            _ => {
                frames.extend([(STREAM | STREAM_HAS_OFFSET) as u8, 0, 0]);
                return true;
            }
        }
        return false;
    };
    varint::put(frames, kind);
    if matches!(kind, ACK | ACK_ECN) {
        for _ in 0..2 {
            number(frames);
        }
        let ranges = bytes.len() as u64 / 20;
        varint::put(frames, ranges);
        for _ in 0..=2 * ranges {
            number(frames);
        }
    }
    for _ in 0..numbers {
        number(frames);
    }
    if matches!(kind, CRYPTO | CONNECTION_CLOSE | APPLICATION_CLOSE | DATAGRAM_WITH_LENGTH) {
        put_bytes(frames, &bytes);
    }
    false
}

fn put_bytes(frames: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(frames, bytes.len() as u64);
    frames.extend(bytes);
}

#[test]
fn zeros_are_counted_to_the_first_other_byte() {
    for count in 0..100 {
        assert_eq!(zeros(&padded(&[], count)), count);
        assert_eq!(zeros(&[vec![0; count], vec![1, 0, 0]].concat()), count);
    }
}
