#![expect(clippy::disallowed_methods, reason = "an `Instant` can be had in no other way")]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use warren_wireguard::{Claimed, Path, PeerId};

use super::{Arrivals, BATCH_OVERHEAD, Batch, HELD_MAX, Tally, load};
use crate::ecn::Ecn;

fn peer(n: u32) -> Claimed {
    Claimed::Peer(PeerId(n))
}

/// Datagrams of `segment` bytes, numbered in their last bytes, of one session.
fn batch(segment: usize, numbers: std::ops::Range<u64>) -> Batch {
    let path = Path { remote: ([192, 0, 2, 1], 1).into(), local: None };
    let mut bytes = Vec::new();
    for number in numbers {
        let end = bytes.len() + segment;
        bytes.resize(end, 0);
        bytes[end - 8..].copy_from_slice(&number.to_le_bytes());
    }
    Batch { path, ecn: Ecn::NotEct, segment, bytes, worked: 0 }
}

/// One turn: who had it, and the numbers of the datagrams.
fn turn(arrivals: &mut Arrivals, now: Instant) -> Option<(Claimed, Vec<u64>)> {
    let mut turn = arrivals.next(now)?;
    let mut numbers = Vec::new();
    while let Some((mut batch, end)) = arrivals.take(&mut turn) {
        for datagram in batch.bytes[batch.worked..end].chunks(batch.segment) {
            numbers.push(u64::from_le_bytes(*datagram.last_chunk().expect("8 bytes")));
        }
        batch.worked = end;
        if end < batch.bytes.len() {
            arrivals.put_back(&turn, batch);
        }
    }
    arrivals.end(&turn);
    Some((turn.claimed, numbers))
}

fn charge(arrivals: &mut Arrivals, claimed: Claimed, datagrams: usize, each: Duration, now: Instant) {
    let tally = match claimed {
        Claimed::Peer(peer) => {
            Tally { opened: Some(peer), load: load(1_400) * datagrams as u64, ..Tally::default() }
        }
        Claimed::Source(source) => Tally { failed: datagrams as u32, source, ..Tally::default() },
    };
    arrivals.charge(tally, each * datagrams as u32, now);
}

#[test]
fn each_datagram_has_its_turn_once_and_in_order_or_is_dropped_from_the_longest_queue() {
    let mut overflowed = 0;
    for seed in 0..20 {
        let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(seed);
        let mut arrivals = Arrivals::new();
        let mut now = Instant::now();
        let mut next: BTreeMap<Claimed, u64> = BTreeMap::new();
        // By whose they seem to be, batches: memory, numbers.
        let mut naive: BTreeMap<Claimed, Vec<(usize, Vec<u64>)>> = BTreeMap::new();
        let held = |queue: &[(usize, Vec<u64>)]| queue.iter().map(|(held, _)| held).sum::<usize>();
        for _ in 0..4_000 {
            now += Duration::from_micros(rng.random_range(0..200));
            if rng.random_bool(if seed % 2 == 0 { 0.98 } else { 0.6 }) {
                let n = rng.random_range(0..4);
                let claimed = if n < 3 { peer(n) } else { Claimed::Source(rng.random_range(0..3)) };
                let (segment, count) =
                    if rng.random_bool(0.3) { (1_400, rng.random_range(1..46)) } else { (100, 1) };
                let first = next.entry(claimed).or_default();
                let numbers = *first..*first + count;
                *first += count;
                let mut batch = batch(segment, numbers.clone());
                batch.bytes.shrink_to_fit();
                let memory = batch.bytes.capacity() + BATCH_OVERHEAD;
                naive.entry(claimed).or_default().push((memory, numbers.collect()));
                let mut dropped = 0;
                while naive.values().map(|queue| held(queue)).sum::<usize>() > HELD_MAX {
                    let longest = naive.iter_mut().max_by_key(|(claimed, queue)| (held(queue), **claimed));
                    let (_, last) = longest.and_then(|(_, queue)| queue.pop()).expect("one is longest");
                    dropped += last.len() as u64;
                }
                assert_eq!(arrivals.push(claimed, batch), dropped, "seed {seed}");
                overflowed += dropped;
            } else if let Some((claimed, numbers)) = turn(&mut arrivals, now) {
                let queue = naive.get_mut(&claimed).expect("it sent");
                assert!(!numbers.is_empty());
                for number in &numbers {
                    assert_eq!(queue[0].1.remove(0), *number, "seed {seed}");
                    if queue[0].1.is_empty() {
                        queue.remove(0);
                    }
                }
                charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
            }
            assert_eq!(arrivals.held, naive.values().map(|queue| held(queue)).sum::<usize>(), "seed {seed}");
            assert_eq!(arrivals.is_empty(), naive.values().all(Vec::is_empty), "seed {seed}");
        }
        while let Some((claimed, numbers)) = turn(&mut arrivals, now) {
            charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        }
        assert_eq!((arrivals.held, arrivals.lengths.len()), (0, 0), "seed {seed}");
    }
    assert!(overflowed > 1_000, "{overflowed}");
}

