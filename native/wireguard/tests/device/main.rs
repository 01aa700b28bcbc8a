//! The device in virtual time over a virtual network.

mod batches;
mod chaos;
mod dials;
mod endpoints;
mod goodbyes;
mod handshake;
mod healing;
mod heap;
mod hostile;
mod kernel;
mod keys;
mod month;
mod node;
mod peers;
mod preshared_key;
mod regressions;
mod sessions;
mod simultaneous;
mod storm;
mod strangers;
mod suspicion;
mod time;
mod timers;
