//! A naive model of a responder in the kernel (`noise.c`), which wireguard-go follows.
//!
//! Its cipher is ours; what it adds is what it forgets: it knows one unconfirmed session, which a newer initiation
//! replaces, and answers a peer once in 20 ms.

use std::time::{Duration, Instant};

use warren_testing::{Datagram, Node};

use crate::node::*;

pub(crate) struct Kernel {
    pub(crate) node: WireGuard,
    next: Option<[u8; 4]>,
    current: Option<[u8; 4]>,
    previous: Option<[u8; 4]>,
    answered: Option<Instant>,
    /// Data that came under a session which it had thrown away.
    pub(crate) forgotten: usize,
}

impl Kernel {
    pub(crate) fn new(node: WireGuard) -> Self {
        Self { node, next: None, current: None, previous: None, answered: None, forgotten: 0 }
    }

    /// `wg_noise_received_with_keypair`: whether it still has the session.
    fn knows(&mut self, index: [u8; 4]) -> bool {
        if self.next == Some(index) {
            self.previous = self.current;
            self.current = self.next.take();
        }
        [self.current, self.previous].contains(&Some(index))
    }
}

impl Node for Kernel {
    fn handle_datagram(&mut self, datagram: Datagram, now: Instant) {
        match datagram.bytes[0] {
            INITIATION => {
                if self.answered.is_some_and(|at| now < at + Duration::from_millis(20)) {
                    return;
                }
                self.answered = Some(now);
            }
            DATA => {
                let index = *datagram.bytes[4..].first_chunk().expect("a whole datagram");
                if !self.knows(index) {
                    self.forgotten += 1;
                    return;
                }
            }
            _ => {}
        }
        self.node.handle_datagram(datagram, now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.node.handle_timeout(now);
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Datagram> {
        let datagram = self.node.poll_transmit(now)?;
        if datagram.bytes[0] == RESPONSE {
            self.next = datagram.bytes[4..].first_chunk().copied();
        }
        Some(datagram)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }
}
