//! One peer: its tunnels, and when it asks for new ones.

mod paths;

use std::net::{Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::backlog::Backlog;
use crate::config::PeerId;
use crate::constants::{CONFIRMATION_TIMEOUT, INITIATION_LENGTH, REJECT_AFTER_TIME};
use crate::core::Core;
use crate::event::{DownReason, Event};
use crate::handshake_queue::ANSWERING_COST;
use crate::index_table::TunnelIndex;
use crate::initiation::{StaticShared, Timestamp};
use crate::keys::{PresharedKey, PublicKey};
use crate::path::Path;
use crate::prefix::Prefix;
use crate::queues::Staged;
use crate::stats::PeerStats;
use crate::strangers::RemovedPeer;
use crate::targets::Targets;
use crate::timers::{Due, Pace, Timers};
use crate::tunnel::{Completed, Session, Stamp, Tunnel};
use paths::{Aim, TOLD_INTERVAL};

pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) public_key: PublicKey,
    pub(crate) derived_address: Ipv6Addr,
    /// Made for its first initiation: 60 us, which a device that adds thousands of peers would feel.
    pub(crate) shared: Option<StaticShared>,
    pub(crate) preshared_key: Option<PresharedKey>,
    /// The path that data takes: where the peer was configured to be, or last heard.
    pub(crate) path: Option<Path>,
    /// The path before, remembered while the present one may come from a mere copy of a datagram of the peer's.
    pub(crate) former: Option<Path>,
    targets: Targets,
    aim: Option<Box<Aim>>,
    /// Besides the derived address.
    pub(crate) allowed_ips: Vec<Prefix>,
    /// Timestamp of the newest initiation that was taken from it.
    pub(crate) timestamp: Timestamp,
    /// Stamp of the newest initiation that was sent to it.
    pub(crate) stamp: Option<Stamp>,
    answers: Option<Backlog>,
    pub(crate) timers: Timers,
    pub(crate) staged: Staged,
    pub(crate) stats: PeerStats,
    /// The tunnel in which handshakes happen.
    tunnel: Option<Tunnel>,
    /// The one before, which carries data until the new one can.
    retired: Option<Box<Tunnel>>,
    /// Packets that were sealed under the session of an earlier answer, while a later one may replace it.
    kept: Option<Kept>,
    pub(crate) round_trip: Option<Duration>,
    /// The owner was told that it is up.
    up: bool,
    /// The endpoint that the owner was last told of, and the times at which it was told of a move and of renewed keys.
    told_endpoint: Option<SocketAddr>,
    told_moved: Option<Instant>,
    told_rekeyed: Option<Instant>,
    /// It is in the device's list of peers whose deadlines may have changed.
    pub(crate) touched: bool,
    /// The deadline under which it stands in the device's queue.
    pub(crate) scheduled: Option<Instant>,
    /// It is in the device's list of peers with staged packets to send.
    pub(crate) flushing: bool,
}

impl Peer {
    pub(crate) fn new(id: PeerId, public_key: PublicKey, past: RemovedPeer) -> Peer {
        Peer {
            id,
            public_key,
            derived_address: public_key.derived_address(),
            shared: None,
            preshared_key: None,
            path: None,
            former: None,
            targets: Targets::default(),
            aim: None,
            allowed_ips: Vec::new(),
            timestamp: past.timestamp,
            stamp: past.initiated.map(|initiated| initiated.stamp),
            answers: None,
            timers: Timers::returning(past.initiated.map(|initiated| initiated.at)),
            staged: Staged::default(),
            stats: PeerStats::default(),
            tunnel: None,
            retired: None,
            kept: None,
            round_trip: None,
            up: false,
            told_endpoint: None,
            told_moved: None,
            told_rekeyed: None,
            touched: false,
            scheduled: None,
            flushing: false,
        }
    }

    /// Notes that its deadlines may have changed; one branch when that is noted already.
    pub(crate) fn touch(&mut self, core: &mut Core) {
        if !self.touched {
            self.touched = true;
            core.touched.push(self.id);
        }
    }

    /// The tunnel that can seal a packet now.
    pub(crate) fn sealing(&mut self, now: Instant) -> Option<&mut Tunnel> {
        if self.tunnel.as_ref().is_some_and(|tunnel| tunnel.sealing(now).is_some()) {
            return self.tunnel.as_mut();
        }
        self.retired.as_deref_mut().filter(|tunnel| tunnel.sealing(now).is_some())
    }

