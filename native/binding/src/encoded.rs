//! Lists of names in the slab: `lib/addon/names.ts` reads them.

use warren_engine::Lists;

/// Bytes that are made for one record.
pub(crate) struct Encoded(pub(crate) Vec<u8>);

impl Encoded {
    /// The number of names in a byte; then each, its length in a byte ahead.
    pub(crate) fn names(names: &[Box<str>]) -> Self {
        let mut out = Vec::new();
        put(&mut out, names);
        Self(out)
    }

    /// The generation, a number of eight bytes, not a number where there is none; offered and accepted protocols;
    /// transports.
    pub(crate) fn lists(lists: &Lists) -> Self {
        let generation = lists.generation.map_or(f64::NAN, |generation| generation as f64);
        let mut out = generation.to_le_bytes().to_vec();
        put(&mut out, &lists.offer);
        put(&mut out, &lists.accept);
        put(&mut out, &lists.transports);
        Self(out)
    }
}

/// The transport reads no longer names or lists than these bytes can say.
fn put(out: &mut Vec<u8>, names: &[Box<str>]) {
    out.push(names.len() as u8);
    for name in names {
        out.push(name.len() as u8);
        out.extend_from_slice(name.as_bytes());
    }
}
