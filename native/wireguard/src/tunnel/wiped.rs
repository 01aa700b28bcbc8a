//! A tunnel that leaves nothing behind.

use std::mem::{ManuallyDrop, MaybeUninit, size_of};
use std::ops::{Deref, DerefMut};
use std::slice;

use boringtun::noise::Tunn;
use zeroize::Zeroize;

/// A `Tunn` in an allocation of its own that is overwritten when it is dropped.
///
/// boringtun keeps the pre-shared key, the chaining keys and ring's session keys in the `Tunn` itself and wipes none of
/// them.
pub(super) struct Wiped(Box<ManuallyDrop<Tunn>>);

impl Wiped {
    pub(super) fn new(tunnel: Tunn) -> Self {
        Self(Box::new(ManuallyDrop::new(tunnel)))
    }
}

impl Deref for Wiped {
    type Target = Tunn;

    fn deref(&self) -> &Tunn {
        &self.0
    }
}

impl DerefMut for Wiped {
    fn deref_mut(&mut self) -> &mut Tunn {
        &mut self.0
    }
}

impl Drop for Wiped {
    #[expect(unsafe_code, reason = "the tunnel's own memory has to be overwritten after its destructor ran")]
    fn drop(&mut self) {
        // SAFETY: the tunnel is dropped here and never touched again: `self.0` is private, `ManuallyDrop` does not drop
        // it a second time, and the box goes away right after. Its allocation is `size_of::<Tunn>()` bytes long,
        // exclusively borrowed, and any bytes are valid as `MaybeUninit<u8>`.
        let memory = unsafe {
            ManuallyDrop::drop(&mut self.0);
            slice::from_raw_parts_mut((&raw mut *self.0).cast::<MaybeUninit<u8>>(), size_of::<Tunn>())
        };
        memory.zeroize();
    }
}

#[cfg(test)]
mod tests;
