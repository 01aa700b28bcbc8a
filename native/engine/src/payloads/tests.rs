use bytes::Bytes;

use super::{Payloads, RECENT};

fn address(bytes: &[u8]) -> usize {
    bytes.as_ptr() as usize
}

#[test]
fn what_is_kept_of_a_packet_keeps_the_memory_of_no_other() {
    let mut payloads = Payloads::new(MTU);
    let kept: Vec<Bytes> =
        (0..4 * RECENT).map(|number| payloads.copy(&[number as u8; 1_400]).freeze().slice(..1)).collect();
    let mut addresses: Vec<_> = kept.iter().map(|bytes| address(bytes)).collect();
    addresses.sort_unstable();
    assert!(addresses.windows(2).all(|pair| pair[1] - pair[0] >= 1_400), "two share memory");
    assert!(kept.iter().enumerate().all(|(number, bytes)| bytes[0] == number as u8));
}

#[test]
fn memory_that_nobody_kept_is_used_again() {
    let mut payloads = Payloads::new(MTU);
    let batch: Vec<_> = (0..RECENT).map(|_| payloads.copy(&[1; 1_400])).collect();
    let mut addresses: Vec<_> = batch.iter().map(|bytes| address(bytes)).collect();
    drop(batch);
    addresses.sort_unstable();
    for _ in 0..10 * RECENT {
        let copy = payloads.copy(&[2; 1_400]);
        assert!(addresses.binary_search(&address(&copy)).is_ok());
    }
}

#[test]
fn packets_of_all_sizes_come_out_as_they_went_in() {
    let mut payloads = Payloads::new(MTU);
    for length in [0, 1, 699, 700, 1_200, MTU, MTU + 1, 65_472, MTU] {
        let bytes: Vec<u8> = (0..length).map(|at| at as u8).collect();
        assert_eq!(&payloads.copy(&bytes)[..], &bytes[..]);
    }
}

const MTU: usize = 1_420;