    /// The session that seals.
    pub(crate) fn session(&self, now: Instant) -> Option<&Session> {
        let tunnels = [self.tunnel.as_ref(), self.retired.as_deref()];
        tunnels.into_iter().flatten().find_map(|tunnel| tunnel.sealing(now))
    }

    /// Whether one of its sessions has this name here.
    pub(crate) fn knows_session(&self, index: u32) -> bool {
        [self.tunnel.as_ref(), self.retired.as_deref()]
            .into_iter()
            .flatten()
            .any(|tunnel| tunnel.knows(index))
    }

    /// The tunnel that a received message is for.
    pub(crate) fn tunnel_at(&mut self, index: TunnelIndex) -> Option<&mut Tunnel> {
        let tunnels = [self.tunnel.as_mut(), self.retired.as_deref_mut()];
        tunnels.into_iter().flatten().find(|tunnel| tunnel.index() == index)
    }

    /// The tunnel that handshake messages are for: never a replaced one, whose pre-shared key may be the old.
    pub(crate) fn handshaking_at(&mut self, index: TunnelIndex) -> Option<&mut Tunnel> {
        self.tunnel.as_mut().filter(|tunnel| tunnel.index() == index)
    }

    /// Begins a handshake, or hurries the one that is under way, if it is known where to send it.
    pub(crate) fn want_session(&mut self, pace: Pace, core: &mut Core, now: Instant) {
        if self.path.is_none() {
            return;
        }
        let slower = self.timers.pace() < Some(pace);
        if !self.timers.dialling() {
            self.targets.begin();
        }
        self.timers.wanted(pace, self.awaited_until(), &mut core.random, now);
        self.touch(core);
        if slower {
            self.attempt_if_due(core, now);
        }
    }

    fn attempt_if_due(&mut self, core: &mut Core, now: Instant) {
        self.touch(core);
        if self.timers.may_initiate(now) {
            self.attempt(core, now);
        }
    }

    /// Ends a handshake that nobody needs.
    pub(crate) fn calm(&mut self, core: &mut Core, now: Instant) {
        if self.session(now).is_none() && self.staged.is_empty() && !self.timers.is_persistent() {
            self.timers.gave_up(now);
            self.touch(core);
        }
    }

    /// Suspects the tunnel: what is sent goes unanswered, though it has keys.
    pub(crate) fn suspect(&mut self, core: &mut Core, now: Instant) {
        let pace = if self.session(now).is_some() { Pace::Suspicion } else { Pace::First };
        if self.timers.pace() < Some(pace) {
            self.unpin();
            self.want_session(pace, core, now);
        }
    }

    /// It said goodbye under the session that seals.
    pub(crate) fn left(&mut self, core: &mut Core, now: Instant) {
        let Some(made) = self.session(now).map(|session| session.established) else { return };
        for tunnel in [self.tunnel.as_mut(), self.retired.as_deref_mut()].into_iter().flatten() {
            tunnel.leave(made);
        }
        self.kept = None;
        self.timers.left();
        self.miss(&mut core.endpoints);
        self.touch(core);
        if self.up {
            self.down(DownReason::Left, core);
        }
    }

    /// Whether it may be answered again already.
    pub(crate) fn may_answer(&self, now: Instant) -> bool {
        self.answers
            .is_none_or(|answers| answers.depth(now) + ANSWER_INTERVAL <= ANSWER_INTERVAL * ANSWER_BURST)
    }

    /// Whether this end insists on its own initiations, which have crossed the peer's on a long path: boringtun
    /// remembers two and forgets one with each answer, so that both ends would forget both. The end with the lesser key
    /// does so, once in a dial: its session is the one that is renewed.
    pub(crate) fn insists(&mut self, own: &PublicKey, now: Instant) -> bool {
        *own < self.public_key
            && self.tunnel.as_ref().is_some_and(|tunnel| tunnel.answer_forgets(now))
            && self.timers.insist()
    }

    /// Answers an initiation that was opened and found new.
    pub(crate) fn answer(
        &mut self,
        path: Path,
        initiation: &[u8; INITIATION_LENGTH],
        core: &mut Core,
        now: Instant,
    ) {
        self.touch(core);
        core.handshakes.worked(ANSWERING_COST, now);
        let Some(response) = self.tunnel_for_handshake(core, now).answer(initiation, now) else { return };
        self.roam(path, core, now);
        self.answers.get_or_insert(Backlog::new(now)).add(ANSWER_INTERVAL, now);
        self.timers.answered(&mut core.random);
        self.timers.received(now);
        self.timers.sent(now);
        core.stats.initiations_answered += 1;
        core.push(self.id, path, &response);
    }

