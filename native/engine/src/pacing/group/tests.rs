//! One peer's acknowledgements and another's rate: the harm that the one can do to the other.

use super::*;

#[test]
fn a_peer_that_makes_up_delays_costs_others_little_of_their_rate() {
    let share = share_beside(|world, _| {
        // A queue that goes away whenever less is sent for its sake, and is back at once.
        let is_cut = world.group(HOSTILE).rate.cut_until().is_some_and(|until| world.now < until);
        world.step(HOSTILE, Some(if is_cut { 0 } else { 300_000 }));
    });
    assert!(share > 0.94, "{share}");
}

#[test]
fn a_peer_whose_connections_begin_again_and_again_costs_others_little_of_their_rate() {
    let share = share_beside(|world, step| {
        if step % 10 == 0 {
            world.groups.leave(HOSTILE);
            world.groups.join(HOSTILE, None, world.now);
        }
        world.step(HOSTILE, Some(i64::from(step % 10) * 30_000));
    });
    assert!(share > 0.94, "{share}");
}

/// Share of its arrivals, as they are without the hostile peer, that the honest one keeps beside it.
fn share_beside(mut hostile: impl FnMut(&mut World, u32)) -> f64 {
    let arrived = |hostile: &mut dyn FnMut(&mut World, u32)| -> f64 {
        let mut world = World::new();
        let each = (0..STEPS).map(|step| {
            hostile(&mut world, step);
            let arrived = world.step(HONEST, None);
            world.now += STEP;
            arrived
        });
        each.sum()
    };
    arrived(&mut hostile) / arrived(&mut |_, _| {})
}

#[test]
fn all_drain_together_now_and_then() {
    let mut world = World::new();
    let mut together = 0;
    for _ in 0..STEPS {
        for id in [HOSTILE, HONEST] {
            world.step(id, None);
        }
        let cut = |id| world.group(id).rate.cut_until().is_some_and(|until| world.now < until);
        together += u32::from(cut(HOSTILE) && cut(HONEST));
        world.now += STEP;
    }
    assert!(together > 5, "{together}");
}

struct World {
    groups: Groups<()>,
    now: Instant,
    arrival: i64,
    /// Bytes that wait on each one's path.
    backlog: FxHashMap<ConnectionId, f64>,
}

impl World {
    /// Two groups that found a rate of one megabyte a second.
    fn new() -> Self {
        let now = warren_testing::start();
        let mut groups = Groups::new(1_480);
        for id in [HOSTILE, HONEST] {
            groups.join(id, None, now);
            let group = groups.members[&id].group;
            groups.groups.get_mut(&group).expect("it joined").rate.found(MEGABYTE, now);
        }
        Self { groups, now, arrival: 0, backlog: FxHashMap::default() }
    }

    fn group(&self, id: ConnectionId) -> &Group<()> {
        self.groups.group_of(id).expect("it joined").1
    }

    /// Sends what the rate allows through a path of one megabyte a second, and acknowledges the arrivals, with the
    /// path's delay or a made-up one. Answers the bytes that arrived.
    fn step(&mut self, id: ConnectionId, made_up: Option<i64>) -> f64 {
        self.arrival += STEP.as_micros() as i64 / 2;
        let sent = self.group(id).rate.rate().unwrap_or(2.0 * MEGABYTE) * STEP.as_secs_f64();
        self.groups.charge(id, sent as usize, self.now);
        let backlog = self.backlog.entry(id).or_default();
        let delay = (*backlog / MEGABYTE * 1e6) as i64;
        let arrived = (*backlog + sent).min(MEGABYTE * STEP.as_secs_f64());
        *backlog += sent - arrived;
        let sample = PathSample {
            packets: (arrived / 1_480.0) as u64,
            bytes: (arrived * 1_372.0 / 1_480.0) as u64,
            delay: made_up.unwrap_or(delay),
            arrival: self.arrival,
            round_trip: Duration::from_millis(20),
            in_flight: 10_000,
            ..PathSample::default()
        };
        self.groups.observe(id, &sample, self.now, &mut Vec::new());
        arrived
    }
}

const HOSTILE: ConnectionId = ConnectionId(1);
const HONEST: ConnectionId = ConnectionId(2);
const MEGABYTE: f64 = 1e6;

const STEPS: u32 = 6_000;
const STEP: Duration = Duration::from_millis(10);
