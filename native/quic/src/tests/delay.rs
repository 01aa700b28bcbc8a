//! Facts of a path that acknowledgements bring.

use super::*;
use crate::{Envelope, STAMP_MICROS, ack};

#[test]
fn an_acknowledgement_that_was_put_off_makes_a_path_no_longer() {
    let mut pair = Pair::connected();
    let clock = pair.now;
    let put_off = [9_000, 24_000, 12_504].map(Duration::from_micros);
    let alone = put_off.map(|put_off| delay(&mut pair, clock, put_off, true));
    let bundled = put_off.map(|put_off| delay(&mut pair, clock, put_off, false));
    let delays = [alone, bundled].concat();
    let (least, most) = (delays.iter().min().unwrap(), delays.iter().max().unwrap());
    assert!(most - least <= 2 * STAMP_MICROS as i64, "{delays:?}");
}

#[test]
fn what_holds_no_acknowledgement_tells_no_delay() {
    let header = [0x40, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let told = |frames: &[u8]| ack::delay(&[&header[..], frames].concat());
    let acknowledgement = [2, 9, 3, 0, 0];
    let after = |frames: &[u8]| told(&[frames, &acknowledgement[..]].concat());
    let known: [&[u8]; 5] =
        [&[], &[1, 0x1e, 0x1f], &[0x10, 5, 0x11, 4, 5], &[0x0e, 3, 2, 1, 77], &[0x31, 1, 77]];
    for frames in known {
        assert_eq!((told(frames), after(frames)), (None, Some(Duration::from_micros(24))), "{frames:?}");
    }
    // A stream to the end of the packet, data longer than it, numbers that are cut off, and what is no frame.
    let others: [&[u8]; 5] = [&[0x0c, 3, 2], &[0x0e, 3, 2, 60], &[0x0a, 3, 0xff], &[0x10, 0xc0], &[0x21]];
    for frames in others {
        assert_eq!(after(frames), None, "{frames:?}");
    }
    let long = [&[0xc0][..], &header[1..], &acknowledgement].concat();
    assert_eq!(ack::delay(&long), None);
    let most = [2, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(told(&most).is_some());
    for length in 0..most.len() {
        assert_eq!(told(&most[..length]), None);
    }
}

/// Microseconds to the other end, but for a constant, by an acknowledgement that leaves so much after what it
/// acknowledges came: behind the credit that the message gives back, or alone after it.
fn delay(pair: &mut Pair, clock: Instant, put_off: Duration, alone: bool) -> i64 {
    pair.run();
    let connection = pair.ends[0].connection.unwrap();
    let _before = pair.ends[0].quic.take_path_sample(connection);
    send(pair);
    pair.carry(0);
    while alone && (0..2).any(|from| pair.carry(from)) {}
    pair.now += put_off;
    let now = pair.now;
    pair.ends[1].quic.handle_timeout(now);
    let datagrams = pair.ends[1].take(now);
    assert_eq!(datagrams.iter().find_map(|datagram| ack::delay(datagram)), Some(put_off));
    let ticks = now.saturating_duration_since(clock).as_micros() as u64 / STAMP_MICROS;
    let quic = &mut pair.ends[0].quic;
    for datagram in datagrams {
        let envelope = Envelope { ecn: Ecn::NotEct, departed: Some(ticks as u32) };
        quic.handle_datagram(PEER, envelope, BytesMut::from(&datagram[..]), None, now);
    }
    quic.take_path_sample(connection).unwrap().delay
}

fn send(pair: &mut Pair) {
    let connection = pair.ends[0].connection.unwrap();
    let quic = &mut pair.ends[0].quic;
    let message = quic.begin_message(connection, 0, 100).unwrap();
    assert_eq!(quic.write_message(connection, message, &mut vec![1; 100].into()), 100);
}
