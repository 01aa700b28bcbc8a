//! Datagrams of one socket that wait to be sent.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::network::Datagram;

/// Datagrams that a node has to send, in order, until the simulation asks for them.
#[derive(Debug)]
pub struct Outbox {
    /// Address of the socket: a node that moves has another one from then on.
    pub from: SocketAddr,
    datagrams: VecDeque<Datagram>,
}

impl Outbox {
    /// Nothing yet, from this address.
    pub fn new(from: SocketAddr) -> Self {
        Self { from, datagrams: VecDeque::new() }
    }

    /// Adds a datagram.
    pub fn push(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.push_from(self.from, to, bytes);
    }

    /// Adds a datagram with this for its source, forged or not.
    pub fn push_from(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        self.datagrams.push_back(Datagram { from, to, bytes: bytes.to_vec() });
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Datagram> {
        self.datagrams.pop_front()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.datagrams.is_empty()
    }

    /// A datagram of this socket, which passes by the others.
    pub fn datagram(&self, to: SocketAddr, bytes: Vec<u8>) -> Datagram {
        Datagram { from: self.from, to, bytes }
    }
}
