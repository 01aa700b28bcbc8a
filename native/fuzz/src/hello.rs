//! Hellos: read here a second time, and said by an end that says anything.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use warren_quic::{Event, Hello};

use crate::input::Input;
use crate::quic_node::QuicNode;
use crate::wire::{Level, QuicEnd, Side, crypto, cut, field, get, good_parameters};

/// Says a hello that is in the input, or built from it, as a dialler or as an acceptor, in one piece or in several.
///
/// # Panics
/// When one that is malformed is believed, one that is good is not, or is not understood as it was meant.
pub fn hello(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let side = if mode & 1 == 0 { Side::Dialler } else { Side::Acceptor };
    let built = mode & 2 != 0;
    let pieces = usize::from(mode >> 2).min(8);
    let mut node = QuicNode::new(Instant::now());
    let Some(mut end) = introduce(&mut node, side) else { return };
    let good = built.then(|| build(&mut input, side, &end));
    end.own_hello = match &good {
        Some((_, bytes)) => bytes.clone(),
        None => input.rest().to_vec(),
    };
    let answers = say(&mut node, &mut end, pieces);
    answers.iter().for_each(|answer| end.hear(answer));
    let confirmation = end.confirmation();
    node.give(&confirmation);
    node.wait(Duration::from_secs(1));
    judge(&node, &end, side, good.map(|(hello, _)| hello));
}

/// The attacking end, with all that it needs to have heard.
fn introduce(node: &mut QuicNode, side: Side) -> Option<QuicEnd> {
    if side == Side::Dialler {
        return Some(QuicEnd::dialler([9; 8]));
    }
    node.dial();
    let first = node.drain();
    let end = QuicEnd::acceptor([9; 8], first.first()?)?;
    let heard = decode(&end.other_hello).expect("what a node says is a hello");
    assert_eq!(heard.offered, ["test".into()]);
    assert_eq!(heard.accepted, ["test".into(), "other".into()]);
    assert_eq!((heard.incarnation, heard.observed), (1, None));
    Some(end)
}

fn say(node: &mut QuicNode, end: &mut QuicEnd, pieces: usize) -> Vec<Vec<u8>> {
    let hello = end.own_hello.clone();
    let size = hello.len().div_ceil(pieces.max(1)).clamp(1, 1_000);
    let mut answers = Vec::new();
    for (index, piece) in hello.chunks(size).enumerate() {
        let packet = end.packet(Level::Initial, &crypto((index * size) as u64, piece));
        answers.extend(node.give(&packet));
    }
    answers
}

fn judge(node: &QuicNode, end: &QuicEnd, side: Side, good: Option<Hello>) {
    let told = node.events.iter().find_map(|(_, event)| match event {
        Event::Incoming { hello, .. } | Event::Connected { hello, .. } => Some(hello),
        _ => None,
    });
    let whole = end
        .own_hello
        .get(1..3)
        .map_or(0, |length| 3 + usize::from(u16::from_be_bytes([length[0], length[1]])));
    // Bytes behind the end of a hello are no part of it.
    let read = decode(&end.own_hello[..whole.min(end.own_hello.len())]);
    if let Some(told) = told {
        assert_eq!(Some(told), read.as_ref(), "a hello is understood in another way");
    }
    let connected = node.events.iter().any(|(_, event)| matches!(event, Event::Connected { .. }));
    if let Some(good) = good {
        assert_eq!(read.as_ref(), Some(&good), "the second writing of the format contradicts itself");
        assert_eq!(told, Some(&good), "a good hello of {side:?} is not believed");
        assert!(connected, "a good handshake does not complete");
    }
}

