//! Goodput and urgent latency over simulated links, in virtual time, for each congestion control.
//!
//! `cargo run --release -p warren-engine --example links [part of a link's name]`

#[path = "../tests/links/matrix.rs"]
mod matrix;
#[path = "../tests/links/naps.rs"]
mod naps;
#[path = "../tests/links/party.rs"]
mod party;
#[path = "../tests/links/rival.rs"]
mod rival;
#[path = "../tests/links/scenario.rs"]
mod scenario;

fn main() {
    let only = std::env::args().nth(1).unwrap_or_default();
    println!(
        "| link | goodput % | idle p99 ms | urgent p50 | p99 | added p99 | max | queue mean | queue max | at start | drops | rival % |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for scenario in matrix::links().into_iter().filter(|scenario| scenario.name.contains(&only)) {
        let figures = scenario.run(|_| {});
        let ms = |time: std::time::Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
        println!(
            "| {} | {:.1} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} |",
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
            figures.rival * 100.0,
        );
    }
}
