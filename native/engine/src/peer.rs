//! A peer, besides its tunnel.

use std::collections::VecDeque;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use warren_netstack::UdpFlow;
use warren_wireguard::PublicKey;

use crate::bucket::Bucket;
use crate::ids::ConnectionId;
use crate::lane_sums::LaneSums;
use warren_protocols::Protocols;

/// The engine's state of a peer, besides its tunnel.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) public_key: PublicKey,
    /// Derived from its key.
    pub(crate) address: Ipv6Addr,
    /// From our transport port to its.
    pub(crate) flow: UdpFlow,
    /// Connections of any phase, oldest first.
    pub(crate) connections: Vec<ConnectionId>,
    /// Protocols for it alone; `None`: those of the device.
    pub(crate) protocols: Option<Arc<Protocols>>,
    /// Incarnation of its process, as a hello or a word told it.
    pub(crate) incarnation: Option<u64>,
    /// Instant at which the session was made under which its process last told so: datagrams under an older one are
    /// late.
    pub(crate) told_under: Option<Instant>,
    /// Instant at which this end last asked for a new session because of its silence.
    pub(crate) suspected: Option<Instant>,
    /// Dials of its that wait on it.
    pub(crate) incomplete: IncompleteDials,
    /// Answers to what belongs to no connection that it may have; `None`: as many at once as a peer can.
    pub(crate) answers: Option<Bucket>,
    /// Dials of its that were refused, of which the caller is told.
    pub(crate) refusals: Refusals,
    /// Raw packets to it.
    pub(crate) outgoing: VecDeque<Bytes>,
    pub(crate) outgoing_bytes: usize,
    /// Raw packets from it that the caller has not taken.
    pub(crate) incoming_bytes: usize,
    /// The longest payload of QUIC's that came from it: what a piece of one may keep.
    pub(crate) longest: usize,
    /// Its latest endpoint, if the caller has not taken the event of its move.
    pub(crate) moved_to: Option<SocketAddr>,
    /// Sums over its connections that ended.
    pub(crate) past_lanes: LaneSums,
    pub(crate) rx_packets: u64,
    pub(crate) rx_packets_dropped: u64,
    pub(crate) tx_packets: u64,
    pub(crate) tx_packets_dropped: u64,
}

impl Peer {
    pub(crate) fn new(public_key: PublicKey, own_address: Ipv6Addr) -> Self {
        let address = public_key.derived_address();
        Self {
            public_key,
            address,
            flow: UdpFlow::new((own_address, QUIC_PORT), (address, QUIC_PORT)),
            protocols: None,
            connections: Vec::new(),
            incarnation: None,
            told_under: None,
            suspected: None,
            incomplete: IncompleteDials::default(),
            answers: None,
            refusals: Refusals::default(),
            outgoing: VecDeque::new(),
            outgoing_bytes: 0,
            incoming_bytes: 0,
            longest: 0,
            moved_to: None,
            past_lanes: LaneSums::default(),
            rx_packets: 0,
            rx_packets_dropped: 0,
            tx_packets: 0,
            tx_packets_dropped: 0,
        }
    }
}

/// The dials of a peer that it has not completed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IncompleteDials {
    pub(crate) count: usize,
    /// Instant since which it keeps this end waiting, dial after dial, and the begin of the newest of these dials.
    pub(crate) since: Option<(Instant, Instant)>,
}

/// What bounds the events of a peer's dials that were refused.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusals {
    /// Events that it may cause; `None`: as many at once as a peer can.
    pub(crate) bucket: Option<Bucket>,
    /// Events that the caller has not taken.
    pub(crate) untaken: usize,
}

impl Peer {
    /// Whether its process said goodbye, and no other was heard since.
    pub(crate) fn has_left(&self) -> bool {
        self.incarnation.is_none() && self.told_under.is_some()
    }

    /// Content of a packet from it that waits for the caller, without the packet if that is much longer.
    pub(crate) fn alone(&self, bytes: Bytes) -> Bytes {
        if bytes.len() * 3 < self.longest * 2 { Bytes::copy_from_slice(&bytes) } else { bytes }
    }
}

/// UDP port of QUIC inside the tunnel, at both ends: "wr" in ASCII.
pub(crate) const QUIC_PORT: u16 = 0x7772;

#[cfg(test)]
mod tests {
    use warren_wireguard::PrivateKey;

    use super::*;

    #[test]
    fn a_piece_of_a_long_packet_waits_without_it() {
        let key = PrivateKey::from_bytes([1; 32]).public_key();
        let mut peer = Peer::new(key, Ipv6Addr::LOCALHOST);
        let packet = Bytes::from(vec![7; 8_900]);
        for (longest, length, keeps) in
            [(1_372, 914, false), (1_372, 915, true), (8_900, 1_372, false), (8_900, 5_934, true)]
        {
            peer.longest = longest;
            let piece = packet.slice(..length);
            let kept = peer.alone(piece.clone());
            assert_eq!(kept, piece);
            assert_eq!(kept.as_ptr() == piece.as_ptr(), keeps, "{length} of {longest}");
        }
    }
}
