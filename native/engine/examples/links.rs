//! Goodput and urgent latency over simulated links, in virtual time, for each congestion control.
//!
//! `cargo run --release -p warren-engine --example links [parts of a link's name, with commas] [seed]`
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
    let seed = std::env::args().nth(2).map(|seed| seed.parse::<u64>().expect("a seed is a number"));
    let ms = |time: std::time::Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    println!(
        "| link | goodput % | idle p99 ms | urgent p50 | p99 | added p99 | max | queue mean | queue max | at start | drops | least % | rival % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for mut scenario in matrix::links()
        .into_iter()
        .filter(|scenario| only.split(',').any(|part| scenario.name.contains(part)))
    {
        scenario.seed = seed.unwrap_or(scenario.seed);
        let figures = scenario.run(|_| {});
        println!(
            "| {} | {:.1} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} | {:.0} |",
            scenario.name,
            figures.goodput * 100.0,
            ms(figures.idle_p99),
            ms(figures.p50),
            ms(figures.p99),
            ms(figures.added()),
            ms(figures.max),
            ms(figures.mean_queue),
            ms(figures.max_queue),
            ms(figures.start_queue),
            figures.dropped,
            figures.least * 100.0,
            figures.rival * 100.0,
        );
    }
    println!(
        "\n| all to all | goodput % | idle p99 ms | urgent p50 | p99 | max | up mean | up max | down mean | down max | drops |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for mut flood in
        matrix::floods().into_iter().filter(|flood| only.split(',').any(|part| flood.name.contains(part)))
    {
        flood.seed = seed.unwrap_or(flood.seed);
        let figures = flood.run(|_| {});
        let (up, down) = (figures.up, figures.down);
        print!("| {} | {:.1} |", flood.name, figures.goodput * 100.0);
        for time in [figures.idle_p99, figures.p50, figures.p99, figures.max] {
            print!(" {} |", ms(time));
        }
        for time in [up.mean, up.max, down.mean, down.max] {
            print!(" {} |", ms(time));
        }
        println!(" {} |", up.dropped + down.dropped);
    }
}

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
