//! The links that matter.

use std::time::Duration;

use warren_testing::Buffer;

use crate::flood::Flood;
use crate::neighbour::{Conduct, Neighbour};
use crate::scenario::{Change, Scenario};

/// All of them.
pub(crate) fn links() -> Vec<Scenario> {
    let deep = Buffer::Packets(1_000);
    let shallow = Buffer::Packets(30);
    let base = Scenario::new;
    let secs = Duration::from_secs;
    let mut links = vec![
        Scenario { round_trip: Duration::from_micros(300), ..base("100M 0.3ms deep", 100, 0, deep) },
        Scenario { round_trip: Duration::from_micros(300), ..base("20M 0.3ms deep", 20, 0, deep) },
        Scenario { round_trip: Duration::from_micros(300), ..base("50M 0.3ms deep", 50, 0, deep) },
        Scenario { round_trip: Duration::from_micros(300), ..base("100M 0.3ms shallow", 100, 0, shallow) },
        base("100M 10ms deep", 100, 10, deep),
        base("100M 50ms deep", 100, 50, deep),
        base("100M 200ms deep", 100, 200, deep),
        base("20M 10ms deep", 20, 10, deep),
        base("20M 50ms deep", 20, 50, deep),
        base("20M 200ms deep", 20, 200, deep),
        base("50M 40ms deep", 50, 40, deep),
        base("100M 10ms shallow", 100, 10, shallow),
        base("100M 50ms shallow", 100, 50, shallow),
        base("100M 200ms shallow", 100, 200, shallow),
        base("20M 50ms shallow", 20, 50, shallow),
        base("20M 200ms shallow", 20, 200, shallow),
        Scenario { loss: 0.001, ..base("100M 50ms deep loss 0.1%", 100, 50, deep) },
        Scenario { loss: 0.01, ..base("100M 50ms deep loss 1%", 100, 50, deep) },
        Scenario { loss: 0.01, ..base("100M 50ms shallow loss 1%", 100, 50, shallow) },
        Scenario { loss: 0.01, ..base("20M 200ms deep loss 1%", 20, 200, deep) },
        Scenario { jitter: Duration::from_millis(2), ..base("100M 50ms deep jitter 2ms", 100, 50, deep) },
        Scenario { jitter: Duration::from_millis(5), ..base("100M 50ms deep jitter 5ms", 100, 50, deep) },
        Scenario { jitter: Duration::from_millis(5), ..base("20M 50ms deep jitter 5ms", 20, 50, deep) },
        Scenario { both_ways: true, ..base("100M 10ms deep both ways", 100, 10, deep) },
        Scenario { both_ways: true, ..base("100M 50ms deep both ways", 100, 50, deep) },
        Scenario { both_ways: true, ..base("20M 50ms deep both ways", 20, 50, deep) },
        Scenario { both_ways: true, ..base("20M 200ms shallow both ways", 20, 200, shallow) },
    ];
    for longest in [8, 30] {
        let naps = Duration::from_millis(longest);
        let [fast, slow] = match longest {
            8 => ["100M 10ms deep naps 8ms", "20M 50ms deep naps 8ms"],
            _ => ["100M 10ms deep naps 30ms", "20M 50ms deep naps 30ms"],
        };
        links.push(Scenario { naps, ..base(fast, 100, 10, deep) });
        links.push(Scenario { naps, ..base(slow, 20, 50, deep) });
    }
    let eight = |link: Scenario| Scenario { bulk_peers: 8, stagger: secs(1), ..link };
    links.push(eight(base("100M 10ms deep 8 one by one", 100, 10, deep)));
    links.push(eight(base("100M 50ms deep 8 one by one", 100, 50, deep)));
    links.push(eight(base("20M 50ms deep 8 one by one", 20, 50, deep)));
    links.push(eight(base("100M 200ms shallow 8 one by one", 100, 200, shallow)));
    let six = |link: Scenario| Scenario { bulk_peers: 5, urgent_alone: true, ..link };
    links.push(six(Scenario {
        round_trip: Duration::from_micros(300),
        ..base("100M 0.3ms deep 5+1 peers", 100, 0, deep)
    }));
    links.push(six(base("100M 50ms deep 5+1 peers", 100, 50, deep)));
    links.push(six(base("20M 50ms deep 5+1 peers", 20, 50, deep)));
    let change = |link: Scenario, changes: &[(u64, u64, u64)]| Scenario {
        changes: changes
            .iter()
            .map(|&(at, mbit, ms)| becomes(secs(at), mbit, Duration::from_millis(ms)))
            .collect(),
        span: secs(20),
        ..link
    };
    links.push(change(base("50ms deep rate 100-20-100M", 100, 50, deep), &[(5, 20, 50), (12, 100, 50)]));
    links.push(change(base("10ms deep rate 20-100-50M", 20, 10, deep), &[(5, 100, 10), (12, 50, 10)]));
    links.push(change(base("100M deep latency 20-60-30ms", 100, 20, deep), &[(5, 100, 60), (12, 100, 30)]));
    let fast = Duration::from_micros(300);
    let dialled = |name, megabits, ms| Scenario {
        round_trip: fast,
        round_trip_of_dials: Some(Duration::from_millis(ms)),
        warm: Duration::ZERO,
        span: secs(3),
        ..base(name, megabits, 0, deep)
    };
    links.push(dialled("100M 0.3ms deep after dials at 80ms", 100, 80));
    links.push(dialled("20M 0.3ms deep after dials at 300ms", 20, 300));
    links.push(Scenario {
        changes: vec![becomes(secs(5), 100, fast)],
        ..base("100M deep latency 50-0.3ms", 100, 50, deep)
    });
    links.push(Scenario {
        changes: vec![becomes(secs(5), 20, fast)],
        ..base("20M deep latency 200-0.3ms", 20, 200, deep)
    });
    links.push(Scenario {
        changes: vec![becomes(secs(4), 100, fast), becomes(secs(8), 100, Duration::from_millis(50))],
        ..base("100M shallow latency 50-0.3-50ms", 100, 50, shallow)
    });
    links.extend(jitters());
    let rival = |link: Scenario| Scenario { rival: Some(secs(5)), warm: secs(8), span: secs(40), ..link };
    links.push(rival(base("100M 20ms deep beside CUBIC", 100, 20, deep)));
    links.push(rival(base("20M 50ms deep beside CUBIC", 20, 50, deep)));
    links.push(rival(base("100M 50ms shallow beside CUBIC", 100, 50, shallow)));
    links
}

