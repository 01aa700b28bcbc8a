//! Turns by the time that each member's turns took.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Members that take turns: the one that had the least time is next.
///
/// A turn of a member whose work takes much longer than its load explains counts several times; while others are there,
/// all such members together have no more than a tenth of the time that passes. The caller measures the time.
#[derive(Debug)]
pub(crate) struct Turns<M> {
    /// Accounts of all that had a turn lately, and of all that wait.
    accounts: BTreeMap<M, Account>,
    /// By the time they had, in nanoseconds.
    waiting: BTreeSet<(u64, M)>,
    /// Time of the member whose turn began last: a member that comes back begins there.
    reached: u64,
    /// Instant before which no slow member has a turn while others are there; of unused time slow members keep
    /// [`GRAIN`].
    slow_from: Option<Instant>,
    /// Instant until which a member that is not slow counts as there, for it had a turn lately.
    others_until: Option<Instant>,
    /// Instant at which the figures were last halved.
    aged: Option<Instant>,
}

/// Time and load fade by half in each [`WINDOW`].
#[derive(Debug, Default)]
struct Account {
    had: u64,
    /// Time of turns for which others paid.
    lent: u64,
    waits: bool,
    nanoseconds: u64,
    load: u64,
    slow: bool,
}

impl<M: Copy + Ord> Turns<M> {
    pub(crate) fn new() -> Self {
        Self {
            accounts: BTreeMap::new(),
            waiting: BTreeSet::new(),
            reached: 0,
            slow_from: None,
            others_until: None,
            aged: None,
        }
    }

    /// Lets a member take turns: it has something to be worked off.
    pub(crate) fn wait(&mut self, member: M) {
        let account = self.accounts.entry(member).or_default();
        if !account.waits {
            account.waits = true;
            account.had = account.had.max(self.reached);
            self.waiting.insert((account.place(), member));
        }
    }

    /// Lets a member take no more turns: it has nothing left.
    pub(crate) fn rest(&mut self, member: M) {
        if let Some(account) = self.accounts.get_mut(&member) {
            account.waits = false;
            self.waiting.remove(&(account.place(), member));
        }
    }

    /// Begins the next turn.
    pub(crate) fn next(&mut self, now: Instant) -> Option<M> {
        let &(had, member) = self.may_begin(now).next()?;
        self.reached = self.reached.max(had);
        Some(member)
    }

    /// Begins the next turn, slow members included.
    pub(crate) fn first(&mut self) -> Option<M> {
        let &(had, member) = self.waiting.first()?;
        self.reached = self.reached.max(had);
        Some(member)
    }

    pub(crate) fn has_next(&self, now: Instant) -> bool {
        self.may_begin(now).next().is_some()
    }

