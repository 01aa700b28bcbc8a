//! What acknowledgements tell of a path.

use super::*;
use crate::{STAMP_MICROS, ack};

#[test]
fn an_acknowledgement_that_was_put_off_makes_a_path_no_longer() {
    let mut pair = Pair::connected();
    let clock = pair.now;
    let delays =
        [9_000, 24_000, 12_504].map(|put_off| delay(&mut pair, clock, Duration::from_micros(put_off)));
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(most - least <= 2 * STAMP_MICROS as i64, "{delays:?}");
}

#[test]
fn what_holds_no_acknowledgement_tells_no_delay() {
    let mut pair = Pair::connected();
    send(&mut pair);
    let now = pair.now;
    let datagrams = pair.ends[0].take(now);
    assert!(!datagrams.is_empty());
    for datagram in datagrams {
        assert_eq!(ack::delay(&datagram), None);
        for length in 0..datagram.len() {
            assert_eq!(ack::delay(&datagram[..length]), None);
        }
    }
}

/// Microseconds to the other end, but for a constant, by an acknowledgement that leaves so much after what it acknowledges came.
fn delay(pair: &mut Pair, clock: Instant, put_off: Duration) -> i64 {
    pair.run();
    let connection = pair.ends[0].connection.unwrap();
    let _before = pair.ends[0].quic.take_path_sample(connection);
    send(pair);
    while (0..2).any(|from| pair.carry(from)) {}
    pair.now += put_off;
    let now = pair.now;
    pair.ends[1].quic.handle_timeout(now);
    let datagrams = pair.ends[1].take(now);
    assert_eq!(datagrams.iter().find_map(|datagram| ack::delay(datagram)), Some(put_off));
    let ticks = now.saturating_duration_since(clock).as_micros() as u64 / STAMP_MICROS;
    let quic = &mut pair.ends[0].quic;
    for datagram in datagrams {
        quic.handle_departure(ticks as u32);
        quic.handle_datagram(PEER, Ecn::NotEct, BytesMut::from(&datagram[..]), None, now);
    }
    quic.take_path_sample(connection).unwrap().delay
}

fn send(pair: &mut Pair) {
    let connection = pair.ends[0].connection.unwrap();
    let quic = &mut pair.ends[0].quic;
    let message = quic.begin_message(connection, 0, 100).unwrap();
    assert_eq!(quic.write_message(connection, message, &mut vec![1; 100].into()), 100);
}