/// Paths with jitter: alone, beside a neighbour on a link of 200 Mbit/s or on the same one, several together, and
/// jitter that begins.
fn jitters() -> Vec<Scenario> {
    let ms = Duration::from_millis;
    let link = |name, megabits, jitter| Scenario {
        jitter: ms(jitter),
        ..Scenario::new(name, megabits, 50, Buffer::Packets(1_000))
    };
    let elsewhere = |name, megabits, jitter, conduct| Scenario {
        neighbour: Some(Neighbour::new(200, 50, conduct)),
        ..link(name, megabits, jitter)
    };
    let here = |name, megabits, jitter, conduct| Scenario {
        neighbour: Some(Neighbour { bits_per_second: None, ..Neighbour::new(0, 50, conduct) }),
        ..link(name, megabits, jitter)
    };
    let several = |name, megabits, jitter, bulk_peers| Scenario {
        bulk_peers,
        stagger: ms(300),
        ..link(name, megabits, jitter)
    };
    let begins = |name, megabits, jitter| Scenario {
        changes: vec![Change { jitter: ms(jitter), ..becomes(Duration::from_secs(3), megabits, ms(50)) }],
        span: Duration::from_secs(20),
        ..link(name, megabits, 0)
    };
    let (redials, often) = (Conduct::Redials(ms(1_000)), Conduct::Redials(ms(200)));
    let flips = Conduct::Flips(ms(1_000));
    vec![
        link("20M 50ms jitter 10ms", 20, 10),
        link("20M 50ms jitter 20ms", 20, 20),
        link("100M 50ms jitter 10ms", 100, 10),
        link("100M 50ms jitter 20ms", 100, 20),
        elsewhere("20M 50ms jitter 5ms beside trickle", 20, 5, Conduct::Trickle),
        elsewhere("20M 50ms jitter 10ms beside trickle", 20, 10, Conduct::Trickle),
        elsewhere("20M 50ms jitter 20ms beside trickle", 20, 20, Conduct::Trickle),
        elsewhere("100M 50ms jitter 5ms beside trickle", 100, 5, Conduct::Trickle),
        elsewhere("100M 50ms jitter 10ms beside trickle", 100, 10, Conduct::Trickle),
        elsewhere("20M 50ms jitter 5ms beside bulk", 20, 5, Conduct::Bulk),
        elsewhere("20M 50ms jitter 10ms beside bulk", 20, 10, Conduct::Bulk),
        elsewhere("20M 50ms jitter 20ms beside bulk", 20, 20, Conduct::Bulk),
        elsewhere("100M 50ms jitter 10ms beside bulk", 100, 10, Conduct::Bulk),
        elsewhere("20M 50ms jitter 10ms beside idle", 20, 10, Conduct::Idle),
        elsewhere("20M 50ms jitter 10ms beside flips 1s", 20, 10, flips),
        elsewhere("20M 50ms jitter 5ms beside redials 1s", 20, 5, redials),
        elsewhere("20M 50ms jitter 10ms beside redials 1s", 20, 10, redials),
        elsewhere("20M 50ms jitter 10ms beside redials 0.2s", 20, 10, often),
        elsewhere("100M 50ms jitter 10ms beside redials 1s", 100, 10, redials),
        elsewhere("20M 50ms jitter 5ms beside lies", 20, 5, Conduct::Lies),
        elsewhere("20M 50ms jitter 10ms beside lies", 20, 10, Conduct::Lies),
        elsewhere("100M 50ms jitter 10ms beside lies", 100, 10, Conduct::Lies),
        here("20M 50ms jitter 10ms same link trickle", 20, 10, Conduct::Trickle),
        here("20M 50ms jitter 10ms same link redials 1s", 20, 10, redials),
        here("20M 50ms jitter 10ms same link flips 1s", 20, 10, flips),
        here("20M 50ms jitter 10ms same link lies", 20, 10, Conduct::Lies),
        several("20M 50ms jitter 5ms 3 peers", 20, 5, 3),
        several("20M 50ms jitter 10ms 3 peers", 20, 10, 3),
        several("100M 50ms jitter 10ms 3 peers", 100, 10, 3),
        several("20M 50ms jitter 10ms 8 peers", 20, 10, 8),
        several("100M 50ms jitter 10ms 8 peers", 100, 10, 8),
        begins("20M 50ms jitter 0-5ms", 20, 5),
        begins("20M 50ms jitter 0-10ms", 20, 10),
        begins("20M 50ms jitter 0-20ms", 20, 20),
        begins("100M 50ms jitter 0-10ms", 100, 10),
    ]
}

/// The path from then on, without jitter.
pub(crate) fn becomes(after: Duration, megabits: u64, round_trip: Duration) -> Change {
    Change { after, bits_per_second: megabits * 1_000_000, round_trip, jitter: Duration::ZERO }
}

/// Eight nodes, each with bulk to the seven others.
pub(crate) fn floods() -> Vec<Flood> {
    vec![Flood::new("100M 8 nodes", 100), Flood::new("20M 8 nodes", 20)]
}
