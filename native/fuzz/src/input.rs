//! Choices read from the fuzzer's bytes.

/// The rest of an input. Past its end every choice is the first one.
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Input<'a> {
        Self(bytes)
    }

    /// The next step of the program, or `None` at its end.
    pub(crate) fn step(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.step().unwrap_or(0)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let bytes = if end > 256 { [self.byte(), self.byte()] } else { [self.byte(), 0] };
        usize::from(u16::from_le_bytes(bytes)) % end
    }

    pub(crate) fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    pub(crate) fn number(&mut self) -> u64 {
        u64::from_be_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Up to this many bytes.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (head, tail) = self.0.split_at(most.min(self.0.len()));
        self.0 = tail;
        head
    }

    /// Bytes with their length ahead: one byte, and from 240 on two.
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let length = match self.byte() {
            short @ 0..240 => usize::from(short),
            long => usize::from(long - 240) << 8 | usize::from(self.byte()),
        };
        self.take(length)
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.take(usize::MAX)
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
