//! Whole nodes against each other in virtual time.

mod closing;
mod connect;
mod ecn;
mod flood;
mod lanes;
mod liveness;
mod messages;
mod peers;
mod random;
mod rivals;
mod scheduling;
mod standstill;
mod streams;
mod world;
