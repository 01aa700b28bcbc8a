//! The hello: an end's account of itself in its first flight.
//!
//! On the wire: version (1 byte), length of the body (2 bytes, big-endian), body. The body is a sequence of fields, of
//! which unknown ones are skipped and known ones come at most once. Version and length keep their place in every later
//! version, so that an unknown version can be told from rubbish and be answered.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::fields::{
    FieldError, field, once, put_field, put_list, put_list_with, take_field, take_generation, take_list,
    take_list_with, take_name,
};
use crate::grease::{Grease, Purpose};
use crate::{Hello, Lists};

/// A hello with what goes only to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) hello: Hello,
    /// Protocol that the acceptor chose; a dialler names none.
    pub(crate) chosen: Option<Box<str>>,
    /// Data that a dialler sends with it.
    pub(crate) early: Option<EarlyOffer>,
    /// An acceptor's word on that; none where it reads no early data of this dial.
    pub(crate) verdict: Option<EarlyVerdict>,
    /// Transport parameters (RFC 9000 section 18).
    pub(crate) parameters: Vec<u8>,
}

/// A dialler's word on the data that it sends with its hello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EarlyOffer {
    /// Name of the tunnel's session under which the hello was first said.
    pub(crate) session: u32,
    pub(crate) protocol: Box<str>,
}

/// An acceptor's word on early data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EarlyVerdict {
    /// It reads them.
    Taken,
    /// It does not know the session: a process before it may have read them.
    Unknown,
}

/// Reason why a hello cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum HelloError {
    #[error("hello version {0} is not spoken here, only version {VERSION}")]
    Version(u8),
    #[error("malformed hello: {0}")]
    Malformed(&'static str),
}

impl From<FieldError> for HelloError {
    fn from(FieldError(what): FieldError) -> Self {
        Self::Malformed(what)
    }
}

impl Greeting {
    /// A hello alone.
    pub(crate) fn of(hello: Hello) -> Self {
        Self { hello, chosen: None, early: None, verdict: None, parameters: Vec::new() }
    }

    /// The encoded hello, or `None` if it is longer than any reader takes.
    pub(crate) fn encode(&self, grease: &Grease) -> Option<Vec<u8>> {
        let mut out = vec![VERSION, 0, 0];
        if grease.is_first() {
            grease.put(Purpose::Hello, &mut out);
        }
        let Hello { incarnation, lists, asked, observed } = &self.hello;
        let Lists { generation, offer, accept, transports } = lists;
        let offered = asked.as_ref().unwrap_or(offer);
        put_field(&mut out, field::INCARNATION, &incarnation.to_be_bytes());
        put_list(&mut out, field::OFFERED, offered)?;
        put_list(&mut out, field::ACCEPTED, accept)?;
        put_list(&mut out, field::TRANSPORTS, transports)?;
        if let Some(generation) = generation {
            put_field(&mut out, field::GENERATION, &generation.to_be_bytes());
        }
        if let (Some(asked), Some(_)) = (asked, generation) {
            let place = |name: &str| named(asked, accept).position(|known| **known == *name);
            put_list_with(&mut out, field::OFFER, offer, |name| u8::try_from(place(name)?).ok())?;
        }
        if let Some(observed) = observed {
            put_field(&mut out, field::OBSERVED, &encode_endpoint(*observed));
        }
        if let Some(chosen) = &self.chosen {
            put_field(&mut out, field::CHOSEN, chosen.as_bytes());
        }
        if let Some(early) = &self.early {
            let value = [&early.session.to_be_bytes()[..], early.protocol.as_bytes()].concat();
            put_field(&mut out, field::EARLY, &value);
        }
        if let Some(verdict) = self.verdict {
            put_field(&mut out, field::EARLY_VERDICT, &[u8::from(verdict == EarlyVerdict::Taken)]);
        }
        put_field(&mut out, field::PARAMETERS, &self.parameters);
        if !grease.is_first() {
            grease.put(Purpose::Hello, &mut out);
        }
        let body = out.len() - HEAD;
        if body > MAX_BODY {
            return None;
        }
        out[1..HEAD].copy_from_slice(&(body as u16).to_be_bytes());
        Some(out)
    }

    fn decode(mut body: &[u8]) -> Result<Self, HelloError> {
        let mut fields = Fields::default();
        while !body.is_empty() {
            let (kind, value) = take_field(&mut body)?;
            fields.set(kind, value)?;
        }
        fields.finish()
    }
}

/// The names that a hello's whole offer may name by their places.
fn named<'a>(offered: &'a [Box<str>], accepted: &'a [Box<str>]) -> impl Iterator<Item = &'a Box<str>> {
    accepted.iter().chain(offered)
}

/// Collects a hello that arrives in pieces.
#[derive(Debug, Default)]
pub(crate) struct HelloReader {
    bytes: Vec<u8>,
}

