//! Hellos: read here a second time, and said by an end that says anything.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use warren_quic::{Event, Hello, Lists};

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
    assert_eq!(heard.offered(), ["test".into()]);
    assert_eq!(heard.lists.offer, ["test".into(), "other".into()]);
    assert_eq!(heard.lists.accept, ["test".into(), "other".into()]);
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
    // Of a build without generations or with them; of the latter, a dial for anything or for these names.
    let kind = input.byte() % 3;
    let generation = (kind > 0).then(|| input.number());
    let asked = (kind == 2 && side == Side::Dialler).then(|| offered.clone());
    let offer = if asked.is_some() { names(input, 20) } else { offered.clone() };
    let lists = Lists { generation, offer, accept: accepted, transports };
    let hello = Hello { incarnation: input.number(), lists, asked, observed };
    let mut fields = vec![
        (1, hello.incarnation.to_be_bytes().to_vec()),
        (2, list(hello.offered())),
        (3, list(&hello.lists.accept)),
        (4, list(&hello.lists.transports)),
        (7, good_parameters(side, &[9; 8], end.first_destination())),
    ];
    fields.extend(generation.map(|generation| (8, generation.to_be_bytes().to_vec())));
    if hello.asked.is_some() {
        fields.push((9, offer_list(&hello, input.byte() & 1 == 0)));
    }
    fields.extend(hello.observed.map(|observed| (5, endpoint(observed))));
    if side == Side::Acceptor {
        fields.push((6, b"test".to_vec()));
    }
    // Fields come in any order, unknown ones among them.
    let turn = input.below(fields.len());
    fields.rotate_left(turn);
    let unknown = 13 + (input.number() >> 3);
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

/// The whole offer, with names of other fields by their places or not.
fn offer_list(hello: &Hello, by_place: bool) -> Vec<u8> {
    let known = || hello.lists.accept.iter().chain(hello.offered());
    let mut out = Vec::new();
    for name in &hello.lists.offer {
        match known().position(|known| known == name).filter(|_| by_place) {
            Some(place) => out.extend_from_slice(&[0, place as u8]),
            None => out.extend_from_slice(&list(std::slice::from_ref(name))),
        }
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
    let mut found: [Option<&[u8]>; 13] = [None; 13];
    while !rest.is_empty() {
        let kind = get(&mut rest)?;
        let length = get(&mut rest)?;
        let value = cut(&mut rest, length)?;
        if (1..13).contains(&kind) && found[kind as usize].replace(value).is_some() {
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
    if found[11].is_some_and(|early| early.len() < 4) || !matches!(found[12], None | Some([0] | [1])) {
        return None;
    }
    for name in [found[6], found[11].map(|early| &early[4..])].into_iter().flatten() {
        std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    }
    found[7]?;
    let generation = match found[8] {
        Some(generation) => Some(u64::from_be_bytes(generation.try_into().ok()?)),
        None => None,
    };
    let offered = decode_list(found[2]?, &[])?;
    let accept = decode_list(found[3]?, &[])?;
    let (asked, offer) = match found[9].filter(|_| generation.is_some()) {
        Some(offer) => {
            let offer = decode_list(offer, &[&accept[..], &offered].concat())?;
            (Some(offered), offer)
        }
        None => (None, offered),
    };
    let transports = decode_list(found[4]?, &[])?;
    let lists = Lists { generation, offer, accept, transports };
    Some(Hello { incarnation: u64::from_be_bytes(found[1]?.try_into().ok()?), lists, asked, observed })
}

fn decode_list(mut list: &[u8], known: &[Box<str>]) -> Option<Vec<Box<str>>> {
    let mut names = Vec::new();
    while !list.is_empty() {
        let length = cut(&mut list, 1)?[0];
        if length == 0 {
            names.push(known.get(usize::from(cut(&mut list, 1)?[0]))?.clone());
            if names.len() > 64 {
                return None;
            }
            continue;
        }
        let name = std::str::from_utf8(cut(&mut list, u64::from(length))?).ok()?;
        if name.is_empty() || names.len() == 64 {
            return None;
        }
        names.push(name.into());
    }
    Some(names)
}
