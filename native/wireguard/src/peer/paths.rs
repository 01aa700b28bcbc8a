//! A peer's paths: the one that data takes, the one before it, and that of its newest initiation.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Peer;
use crate::constants::INITIATION_LENGTH;
use crate::core::Core;
use crate::endpoints::Endpoints;
use crate::event::Event;
use crate::path::Path;
use crate::targets::Learnt;
use crate::timers::Pace;

/// The newest initiation, which goes elsewhere when the system refuses to send it.
pub(super) struct Aim {
    path: Path,
    message: [u8; INITIATION_LENGTH],
    refused: Vec<SocketAddr>,
}

impl Peer {
    pub(crate) fn endpoint(&self) -> Option<SocketAddr> {
        self.path.map(|path| path.remote)
    }

    /// Whether it is more likely than a stranger to send from there.
    pub(crate) fn may_be_at(&self, remote: SocketAddr) -> bool {
        let paths = [self.path, self.former].into_iter().flatten();
        paths.map(|path| path.remote).any(|at| at == remote) || self.targets.contains(remote)
    }

    /// Takes the configured endpoints, best first.
    ///
    /// Without a session the peer is taken to be at the first of them, and a dial under way tries a new one at once.
    /// Beside a session they are a hint: one initiation goes to the first, and data where it went, until one of the two
    /// is answered.
    pub(crate) fn set_endpoints(&mut self, endpoints: Vec<SocketAddr>, core: &mut Core, now: Instant) {
        let first = endpoints.first().copied();
        let changed = self.targets.configure(endpoints);
        let Some(first) = first else { return };
        let learnt = changed.and_then(|Learnt(learnt)| learnt);
        if self.session(now).is_none() {
            if self.endpoint() != Some(first) {
                self.set_path(Path { remote: first, local: None }, &mut core.endpoints);
                self.former = None;
                self.told_endpoint = Some(first);
            }
            if let Some(learnt) = learnt.filter(|_| self.timers.dialling()) {
                self.targets.hint(learnt);
                self.initiate_soon(core, now);
            }
        } else if changed.is_some() && self.endpoint() != Some(first) {
            self.targets.hint(first);
            self.timers.wanted(Pace::Suspicion, None, &mut core.random, now);
            self.initiate_soon(core, now);
        }
    }

    /// Something authenticated came along this path: answers go there (whitepaper section 2.1).
    ///
    /// A copy of a datagram that overtakes it from elsewhere moves the peer as well. So the path before is remembered
    /// until the peer is back there, or has answered an initiation that went to the new one.
    pub(crate) fn roam(&mut self, path: Path, core: &mut Core, now: Instant) {
        if self.path == Some(path) {
            return;
        }
        let before = self.path.filter(|before| before.remote != path.remote && self.up);
        if self.former.is_some_and(|former| former.remote == path.remote) {
            self.former = None;
        } else if self.former.is_none() {
            self.former = before.map(|before| Path { local: None, ..before });
        }
        self.set_path(path, &mut core.endpoints);
        if self.timers.moves.is_none() {
            match self.told_moved.filter(|told| now < *told + TOLD_INTERVAL) {
                Some(told) => self.timers.moves = Some(told + TOLD_INTERVAL),
                None => self.tell_moved(core, now),
            }
        }
    }

    /// An initiation was answered from there.
    pub(crate) fn answered_from(&mut self, path: Path, core: &mut Core, now: Instant) {
        self.roam(path, core, now);
        if self.aim.as_ref().is_some_and(|aim| aim.path.remote == path.remote) {
            self.former = None;
        }
    }

    pub(super) fn tell_moved(&mut self, core: &mut Core, now: Instant) {
        let Some(to) = self.endpoint().filter(|to| self.told_endpoint != Some(*to)) else { return };
        core.events.push_back(Event::Moved { peer: self.id, from: self.told_endpoint, to });
        self.told_endpoint = Some(to);
        self.told_moved = Some(now);
    }

    /// Gives up the local address that the path was pinned to, in case it is what is wrong, until the peer is heard
    /// again (`wg_expired_retransmit_handshake`).
    pub(crate) fn unpin(&mut self) {
        if let Some(path) = &mut self.path {
            path.local = None;
        }
    }

    /// Sends an initiation to its next target; to both ends of a move that is not proven, if that is the present path.
    pub(super) fn send_initiation(&mut self, message: [u8; INITIATION_LENGTH], core: &mut Core) {
        let Some(present) = self.path else { return };
        let remote = self.targets.next(present.remote);
        let path = if remote == present.remote { present } else { Path { remote, local: None } };
        core.push(self.id, path, &message);
        if let Some(former) = self.former.filter(|_| path == present) {
            core.push(self.id, former, &message);
        }
        self.miss(&mut core.endpoints);
        core.endpoints.aim(path.remote, self.id);
        self.aim = Some(Box::new(Aim { path, message, refused: Vec::new() }));
    }

    /// Destination of the newest initiation.
    pub(super) fn target(&self) -> Option<SocketAddr> {
        self.aim.as_ref().map(|aim| aim.path.remote)
    }

    /// No initiation is outstanding, or its fate does not matter any more.
    pub(super) fn miss(&mut self, endpoints: &mut Endpoints) {
        if let Some(aim) = self.aim.take() {
            endpoints.miss(aim.path.remote, self.id);
        }
    }

    /// The system refused to send along this path. An initiation that went there is sent elsewhere: nobody has seen its
    /// timestamp. Each target has its turn once, then the next initiation is waited for.
    pub(crate) fn refused(&mut self, path: Path, error: i32, core: &mut Core) {
        if path.local.is_some() && self.path == Some(path) {
            self.unpin();
        }
        let Some(present) = self.endpoint() else { return };
        let Some(aim) = self.aim.as_mut().filter(|_| self.timers.dialling()) else { return };
        if aim.path != path || aim.refused.contains(&path.remote) {
            return;
        }
        if path.local.is_some() {
            aim.path.local = None;
            return core.push(self.id, aim.path, &aim.message);
        }
        core.events.push_back(Event::Unreachable { peer: self.id, to: path.remote, error });
        aim.refused.push(path.remote);
        let Some(next) = self.targets.instead(present, &aim.refused) else { return };
        core.endpoints.miss(path.remote, self.id);
        core.endpoints.aim(next, self.id);
        aim.path = Path { remote: next, local: None };
        core.push(self.id, aim.path, &aim.message);
    }

    /// Forgets where it is.
    pub(crate) fn leave(&mut self, endpoints: &mut Endpoints) {
        if let Some(path) = self.path.take() {
            endpoints.remove(path.remote, self.id);
        }
        self.miss(endpoints);
    }

    fn set_path(&mut self, path: Path, endpoints: &mut Endpoints) {
        if let Some(before) = self.path.replace(path) {
            endpoints.remove(before.remote, self.id);
        }
        endpoints.insert(path.remote, self.id);
        self.timers.reachable = true;
    }

    fn initiate_soon(&mut self, core: &mut Core, now: Instant) {
        self.timers.anew(now);
        self.attempt_if_due(core, now);
    }
}

/// A peer may move and renew its keys as often as it likes; the owner hears of either once in this time.
pub(super) const TOLD_INTERVAL: Duration = Duration::from_secs(1);