    /// A session is usable by both ends: its handshake began then, and its own message was made at `made`.
    pub(crate) fn confirmed(&mut self, began: Instant, made: Instant, core: &mut Core, now: Instant) {
        core.stats.sessions += 1;
        self.stats.sessions += 1;
        // Both ends have it already that the peer is up: this is of the same dial, or they dialled both.
        let again = self.stats.last_handshake.replace(now).is_some_and(|last| made < last);
        if !self.up {
            core.events.push_back(Event::Up { peer: self.id, handshake: now.duration_since(began) });
        } else if !again && self.told_rekeyed.is_none_or(|told| now >= told + TOLD_INTERVAL) {
            core.events.push_back(Event::Rekeyed { peer: self.id });
            self.told_rekeyed = Some(now);
        }
        self.up = true;
        self.timers.established();
        self.miss(&mut core.endpoints);
        if self.tunnel.as_ref().is_some_and(|tunnel| tunnel.sealing(now).is_some()) {
            self.release_retired(core);
        }
        self.expire_with_session(now);
        self.start_flushing(core);
    }

    /// From now on handshakes use another pre-shared key; the live session goes on until one succeeds.
    pub(crate) fn set_preshared_key(&mut self, key: Option<PresharedKey>, core: &mut Core, now: Instant) {
        if self.preshared_key != key {
            self.preshared_key = key;
            if self.tunnel.is_some() {
                self.replace_tunnel(core, now);
            }
        }
    }

    /// Does what is due at a deadline.
    pub(crate) fn handle(&mut self, due: Due, core: &mut Core, now: Instant) {
        self.timers.done(due, now);
        match due {
            Due::Initiation => self.attempt(core, now),
            Due::Silence => {
                self.unpin();
                self.want_session(Pace::Renewal, core, now);
            }
            Due::Keepalive => {
                self.send_keepalive(core, now);
            }
            Due::PersistentKeepalive => {
                if !self.send_keepalive(core, now) {
                    self.want_session(Pace::Renewal, core, now);
                }
            }
            Due::Move => self.tell_moved(core, now),
            Due::Expiry => self.expire(core, now),
            Due::Retirement => self.release_retired(core),
            Due::Kept => self.kept = None,
            Due::Wipe => self.release_tunnels(core),
        }
    }

    /// Takes note of a session that a response made. Where a newer initiation may still be answered, packets sealed
    /// meanwhile are kept: a kernel and wireguard-go, which know one unconfirmed session, have thrown this one away
    /// once they have that initiation. Packets kept since an earlier answer's session are sent once more; to IP it is
    /// harmless if both arrive.
    pub(crate) fn replaceable(&mut self, completed: &Completed, core: &mut Core, now: Instant) {
        self.round_trip = Some(now.duration_since(completed.made));
        if let Some(kept) = self.kept.take() {
            self.staged.precede(kept.packets, core.staged_limit);
        }
        let round_trip = now.duration_since(completed.made);
        self.timers.kept = completed
            .newer
            .map(|newer| (newer + round_trip * 2 + LATER_ANSWER_SLACK).min(now + LATER_ANSWER_LIMIT))
            .filter(|until| *until > now);
        self.kept = self
            .timers
            .kept
            .map(|_| Kept { made: completed.session.established, packets: Staged::default() });
    }

    /// Keeps a copy of a packet that was sealed, if a later answer may replace its session.
    pub(crate) fn keep(&mut self, packet: &[u8], limit: usize) {
        if let Some(kept) = &mut self.kept {
            kept.packets.push(packet, limit);
        }
    }

    /// Drops the kept copies: something came under a session made at that time, or before.
    pub(crate) fn heard_under(&mut self, made: Instant) {
        if self.kept.take_if(|kept| kept.made <= made).is_some() {
            self.timers.kept = None;
        }
    }

    /// Wipes all keys of this peer's sessions.
    pub(crate) fn release_tunnels(&mut self, core: &mut Core) {
        self.former = None;
        self.miss(&mut core.endpoints);
        self.release_retired(core);
        if let Some(tunnel) = self.tunnel.take() {
            core.indices.release(tunnel.index());
        }
    }

    /// Sends the initiation that is due, unless it has to wait, or gives up.
    fn attempt(&mut self, core: &mut Core, now: Instant) {
        if let Some((attempt, to)) = self.timers.unanswered().zip(self.target()) {
            core.events.push_back(Event::Unanswered { peer: self.id, attempt, to });
        }
        let awaited = self.awaited_until().filter(|until| *until > now && self.timers.may_wait(*until));
        if let Some(until) = awaited {
            return self.timers.deferred(until);
        }
        if self.timers.hopeless(now) {
            return self.give_up(core, now);
        }
        if let Some(latest) = self.timers.fast(now)
            && let Some(turn) = core.fast_initiations.admit(latest, &mut core.random, now)
        {
            core.stats.initiations_put_off += 1;
            return self.timers.queued(turn);
        }
        self.initiate(core, now);
    }

