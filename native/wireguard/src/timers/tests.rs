//! The deadlines against a naive reading of the whitepaper: a log of facts, searched from the start every 250 ms.

use std::time::{Duration, Instant};

use warren_testing::Seed;

use super::{Due, Pace, Timers};
use crate::random::Random;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fact {
    SentData,
    SentKeepalive,
    ReceivedData,
    ReceivedKeepalive,
}

/// The rules of section 6, read off a log of facts.
#[derive(Default)]
struct Naive {
    log: Vec<(Duration, Fact)>,
    asked: Vec<Duration>,
    kept: Vec<Duration>,
}

impl Naive {
    fn last(&self, like: impl Fn(Fact) -> bool) -> Option<Duration> {
        self.log.iter().rev().find(|(_, fact)| like(*fact)).map(|(at, _)| *at)
    }

    /// "If a peer has received data, but has not sent anything back for KEEPALIVE_TIMEOUT, it sends a keepalive."
    fn keepalive_due(&self, now: Duration) -> bool {
        let sent = self.last(|fact| matches!(fact, Fact::SentData | Fact::SentKeepalive));
        let unanswered = |at: Duration| {
            sent.is_none_or(|sent| at > sent) && self.kept.last().is_none_or(|kept| at > *kept)
        };
        let first = self.log.iter().find(|(at, fact)| *fact == Fact::ReceivedData && unanswered(*at));
        first.is_some_and(|(at, _)| now >= *at + Duration::from_secs(10))
    }

    /// "If data was sent and nothing came back for KEEPALIVE_TIMEOUT + REKEY_TIMEOUT, it asks for a new session."
    fn session_due(&self, now: Duration) -> bool {
        let received = self.last(|fact| matches!(fact, Fact::ReceivedData | Fact::ReceivedKeepalive));
        let unanswered = |at: Duration| {
            received.is_none_or(|received| at > received) && self.asked.last().is_none_or(|asked| at > *asked)
        };
        let first = self.log.iter().find(|(at, fact)| *fact == Fact::SentData && unanswered(*at));
        first.is_some_and(|(at, _)| now >= *at + Duration::from_secs(15))
    }
}

#[test]
fn keepalives_and_new_sessions_fall_due_when_a_naive_reading_says_so() {
    for seed in 0..200 {
        let mut random = Random::new(Seed::or(seed).bytes(0));
        let start = now();
        let mut timers = Timers { reachable: true, ..Timers::default() };
        let mut naive = Naive::default();
        let mut due_at: Vec<(Duration, Due)> = Vec::new();
        let mut naive_at: Vec<(Duration, Due)> = Vec::new();
        let mut elapsed = Duration::ZERO;
        for _ in 0..100 {
            let quarters = [1, 4, 20, 39, 41, 59, 61, 100][(random.u32() % 8) as usize];
            for _ in 0..quarters {
                elapsed += Duration::from_millis(250);
                while let Some((at, due)) = timers.next().filter(|(at, _)| *at <= start + elapsed) {
                    timers.done(due, at);
                    if matches!(due, Due::Keepalive | Due::Silence) {
                        due_at.push((at - start, due));
                    }
                }
                if naive.keepalive_due(elapsed) {
                    naive.kept.push(elapsed);
                    naive_at.push((elapsed, Due::Keepalive));
                }
                if naive.session_due(elapsed) {
                    naive.asked.push(elapsed);
                    naive_at.push((elapsed, Due::Silence));
                }
            }
            // Between two polls, so that nothing is ever due at the very instant of a fact.
            let after = elapsed + Duration::from_millis(100);
            let at = start + after;
            let fact = match random.u32() % 4 {
                0 => Fact::SentData,
                1 => Fact::SentKeepalive,
                2 => Fact::ReceivedData,
                _ => Fact::ReceivedKeepalive,
            };
            match fact {
                Fact::SentData => timers.sent_data(at),
                Fact::SentKeepalive => timers.sent(at),
                Fact::ReceivedData => timers.received_data(at),
                Fact::ReceivedKeepalive => timers.received(at),
            }
            naive.log.push((after, fact));
        }
        assert!(due_at.len() > 10, "seed {seed}");
        let kinds = |all: &[(Duration, Due)]| all.iter().map(|(_, due)| *due).collect::<Vec<_>>();
        assert_eq!(kinds(&due_at), kinds(&naive_at), "seed {seed}");
        for ((exact, _), (polled, _)) in due_at.iter().zip(&naive_at) {
            let late = *polled - *exact;
            assert!(late <= Duration::from_millis(250), "seed {seed}: {exact:?} {polled:?}");
        }
    }
}

