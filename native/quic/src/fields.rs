//! Fields of hellos and announcements: type (varint), length (varint), value. Unknown types are skipped.

use thiserror::Error;
use warren_protocols::MAX_NAMES;

use crate::varint;

/// Field types. Those of the form 31 * n + 27 are reserved: they mean nothing, and are sent so that readers go on
/// skipping what they do not know.
pub(crate) mod field {
    pub(crate) const INCARNATION: u64 = 1;
    pub(crate) const OFFERED: u64 = 2;
    pub(crate) const ACCEPTED: u64 = 3;
    pub(crate) const TRANSPORTS: u64 = 4;
    pub(crate) const OBSERVED: u64 = 5;
    pub(crate) const CHOSEN: u64 = 6;
    pub(crate) const PARAMETERS: u64 = 7;
    pub(crate) const GENERATION: u64 = 8;
    pub(crate) const OFFER: u64 = 9;
    pub(crate) const EARLY: u64 = 11;
    pub(crate) const EARLY_VERDICT: u64 = 12;
}

/// A fault of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub(crate) struct FieldError(pub(crate) &'static str);

/// Takes the next field from the front: its type and its value.
pub(crate) fn take_field<'a>(body: &mut &'a [u8]) -> Result<(u64, &'a [u8]), FieldError> {
    let kind = varint::take(body).ok_or(FieldError("field type"))?;
    let length = varint::take(body).ok_or(FieldError("field length"))?;
    let length = usize::try_from(length).map_err(|_| FieldError("field length"))?;
    let (value, rest) = body.split_at_checked(length).ok_or(FieldError("field longer than the rest"))?;
    *body = rest;
    Ok((kind, value))
}

/// Keeps the value of a field that comes once.
pub(crate) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), FieldError> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(FieldError("a field comes twice")),
    }
}

pub(crate) fn put_field(out: &mut Vec<u8>, kind: u64, value: &[u8]) {
    varint::put(out, kind);
    varint::put(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// `None` if a name is empty or longer than 255 bytes, or there are too many.
pub(crate) fn put_list(out: &mut Vec<u8>, kind: u64, names: &[Box<str>]) -> Option<()> {
    put_list_with(out, kind, names, |_| None)
}

/// As [`put_list`]; a name that `known` finds among those of other fields is named by its place there.
pub(crate) fn put_list_with(
    out: &mut Vec<u8>,
    kind: u64,
    names: &[Box<str>],
    known: impl Fn(&str) -> Option<u8>,
) -> Option<()> {
    if names.len() > MAX_NAMES {
        return None;
    }
    let mut value = Vec::new();
    for name in names {
        if let Some(place) = known(name) {
            value.extend_from_slice(&[REFERENCE, place]);
            continue;
        }
        value.push(u8::try_from(name.len()).ok().filter(|length| *length > 0)?);
        value.extend_from_slice(name.as_bytes());
    }
    put_field(out, kind, &value);
    Some(())
}

pub(crate) fn take_list(value: &[u8]) -> Result<Vec<Box<str>>, FieldError> {
    take_list_with(value, |_| None)
}

/// As [`take_list`]; `known` has the names of other fields by their places.
pub(crate) fn take_list_with<'a>(
    mut value: &[u8],
    known: impl Fn(u8) -> Option<&'a Box<str>>,
) -> Result<Vec<Box<str>>, FieldError> {
    let mut names = Vec::new();
    while let Some((length, rest)) = value.split_first() {
        if let (REFERENCE, Some((place, after))) = (*length, rest.split_first()) {
            names.push(known(*place).ok_or(FieldError("name"))?.clone());
            value = after;
        } else {
            let (name, after) =
                rest.split_at_checked(usize::from(*length)).ok_or(FieldError("name longer than its list"))?;
            names.push(take_name(name)?);
            value = after;
        }
        if names.len() > MAX_NAMES {
            return Err(FieldError("too many names"));
        }
    }
    Ok(names)
}

pub(crate) fn take_name(name: &[u8]) -> Result<Box<str>, FieldError> {
    match std::str::from_utf8(name) {
        Ok(name) if !name.is_empty() => Ok(name.into()),
        _ => Err(FieldError("name")),
    }
}

/// A generation in eight bytes, big-endian.
pub(crate) fn take_generation(value: &[u8]) -> Result<u64, FieldError> {
    value.try_into().map(u64::from_be_bytes).map_err(|_| FieldError("generation"))
}

/// Stands where a name has its length, before a place: no name is empty.
const REFERENCE: u8 = 0;
