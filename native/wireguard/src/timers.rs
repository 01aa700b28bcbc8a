//! A peer's timers: the rest of the device reports facts, and only this file turns them into deadlines.
//!
//! The deadlines are those of whitepaper section 6, as the kernel's `timers.c` arms them, but for one: how far apart
//! the initiations to a peer are depends on the state of its tunnel ([`Pace`]).

mod dial;

use std::time::{Duration, Instant};

use crate::constants::{INITIATION_SPACING, KEEPALIVE_TIMEOUT, REKEY_TIMEOUT, RETRY_JITTER, WIPE_AFTER_TIME};
use crate::random::Random;
use dial::InitiationSeries;

pub(crate) use dial::Pace;

/// Task that is due at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send the next initiation, or give up.
    Initiation,
    /// Ask for a new session: what we sent went unanswered.
    Silence,
    /// Show that we are there: what we received went unanswered.
    Keepalive,
    /// Send something, because it was asked for.
    PersistentKeepalive,
    /// Tell where the peer is.
    Move,
    /// Give up the session that seals.
    Expiry,
    /// Give up the tunnel that was replaced.
    Retirement,
    /// Give up what was kept for a later answer.
    Kept,
    /// Wipe all keys.
    Wipe,
}

impl Due {
    /// The reason of a deadline, for people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Due::Initiation => "handshake retry",
            Due::Silence => "data unanswered",
            Due::Keepalive => "keepalive",
            Due::PersistentKeepalive => "persistent keepalive",
            Due::Move => "peer moved",
            Due::Expiry => "session expiry",
            Due::Retirement => "replaced tunnel",
            Due::Kept => "later answer",
            Due::Wipe => "wiping of idle keys",
        }
    }
}

/// Facts about one peer, and the deadlines that follow from them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// It is known where to send to.
    pub(crate) reachable: bool,
    persistent: Option<Persistent>,
    /// Time of the first data sent since anything authenticated came back.
    unanswered: Option<Instant>,
    /// Random extra wait for an answer, so that two ends do not retry in step.
    patience: Duration,
    /// Time of the first data received since anything was sent back.
    owed: Option<Instant>,
    dial: Option<InitiationSeries>,
    last_initiation: Option<Initiation>,
    /// Time at which to tell the peer's endpoint, put off because it moved soon after a move.
    pub(crate) moves: Option<Instant>,
    /// Instant from which the session that seals is too old.
    pub(crate) expires: Option<Instant>,
    pub(crate) retires: Option<Instant>,
    /// Instant until which the session of an earlier answer may be replaced by that of a later one.
    pub(crate) kept: Option<Instant>,
    /// The last authenticated message either way, while there are keys.
    last_traffic: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Persistent {
    interval: Duration,
    next: Instant,
}

/// One that was sent, and how long the next has to wait.
#[derive(Clone, Copy, Debug)]
struct Initiation {
    at: Instant,
    spacing: Duration,
}

impl Timers {
    /// Timers of a peer that is new, or that was removed after the last initiation to it and is added again.
    pub(crate) fn returning(last_initiation: Option<Instant>) -> Self {
        let last_initiation = last_initiation.map(|at| Initiation { at, spacing: INITIATION_SPACING });
        Self { last_initiation, ..Timers::default() }
    }

