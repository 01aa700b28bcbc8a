use bytes::Bytes;

use super::{SMALL, Stream};
use crate::ids::ConnectionId;
use crate::stream_name::StreamName;

#[test]
fn small_writes_that_wait_become_few_pieces_with_the_same_bytes() {
    let mut stream = Stream::outgoing(ConnectionId(0), false, 0, StreamName::default());
    let mut written = Vec::new();
    let mut held = Vec::new();
    for number in 0..20_000_usize {
        let length = if number % 500 == 499 { 3 * SMALL } else { number % 40 };
        let bytes: Vec<u8> = (0..length).map(|at| (number + at) as u8).collect();
        written.extend_from_slice(&bytes);
        stream.queue(Bytes::from(bytes));
        // The transport takes a part now and then, and keeps it.
        if number % 1_000 == 0
            && let Some(front) = stream.pending.back_mut()
        {
            held.push(front.slice(..));
        }
    }
    let pieces = stream.pending.len();
    assert!(pieces < 300, "{pieces} pieces");
    assert_eq!(stream.pending_bytes, written.len() as u64);
    assert_eq!(stream.pending.iter().flatten().copied().collect::<Vec<u8>>(), written);
}
