//! Rate at which two engines move bytes to each other on one core, without sockets.
//!
//! `cargo run --release -p warren-engine --example throughput [seconds] [datagrams per batch] [which load, 0 to 3]`

#[path = "shared/pair.rs"]
mod pair;

use std::time::{Duration, Instant};

use pair::{Load, Pair};

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let seconds = arguments.next().unwrap_or(3);
    let batch = arguments.next().unwrap_or(64);
    println!("{batch} datagrams a batch, {seconds} s each, both ends on one core");
    let loads = [Load::Messages(1 << 20), Load::Messages(1_000), Load::Stream, Load::Datagrams];
    let only = arguments.next();
    for load in
        loads.into_iter().enumerate().filter(|(n, _)| only.is_none_or(|only| only == *n)).map(|it| it.1)
    {
        run(load, batch, Duration::from_secs(seconds as u64));
    }
}

#[derive(Default)]
struct Stages {
    send: Duration,
    receive: Duration,
    acknowledge: Duration,
    absorb: Duration,
    application: Duration,
    datagrams: u64,
    acknowledgements: u64,
    groups: u64,
}

fn run(load: Load, batch: usize, duration: Duration) {
    let mut stages = Stages::default();
    let mut pair = Pair::connected(load, batch, clock(), |pair| stages.turn(pair));
    let warm = clock() + Duration::from_millis(300);
    while clock() < warm {
        stages.round(&mut pair);
    }
    let (began, before, cpu) = (clock(), pair.received, cpu_seconds());
    stages = Stages::default();
    while clock() < began + duration {
        stages.round(&mut pair);
    }
    let elapsed = clock() - began;
    let bits = (pair.received - before) as f64 * 8.0;
    let each = |time: Duration| time.as_nanos() as f64 / stages.datagrams as f64;
    let cpu = cpu_seconds() - cpu;
    println!("{load:?}\tgoodput\t{:.2}\tGbit/s", bits / elapsed.as_secs_f64() / 1e9);
    println!("{load:?}\tper_core\t{:.2}\tGbit/s of CPU time", bits / cpu / 1e9);
    println!("{load:?}\tcpu\t{:.0}\tns a datagram, both ends", cpu * 1e9 / stages.datagrams as f64);
    println!(
        "  ns a datagram: send {:.0}, receive {:.0}, acknowledge {:.0}, take acknowledgements {:.0}, application {:.0}; \
         {:.1} datagrams a group, {:.2} acknowledgements a datagram",
        each(stages.send),
        each(stages.receive),
        each(stages.acknowledge),
        each(stages.absorb),
        each(stages.application),
        stages.datagrams as f64 / stages.groups as f64,
        stages.acknowledgements as f64 / stages.datagrams as f64,
    );
}

impl Stages {
    fn round(&mut self, pair: &mut Pair) {
        let began = clock();
        pair.feed(began);
        self.application += clock() - began;
        self.turn(pair);
    }

    /// One batch each way; whether the connection came up.
    fn turn(&mut self, pair: &mut Pair) -> bool {
        let now = clock();
        pair.near.handle_timeout(now);
        pair.far.handle_timeout(now);
        let began = clock();
        pair.near_sends(now);
        let sent = clock();
        pair.far_takes(now);
        let received = clock();
        self.send += sent - began;
        self.receive += received - sent;
        self.datagrams += pair.batch.len() as u64;
        self.groups += pair.batch.groups.len() as u64;
        pair.hear_far(now);
        let drained = clock();
        pair.far_sends(now);
        let acknowledged = clock();
        pair.near_takes(now);
        let absorbed = clock();
        self.acknowledge += acknowledged - drained;
        self.absorb += absorbed - acknowledged;
        self.acknowledgements += pair.batch.len() as u64;
        let connected = pair.hear_near();
        self.application += (drained - received) + (clock() - absorbed);
        connected
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn clock() -> Instant {
    Instant::now()
}

/// CPU time of this process in seconds, to 10 ms: a measure that a busy machine does not distort.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<f64> =
        stat.split_whitespace().skip(13).take(2).map(|it| it.parse().expect("ticks")).collect();
    (fields[0] + fields[1]) / 100.0
}