    /// Time of the last initiation.
    pub(crate) fn last_initiation(&self) -> Option<Instant> {
        self.last_initiation.map(|last| last.at)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<(Instant, Due)> {
        let idle = self.dial.is_none() && self.reachable;
        let deadlines = [
            self.dial.map(|dial| (dial.next, Due::Initiation)),
            self.unanswered
                .filter(|_| idle)
                .map(|sent| (sent + SILENCE_TIMEOUT + self.patience, Due::Silence)),
            self.owed.map(|received| (received + KEEPALIVE_TIMEOUT, Due::Keepalive)),
            self.persistent.filter(|_| idle).map(|persistent| (persistent.next, Due::PersistentKeepalive)),
            self.moves.map(|at| (at, Due::Move)),
            self.expires.map(|at| (at, Due::Expiry)),
            self.retires.map(|at| (at, Due::Retirement)),
            self.kept.map(|at| (at, Due::Kept)),
            self.last_traffic.map(|at| (at + WIPE_AFTER_TIME, Due::Wipe)),
        ];
        deadlines.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// A packet was sealed and sent.
    pub(crate) fn sent_data(&mut self, now: Instant) {
        self.unanswered.get_or_insert(now);
        self.sent(now);
    }

    /// A keepalive or a handshake message was sent.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.owed = None;
        self.traffic(now);
    }

    /// A packet was received and authenticated.
    pub(crate) fn received_data(&mut self, now: Instant) {
        self.owed.get_or_insert(now);
        self.received(now);
    }

    /// A keepalive or a handshake message was received and authenticated.
    pub(crate) fn received(&mut self, now: Instant) {
        self.unanswered = None;
        self.traffic(now);
    }

    /// A session is wanted, at this pace; not before `not_before`, and never sooner after the last initiation than the
    /// pace has it.
    pub(crate) fn wanted(
        &mut self,
        pace: Pace,
        not_before: Option<Instant>,
        random: &mut Random,
        now: Instant,
    ) {
        let last = self.last_initiation();
        if let Some(dial) = &mut self.dial {
            return dial.hurry(pace, last, random, now);
        }
        let spaced = self.last_initiation.map(|last| last.at + last.spacing.min(pace.spacing()));
        let not_before = not_before.filter(|until| InitiationSeries::new(pace, now, now).may_wait(*until));
        let next = [not_before, spaced].into_iter().flatten().fold(now, Instant::max);
        self.dial = Some(InitiationSeries::new(pace, next, now));
    }

    /// Something came in under a session: it is not dead.
    pub(crate) fn trusted(&mut self, random: &mut Random, now: Instant) {
        let last = self.last_initiation();
        if let Some(dial) = self.dial.as_mut().filter(|dial| dial.pace == Pace::Suspicion)
            && !dial.calm(last, random, now)
        {
            self.dial = None;
        }
    }

    /// An initiation was sent.
    pub(crate) fn initiated(&mut self, random: &mut Random, now: Instant) {
        self.last_initiation = Some(Initiation { at: now, spacing: REKEY_TIMEOUT });
        self.sent(now);
        self.patience = random.duration(Duration::ZERO, RETRY_JITTER);
        if let Some(dial) = &mut self.dial {
            dial.initiated(random, now);
        }
    }

    /// An initiation was answered.
    pub(crate) fn answered(&mut self, random: &mut Random) {
        self.patience = random.duration(Duration::ZERO, RETRY_JITTER);
    }

    /// Random extra wait for an answer.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The next initiation has to wait.
    pub(crate) fn deferred(&mut self, until: Instant) {
        if let Some(dial) = &mut self.dial {
            dial.next = until;
        }
    }

    /// Whether the next initiation may wait until then for the other end's own handshake.
    pub(crate) fn may_wait(&self, until: Instant) -> bool {
        self.dial.is_some_and(|dial| dial.may_wait(until))
    }

    /// Whether the next initiation needs admission, and until when it can be put off.
    pub(crate) fn fast(&self, now: Instant) -> Option<Instant> {
        self.dial?.fast(self.last_initiation(), now)
    }

    /// The next initiation waits for its turn among those of other peers.
    pub(crate) fn queued(&mut self, until: Instant) {
        if let Some(dial) = &mut self.dial {
            dial.queued(until);
        }
    }

    /// A cookie came: the one retry that does not wait, but for a jitter longer than two timestamps are apart (16.8
    /// ms).
    pub(crate) fn cookie(&mut self, random: &mut Random, now: Instant) {
        if let Some(dial) = &mut self.dial {
            dial.cookie(random, now);
        }
    }

    /// Whether initiations are under way.
    pub(crate) fn dialling(&self) -> bool {
        self.dial.is_some()
    }

    /// Whether the next initiation may go out.
    pub(crate) fn may_initiate(&self, now: Instant) -> bool {
        self.dial.is_some_and(|dial| dial.next <= now)
    }

    /// Pace of the initiations, if any are under way.
    pub(crate) fn pace(&self) -> Option<Pace> {
        self.dial.map(|dial| dial.pace)
    }

    /// Number of initiations of this dial that have left.
    pub(crate) fn attempts(&self) -> u32 {
        self.dial.map_or(0, |dial| dial.attempts)
    }

    /// Insists on the initiations of this dial; once.
    pub(crate) fn insist(&mut self) -> bool {
        self.dial.as_mut().is_some_and(|dial| !std::mem::replace(&mut dial.insisted, true))
    }

    /// An address was learnt: the next initiation leaves as soon as may be, and begins the gaps anew.
    pub(crate) fn anew(&mut self, now: Instant) {
        let last = self.last_initiation();
        if let Some(dial) = &mut self.dial {
            dial.anew(last, now);
        }
    }

    /// Whether initiations have gone unanswered for too long.
    pub(crate) fn hopeless(&self, now: Instant) -> bool {
        self.dial.is_some_and(|dial| dial.hopeless(now))
    }

    /// The number of the newest initiation, now that it went unanswered; told once.
    pub(crate) fn unanswered(&mut self) -> Option<u32> {
        self.dial.as_mut()?.unanswered()
    }

    /// A session was confirmed.
    pub(crate) fn established(&mut self) {
        self.dial = None;
    }

    /// The peer is gone: nothing is asked of it until something is to be sent.
    pub(crate) fn left(&mut self) {
        self.dial = None;
        self.unanswered = None;
        self.owed = None;
        self.kept = None;
    }

    /// Initiations were given up, with all that waited for them.
    pub(crate) fn gave_up(&mut self, now: Instant) {
        self.dial = None;
        self.unanswered = None;
        if let Some(persistent) = &mut self.persistent {
            persistent.next = now + persistent.interval;
        }
    }

    /// Whether something is to be sent without anybody asking.
    pub(crate) fn is_persistent(&self) -> bool {
        self.persistent.is_some()
    }

    /// The deadlines that are answered once.
    pub(crate) fn done(&mut self, due: Due, now: Instant) {
        match due {
            Due::Silence => self.unanswered = None,
            Due::Keepalive => self.owed = None,
            Due::Move => self.moves = None,
            Due::Expiry => self.expires = None,
            Due::Retirement => self.retires = None,
            Due::Kept => self.kept = None,
            Due::Wipe => self.last_traffic = None,
            Due::PersistentKeepalive => {
                if let Some(persistent) = &mut self.persistent {
                    persistent.next = now + persistent.interval;
                }
            }
            Due::Initiation => {}
        }
    }

    /// Something is to be sent at least this often, the first time now.
    pub(crate) fn persist(&mut self, interval: Option<Duration>, now: Instant) {
        self.persistent = interval.map(|interval| Persistent { interval, next: now });
    }

    fn traffic(&mut self, now: Instant) {
        self.last_traffic = Some(now);
        if let Some(persistent) = &mut self.persistent {
            persistent.next = now + persistent.interval;
        }
    }
}

/// Whitepaper section 6.5: a keepalive should have come by `KEEPALIVE_TIMEOUT`, and has this long to arrive.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(10 + 5);

#[cfg(test)]
mod tests;
