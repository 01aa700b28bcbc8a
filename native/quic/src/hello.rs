//! The hello: an end's account of itself in its first flight.
//!
//! On the wire: version (1 byte), length of the body (2 bytes, big-endian), body. The body is a sequence of fields:
//! type (varint), length (varint), value. Unknown types are skipped, known ones come at most once. Version and length
//! keep their place in every later version, so that an unknown version can be told from rubbish and be answered.

use crate::{Hello, varint};
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// The version of the hello that is spoken here.
pub(crate) const VERSION: u8 = 1;

/// Enough for both lists at their longest; a longer one is malformed.
pub(crate) const MAX_BODY: usize = 4096;

/// Bytes before the body.
const HEAD: usize = 3;

/// The most names in a list.
const MAX_NAMES: usize = 64;

/// A hello with what goes only to the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    pub(crate) hello: Hello,
    /// Protocol that the acceptor chose; a dialler names none.
    pub(crate) chosen: Option<Box<str>>,
    /// Transport parameters (RFC 9000 section 18).
    pub(crate) parameters: Vec<u8>,
}

/// Reason why a hello cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum HelloError {
    #[error("hello version {0} is not spoken here, only version {VERSION}")]
    Version(u8),
    #[error("malformed hello: {0}")]
    Malformed(&'static str),
}

impl Greeting {
    /// The encoded hello, or `None` if it is longer than any reader takes.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let mut out = vec![VERSION, 0, 0];
        put_field(&mut out, field::INCARNATION, &self.hello.incarnation.to_be_bytes());
        put_list(&mut out, field::OFFERED, &self.hello.offered)?;
        put_list(&mut out, field::ACCEPTED, &self.hello.accepted)?;
        put_list(&mut out, field::TRANSPORTS, &self.hello.transports)?;
        if let Some(observed) = self.hello.observed {
            put_field(&mut out, field::OBSERVED, &encode_endpoint(observed));
        }
        if let Some(chosen) = &self.chosen {
            put_field(&mut out, field::CHOSEN, chosen.as_bytes());
        }
        put_field(&mut out, field::PARAMETERS, &self.parameters);
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
            let kind = varint::take(&mut body).ok_or(HelloError::Malformed("field type"))?;
            let length = varint::take(&mut body).ok_or(HelloError::Malformed("field length"))?;
            let length = usize::try_from(length).map_err(|_| HelloError::Malformed("field length"))?;
            let (value, rest) =
                body.split_at_checked(length).ok_or(HelloError::Malformed("field longer than the hello"))?;
            body = rest;
            fields.set(kind, value)?;
        }
        fields.finish()
    }
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
struct Fields {
    incarnation: Option<u64>,
    offered: Option<Vec<Box<str>>>,
    accepted: Option<Vec<Box<str>>>,
    transports: Option<Vec<Box<str>>>,
    observed: Option<SocketAddr>,
    chosen: Option<Box<str>>,
    parameters: Option<Vec<u8>>,
}

impl Fields {
    fn set(&mut self, kind: u64, value: &[u8]) -> Result<(), HelloError> {
        match kind {
            field::INCARNATION => {
                let bytes = value.try_into().map_err(|_| HelloError::Malformed("incarnation"))?;
                once(&mut self.incarnation, u64::from_be_bytes(bytes))
            }
            field::OFFERED => once(&mut self.offered, take_list(value)?),
            field::ACCEPTED => once(&mut self.accepted, take_list(value)?),
            field::TRANSPORTS => once(&mut self.transports, take_list(value)?),
            field::OBSERVED => once(&mut self.observed, decode_endpoint(value)?),
            field::CHOSEN => once(&mut self.chosen, take_name(value)?),
            field::PARAMETERS => once(&mut self.parameters, value.to_vec()),
            _ => Ok(()),
        }
    }

    fn finish(self) -> Result<Greeting, HelloError> {
        Ok(Greeting {
            hello: Hello {
                incarnation: self.incarnation.ok_or(HelloError::Malformed("no incarnation"))?,
                offered: self.offered.ok_or(HelloError::Malformed("no list of offered protocols"))?,
                accepted: self.accepted.ok_or(HelloError::Malformed("no list of accepted protocols"))?,
                transports: self.transports.ok_or(HelloError::Malformed("no list of transports"))?,
                observed: self.observed,
            },
            chosen: self.chosen,
            parameters: self.parameters.ok_or(HelloError::Malformed("no transport parameters"))?,
        })
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), HelloError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(HelloError::Malformed("a field comes twice")),
    }
}

fn put_field(out: &mut Vec<u8>, kind: u64, value: &[u8]) {
    varint::put(out, kind);
    varint::put(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// `None` if a name is empty or longer than 255 bytes, or there are too many.
fn put_list(out: &mut Vec<u8>, kind: u64, names: &[Box<str>]) -> Option<()> {
    if names.len() > MAX_NAMES {
        return None;
    }
    let mut value = Vec::new();
    for name in names {
        value.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        value.extend_from_slice(name.as_bytes());
    }
    put_field(out, kind, &value);
    Some(())
}

fn take_list(mut value: &[u8]) -> Result<Vec<Box<str>>, HelloError> {
    let mut names = Vec::new();
    while let Some((length, rest)) = value.split_first() {
        let (name, rest) = rest
            .split_at_checked(usize::from(*length))
            .ok_or(HelloError::Malformed("name longer than its list"))?;
        names.push(take_name(name)?);
        if names.len() > MAX_NAMES {
            return Err(HelloError::Malformed("too many names"));
        }
        value = rest;
    }
    Ok(names)
}

fn take_name(name: &[u8]) -> Result<Box<str>, HelloError> {
    match std::str::from_utf8(name) {
        Ok(name) if !name.is_empty() => Ok(name.into()),
        _ => Err(HelloError::Malformed("name")),
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

/// Types of fields.
mod field {
    pub(super) const INCARNATION: u64 = 1;
    pub(super) const OFFERED: u64 = 2;
    pub(super) const ACCEPTED: u64 = 3;
    pub(super) const TRANSPORTS: u64 = 4;
    pub(super) const OBSERVED: u64 = 5;
    pub(super) const CHOSEN: u64 = 6;
    pub(super) const PARAMETERS: u64 = 7;
}
