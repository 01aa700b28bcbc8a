//! Whole nodes against each other in virtual time.

mod arrivals;
mod bare;
mod closing;
mod connect;
mod early;
mod ecn;
mod flood;
mod hostile;
mod identity;
mod lanes;
mod liveness;
mod messages;
mod outage;
mod peers;
mod protocols;
mod random;
mod restart;
mod rivals;
mod room;
mod scheduling;
mod standstill;
mod streams;
mod transports;
mod uplink;
mod world;
