//! Virtual time and a virtual network for protocol tests: no sleeps, no sockets, the same run for the same seed.
//!
//! A test makes a [`Simulation`] from a [`Seed`], adds anything that is a [`Node`] under an address, tells the
//! [`Network`] how its links behave, and lets time pass:
//!
//! ```
//! # use std::{net::SocketAddr, time::{Duration, Instant}};
//! # use warren_testing::{Datagram, Link, Node, Seed, Simulation};
//! # struct Silent;
//! # impl Node for Silent {
//! #     fn handle_datagram(&mut self, _: Datagram, _: Instant) {}
//! #     fn handle_timeout(&mut self, _: Instant) {}
//! #     fn poll_transmit(&mut self, _: Instant) -> Option<Datagram> { None }
//! #     fn poll_timeout(&self) -> Option<Instant> { None }
//! # }
//! let address: SocketAddr = "192.0.2.1:1".parse().unwrap();
//! let mut simulation = Simulation::new(Seed::of_this_run());
//! simulation.network.set_default(Link { latency: Duration::from_millis(20), loss: 0.02, ..Link::default() });
//! simulation.add(address, Silent);
//! simulation.run_for(Duration::from_secs(60));
//! ```
//!
//! A failing test prints its seed; `WARREN_SEED=… cargo test name` repeats the run.

mod link;
mod network;
mod outbox;
mod router;
mod seed;
mod simulation;

pub use link::{Link, Rate};
pub use network::{Counters, Datagram, Network};
pub use outbox::Outbox;
pub use router::{Buffer, Queue, Router, RouterFigures, RouterId};
pub use seed::Seed;
pub use simulation::{AHEAD, Node, Simulation, start};
