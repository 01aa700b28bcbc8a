//! Systems that let no thread choose its slice.

use std::time::Duration;

pub(super) fn shorten_slice(_slice: Duration) -> bool {
    false
}
