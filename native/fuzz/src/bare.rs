//! A WireGuard device without warren on it: another implementation, or a peer that puts in its packets what it likes.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use warren_wireguard::{Config, Device, Limits, MAX_DATAGRAM, PeerId, Sent};

use crate::node::{VICTIM, at, key, path, peer_config};

pub(crate) struct Bare {
    device: Device,
    victim: PeerId,
    pub(crate) at: SocketAddr,
    pub(crate) address: Ipv6Addr,
    plaintext: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(n: u8, now: Instant) -> Bare {
        let limits = Limits {
            peers: 4,
            pending_authorizations: 0,
            handshakes_per_second: 1,
            staged_bytes_per_peer: 1 << 20,
        };
        let config = Config {
            private_key: key(n),
            mtu: 1420,
            max_mtu: 8_920,
            report_strangers: false,
            authorize_timeout: Duration::from_secs(4),
            limits,
            seed: [n; 32],
        };
        let mut device = Device::new(config, now);
        let victim = device.add_peer(peer_config(VICTIM), now).expect("its only peer");
        let address = key(n).public_key().derived_address();
        Bare { device, victim, at: at(n), address, plaintext: vec![0; MAX_DATAGRAM] }
    }

    /// Takes a datagram of the victim's, and gives the packet in it.
    pub(crate) fn take(&mut self, datagram: &[u8], now: Instant) -> Option<Vec<u8>> {
        let mut bytes = datagram.to_vec();
        let opened = self.device.handle_datagram(path(at(VICTIM)), &mut bytes, &mut self.plaintext, now)?;
        Some(self.plaintext[..opened.len].to_vec())
    }

    /// Seals a packet, or asks for a session first.
    pub(crate) fn send(&mut self, packet: &[u8], now: Instant) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let sealed = matches!(self.device.send(self.victim, packet, &mut out, now), Sent::Sealed(_));
        let mut datagrams = self.drain(now);
        if sealed {
            datagrams.push(out);
        }
        datagrams
    }

    pub(crate) fn drain(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut out = Vec::new();
        while self.device.poll_transmit(&mut out, now).is_some() {
            datagrams.push(std::mem::take(&mut out));
        }
        while self.device.poll_event().is_some() {}
        datagrams
    }

    /// Does what is due by `now`.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Vec<u8>> {
        while self.device.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.device.handle_timeout(now);
        }
        self.drain(now)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.device.poll_timeout().map(|(at, _)| at)
    }

    pub(crate) fn has_session(&self) -> bool {
        self.device.has_session(self.victim)
    }
}