    /// Deadline, if all that wait are slow: late enough for several of their turns, so that one wake-up serves them.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let mut waiting = self.waiting.iter();
        if waiting.len() == 0 || waiting.any(|(_, member)| !self.is_slow(member)) {
            return None;
        }
        Some((self.slow_from? + GRAIN).min(self.others_until?))
    }

    /// Load that the member may have worked off in its turn.
    pub(crate) fn allowance(&self, member: M) -> u64 {
        match self.accounts.get(&member) {
            Some(account) if account.load >= JUDGED_LOAD => {
                (TURN * account.load).checked_div(account.nanoseconds).unwrap_or(u64::MAX)
            }
            Some(_) | None => JUDGED_LOAD,
        }
    }

    /// Charges a member for the time of its work.
    pub(crate) fn charge(&mut self, member: M, took: Duration, load: u64, now: Instant) {
        self.age(now);
        let reached = self.reached;
        let account = self.accounts.entry(member).or_default();
        // Even what seems to take no time moves on to the next.
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).clamp(1, LONGEST);
        if account.slow {
            let least = now.checked_sub(GRAIN).unwrap_or(now);
            let from = self.slow_from.map_or(least, |from| from.max(least));
            self.slow_from = Some(from + Duration::from_nanos(took * (SLOW_TIMES - 1)));
        } else {
            self.others_until = Some(now + LATELY);
        }
        let place = account.place();
        account.had = account.had.max(reached) + took * if account.slow { SLOW_TIMES } else { 1 };
        account.nanoseconds += took;
        account.load += load;
        if account.waits {
            self.waiting.remove(&(place, member));
            self.waiting.insert((account.place(), member));
        }
    }

    /// Lends a member time of its turn that went into others' work. It is not judged by that, and pays nothing; but
    /// past [`LENT`] it has no more turns for it than others have.
    pub(crate) fn lend(&mut self, member: M, took: Duration, now: Instant) {
        self.age(now);
        let reached = self.reached;
        let account = self.accounts.entry(member).or_default();
        let place = account.place();
        account.lent =
            account.lent.max(reached) + u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).min(LONGEST);
        if account.waits {
            self.waiting.remove(&(place, member));
            self.waiting.insert((account.place(), member));
        }
    }

    /// Whether no other member is there to whom the time of this one could matter.
    pub(crate) fn is_alone(&mut self, member: M, now: Instant) -> bool {
        self.age(now);
        let mut accounts = self.accounts.iter();
        match (accounts.next(), accounts.next()) {
            (None, _) => true,
            (Some((other, account)), None) => *other == member && !account.waits && account.cost() < CHEAP,
            (Some(_), Some(_)) => false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn may_begin(&self, now: Instant) -> impl Iterator<Item = &(u64, M)> {
        let is_passed = |at: Option<Instant>| at.is_none_or(|at| at <= now);
        let slow_too = is_passed(self.slow_from) || is_passed(self.others_until);
        self.waiting.iter().filter(move |(_, member)| slow_too || !self.is_slow(member))
    }

    fn is_slow(&self, member: &M) -> bool {
        self.accounts.get(member).is_some_and(|account| account.slow)
    }

    fn age(&mut self, now: Instant) {
        let aged = *self.aged.get_or_insert(now);
        let windows = now.saturating_duration_since(aged).as_millis() / WINDOW.as_millis();
        if windows == 0 {
            return;
        }
        self.aged = Some(now);
        self.judge();
        let halvings = u32::try_from(windows).unwrap_or(u32::MAX);
        self.accounts.retain(|_, account| {
            account.load = account.load.checked_shr(halvings).unwrap_or(0);
            account.nanoseconds = account.nanoseconds.checked_shr(halvings).unwrap_or(0);
            account.waits || account.load > 0
        });
    }

    /// Finds out which members are slow.
    fn judge(&mut self) {
        let judged = self.accounts.values().filter(|account| account.load >= JUDGED_LOAD);
        let mut costs: Vec<u64> = judged.map(Account::cost).collect();
        if costs.is_empty() {
            return;
        }
        let middle = (costs.len() - 1) / 2;
        let (_, median, _) = costs.select_nth_unstable(middle);
        let bound = median.saturating_mul(SLOW_TIMES).max(CHEAP);
        for account in self.accounts.values_mut() {
            let known = account.slow || account.nanoseconds >= JUDGED_TIME;
            account.slow = known && account.cost() > bound;
        }
    }
}

impl Account {
    /// Its place among those that wait.
    fn place(&self) -> u64 {
        self.had.max(self.lent.saturating_sub(LENT))
    }

    /// Its cost: nanoseconds for 1,024 units of load.
    fn cost(&self) -> u64 {
        (self.nanoseconds * 1_024).checked_div(self.load).unwrap_or(0)
    }
}

/// In nanoseconds: a full batch of bulk takes some 60 us, and is not cut.
const TURN: u64 = 200_000;
/// Longest time that a turn is charged, in nanoseconds: a machine that stood still in a turn says nothing of its owner.
const LONGEST: u64 = 100_000_000;
/// Multiple of the median cost from which a member is slow, and by which a slow member's time counts.
const SLOW_TIMES: u64 = 10;
/// Slow members have up to a ninth of this at once. Tiny messages come due every 18 us: a wake-up for each cost more
/// than they do.
const GRAIN: Duration = Duration::from_millis(1);
/// In nanoseconds: 5,000 datagrams that do not open, at once.
const LENT: u64 = 10_000_000;
/// Time for which a member stays there: one that sends something fifty times a second is.
const LATELY: Duration = Duration::from_millis(25);
/// Long enough that a thread which lost its processor once does not decide.
const WINDOW: Duration = Duration::from_millis(100);
/// Nanoseconds for 1,024 units of load, 20 for a byte: bulk takes 1, a lone small datagram 5.
const CHEAP: u64 = 20 * 1_024;
/// Load below which a member does not count for the median, and the load of its first turn.
const JUDGED_LOAD: u64 = 16 * 1_024;
/// Nanoseconds below which a member is not slow.
const JUDGED_TIME: u64 = 5_000_000;

#[cfg(test)]
mod tests;
