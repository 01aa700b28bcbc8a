//! Peers that come and go while the two residents stay.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use rand_pcg::rand_core::Rng;
use warren_wireguard::{Config, Event, PeerChanges, PeerConfig, PeerId, PublicKey};

use super::weighed::Weighed;
use super::{Month, Resident};
use crate::node::*;

/// A peer of a resident for some minutes.
pub(super) struct Visitor {
    number: u16,
    /// Its place among the residents.
    host: usize,
    kind: Kind,
    /// As the host knows it; not before it was let in.
    id: Option<PeerId>,
    /// The host, as it knows that.
    host_id: PeerId,
    /// Time at which the host last heard it, or at which it came.
    heard: Instant,
    leaves: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The host has it configured.
    Known,
    /// It asks to be let in.
    Stranger,
    /// Nobody is where the host expects it.
    Absent,
}

/// Fates of visitors.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Added to a resident, or let in by it, and removed; by resident.
    pub(super) removed: [usize; 2],
    /// Number of the removed that had a session and were heard through it.
    pub(super) heard: usize,
    /// Number of the removed that never answered.
    pub(super) absent: usize,
    /// Removed between our initiation and the response to it, and added again.
    pub(super) interrupted: usize,
    /// Asked to be let in, and were.
    pub(super) let_in: usize,
    /// Asked, and were refused for that time.
    pub(super) refused: usize,
    pub(super) longest_silence: Duration,
}

impl Visitor {
    fn key(&self) -> PublicKey {
        many(self.number).public_key()
    }

    fn address(&self) -> SocketAddr {
        SocketAddr::from(([198, 51, 100, 7], 10_000 + self.number))
    }
}

impl Month {
    pub(super) fn arrive(&mut self) {
        self.arrived += 1;
        let now = self.world.now();
        let kind = match self.rng.next_u32() % 4 {
            0..=1 => Kind::Known,
            2 => Kind::Stranger,
            _ => Kind::Absent,
        };
        // Dialling somebody who is not there is given up after 90 s.
        let minutes = 1 + self.rng.next_u32() % if kind == Kind::Absent { 2 } else { 10 };
        let mut visitor = Visitor {
            number: self.arrived,
            host: (self.rng.next_u32() % 2) as usize,
            kind,
            id: None,
            host_id: PeerId(0),
            heard: now,
            leaves: now + SECOND * 60 * minutes,
        };
        if kind != Kind::Absent {
            visitor.host_id = self.put(&visitor);
        }
        if kind != Kind::Stranger {
            visitor.id = Some(self.add_to_host(&visitor));
        }
        if kind == Kind::Known && self.rng.next_u32().is_multiple_of(4) {
            self.interrupt(&mut visitor);
        }
        self.visitors.push(visitor);
    }

    /// Lets visitors and their hosts talk, and those visitors leave whose time is up.
    pub(super) fn attend(&mut self) {
        let now = self.world.now();
        for mut visitor in std::mem::take(&mut self.visitors) {
            if self.rng.next_u32().is_multiple_of(8) {
                self.talk(&visitor);
            }
            if visitor.kind != Kind::Absent {
                self.listen(&mut visitor);
                self.look_up(&visitor);
            }
            if now < visitor.leaves {
                self.visitors.push(visitor);
            } else {
                self.dismiss(visitor);
            }
        }
    }

    pub(super) fn dismiss_all(&mut self) {
        for visitor in std::mem::take(&mut self.visitors) {
            self.dismiss(visitor);
        }
    }

    /// Lets strangers in, most of them at once.
    pub(super) fn answer(&mut self, host: usize, events: &[Event]) {
        for event in events {
            let Event::Stranger { public_key, .. } = event else { continue };
            let refuses = self.rng.next_u32().is_multiple_of(4);
            let Some(visitor) = self.visitors.iter_mut().find(|visitor| visitor.key() == *public_key) else {
                continue;
            };
            let authorized = self.world.with(self.residents[host].at, |node, now| {
                node.act(|node| {
                    if refuses {
                        node.device.refuse(public_key, now);
                        return None;
                    }
                    // Its question may have lapsed; then it asks again.
                    node.device.authorize(PeerConfig::new(*public_key, None), now).ok()
                })
            });
            self.tally.refused += usize::from(refuses);
            self.tally.let_in += usize::from(authorized.is_some());
            visitor.id = authorized.or(visitor.id);
        }
    }

