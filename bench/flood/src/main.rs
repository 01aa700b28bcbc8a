//! Floods a port of this machine with what strangers can send, from as many addresses as there are in 127.0.0.0/8.
//!
//! `warren-bench-flood <127.0.0.1:port | sink> <public key> <kind> <datagrams a second> <seconds>`: `sink` is a socket
//! of its own that nobody reads; kinds are those of [`Kind`](datagrams::Kind); a rate of 0 means as fast as it goes.
//! Prints `flooding`, and at the end one JSON object: `seconds`, `sent`, `sentBytes`, and what came back to the
//! addresses that were made up: `answers`, `answerBytes`.

mod datagrams;
#[cfg(target_os = "linux")]
mod sender;

use std::error::Error;

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn Error>> {
    use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
    use std::time::{Duration, Instant};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [target, key, kind, rate, seconds] = arguments.as_slice() else {
        return Err("usage: warren-bench-flood <address> <public key> <kind> <rate> <seconds>".into());
    };
    let datagrams = datagrams::make(kind.parse()?, &datagrams::public_key(key)?);
    let sink = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let target: SocketAddrV4 = if target == "sink" {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, sink.local_addr()?.port())
    } else {
        target.parse()?
    };
    let rate: u64 = rate.parse()?;
    let length = Duration::from_secs_f64(seconds.parse()?);

    let mut sender = sender::Sender::new(target)?;
    let mut turn = datagrams.iter().cycle();
    println!("flooding");
    let begin = Instant::now();
    let mut heard = begin;
    while begin.elapsed() < length {
        // What could not be sent in time is made up for, but not all at once.
        let due = if rate == 0 { u64::MAX } else { rate * begin.elapsed().as_micros() as u64 / 1_000_000 };
        let count = due.saturating_sub(sender.sent).min(BURST);
        for _ in 0..count.div_ceil(sender::BATCH as u64) {
            sender.send(&mut turn)?;
        }
        if heard.elapsed() > HEARING {
            sender.hear()?;
            heard = Instant::now();
        }
        if count == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    std::thread::sleep(HEARING);
    sender.hear()?;
    let sender::Sender { sent, sent_bytes, answers, answer_bytes, .. } = sender;
    println!(
        "{{\"seconds\":{:.3},\"sent\":{sent},\"sentBytes\":{sent_bytes},\"answers\":{answers},\"answerBytes\":{answer_bytes}}}",
        begin.elapsed().as_secs_f64()
    );
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> Result<(), Box<dyn Error>> {
    Err("the flood needs Linux, where any address of 127.0.0.0/8 can be a source".into())
}

#[cfg(target_os = "linux")]
const PAUSE: std::time::Duration = std::time::Duration::from_micros(500);
#[cfg(target_os = "linux")]
const BURST: u64 = 512;
#[cfg(target_os = "linux")]
const HEARING: std::time::Duration = std::time::Duration::from_millis(20);
