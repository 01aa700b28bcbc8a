//! The body of the control frame by which an end tells that its lists are others from now on: fields as in a hello.

use crate::Lists;
use crate::fields::{FieldError, field, once, put_field, put_list, take_field, take_generation, take_list};

/// The body as bytes: of those that come in one packet, the last alone is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Announcement(Vec<u8>);

impl Announcement {
    /// An announcement of these lists, or `None` if one has too many names.
    pub(crate) fn new(lists: &Lists) -> Option<Self> {
        encode(lists).map(Self)
    }

    /// One as it came.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        Self(body.to_vec())
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn read(&self) -> Result<Lists, FieldError> {
        decode(&self.0)
    }
}

fn encode(lists: &Lists) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    put_field(&mut out, field::GENERATION, &lists.generation?.to_be_bytes());
    put_list(&mut out, field::OFFERED, &lists.offer)?;
    put_list(&mut out, field::ACCEPTED, &lists.accept)?;
    put_list(&mut out, field::TRANSPORTS, &lists.transports)?;
    Some(out)
}

fn decode(mut body: &[u8]) -> Result<Lists, FieldError> {
    let (mut generation, mut offer, mut accept, mut transports) = (None, None, None, None);
    while !body.is_empty() {
        let (kind, value) = take_field(&mut body)?;
        match kind {
            field::GENERATION => once(&mut generation, take_generation(value)?)?,
            field::OFFERED => once(&mut offer, take_list(value)?)?,
            field::ACCEPTED => once(&mut accept, take_list(value)?)?,
            field::TRANSPORTS => once(&mut transports, take_list(value)?)?,
            _ => {}
        }
    }
    Ok(Lists {
        generation: Some(generation.ok_or(FieldError("no generation"))?),
        offer: offer.ok_or(FieldError("no list of offered protocols"))?,
        accept: accept.ok_or(FieldError("no list of accepted protocols"))?,
        transports: transports.ok_or(FieldError("no list of transports"))?,
    })
}
