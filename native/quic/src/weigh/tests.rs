//! Padding that can be left away.

use super::*;

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
fn zeros_are_counted_to_the_first_other_byte() {
    for count in 0..100 {
        assert_eq!(zeros(&padded(&[], count)), count);
        assert_eq!(zeros(&[vec![0; count], vec![1, 0, 0]].concat()), count);
    }
}
