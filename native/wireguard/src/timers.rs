//! A peer's timers: the rest of the device reports facts, and only this file turns them into deadlines.
//!
//! The deadlines are those of whitepaper section 6, as the kernel's `timers.c` arms them.

use std::time::{Duration, Instant};

use crate::constants::{
    INITIATION_SPACING, KEEPALIVE_TIMEOUT, REKEY_ATTEMPT_TIME, REKEY_TIMEOUT, RETRY_JITTER, WIPE_AFTER_TIME,
};
use crate::random::Random;

/// What is to be done at a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Send the next initiation, or give up.
    Initiation,
    /// Tell that the last one went unanswered.
    Unanswered,
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
    /// Wipe all keys.
    Wipe,
}

impl Due {
    /// The reason of a deadline, for people.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Due::Initiation => "handshake retry",
            Due::Unanswered => "handshake unanswered",
            Due::Silence => "data unanswered",
            Due::Keepalive => "keepalive",
            Due::PersistentKeepalive => "persistent keepalive",
            Due::Move => "peer moved",
            Due::Expiry => "session expiry",
            Due::Retirement => "replaced tunnel",
            Due::Wipe => "wiping of idle keys",
        }
    }
}

/// Facts about one peer, and what follows from them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    /// It is known where to send to.
    pub(crate) reachable: bool,
    persistent: Option<Persistent>,
    /// When data was sent, the first since anything authenticated came back.
    unanswered: Option<Instant>,
    /// How much longer than others this peer waits for an answer.
    patience: Duration,
    /// When data was received, the first since anything was sent back.
    owed: Option<Instant>,
    dial: Option<Dial>,
    last_initiation: Option<Initiation>,
    /// When to tell where the peer is, for it moved soon after it had moved.
    pub(crate) moves: Option<Instant>,
    /// Since when the session that seals will be too old.
    pub(crate) expires: Option<Instant>,
    pub(crate) retires: Option<Instant>,
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

/// Initiations until one is answered.
#[derive(Clone, Copy, Debug)]
struct Dial {
    began: Instant,
    attempts: u32,
    next: Instant,
    report: Option<Instant>,
    retried_for_cookie: bool,
}

impl Timers {
    /// Those of a peer that is new, or that was removed after the last initiation to it and is added again.
    pub(crate) fn returning(last_initiation: Option<Instant>) -> Timers {
        let last_initiation = last_initiation.map(|at| Initiation { at, spacing: INITIATION_SPACING });
        Timers { last_initiation, ..Timers::default() }
    }

    /// When the last initiation was sent.
    pub(crate) fn last_initiation(&self) -> Option<Instant> {
        self.last_initiation.map(|last| last.at)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<(Instant, Due)> {
        let idle = self.dial.is_none() && self.reachable;
        let deadlines = [
            // Told before the next attempt is made, even when both are due.
            self.dial.and_then(|dial| Some((dial.report?, Due::Unanswered))),
            self.dial.map(|dial| (dial.next, Due::Initiation)),
            self.unanswered
                .filter(|_| idle)
                .map(|sent| (sent + SILENCE_TIMEOUT + self.patience, Due::Silence)),
            self.owed.map(|received| (received + KEEPALIVE_TIMEOUT, Due::Keepalive)),
            self.persistent.filter(|_| idle).map(|persistent| (persistent.next, Due::PersistentKeepalive)),
            self.moves.map(|at| (at, Due::Move)),
            self.expires.map(|at| (at, Due::Expiry)),
            self.retires.map(|at| (at, Due::Retirement)),
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

    /// A session is wanted; from `not_before`, and never sooner than [`REKEY_TIMEOUT`] after the last initiation.
    pub(crate) fn wanted(&mut self, not_before: Option<Instant>, now: Instant) {
        let spaced = self.last_initiation.map(|last| last.at + last.spacing);
        let next = [not_before, spaced].into_iter().flatten().fold(now, Instant::max);
        self.dial.get_or_insert(Dial {
            began: next,
            attempts: 0,
            next,
            report: None,
            retried_for_cookie: false,
        });
    }

    /// An initiation was sent.
    pub(crate) fn initiated(&mut self, random: &mut Random, now: Instant) {
        self.last_initiation = Some(Initiation { at: now, spacing: REKEY_TIMEOUT });
        self.sent(now);
        self.patience = random.duration(Duration::ZERO, RETRY_JITTER);
        let Some(dial) = &mut self.dial else { return };
        if dial.attempts == 0 {
            dial.began = now;
        }
        dial.attempts += 1;
        dial.report = Some(now + REKEY_TIMEOUT);
        dial.next = (now + REKEY_TIMEOUT + self.patience).min(dial.began + REKEY_ATTEMPT_TIME);
    }

    /// An initiation was answered.
    pub(crate) fn answered(&mut self, random: &mut Random) {
        self.patience = random.duration(Duration::ZERO, RETRY_JITTER);
    }

    /// How much longer than others this peer waits for an answer.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    /// The next initiation has to wait.
    pub(crate) fn deferred(&mut self, until: Instant) {
        if let Some(dial) = &mut self.dial {
            dial.next = until;
        }
    }

    /// A cookie came: the one retry that does not wait, but for a jitter longer than two timestamps are apart (16.8 ms).
    pub(crate) fn cookie(&mut self, random: &mut Random, now: Instant) {
        let Some(dial) = &mut self.dial else { return };
        if dial.attempts > 0 && !dial.retried_for_cookie {
            dial.retried_for_cookie = true;
            dial.next = dial.next.min(now + random.duration(Duration::from_millis(20), RETRY_JITTER));
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

    /// Whether initiations have gone unanswered for too long.
    pub(crate) fn hopeless(&self, now: Instant) -> bool {
        self.dial.is_some_and(|dial| dial.attempts > 0 && now >= dial.began + REKEY_ATTEMPT_TIME)
    }

    /// The number of the last initiation, told once.
    pub(crate) fn report(&mut self) -> Option<u32> {
        let dial = self.dial.as_mut()?;
        dial.report.take().map(|_| dial.attempts)
    }

    /// A session was confirmed.
    pub(crate) fn established(&mut self) {
        self.dial = None;
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
            Due::Wipe => self.last_traffic = None,
            Due::PersistentKeepalive => {
                if let Some(persistent) = &mut self.persistent {
                    persistent.next = now + persistent.interval;
                }
            }
            Due::Initiation | Due::Unanswered => {}
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