#[test]
fn what_does_not_fit_is_of_whoever_has_most_there() {
    let mut arrivals = Arrivals::new();
    let mut dropped = 0;
    arrivals.push(peer(1), batch(1_400, 0..1));
    for n in 0..10_000 {
        dropped += arrivals.push(peer(2), batch(1_400, n..n + 1));
    }
    arrivals.push(peer(1), batch(1_400, 1..2));
    assert!(dropped > 5_000 && arrivals.held <= HELD_MAX, "{dropped}");
    let mut of_one = Vec::new();
    let now = Instant::now();
    while let Some((claimed, numbers)) = turn(&mut arrivals, now) {
        charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        if claimed == peer(1) {
            of_one.extend(numbers);
        }
    }
    assert_eq!(of_one, [0, 1]);
}

#[test]
fn strangers_from_everywhere_have_one_share_together() {
    let mut arrivals = Arrivals::new();
    let mut now = Instant::now();
    let mut had: BTreeMap<Claimed, u64> = BTreeMap::new();
    for n in 0..400 {
        arrivals.push(peer(1), batch(1_400, n..n + 1));
        arrivals.push(peer(2), batch(1_400, n..n + 1));
    }
    for n in 0..1_000 {
        arrivals.push(Claimed::Source((n % 64) as u16), batch(148, n..n + 1));
    }
    for _ in 0..600 {
        let (claimed, numbers) = turn(&mut arrivals, now).expect("more waits");
        now += CHEAP * numbers.len() as u32;
        charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        *had.entry(claimed).or_default() += numbers.len() as u64;
        if had.get(&peer(1)).is_some_and(|&count| count >= 390) {
            break;
        }
    }
    let strangers: Vec<u64> = had
        .iter()
        .filter_map(|(claimed, &count)| (matches!(claimed, Claimed::Source(_))).then_some(count))
        .collect();
    let sum: u64 = strangers.iter().sum();
    assert!(sum < 440, "{sum} for 390 of each peer's");
    assert!(strangers.len() > 30 && strangers.iter().max() <= Some(&12), "{strangers:?}");
}

#[test]
fn datagrams_that_do_not_open_spend_nothing_of_the_peer_whose_session_they_name() {
    let mut arrivals = Arrivals::new();
    let mut now = Instant::now();
    let mut had = [0; 2];
    for n in 0..2_000 {
        arrivals.push(peer(0), batch(1_400, n..n + 1));
        arrivals.push(peer(1), batch(1_400, n..n + 1));
    }
    while had[0] < 500 {
        let (claimed, numbers) = turn(&mut arrivals, now).expect("more waits");
        now += CHEAP * numbers.len() as u32;
        if claimed == peer(1) && had[1] < 600 {
            // Forgeries, each with the address of peer 1.
            let tally = Tally { failed: numbers.len() as u32, source: 7, ..Tally::default() };
            arrivals.charge(tally, CHEAP * numbers.len() as u32, now);
            had[1] += numbers.len();
            continue;
        }
        charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        had[usize::from(claimed == peer(1))] += numbers.len();
    }
    assert!(had[1] >= 980, "600 forgeries cost peer 1 nothing: it had {} beside", had[1] - 600);
}

#[test]
fn a_batch_is_cut_where_another_session_begins() {
    let mut arrivals = Arrivals::new();
    let now = Instant::now();
    let mut mixed = batch(1_400, 0..4);
    mixed.bytes[2 * 1_400] = 9;
    mixed.bytes[3 * 1_400] = 9;
    assert!(!arrivals.is_free(peer(1), 1_400, &mixed.bytes, now));
    arrivals.push(peer(1), mixed);
    assert_eq!(turn(&mut arrivals, now), Some((peer(1), vec![0, 1])));
    assert_eq!(turn(&mut arrivals, now), Some((peer(1), vec![2, 3])));
    assert_eq!(turn(&mut arrivals, now), None);
}

