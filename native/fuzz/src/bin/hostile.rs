//! Attacks a device of this machine, as one of its peers or as a stranger.
//!
//! `hostile list` names the attacks: name, what the victim does meanwhile, and what it tries, with tabs between.
//!
//! `hostile <attack> <address> [number of a session, 8 hexadecimal digits]` reads lines: `here <Mbit/s> <seconds>`
//! attacks for so long at that rate, `there <Mbit/s> <seconds>` sends what it sent last to a socket that nobody reads,
//! `rest <seconds>` only keeps its connection. It answers each with a line of JSON: `seconds`, `sent`, `bytes`,
//! `heard`, `connections`.
//!
//! The victim has the key of which each byte is 1, the attacker that of which each byte is 3, those who hold dials 101
//! to 164.

use std::io::{BufRead, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use warren_fuzz::{ATTACKS, Hostile, Source};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            for attack in ATTACKS {
                println!("{}\t{}\t{}", attack.name, attack.victim.name(), attack.tries);
            }
            Ok(())
        }
        [attack, address] => obey(attack, address, None),
        [attack, address, index] => {
            obey(attack, address, Some(u32::from_str_radix(index, 16)?.to_be_bytes()))
        }
        _ => Err("usage: hostile list | hostile <attack> <address> [index]".into()),
    }
}

fn obey(attack: &str, address: &str, index: Option<[u8; 4]>) -> Result<(), Failure> {
    let attack = ATTACKS.iter().find(|known| known.name == attack).ok_or("no such attack")?;
    let mut attacker = Sockets {
        hostile: Hostile::new(attack, std::process::id(), index, Instant::now()),
        sockets: (0..Hostile::SOURCES).map(bind).collect::<Result<_, _>>()?,
        target: address.parse()?,
        sink: bind(0)?,
        recent: Vec::new(),
        sent: 0,
        bytes: 0,
        heard: 0,
    };
    println!("{{\"ready\":true}}");
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["here", rate, seconds] => attacker.run(Mode::Here, rate.parse()?, seconds.parse()?)?,
            ["there", rate, seconds] => attacker.run(Mode::There, rate.parse()?, seconds.parse()?)?,
            ["rest", seconds] => attacker.run(Mode::Rest, 0.0, seconds.parse()?)?,
            _ => return Err(format!("not understood: {line}").into()),
        }
    }
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Here,
    There,
    Rest,
}

struct Sockets {
    hostile: Hostile,
    sockets: Vec<UdpSocket>,
    target: SocketAddr,
    sink: UdpSocket,
    /// The datagrams sent last, for another target.
    recent: Vec<(Source, Vec<u8>)>,
    sent: u64,
    /// With the headers of IPv4 and UDP.
    bytes: u64,
    heard: u64,
}

impl Sockets {
    /// Runs one command: acts in this mode for this long, and prints what was done.
    fn run(&mut self, mode: Mode, megabits: f64, seconds: f64) -> Result<(), Failure> {
        (self.sent, self.bytes, self.heard) = (0, 0, 0);
        let begin = Instant::now();
        let connections = self.hostile.connections();
        let sink = self.sink.local_addr()?;
        let mut turn = 0;
        let mut swept = begin;
        loop {
            let now = Instant::now();
            let elapsed = now.duration_since(begin).as_secs_f64();
            if elapsed >= seconds {
                break;
            }
            let sweeps = now.duration_since(swept) > SWEEP;
            if sweeps {
                swept = now;
            }
            self.hear(now, sweeps)?;
            self.hostile.attend(now);
            self.flush(self.target)?;
            // Datagrams that could not be sent in time are made up for, but not all at once.
            let due = (megabits * 1e6 / 8.0 * elapsed) as u64;
            let begun = self.bytes;
            while self.bytes < due && self.bytes - begun < BURST {
                match mode {
                    Mode::Here if self.hostile.strike(now) => self.flush(self.target)?,
                    Mode::There if !self.recent.is_empty() => {
                        let (source, datagram) = self.recent[turn % self.recent.len()].clone();
                        turn += 1;
                        self.hostile.rehearse(now);
                        self.send(source, &datagram, sink)?;
                    }
                    _ => break,
                }
            }
            if self.bytes == begun || self.bytes >= due {
                std::thread::sleep(PAUSE);
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        let (sent, bytes, heard) = (self.sent, self.bytes, self.heard);
        let connections = self.hostile.connections() - connections;
        println!(
            "{{\"seconds\":{seconds:.3},\"sent\":{sent},\"bytes\":{bytes},\"heard\":{heard},\"connections\":{connections}}}"
        );
        Ok(())
    }

    fn hear(&mut self, now: Instant, all: bool) -> Result<(), Failure> {
        let mut room = [0; 2_048];
        let count = if all { self.sockets.len() } else { 1 };
        for source in 0..count {
            loop {
                match self.sockets[source].recv(&mut room) {
                    Ok(length) => {
                        self.heard += 1;
                        self.hostile.handle_datagram(source as Source, &room[..length], now);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self, target: SocketAddr) -> Result<(), Failure> {
        for (source, datagram) in self.hostile.take_datagrams() {
            self.send(source, &datagram, target)?;
            if self.recent.len() < RECENT {
                self.recent.push((source, datagram));
            } else {
                let place = self.sent as usize % RECENT;
                self.recent[place] = (source, datagram);
            }
        }
        Ok(())
    }

    fn send(&mut self, source: Source, datagram: &[u8], target: SocketAddr) -> Result<(), Failure> {
        let socket = &self.sockets[usize::from(source) % self.sockets.len()];
        match socket.send_to(datagram, target) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::ConnectionRefused) => {}
            Err(error) => return Err(error.into()),
        }
        self.sent += 1;
        self.bytes += datagram.len() as u64 + HEADERS;
        Ok(())
    }
}

fn bind(_: Source) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// The headers of IPv4 and UDP.
const HEADERS: u64 = 28;
const PAUSE: Duration = Duration::from_micros(200);
/// Between two looks at all sockets but the first.
const SWEEP: Duration = Duration::from_millis(5);
/// Bytes that are made up for at once.
const BURST: u64 = 64 << 10;
/// Datagrams kept.
const RECENT: usize = 2_048;
