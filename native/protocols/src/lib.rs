//! Lists of protocols that two ends offer and accept, and the choice of a pair: the same over every transport.

mod choice;
mod lists;

pub use choice::{Choice, choose};
pub use lists::{Lists, MAX_NAMES, Protocols};
