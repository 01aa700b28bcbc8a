#![expect(clippy::disallowed_methods, reason = "an `Instant` can be had in no other way")]

use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};

use super::Turns;

/// One line per rule, and a search through all for each question.
#[derive(Default)]
struct Naive {
    members: Vec<Member>,
    reached: u64,
    slow_from: Option<Instant>,
    others_until: Option<Instant>,
    aged: Option<Instant>,
}

struct Member {
    name: u8,
    had: u64,
    lent: u64,
    waits: bool,
    nanoseconds: u64,
    load: u64,
    slow: bool,
}

impl Naive {
    fn at(&mut self, name: u8) -> &mut Member {
        let place = self.members.iter().position(|member| member.name == name).unwrap_or_else(|| {
            self.members.push(Member {
                name,
                had: 0,
                lent: 0,
                waits: false,
                nanoseconds: 0,
                load: 0,
                slow: false,
            });
            self.members.len() - 1
        });
        &mut self.members[place]
    }

    fn wait(&mut self, name: u8) {
        let reached = self.reached;
        let member = self.at(name);
        if !member.waits {
            member.waits = true;
            member.had = member.had.max(reached);
        }
    }

    fn rest(&mut self, name: u8) {
        if self.members.iter().any(|member| member.name == name) {
            self.at(name).waits = false;
        }
    }

    fn next(&mut self, now: Instant) -> Option<u8> {
        let held = self.slow_from.is_some_and(|at| at > now) && self.others_until.is_some_and(|at| at > now);
        let waiting = self.members.iter().filter(|member| member.waits && !(held && member.slow));
        let (had, name) = waiting
            .map(|member| (member.had.max(member.lent.saturating_sub(10_000_000)), member.name))
            .min()?;
        self.reached = self.reached.max(had);
        Some(name)
    }

    fn charge(&mut self, name: u8, took: u64, load: u64, now: Instant) {
        self.age(now);
        let reached = self.reached;
        let member = self.at(name);
        let took = took.clamp(1, 100_000_000);
        member.had = member.had.max(reached) + if member.slow { 10 * took } else { took };
        member.nanoseconds += took;
        member.load += load;
        if member.slow {
            let least = now - Duration::from_millis(1);
            let from = self.slow_from.map_or(least, |from| from.max(least));
            self.slow_from = Some(from + Duration::from_nanos(9 * took));
        } else {
            self.others_until = Some(now + Duration::from_millis(25));
        }
    }

    fn lend(&mut self, name: u8, took: u64, now: Instant) {
        self.age(now);
        let reached = self.reached;
        let member = self.at(name);
        member.lent = member.lent.max(reached) + took;
    }

    fn age(&mut self, now: Instant) {
        let aged = *self.aged.get_or_insert(now);
        let windows = now.duration_since(aged).as_millis() / 100;
        if windows == 0 {
            return;
        }
        self.aged = Some(now);
        let judged = self.members.iter().filter(|member| member.load >= 16_384);
        let mut costs: Vec<u64> = judged.map(|member| member.nanoseconds * 1_024 / member.load).collect();
        costs.sort_unstable();
        if !costs.is_empty() {
            let bound = (costs[(costs.len() - 1) / 2] * 10).max(20_480);
            for member in &mut self.members {
                let cost = (member.nanoseconds * 1_024).checked_div(member.load).unwrap_or(0);
                member.slow = (member.slow || member.nanoseconds >= 5_000_000) && cost > bound;
            }
        }
        for _ in 0..windows.min(64) {
            for member in &mut self.members {
                member.load /= 2;
                member.nanoseconds /= 2;
            }
        }
        self.members.retain(|member| member.waits || member.load > 0);
    }
}

#[test]
fn turns_are_those_of_a_search_through_all_members() {
    let mut slow = 0;
    for seed in 0..40 {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
        let (mut turns, mut naive) = (Turns::new(), Naive::default());
        let mut now = Instant::now();
        let members = rng.random_range(1..12u8);
        for step in 0..3_000 {
            let member = rng.random_range(0..members);
            match rng.random_range(0..10) {
                0..3 => {
                    turns.wait(member);
                    naive.wait(member);
                }
                3 => {
                    turns.rest(member);
                    naive.rest(member);
                }
                4 => now += Duration::from_micros(rng.random_range(0..80_000)),
                5 if step % 500 == 0 => now += Duration::from_secs(30),
                6 => {
                    let took = rng.random_range(0..4_000_000);
                    turns.lend(member, Duration::from_nanos(took), now);
                    naive.lend(member, took, now);
                }
                _ => {
                    let next = turns.next(now);
                    assert_eq!(next, naive.next(now), "seed {seed}, step {step}");
                    let payer = next.filter(|_| rng.random_bool(0.9)).unwrap_or(member);
                    let took = if payer == 0 { 400_000 } else { rng.random_range(0..5_000) };
                    let load = rng.random_range(0..9_000);
                    turns.charge(payer, Duration::from_nanos(took), load, now);
                    naive.charge(payer, took, load, now);
                }
            }
            assert_eq!(turns.is_empty(), naive.members.iter().all(|member| !member.waits), "seed {seed}");
            assert_eq!(turns.accounts.len(), naive.members.len(), "seed {seed}, step {step}");
            slow += u32::from(turns.accounts.values().any(|account| account.slow));
        }
    }
    assert!(slow > 1_000, "slow members were there in {slow} steps");
}