/// A good hello with whatever else the input says.
fn build(input: &mut Input<'_>, side: Side, end: &QuicEnd) -> (Hello, Vec<u8>) {
    let mut offered = names(input, 20);
    let accepted = if side == Side::Dialler { names(input, 20) } else { vec!["test".into()] };
    if side == Side::Dialler {
        offered.retain(|name| &**name != "other");
        offered.insert(0, "test".into());
    }
    let observed = match input.byte() % 3 {
        0 => None,
        1 => Some(SocketAddr::new(IpAddr::from([input.byte(), 2, 3, 4]), input.word())),
        _ => Some(SocketAddr::new(IpAddr::from([u16::from(input.byte()); 8]), input.word())),
    };
    let transports = names(input, 3);
    let hello = Hello { incarnation: input.number(), offered, accepted, transports, observed };
    let mut fields = vec![
        (1, hello.incarnation.to_be_bytes().to_vec()),
        (2, list(&hello.offered)),
        (3, list(&hello.accepted)),
        (4, list(&hello.transports)),
        (7, good_parameters(side, &[9; 8], end.first_destination())),
    ];
    fields.extend(hello.observed.map(|observed| (5, endpoint(observed))));
    if side == Side::Acceptor {
        fields.push((6, b"test".to_vec()));
    }
    // Fields come in any order, unknown ones among them.
    let turn = input.below(fields.len());
    fields.rotate_left(turn);
    let unknown = 8 + (input.number() >> 3);
    fields.push((unknown, input.take(100).to_vec()));
    let mut body = Vec::new();
    fields.iter().for_each(|(kind, value)| field(&mut body, *kind, value));
    let mut bytes = vec![1];
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&body);
    (hello, bytes)
}

fn names(input: &mut Input<'_>, most: usize) -> Vec<Box<str>> {
    let count = input.below(most);
    let name = |index: usize| format!("{index}-{}", String::from_utf8_lossy(input.take(9))).into();
    (0..count).map(name).collect()
}

fn list(names: &[Box<str>]) -> Vec<u8> {
    let mut out = Vec::new();
    for name in names {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    }
    out
}

fn endpoint(endpoint: SocketAddr) -> Vec<u8> {
    let mut out = match endpoint.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    out.extend_from_slice(&endpoint.port().to_be_bytes());
    out
}

/// Reads a hello; `None`: it is malformed.
fn decode(hello: &[u8]) -> Option<Hello> {
    let mut rest = hello;
    if cut(&mut rest, 1)? != [1] {
        return None;
    }
    let length: [u8; 2] = cut(&mut rest, 2)?.try_into().ok()?;
    if usize::from(u16::from_be_bytes(length)) != rest.len() || rest.len() > 4096 {
        return None;
    }
    let mut found: [Option<&[u8]>; 8] = [None; 8];
    while !rest.is_empty() {
        let kind = get(&mut rest)?;
        let length = get(&mut rest)?;
        let value = cut(&mut rest, length)?;
        if (1..8).contains(&kind) && found[kind as usize].replace(value).is_some() {
            return None;
        }
    }
    let observed = match found[5] {
        None => None,
        Some(value) => Some(match value.len() {
            6 => (<[u8; 4]>::try_from(&value[..4]).ok()?, u16::from_be_bytes([value[4], value[5]])).into(),
            18 => {
                (<[u8; 16]>::try_from(&value[..16]).ok()?, u16::from_be_bytes([value[16], value[17]])).into()
            }
            _ => return None,
        }),
    };
    if let Some(chosen) = found[6] {
        std::str::from_utf8(chosen).ok().filter(|name| !name.is_empty())?;
    }
    found[7]?;
    Some(Hello {
        incarnation: u64::from_be_bytes(found[1]?.try_into().ok()?),
        offered: decode_list(found[2]?)?,
        accepted: decode_list(found[3]?)?,
        transports: decode_list(found[4]?)?,
        observed,
    })
}

fn decode_list(mut list: &[u8]) -> Option<Vec<Box<str>>> {
    let mut names = Vec::new();
    while !list.is_empty() {
        let length = cut(&mut list, 1)?[0];
        let name = std::str::from_utf8(cut(&mut list, u64::from(length))?).ok()?;
        if name.is_empty() || names.len() == 64 {
            return None;
        }
        names.push(name.into());
    }
    Some(names)
}
