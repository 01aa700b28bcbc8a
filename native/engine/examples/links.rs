//! Goodput and urgent latency over simulated links, in virtual time, for each congestion control.
//!
//! `cargo run --release -p warren-engine --example links [parts of a link's name, with commas] [seeds, with commas]`
//!
//! With several seeds each figure is the median and the worst of them.
//!
//! With `--features reference` ahead of `--example`: a few links, by quinn-proto's own controllers as well.

#![allow(dead_code, reason = "shared with the tests, which ask for more")]

#[path = "../tests/links/downlink.rs"]
mod downlink;
#[path = "../tests/links/flood.rs"]
mod flood;
#[path = "../tests/links/matrix.rs"]
mod matrix;
#[path = "../tests/links/naps.rs"]
mod naps;
#[path = "../tests/links/neighbour.rs"]
mod neighbour;
#[path = "../tests/links/party.rs"]
mod party;
#[path = "../tests/links/rival.rs"]
mod rival;
#[path = "../tests/links/scenario.rs"]
mod scenario;

#[cfg(not(feature = "reference"))]
use flood::Flood;
#[cfg(not(feature = "reference"))]
use scenario::Scenario;

#[cfg(feature = "reference")]
fn main() {
    use warren_engine::reference::{Reference, choose};
    println!("goodput % and added urgent p99, ms");
    println!("| link | warren | CUBIC | NewReno | BBR |\n|---|---|---|---|---|");
    for scenario in matrix::links().into_iter().filter(|scenario| COMPARED.contains(&scenario.name)) {
        print!("| {} |", scenario.name);
        for reference in [Reference::Off, Reference::Cubic, Reference::NewReno, Reference::Bbr] {
            choose(reference);
            let figures = scenario.run(|_| {});
            print!(" {:.1} +{:.1} |", figures.goodput * 100.0, figures.added().as_secs_f64() * 1e3);
        }
        println!();
    }
}

#[cfg(not(feature = "reference"))]
fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    let seeds = std::env::args().nth(2).unwrap_or_default();
    let seeds: Vec<u64> = seeds
        .split(',')
        .filter(|seed| !seed.is_empty())
        .map(|seed| seed.parse().expect("a number"))
        .collect();
    println!(
        "| link | goodput % | idle p99 ms | urgent p50 | p99 | added p99 | max | queue mean | queue max | at start | drops | least % | rival % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for scenario in matrix::links()
        .into_iter()
        .filter(|scenario| only.split(',').any(|part| scenario.name.contains(part)))
    {
        print_row(scenario.name, &SCENARIO, &each(&seeds, scenario.seed), |seed| {
            let figures = Scenario { seed, ..scenario.clone() }.run(|_| {});
            vec![
                figures.goodput * 100.0,
                ms(figures.idle_p99),
                ms(figures.p50),
                ms(figures.p99),
                ms(figures.added()),
                ms(figures.max),
                ms(figures.mean_queue),
                ms(figures.max_queue),
                ms(figures.start_queue),
                figures.dropped as f64,
                figures.least * 100.0,
                figures.rival * 100.0,
            ]
        });
    }
    println!(
        "\n| all to all | goodput % | idle p99 ms | urgent p50 | p99 | max | up mean | up max | down mean | down max | drops |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for flood in
        matrix::floods().into_iter().filter(|flood| only.split(',').any(|part| flood.name.contains(part)))
    {
        print_row(flood.name, &FLOOD, &each(&seeds, flood.seed), |seed| {
            let figures = Flood { seed, ..flood.clone() }.run(|_| {});
            let (up, down) = (figures.up, figures.down);
            let mut row = vec![figures.goodput * 100.0];
            row.extend([figures.idle_p99, figures.p50, figures.p99, figures.max].map(ms));
            row.extend([up.mean, up.max, down.mean, down.max].map(ms));
            row.push((up.dropped + down.dropped) as f64);
            row
        });
    }
}

#[cfg(not(feature = "reference"))]
fn ms(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The seeds asked for, or a link's own.
#[cfg(not(feature = "reference"))]
fn each(asked: &[u64], own: u64) -> Vec<u64> {
    if asked.is_empty() { vec![own] } else { asked.to_vec() }
}

/// Prints the figures of a link; with several seeds the median and the worst of each.
#[cfg(not(feature = "reference"))]
fn print_row(name: &str, columns: &[Column], seeds: &[u64], run: impl Fn(u64) -> Vec<f64>) {
    let rows: Vec<Vec<f64>> = seeds.iter().map(|&seed| run(seed)).collect();
    print!("| {name} |");
    for (n, column) in columns.iter().enumerate() {
        let mut values: Vec<f64> = rows.iter().map(|row| row[n]).collect();
        values.sort_by(f64::total_cmp);
        if column.more_is_better {
            values.reverse();
        }
        let (median, worst) = (values[values.len() / 2], values[values.len() - 1]);
        let digits = column.digits;
        print!(" {median:.digits$}");
        if seeds.len() > 1 {
            print!(" / {worst:.digits$}");
        }
        print!(" |");
    }
    println!();
}

/// A column of a table: its digits behind the point, and which end is the worse.
#[cfg(not(feature = "reference"))]
struct Column {
    digits: usize,
    more_is_better: bool,
}

#[cfg(not(feature = "reference"))]
const SHARE: Column = Column { digits: 1, more_is_better: true };
#[cfg(not(feature = "reference"))]
const WHOLE_SHARE: Column = Column { digits: 0, more_is_better: true };
#[cfg(not(feature = "reference"))]
const TIME: Column = Column { digits: 1, more_is_better: false };
#[cfg(not(feature = "reference"))]
const COUNT: Column = Column { digits: 0, more_is_better: false };
#[cfg(not(feature = "reference"))]
const SCENARIO: [Column; 12] =
    [SHARE, TIME, TIME, TIME, TIME, TIME, TIME, TIME, TIME, COUNT, WHOLE_SHARE, WHOLE_SHARE];
#[cfg(not(feature = "reference"))]
const FLOOD: [Column; 10] = [SHARE, TIME, TIME, TIME, TIME, TIME, TIME, TIME, TIME, COUNT];
#[cfg(feature = "reference")]
const COMPARED: [&str; 11] = [
    "100M 0.3ms deep",
    "100M 10ms deep",
    "100M 50ms deep",
    "20M 10ms deep",
    "20M 50ms deep",
    "100M 50ms shallow",
    "20M 50ms shallow",
    "100M 50ms deep loss 1%",
    "100M 50ms deep jitter 2ms",
    "50ms deep rate 100-20-100M",
    "100M 50ms deep 5+1 peers",
];
