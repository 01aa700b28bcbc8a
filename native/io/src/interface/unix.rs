//! if_nametoindex(3) and if_indextoname(3).
#![expect(unsafe_code, reason = "they have no safe interface")]

use std::ffi::{CStr, CString};

pub(super) fn index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the name ends with a zero byte, and lives through the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

pub(super) fn name(index: u32) -> Option<String> {
    let mut room = [0; libc::IF_NAMESIZE];
    // SAFETY: the room is as long as the longest name and its zero byte.
    let found = unsafe { libc::if_indextoname(index, room.as_mut_ptr()) };
    if found.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so it wrote a name that ends with a zero byte.
    let name = unsafe { CStr::from_ptr(room.as_ptr()) };
    Some(name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::{index, name};

    #[test]
    fn an_interface_has_a_name_and_a_number_and_others_have_none() {
        let loopback = if cfg!(target_os = "linux") { "lo" } else { "lo0" };
        let number = index(loopback).expect("every system has one");
        assert_eq!(name(number).as_deref(), Some(loopback));
        assert_eq!(index("no such"), None);
        assert_eq!(index("with\0zero"), None);
        assert_eq!(name(0), None);
        assert_eq!(name(u32::MAX), None);
    }
}