    /// A host that restarts has forgotten whom it let in and added; they are strangers now.
    pub(super) fn forget(&mut self, host: usize) {
        self.visitors.retain(|visitor| visitor.host != host || visitor.kind != Kind::Absent);
        for visitor in self.visitors.iter_mut().filter(|visitor| visitor.host == host) {
            visitor.id = None;
        }
    }

    /// A node that dials its host, and keeps at it.
    fn put(&mut self, visitor: &Visitor) -> PeerId {
        let now = self.world.now();
        let config = Config { private_key: many(visitor.number), ..config(visitor.number as u8) };
        let mut node = Weighed::new(config, visitor.address(), now);
        let Resident { own, at, .. } = self.residents[visitor.host];
        let mut to_host = peer(key(own).public_key(), Some(at));
        to_host.persistent_keepalive = Some(25);
        let id = node.act(|node| node.device.add_peer(to_host, now)).expect("it is new");
        self.world.add(visitor.address(), node);
        self.world.with(visitor.address(), |_, _| ());
        id
    }

    /// The host dials it at once, with something to say.
    fn add_to_host(&mut self, visitor: &Visitor) -> PeerId {
        let to_visitor = peer(visitor.key(), Some(visitor.address()));
        let host = &self.residents[visitor.host];
        let text = packet(key(host.own).public_key(), visitor.key(), b"welcome");
        self.world.with(host.at, |node, now| {
            node.act(|node| {
                let id = node.device.add_peer(to_visitor, now).expect("it is new");
                node.send(id, &text, now);
                id
            })
        })
    }

    /// Removed while a handshake is under way, and added again.
    fn interrupt(&mut self, visitor: &mut Visitor) {
        let into = self.rng.next_u32() % 60;
        self.world.run_for(MILLISECOND * into);
        if let Some(id) = visitor.id {
            self.remove_from_host(visitor.host, id);
        }
        visitor.id = Some(self.add_to_host(visitor));
        self.tally.interrupted += 1;
    }

    fn talk(&mut self, visitor: &Visitor) {
        let Resident { own, at, .. } = self.residents[visitor.host];
        let own = key(own).public_key();
        if let Some(id) = visitor.id {
            let text = packet(own, visitor.key(), b"how are you?");
            self.world.with(at, |node, now| node.act(|node| node.send(id, &text, now)));
        }
        if visitor.kind != Kind::Absent {
            let text = packet(visitor.key(), own, b"how are you?");
            self.world.with(visitor.address(), |node, now| {
                node.act(|node| node.send(visitor.host_id, &text, now));
            });
        }
    }

    fn listen(&mut self, visitor: &mut Visitor) {
        let host = self.world.node(self.residents[visitor.host].at).node();
        let stats = visitor.id.and_then(|id| host.device.peer_stats(id));
        let last = stats.and_then(|stats| stats.last_received.max(stats.last_handshake));
        visitor.heard = last.map_or(visitor.heard, |last| last.max(visitor.heard));
        let silence = self.world.now() - visitor.heard;
        self.tally.longest_silence = self.tally.longest_silence.max(silence);
    }

    /// Asks again where the host is, if the visitor gets no answer: as an application does that knows it by name.
    fn look_up(&mut self, visitor: &Visitor) {
        let endpoints = Some(vec![self.residents[visitor.host].at]);
        self.world.with(visitor.address(), |node, now| {
            node.act(|node| {
                if node.count(|event| matches!(event, Event::Unanswered { .. })) > 0 {
                    let changes = PeerChanges { endpoints: endpoints.clone(), ..PeerChanges::default() };
                    node.device.update_peer(visitor.host_id, changes, now).expect("it is there");
                }
                node.clear();
            });
        });
    }

    fn dismiss(&mut self, visitor: Visitor) {
        self.world.remove(visitor.address());
        let Some(id) = visitor.id else { return };
        let host = self.world.node(self.residents[visitor.host].at).node();
        let stats = host.device.peer_stats(id).expect("it was not removed yet");
        self.tally.removed[visitor.host] += 1;
        self.tally.heard += usize::from(stats.received_packets > 0);
        self.tally.absent += usize::from(visitor.kind == Kind::Absent);
        assert!(visitor.kind != Kind::Absent || stats.received_packets == 0);
        self.remove_from_host(visitor.host, id);
    }

    fn remove_from_host(&mut self, host: usize, id: PeerId) {
        let at = self.residents[host].at;
        self.world.with(at, |node, now| node.act(|node| node.device.remove_peer(id, now)));
    }
}
