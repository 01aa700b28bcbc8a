//! Whole nodes against each other in virtual time.

mod closing;
mod connect;
mod messages;
mod peers;
mod random;
mod scheduling;
mod streams;
mod world;