#[test]
fn who_is_alone_and_cheap_waits_for_nobody() {
    let mut arrivals = Arrivals::new();
    let now = Instant::now();
    let bytes = batch(1_400, 0..45).bytes;
    assert!(arrivals.is_free(peer(1), 1_400, &bytes, now));
    charge(&mut arrivals, peer(1), 45, CHEAP, now);
    assert!(arrivals.is_free(peer(1), 1_400, &bytes, now));
    assert!(!arrivals.is_free(peer(2), 1_400, &bytes, now), "another was heard lately");
    charge(&mut arrivals, peer(1), 45, Duration::from_micros(500), now);
    assert!(!arrivals.is_free(peer(1), 1_400, &bytes, now), "others may be behind it");
}

/// Number of datagrams of another's turns that were worked off beside 20,000 of peer 0, where its turns turn out to be
/// `tally`.
fn beside(other: Claimed, tally: Tally) -> usize {
    let mut arrivals = Arrivals::new();
    let mut now = Instant::now();
    let mut had = [0; 2];
    while had[0] < 20_000 {
        for claimed in [peer(0), other] {
            arrivals.push(claimed, batch(1_400, 0..10));
        }
        let (claimed, numbers) = turn(&mut arrivals, now).expect("more waits");
        now += CHEAP * numbers.len() as u32;
        if claimed == other {
            arrivals.charge(tally, CHEAP * numbers.len() as u32, now);
        } else {
            charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        }
        had[usize::from(claimed == other)] += numbers.len();
        assert!(had[1] < 80_000, "{had:?}");
    }
    had[1]
}

#[test]
fn a_peer_whose_datagrams_never_open_has_no_more_than_its_turns() {
    let had = beside(peer(1), Tally { failed: 10, source: 7, ..Tally::default() });
    assert!(had < 27_000, "{had} beside 20,000");
}

#[test]
fn a_peer_that_is_always_elsewhere_has_no_more_than_its_turns_and_those_of_strangers() {
    let tally = Tally { opened: Some(PeerId(1)), load: load(1_400) * 10, ..Tally::default() };
    let had = beside(Claimed::Source(7), tally);
    assert!(had < 27_000, "{had} beside 20,000");
}

#[test]
fn datagrams_of_a_peer_that_do_not_open_take_no_turns_of_strangers() {
    let mut arrivals = Arrivals::new();
    let mut now = Instant::now();
    let mut had: BTreeMap<Claimed, usize> = BTreeMap::new();
    let stranger = Claimed::Source(3);
    while had.values().sum::<usize>() < 60_000 {
        for claimed in [peer(0), peer(1), stranger] {
            arrivals.push(claimed, batch(1_400, 0..10));
        }
        let (claimed, numbers) = turn(&mut arrivals, now).expect("more waits");
        now += CHEAP * numbers.len() as u32;
        if claimed == peer(1) {
            let tally = Tally { failed: numbers.len() as u32, source: 7, ..Tally::default() };
            arrivals.charge(tally, CHEAP * numbers.len() as u32, now);
        } else {
            charge(&mut arrivals, claimed, numbers.len(), CHEAP, now);
        }
        *had.entry(claimed).or_default() += numbers.len();
    }
    assert!(had.get(&stranger).is_some_and(|&had| had > 17_000), "{had:?}");
}

#[test]
fn who_is_expensive_and_always_elsewhere_has_one_datagram_a_turn() {
    let mut arrivals = Arrivals::new();
    let now = Instant::now();
    let mut longest = 0;
    for n in 0..40 {
        arrivals.push(Claimed::Source(7), batch(1_400, 0..40));
        let (_, numbers) = turn(&mut arrivals, now).expect("more waits");
        let load = load(1_400) * numbers.len() as u64;
        let tally = Tally { opened: Some(PeerId(1)), load, ..Tally::default() };
        arrivals.charge(tally, Duration::from_micros(500) * numbers.len() as u32, now);
        if n > 2 {
            longest = longest.max(numbers.len());
        }
    }
    assert_eq!(longest, 1);
}

const CHEAP: Duration = Duration::from_micros(2);
