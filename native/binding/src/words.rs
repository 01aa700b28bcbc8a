//! Numbers in memory that JavaScript owns as a Float64Array.

/// The bytes of the array; words beyond it are read as 0 and not written.
pub(crate) struct Words<'a>(pub(crate) &'a mut [u8]);

impl Words<'_> {
    pub(crate) fn len(&self) -> usize {
        self.0.len() / WORD
    }

    pub(crate) fn get(&self, index: usize) -> f64 {
        self.0.as_chunks::<WORD>().0.get(index).map_or(0.0, |word| f64::from_ne_bytes(*word))
    }

    pub(crate) fn set(&mut self, index: usize, value: f64) {
        if let Some(word) = self.0.as_chunks_mut::<WORD>().0.get_mut(index) {
            *word = value.to_ne_bytes();
        }
    }

    pub(crate) fn write(&mut self, index: usize, values: &[f64]) {
        for (offset, value) in values.iter().enumerate() {
            self.set(index + offset, *value);
        }
    }
}

const WORD: usize = size_of::<f64>();