#[test]
fn every_deadline_is_over_once_it_was_handled() {
    for seed in 0..500 {
        let mut random = Random::new(Seed::or(seed).bytes(0));
        let mut timers = Timers { reachable: true, ..Timers::default() };
        let mut at = now();
        if random.u32().is_multiple_of(2) {
            timers.persist(Some(Duration::from_secs(1 + u64::from(random.u32() % 30))), at);
        }
        for _ in 0..300 {
            at += random.duration(Duration::ZERO, Duration::from_secs(20));
            let pace = [Pace::Renewal, Pace::Suspicion, Pace::First][(random.u32() % 3) as usize];
            match random.u32() % 10 {
                0 => timers.sent_data(at),
                1 => timers.received_data(at),
                2 => timers.wanted(pace, Some(at + Duration::from_secs(2)), &mut random, at),
                3 => timers.established(),
                4 => timers.cookie(&mut random, at),
                5 => timers.expires = Some(at + Duration::from_secs(180)),
                6 => timers.retires = Some(at + Duration::from_secs(180)),
                7 => timers.gave_up(at),
                8 => timers.trusted(&mut random, at),
                _ => timers.received(at),
            }
            let mut handled = 0;
            while let Some((_, due)) = timers.next().filter(|(due, _)| *due <= at) {
                timers.done(due, at);
                match due {
                    Due::Initiation if timers.hopeless(at) => timers.gave_up(at),
                    Due::Initiation => timers.initiated(&mut random, at),
                    Due::Silence | Due::PersistentKeepalive => {
                        timers.wanted(Pace::Renewal, None, &mut random, at);
                    }
                    Due::Keepalive => timers.sent(at),
                    Due::Move | Due::Expiry | Due::Retirement | Due::Kept | Due::Wipe => {}
                }
                handled += 1;
                assert!(handled < 20, "seed {seed}: {due:?} is due for ever");
            }
        }
    }
}

#[test]
fn a_cookie_brings_the_next_try_forward_once_in_a_dial() {
    for seed in 0..50 {
        let mut random = Random::new(Seed::or(seed).bytes(0));
        let start = now();
        let mut timers = Timers { reachable: true, ..Timers::default() };
        timers.cookie(&mut random, start);
        assert_eq!(timers.next(), None, "a cookie alone begins nothing");
        timers.wanted(Pace::Renewal, None, &mut random, start);
        timers.initiated(&mut random, start);
        let at = start + Duration::from_millis(40);
        timers.cookie(&mut random, at);
        let Some((retry, Due::Initiation)) = timers.next() else { panic!("a retry") };
        let jitter = retry - at;
        assert!((25..=333).contains(&jitter.as_millis()), "seed {seed}: {jitter:?}");
        timers.initiated(&mut random, retry);
        timers.cookie(&mut random, retry + Duration::from_millis(40));
        assert_eq!((timers.unanswered(), timers.unanswered()), (Some(2), None));
        let Some((third, Due::Initiation)) = timers.next() else { panic!("a third try") };
        assert!(third - retry >= Duration::from_secs(5), "seed {seed}: not hurried again");
    }
}

fn now() -> Instant {
    warren_testing::start()
}
