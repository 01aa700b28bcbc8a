//! Events on their way to the caller.

use std::net::SocketAddr;

use bytes::Bytes;
use warren_wireguard::PeerId;

use super::Engine;
use crate::event::{Event, Initiator};
use crate::ids::ConnectionId;
use crate::transport::Transport;

/// Events for the caller. While it takes none, the events that a peer can cause are bounded.
impl<T: Transport> Engine<T> {
    /// The next event. `None`: there is none yet; if some wait, [`Engine::poll_timeout`] tells when to ask again.
    pub fn poll_event(&mut self) -> Option<Event> {
        let mut event = self.events.pop_front()?;
        match &mut event {
            Event::Packet { peer, packet } => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.incoming_bytes -= cost(packet);
                }
            }
            Event::Datagram { connection, bytes } => {
                if let Some(connection) = self.calls.connections.get_mut(connection) {
                    connection.incoming_datagram_bytes -= cost(bytes);
                }
            }
            Event::PeerMoved { peer, to, .. } => {
                if let Some(latest) = self.peers.get_mut(peer).and_then(|peer| peer.moved_to.take()) {
                    *to = latest;
                }
            }
            Event::Connected { initiator: Initiator::Remote, .. } => self.admissions.taken(),
            Event::Announced { connection, theirs } => self.fill_announced(*connection, theirs),
            Event::DialRefused { peer, .. } => {
                if let Some(peer) = self.peers.get_mut(peer) {
                    peer.refusals.untaken -= 1;
                }
            }
            Event::PeerUp { .. }
            | Event::PeerRekeyed { .. }
            | Event::PeerUnanswered { .. }
            | Event::PeerUnreachable { .. }
            | Event::PeerOversized { .. }
            | Event::PeerDown { .. }
            | Event::Stranger { .. }
            | Event::StrangerGone { .. }
            | Event::Early { .. }
            | Event::Connected { initiator: Initiator::Local, .. }
            | Event::Confirmed { .. }
            | Event::Finished { .. }
            | Event::Closed { .. }
            | Event::Message { .. }
            | Event::LaneDrained { .. }
            | Event::MessageSettled { .. }
            | Event::StreamOpened { .. }
            | Event::StreamData { .. }
            | Event::StreamEnd { .. }
            | Event::StreamReset { .. }
            | Event::StreamStopped { .. }
            | Event::StreamDrained { .. }
            | Event::StreamFinished { .. } => {}
        }
        Some(event)
    }

    /// Tells the caller a packet that is not warren's own.
    pub(super) fn tell_packet(&mut self, id: PeerId, packet: Bytes) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.incoming_bytes + cost(&packet) > self.config.limits.packet_bytes_per_peer {
            peer.rx_packets_dropped += 1;
            self.counters.rx_packets_dropped += 1;
            return;
        }
        peer.incoming_bytes += cost(&packet);
        peer.rx_packets += 1;
        self.events.push_back(Event::Packet { peer: id, packet });
    }

    /// Tells the caller an unreliable datagram.
    pub(super) fn tell_datagram(&mut self, id: ConnectionId, bytes: Bytes) {
        let Some(connection) = self.calls.connections.get_mut(&id) else {
            return;
        };
        let Some(peer) = self.peers.get(&connection.peer) else {
            return;
        };
        let bytes = peer.alone(bytes);
        if connection.incoming_datagram_bytes + cost(&bytes) > self.config.limits.packet_bytes_per_peer {
            self.counters.rx_datagrams_dropped += 1;
            return;
        }
        connection.incoming_datagram_bytes += cost(&bytes);
        self.events.push_back(Event::Datagram { connection: id, bytes });
    }

    /// Tells a peer's move; one event stands for those that follow before it is taken.
    pub(super) fn tell_moved(&mut self, id: PeerId, from: Option<SocketAddr>, to: SocketAddr) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        if peer.moved_to.replace(to).is_none() {
            self.events.push_back(Event::PeerMoved { peer: id, from, to });
        }
    }

    /// Tells that a connection is usable.
    pub(super) fn tell_connected(&mut self, event: Event) {
        if let Event::Connected { initiator: Initiator::Remote, .. } = event {
            self.admissions.told();
        }
        self.events.push_back(event);
    }
}

/// Cost of a waiting packet, in bytes.
fn cost(bytes: &Bytes) -> usize {
    bytes.len() + EVENT
}

/// An event in its queue, and what an allocation takes besides its bytes.
const EVENT: usize = 128;
const _: () = assert!(size_of::<Event>() <= EVENT - 40, "and an allocation's head and count");