    fn initiate(&mut self, core: &mut Core, now: Instant) {
        if self.path.is_none() {
            return;
        }
        if self.timers.attempts() > 0 {
            self.unpin();
        }
        let mut stamp = self.stamp;
        if self.tunnel.as_ref().is_some_and(|tunnel| !tunnel.can_stamp(stamp, now)) {
            self.replace_tunnel(core, now);
        }
        let initiation = self.tunnel_for_handshake(core, now).initiate(&mut stamp, now);
        self.stamp = stamp;
        self.timers.initiated(&mut core.random, now);
        core.stats.initiations_sent += 1;
        core.stats.initiations_on_suspicion += u64::from(self.timers.pace() == Some(Pace::Suspicion));
        if let Some(initiation) = initiation {
            self.send_initiation(initiation, core);
        }
    }

    fn give_up(&mut self, core: &mut Core, now: Instant) {
        self.timers.gave_up(now);
        self.miss(&mut core.endpoints);
        let dropped = self.staged.clear();
        self.stats.staged_dropped += dropped;
        core.stats.sent.staged_expired += dropped;
        if self.session(now).is_none() {
            self.release_tunnels(core);
            self.down(DownReason::HandshakeTimeout, core);
        }
    }

    fn expire(&mut self, core: &mut Core, now: Instant) {
        for tunnel in [self.tunnel.as_mut(), self.retired.as_deref_mut()].into_iter().flatten() {
            tunnel.expire(now);
        }
        self.expire_with_session(now);
        if self.session(now).is_none() && self.up && !self.timers.dialling() {
            self.down(DownReason::Expired, core);
        }
    }

    fn down(&mut self, reason: DownReason, core: &mut Core) {
        self.up = false;
        core.events.push_back(Event::Down { peer: self.id, reason });
    }

    /// A session may still be used at the very instant of its expiry, as boringtun has it.
    fn expire_with_session(&mut self, now: Instant) {
        self.timers.expires = self.session(now).map(|session| session.expires() + Duration::from_nanos(1));
    }

    /// Instant until which to wait for the first datagram of a session that was made in answer to the peer: initiating
    /// before would only give both a second one.
    fn awaited_until(&self) -> Option<Instant> {
        Some(self.tunnel.as_ref()?.awaiting()? + CONFIRMATION_TIMEOUT + self.timers.patience())
    }

    fn tunnel_for_handshake(&mut self, core: &mut Core, now: Instant) -> &mut Tunnel {
        if !self.tunnel.as_ref().is_some_and(|tunnel| tunnel.fit_for_handshake(now)) {
            self.replace_tunnel(core, now);
        }
        self.tunnel.as_mut().expect("it was just made, or fit")
    }

    fn new_tunnel(&self, core: &mut Core, now: Instant) -> Tunnel {
        let index = core.indices.draw(self.id, &mut core.random);
        Tunnel::new(
            &core.identity,
            &self.public_key,
            self.preshared_key.as_ref(),
            index,
            core.clock,
            self.stamp,
            now,
        )
    }

    fn replace_tunnel(&mut self, core: &mut Core, now: Instant) {
        let tunnel = self.new_tunnel(core, now);
        let Some(old) = self.tunnel.replace(tunnel) else { return };
        if old.sealing(now).is_none() {
            core.indices.release(old.index());
            return;
        }
        self.release_retired(core);
        self.retired = Some(Box::new(old));
        self.timers.retires = Some(now + REJECT_AFTER_TIME);
    }

    fn release_retired(&mut self, core: &mut Core) {
        self.timers.retires = None;
        if let Some(tunnel) = self.retired.take() {
            core.indices.release(tunnel.index());
        }
    }
}

struct Kept {
    /// Instant at which the session was made.
    made: Instant,
    packets: Staged,
}

/// The later of two answers comes a round trip after its initiation, and is given another and this.
const LATER_ANSWER_SLACK: Duration = Duration::from_millis(250);
const LATER_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The kernel answers a peer at most 50 times a second (`INITIATIONS_PER_SECOND`). Here some may come together, as they
/// do after this end was held up.
const ANSWER_INTERVAL: Duration = Duration::from_millis(20);
const ANSWER_BURST: u32 = 5;
