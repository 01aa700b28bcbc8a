//! Datagrams of one batch: none is lost to the order in which they are worked off.

use boringtun::noise::{Tunn, TunnResult};
use boringtun::x25519::{PublicKey, StaticSecret};
use warren_testing::{Datagram, Node};
use warren_wireguard::Event;

use crate::node::*;

/// A responder that sends data with its response, as some do; it seals under the eighth session that it makes.
///
/// boringtun begins with the session in place 0 of its ring as the one that seals, whether it was confirmed or not; the
/// eighth gets there.
struct Hasty(Tunn);

impl Hasty {
    fn new() -> Self {
        let other = PublicKey::from(*key(1).public_key().as_bytes());
        Self(Tunn::new(StaticSecret::from([2; 32]), other, None, None, 77, None))
    }

    fn answer(&mut self, initiation: &[u8]) -> Vec<u8> {
        let mut room = [0; 2_048];
        match self.0.decapsulate(None, initiation, &mut room) {
            TunnResult::WriteToNetwork(response) => response.to_vec(),
            other => panic!("no response: {other:?}"),
        }
    }

    fn seal(&mut self, text: &[u8]) -> Vec<u8> {
        let mut room = [0; 2_048];
        let packet = packet(key(2).public_key(), key(1).public_key(), text);
        match self.0.encapsulate(&packet, &mut room) {
            TunnResult::WriteToNetwork(sealed) if sealed[0] == DATA => sealed.to_vec(),
            other => panic!("not sealed: {other:?}"),
        }
    }
}

/// A has dialled eight times, and the last two are answered: the older response, the newer, data under the newer
/// session.
fn answered_with_data() -> (Pair, Vec<u8>, Vec<u8>, [Vec<u8>; 2]) {
    let mut pair = Pair::new();
    pair.world.remove(pair.b);
    let mut hasty = Hasty::new();
    pair.send_a(b"from a");
    let mut responses = Vec::new();
    for count in 1..=8 {
        pair.world.run_until(10 * SECOND, |world| world.node(address(1)).sent_of(INITIATION) == count);
        let initiation = pair.node_a().sent.last().expect("it dialled").1.bytes.clone();
        responses.push(hasty.answer(&initiation));
    }
    let data = [hasty.seal(b"at once"), hasty.seal(b"and more")];
    (pair, responses.swap_remove(6), responses.pop().expect("eight less one"), data)
}

/// Hands several to A before any of them is worked off.
fn batch(pair: &mut Pair, datagrams: &[Vec<u8>]) {
    let (from, to) = (pair.b, pair.a);
    pair.world.with(pair.a, |node, now| {
        for bytes in datagrams {
            node.handle_datagram(Datagram { from, to, bytes: bytes.clone() }, now);
        }
    });
}

#[test]
fn data_in_a_batch_with_the_response_that_made_its_session_is_opened() {
    let (mut pair, _, response, [one, two]) = answered_with_data();
    batch(&mut pair, &[response, one, two]);
    assert_eq!(texts(pair.node_a()), [b"at once".as_slice(), b"and more"]);
    assert_eq!(pair.node_a().device.stats().received.unknown_index, 0);
    assert_eq!(pair.node_a().count(|event| matches!(event, Event::Up { .. })), 1);
}

#[test]
fn two_responses_and_data_in_a_batch_leave_the_newer_session_in_whatever_order_they_come() {
    for newer_first in [false, true] {
        let (mut pair, older, newer, [one, two]) = answered_with_data();
        let batched = if newer_first { [newer, older, one, two] } else { [older, newer, one, two] };
        batch(&mut pair, &batched);
        assert_eq!(texts(pair.node_a()), [b"at once".as_slice(), b"and more"], "newer first: {newer_first}");
        assert_eq!(pair.node_a().count(|event| matches!(event, Event::Up { .. })), 1);
        assert_eq!(pair.node_a().count(|event| matches!(event, Event::Rekeyed { .. })), 0);
    }
}

#[test]
fn responses_that_are_forged_for_data_that_is_forged_cost_no_more_than_their_share() {
    let (mut pair, _, response, [data, _]) = answered_with_data();
    let mut forged = response.clone();
    forged[50] ^= 1;
    let mac1 = mac1(&key(1).public_key(), &forged[..60]);
    forged[60..76].copy_from_slice(&mac1);
    let mut flood = Vec::new();
    for _ in 0..4_000 {
        flood.push(forged.clone());
        flood.push(data.clone());
    }
    batch(&mut pair, &flood);
    // Work for nobody counts ten times, and above 250 ms of it everything waits for its turn.
    let opened = pair.node_a().device.stats().received.unauthenticated;
    assert!((50..=300).contains(&opened), "{opened} opened at once");
}