/// Members that always have work, in whole turns of one datagram each, for two seconds; the time that each had.
fn share(costs: &[Duration]) -> Vec<Duration> {
    let mut turns = Turns::new();
    let mut now = Instant::now();
    let end = now + Duration::from_secs(2);
    let mut had = vec![Duration::ZERO; costs.len()];
    (0..costs.len()).for_each(|member| turns.wait(member));
    while now < end {
        let member = turns.next(now).expect("one that is not slow waits");
        now += costs[member];
        had[member] += costs[member];
        turns.charge(member, costs[member], LOAD, now);
    }
    had
}

#[test]
fn those_whose_datagrams_cost_alike_share_the_time_whatever_a_datagram_costs() {
    let had = share(&[CHEAP, CHEAP * 2, CHEAP * 7, CHEAP * 9]);
    for time in &had {
        assert!(time.as_secs_f64() > 0.49, "{had:?}");
    }
}

#[test]
fn one_whose_time_for_its_bytes_exceeds_ten_times_the_median_has_a_tenth_of_anothers() {
    for others in [1, 2, 5, 20] {
        let mut costs = vec![CHEAP; others + 1];
        costs[others] = COSTLY;
        let had = share(&costs);
        let ratio = had[others].as_secs_f64() / had[0].as_secs_f64();
        assert!(ratio > 0.09 && ratio < 0.2, "{ratio} beside {others}");
    }
}

#[test]
fn ten_slow_ones_together_have_no_more_than_a_tenth() {
    let mut costs = vec![CHEAP; 12];
    costs.resize(22, COSTLY);
    let slow: Duration = share(&costs)[12..].iter().sum();
    assert!(slow > Duration::from_millis(100) && slow < Duration::from_millis(300), "{slow:?} of 2 s");
}

/// One that always has costly work, for two seconds, beside one that has a cheap datagram so often: the time it had
/// after the first.
fn slow_beside(every: Duration) -> Duration {
    let mut turns = Turns::new();
    let start = Instant::now();
    let (mut now, mut due, mut had) = (start, start, Duration::ZERO);
    turns.wait(1);
    while now < start + Duration::from_secs(2) {
        if now >= due {
            due += every;
            turns.wait(0);
        }
        let Some(member) = turns.next(now) else {
            now = turns.deadline().expect("the slow one waits").min(due);
            continue;
        };
        let (took, load) = if member == 0 { (CHEAP * 10, LOAD * 10) } else { (COSTLY, LOAD) };
        now += took;
        turns.charge(member, took, load, now);
        if member == 0 {
            turns.rest(0);
        } else if now >= start + Duration::from_secs(1) {
            had += took;
        }
    }
    had
}

#[test]
fn the_slow_one_has_a_tenth_of_what_passes_while_others_come_and_all_of_it_when_nobody_does() {
    let beside = slow_beside(Duration::from_millis(10));
    assert!(
        beside > Duration::from_millis(90) && beside < Duration::from_millis(110),
        "{beside:?} of a second"
    );
    let alone = slow_beside(Duration::from_secs(3));
    assert!(alone > Duration::from_millis(990), "{alone:?} of a second");
}

#[test]
fn who_was_away_does_not_have_the_time_that_it_left_to_the_others() {
    let mut turns = Turns::new();
    let mut now = Instant::now();
    let mut had = [0; 2];
    turns.wait(0);
    for turn in 0..2_000 {
        if turn == 1_000 {
            turns.wait(1);
        }
        let member: usize = turns.next(now).expect("one waits");
        now += CHEAP;
        had[member] += 1;
        turns.charge(member, CHEAP, LOAD, now);
    }
    assert_eq!(had, [1_500, 500]);
}

#[test]
fn whose_datagrams_cost_little_again_is_slow_no_longer_within_a_second() {
    let mut turns = Turns::new();
    let mut now = Instant::now();
    let charge = |turns: &mut Turns<u8>, cost: Duration, now: &mut Instant| {
        for _ in 0..20 {
            for (member, cost) in [(0, CHEAP), (1, cost)] {
                turns.charge(member, cost, LOAD, *now);
            }
        }
        *now += Duration::from_millis(20);
    };
    (0..20).for_each(|_| charge(&mut turns, Duration::from_micros(500), &mut now));
    assert!(turns.accounts[&1].slow && !turns.accounts[&0].slow);
    (0..50).for_each(|_| charge(&mut turns, CHEAP, &mut now));
    assert!(!turns.accounts[&1].slow);
}

#[test]
fn a_turn_of_who_is_expensive_is_one_datagram_and_of_bulk_a_whole_batch() {
    let mut turns = Turns::new();
    let now = Instant::now();
    for _ in 0..20 {
        turns.charge(0, Duration::from_micros(60), 128 * 1_024, now);
        turns.charge(1, Duration::from_micros(500), LOAD, now);
    }
    assert!(turns.allowance(0) > 128 * 1_024);
    assert!(turns.allowance(1) < LOAD);
    assert!(turns.allowance(2) < 6 * LOAD, "nothing is known of it");
}

#[test]
fn those_who_had_turns_once_are_forgotten() {
    let mut turns = Turns::new();
    let now = Instant::now();
    for member in 0..10_000 {
        turns.wait(member);
        turns.charge(member, CHEAP, LOAD, now);
        turns.rest(member);
    }
    assert!(!turns.is_alone(10_000, now));
    assert!(turns.is_alone(10_000, now + Duration::from_secs(2)));
    assert!(turns.accounts.is_empty() && turns.waiting.is_empty());
}

const CHEAP: Duration = Duration::from_micros(2);
const COSTLY: Duration = Duration::from_micros(500);
const LOAD: u64 = 2_900;
