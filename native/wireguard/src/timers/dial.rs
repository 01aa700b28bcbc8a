//! Initiations until one is answered, and how far apart they leave.

use std::time::{Duration, Instant};

use crate::constants::{INITIATION_SPACING, REKEY_ATTEMPT_TIME, REKEY_TIMEOUT, RETRY_JITTER};
use crate::random::Random;

/// Spacing of initiations, by the state of the tunnel; a later variant is faster.
///
/// Only [`Pace::Renewal`] keeps WireGuard's `REKEY_TIMEOUT` of 5 s between two initiations. That time binds initiators
/// alone: a kernel refuses a peer's initiation within 20 ms of the one before (`INITIATIONS_PER_SECOND`), wireguard-go
/// the same (`HandshakeInitationRate`), boringtun and gotatun answer all. [`FastInitiations`] bounds a device's.
///
/// [`FastInitiations`]: crate::fast_initiations::FastInitiations
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pace {
    /// Keys are due for renewal, or WireGuard's own timers ask: a live session is in no danger yet, nobody waits.
    Renewal,
    /// A session is live, and what is sent under it goes unanswered.
    Suspicion,
    /// There is no session, and something waits for one.
    First,
}

/// Initiations to a peer that are wanted or under way: when the next one leaves, and at what pace.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitiationSeries {
    pub(super) pace: Pace,
    /// Something but suspicion wants a session as well.
    wanted: bool,
    /// Since when it has been under way; from its first initiation on, since that.
    pub(super) began: Instant,
    /// Instant until which the other end's own handshake may still be waited for.
    patient_until: Instant,
    pub(super) attempts: u32,
    /// Gaps of this pace that are over.
    step: u32,
    pub(super) next: Instant,
    /// Instant from which the gaps may begin anew.
    anew_from: Instant,
    /// The next may leave however many others do.
    admitted: bool,
    /// The newest was not told of as unanswered.
    untold: bool,
    retried_for_cookie: bool,
    /// One of the other end's own was left unanswered for it.
    pub(super) insisted: bool,
}

impl Pace {
    /// Time from its `step`th initiation to the next, without jitter.
    fn gap(self, step: u32) -> Duration {
        let gaps: &[u64] = match self {
            Pace::Renewal => &[],
            Pace::Suspicion => &[1_000, 2_000, 4_000],
            Pace::First => &[250, 750, 1_000, 2_000],
        };
        gaps.get(step as usize).map_or(REKEY_TIMEOUT, |gap| Duration::from_millis(*gap))
    }

    /// Random part of a gap, so that two ends do not stay in step: up to a third of the first gap, and a tenth of the
    /// next, as each lost message costs it too.
    fn jitter(self, step: u32, random: &mut Random) -> Duration {
        let most = match self {
            Pace::Renewal | Pace::Suspicion => RETRY_JITTER,
            Pace::First if step == 0 => self.gap(step) / 3,
            Pace::First => RETRY_JITTER.min(self.gap(step) / 10),
        };
        random.duration(Duration::ZERO, most)
    }

    /// Least time between an initiation and the begin of a dial of this pace.
    pub(super) fn spacing(self) -> Duration {
        match self {
            Pace::First => INITIATION_SPACING,
            Pace::Suspicion => self.gap(0),
            Pace::Renewal => REKEY_TIMEOUT,
        }
    }
}

impl InitiationSeries {
    pub(super) fn new(pace: Pace, next: Instant, now: Instant) -> Self {
        Self {
            pace,
            wanted: pace != Pace::Suspicion,
            began: next,
            patient_until: now + PATIENCE,
            attempts: 0,
            step: 0,
            next,
            anew_from: now,
            admitted: false,
            untold: false,
            retried_for_cookie: false,
            insisted: false,
        }
    }

    /// Another reason to dial came up.
    pub(super) fn hurry(&mut self, pace: Pace, last: Option<Instant>, random: &mut Random, now: Instant) {
        self.wanted |= pace != Pace::Suspicion;
        if pace <= self.pace {
            return;
        }
        self.pace = pace;
        self.patient_until = now + PATIENCE;
        // Packets that wait from now on are not given up with initiations that nobody waited for.
        self.began = now;
        // An initiation that is under way counts as the first of the new pace.
        self.step = u32::from(self.attempts > 0);
        let gap = if self.attempts > 0 { pace.gap(0) + pace.jitter(0, random) } else { pace.spacing() };
        let next = last.map_or(now, |last| now.max(last + gap));
        self.next = self.next.min(next);
    }

    /// The next initiation leaves as soon as may be; the gaps begin anew, but no more often than a whole round of them
    /// takes.
    pub(super) fn anew(&mut self, last: Option<Instant>, now: Instant) {
        if self.anew_from <= now {
            self.anew_from = now + REKEY_TIMEOUT;
            self.step = 0;
        }
        self.next = self.next.min(last.map_or(now, |last| now.max(last + INITIATION_SPACING)));
    }

    /// Suspicion is over; whether something else wants a session still.
    pub(super) fn calm(&mut self, last: Option<Instant>, random: &mut Random, now: Instant) -> bool {
        if self.pace == Pace::Suspicion {
            self.pace = Pace::Renewal;
            let wait = REKEY_TIMEOUT + Pace::Renewal.jitter(0, random);
            self.next = last.map_or(now, |last| now.max(last + wait)).min(self.ends());
        }
        self.wanted
    }

    pub(super) fn initiated(&mut self, random: &mut Random, now: Instant) {
        if self.attempts == 0 {
            self.began = now;
        }
        self.attempts += 1;
        self.next = (now + self.pace.gap(self.step) + self.pace.jitter(self.step, random)).min(self.ends());
        self.step += 1;
        self.admitted = false;
        self.untold = true;
    }

    /// The next initiation has to wait for its turn, and then no more.
    pub(super) fn queued(&mut self, until: Instant) {
        self.next = until;
        self.admitted = true;
    }

    /// Whether the next one needs admission: it leaves sooner after the last than WireGuard has it, or is one of many
    /// that the same event may have brought about. Gives how long it can be put off.
    pub(super) fn fast(&self, last: Option<Instant>, now: Instant) -> Option<Instant> {
        if self.admitted {
            return None;
        }
        match last.map(|last| last + REKEY_TIMEOUT).filter(|slow| now < *slow) {
            Some(slow) => Some(slow),
            None => (self.pace == Pace::Suspicion && self.attempts == 0).then(|| now + REKEY_TIMEOUT),
        }
    }

    /// Whether the next initiation may wait until then for the other end's own handshake.
    pub(super) fn may_wait(&self, until: Instant) -> bool {
        self.pace != Pace::Suspicion || until <= self.patient_until
    }

    pub(super) fn cookie(&mut self, random: &mut Random, now: Instant) {
        if self.attempts > 0 && !self.retried_for_cookie {
            self.retried_for_cookie = true;
            self.next = self.next.min(now + random.duration(INITIATION_SPACING, RETRY_JITTER));
        }
    }

    pub(super) fn hopeless(&self, now: Instant) -> bool {
        self.attempts > 0 && now >= self.ends()
    }

    /// The number of the newest initiation, told once.
    pub(super) fn unanswered(&mut self) -> Option<u32> {
        std::mem::take(&mut self.untold).then_some(self.attempts)
    }

    fn ends(&self) -> Instant {
        self.began + REKEY_ATTEMPT_TIME
    }
}

/// Suspicion waits no longer than this for the other end to finish a handshake that it began: a `CONFIRMATION_TIMEOUT`
/// and its jitter, and some of the other end's own first gaps.
const PATIENCE: Duration = Duration::from_secs(2);