impl HelloReader {
    /// Takes the next bytes; gives the hello once it is complete, which is when its last byte came.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Option<Greeting>, HelloError> {
        let room = HEAD + MAX_BODY - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        if let Some(&version) = self.bytes.first().filter(|version| **version != VERSION) {
            return Err(HelloError::Version(version));
        }
        if bytes.len() > room {
            return Err(HelloError::Malformed("too long"));
        }
        let Some((head, body)) = self.bytes.split_first_chunk::<HEAD>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        if length > MAX_BODY {
            return Err(HelloError::Malformed("too long"));
        }
        if body.len() > length {
            return Err(HelloError::Malformed("bytes after the hello"));
        }
        if body.len() < length {
            return Ok(None);
        }
        Greeting::decode(body).map(Some)
    }

    /// All bytes so far, as they came.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The fields of a hello as they are found.
#[derive(Default)]
struct Fields<'a> {
    incarnation: Option<u64>,
    generation: Option<u64>,
    offered: Option<Vec<Box<str>>>,
    accepted: Option<Vec<Box<str>>>,
    offer: Option<&'a [u8]>,
    transports: Option<Vec<Box<str>>>,
    observed: Option<SocketAddr>,
    chosen: Option<Box<str>>,
    early: Option<EarlyOffer>,
    verdict: Option<EarlyVerdict>,
    parameters: Option<Vec<u8>>,
}

impl<'a> Fields<'a> {
    fn set(&mut self, kind: u64, value: &'a [u8]) -> Result<(), HelloError> {
        match kind {
            field::INCARNATION => {
                let bytes = value.try_into().map_err(|_| HelloError::Malformed("incarnation"))?;
                once(&mut self.incarnation, u64::from_be_bytes(bytes))
            }
            field::GENERATION => once(&mut self.generation, take_generation(value)?),
            field::OFFERED => once(&mut self.offered, take_list(value)?),
            field::ACCEPTED => once(&mut self.accepted, take_list(value)?),
            field::OFFER => once(&mut self.offer, value),
            field::TRANSPORTS => once(&mut self.transports, take_list(value)?),
            field::OBSERVED => once(&mut self.observed, decode_endpoint(value)?),
            field::CHOSEN => once(&mut self.chosen, take_name(value)?),
            field::EARLY => once(&mut self.early, take_early(value)?),
            field::EARLY_VERDICT => once(&mut self.verdict, take_verdict(value)?),
            field::PARAMETERS => once(&mut self.parameters, value.to_vec()),
            _ => Ok(()),
        }?;
        Ok(())
    }

    fn finish(self) -> Result<Greeting, HelloError> {
        let offered = self.offered.ok_or(HelloError::Malformed("no list of offered protocols"))?;
        let accept = self.accepted.ok_or(HelloError::Malformed("no list of accepted protocols"))?;
        let offer = self.offer.filter(|_| self.generation.is_some());
        let (asked, offer) = match offer {
            Some(value) => {
                let known = |place: u8| named(&offered, &accept).nth(usize::from(place));
                let offer = take_list_with(value, known)?;
                (Some(offered), offer)
            }
            None => (None, offered),
        };
        Ok(Greeting {
            hello: Hello {
                incarnation: self.incarnation.ok_or(HelloError::Malformed("no incarnation"))?,
                lists: Lists {
                    generation: self.generation,
                    offer,
                    accept,
                    transports: self.transports.ok_or(HelloError::Malformed("no list of transports"))?,
                },
                asked,
                observed: self.observed,
            },
            chosen: self.chosen,
            early: self.early,
            verdict: self.verdict,
            parameters: self.parameters.ok_or(HelloError::Malformed("no transport parameters"))?,
        })
    }
}

fn take_early(value: &[u8]) -> Result<EarlyOffer, HelloError> {
    let (session, name) = value.split_first_chunk().ok_or(HelloError::Malformed("early data"))?;
    Ok(EarlyOffer { session: u32::from_be_bytes(*session), protocol: take_name(name)? })
}

fn take_verdict(value: &[u8]) -> Result<EarlyVerdict, HelloError> {
    match value {
        [0] => Ok(EarlyVerdict::Unknown),
        [1] => Ok(EarlyVerdict::Taken),
        _ => Err(HelloError::Malformed("early data")),
    }
}

fn encode_endpoint(endpoint: SocketAddr) -> Vec<u8> {
    let mut out = match endpoint.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    out.extend_from_slice(&endpoint.port().to_be_bytes());
    out
}

fn decode_endpoint(value: &[u8]) -> Result<SocketAddr, HelloError> {
    let (ip, port) = value.split_last_chunk::<2>().ok_or(HelloError::Malformed("observed endpoint"))?;
    let ip = match (<[u8; 4]>::try_from(ip), <[u8; 16]>::try_from(ip)) {
        (Ok(ip), _) => IpAddr::from(ip),
        (_, Ok(ip)) => IpAddr::from(ip),
        _ => return Err(HelloError::Malformed("observed endpoint")),
    };
    Ok(SocketAddr::new(ip, u16::from_be_bytes(*port)))
}

/// The version of the hello that is spoken here.
pub(crate) const VERSION: u8 = 1;

/// Enough for both lists at their longest; a longer one is malformed.
pub(crate) const MAX_BODY: usize = 4096;

/// Bytes before the body.
const HEAD: usize = 3;
