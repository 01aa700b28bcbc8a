//! UDP where there is no recvmmsg: quinn-udp, which knows each system's way to the same facts.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use quinn_udp::{EcnCodepoint, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use socket2::Socket;
use warren_engine::{Path, TransmitBatch};

use super::ecn;
use super::send_queue::SendQueue;
use super::{Offload, RECEIVE_BUFFER, Received};
use crate::stats::IoStats;

pub(super) struct Receiver {
    state: Arc<UdpSocketState>,
    buffers: Vec<Vec<u8>>,
}

pub(super) struct Sender {
    state: Arc<UdpSocketState>,
    ipv6: bool,
    segments: bool,
}

pub(super) fn open(socket: &Socket, ipv6: bool, offload: Offload) -> io::Result<(Receiver, Sender)> {
    // The state sees to nonblocking mode and to the options of its system. It coalesces whether asked for or not.
    let state = Arc::new(UdpSocketState::new(UdpSockRef::from(socket))?);
    let segments = offload == Offload::Auto && state.max_gso_segments() >= ENGINE_SEGMENTS;
    let buffers = vec![vec![0; RECEIVE_BUFFER]; RECEIVE_MESSAGES];
    Ok((Receiver { state: Arc::clone(&state), buffers }, Sender { state, ipv6, segments }))
}

impl Receiver {
    pub(super) fn receive(
        &mut self,
        socket: &Socket,
        stats: &mut IoStats,
        each: &mut dyn FnMut(Received<'_>),
    ) -> io::Result<bool> {
        let mut metas = [RecvMeta::default(); RECEIVE_MESSAGES];
        let mut slices: Vec<_> = self.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let count = self.state.recv(UdpSockRef::from(socket), &mut slices, &mut metas)?;
        for (buffer, meta) in self.buffers.iter_mut().zip(&metas).take(count) {
            let segment = meta.stride.max(1);
            stats.datagrams_received += meta.len.div_ceil(segment) as u64;
            stats.bytes_received += meta.len as u64;
            each(Received {
                path: Path { remote: canonical(meta.addr), local: meta.dst_ip.map(|ip| ip.to_canonical()) },
                ecn: ecn::from_bits(meta.ecn.map_or(0, |ecn| ecn as u8)),
                segment,
                buffer,
                len: meta.len,
            });
        }
        Ok(true)
    }
}

impl Sender {
    pub(super) fn can_segment(&self) -> bool {
        self.segments
    }

    pub(super) fn stop_segmenting(&mut self) {
        self.segments = false;
    }

    /// Sends the first message.
    pub(super) fn send(
        &mut self,
        socket: &Socket,
        batch: &TransmitBatch,
        queue: &SendQueue,
    ) -> io::Result<usize> {
        let Some(message) = queue.iter().next() else { return Ok(0) };
        let group = &batch.groups[message.group];
        let transmit = Transmit {
            destination: self.spell(group.path.remote),
            ecn: EcnCodepoint::from_bits(ecn::to_bits(group.ecn)),
            contents: &batch.bytes[message.start..message.start + message.len],
            segment_size: (message.len > message.segment).then_some(message.segment),
            src_ip: group.path.local.filter(|_| message.from_source).map(|ip| self.spell_ip(ip)),
        };
        self.state.try_send(UdpSockRef::from(socket), &transmit).map(|()| 1)
    }

    fn spell(&self, remote: SocketAddr) -> SocketAddr {
        match remote {
            SocketAddr::V4(v4) if self.ipv6 => {
                SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0).into()
            }
            _ => remote,
        }
    }

    fn spell_ip(&self, local: IpAddr) -> IpAddr {
        match local {
            IpAddr::V4(v4) if self.ipv6 => v4.to_ipv6_mapped().into(),
            _ => local,
        }
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

/// The engine's groups have up to as many.
const ENGINE_SEGMENTS: usize = 64;
const RECEIVE_MESSAGES: usize = 4;
