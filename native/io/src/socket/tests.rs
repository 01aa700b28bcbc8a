//! Fields of the outer header, seen from both ends of the loopback.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use warren_engine::{Ecn, Path, TransmitBatch, TransmitGroup};

use super::{Flushed, Offload, Received, Receiver, Sender, open};
use crate::bind::Listen;
use crate::stats::IoStats;

#[test]
fn the_congestion_bits_cross_both_families_and_mapped_addresses() {
    for (from, to, at) in [
        ("0.0.0.0", "0.0.0.0", "127.0.0.1"),
        ("::", "::", "127.0.0.1"),
        ("::", "::", "::1"),
        ("0.0.0.0", "::", "127.0.0.1"),
    ] {
        for ecn in [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
            let (mut near, mut far) = (socket(from, Offload::Auto), socket(to, Offload::Auto));
            let path = Path { remote: SocketAddr::new(ip(at), far.local_address().port()), local: None };
            send(&mut near, &batch(&[(path, ecn, &[b"one".as_slice()])]));
            let arrived = receive(&mut far, 1);
            assert_eq!(arrived[0].ecn, ecn, "{from} to {to} at {at}");
            assert_eq!(arrived[0].path.remote, SocketAddr::new(ip(at), near.local_address().port()));
            assert_eq!(arrived[0].path.local, Some(ip(at)));
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_datagram_leaves_from_the_address_that_its_path_names() {
    for (from, to) in [("0.0.0.0", "0.0.0.0"), ("::", "::"), ("::", "0.0.0.0")] {
        let (mut near, mut far) = (socket(from, Offload::Auto), socket(to, Offload::Auto));
        let remote = SocketAddr::new(ip("127.0.0.1"), far.local_address().port());
        let path = Path { remote, local: Some(ip("127.0.0.3")) };
        send(&mut near, &batch(&[(path, Ecn::NotEct, &[b"one".as_slice()])]));
        assert_eq!(receive(&mut far, 1)[0].path.remote.ip(), ip("127.0.0.3"), "{from} to {to}");
    }
}

#[test]
fn a_source_that_this_machine_has_no_more_is_left_to_the_system() {
    let (mut near, mut far) = (socket("::", Offload::Auto), socket("::", Offload::Auto));
    let remote = SocketAddr::new(ip("127.0.0.1"), far.local_address().port());
    let path = Path { remote, local: Some(ip("192.0.2.77")) };
    send(&mut near, &batch(&[(path, Ecn::NotEct, &[b"one".as_slice()])]));
    assert_eq!(receive(&mut far, 1)[0].path.remote.ip(), ip("127.0.0.1"));
}

#[test]
fn groups_arrive_datagram_by_datagram_and_in_order_with_and_without_offload() {
    for (sending, receiving) in [
        (Offload::Auto, Offload::Auto),
        (Offload::Auto, Offload::Off),
        (Offload::Off, Offload::Auto),
        (Offload::Off, Offload::Off),
    ] {
        let (mut near, mut far) = (socket("::", sending), socket("::", receiving));
        let port = far.local_address().port();
        let path = |host| Path { remote: SocketAddr::new(ip(host), port), local: None };
        let datagrams: Vec<Vec<u8>> = (0..40u8).map(|n| vec![n; if n == 39 { 500 } else { 1400 }]).collect();
        let bulk: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
        let single = [b"alone".as_slice()];
        let stats = send(
            &mut near,
            &batch(&[
                (path("127.0.0.1"), Ecn::Ect0, &bulk),
                (path("::1"), Ecn::Ce, &single),
                (path("127.0.0.1"), Ecn::NotEct, &single),
            ]),
        );
        assert_eq!(stats.datagrams_sent, 42);
        let arrived = receive(&mut far, 42);
        let v4: Vec<&[u8]> = of(&arrived, "127.0.0.1");
        assert_eq!(v4[..40], bulk[..], "{sending:?} to {receiving:?}");
        assert_eq!(v4[40], single[0]);
        assert_eq!(of(&arrived, "::1"), single);
    }
}

#[test]
fn one_datagram_that_cannot_leave_costs_no_other() {
    let (mut near, mut far) = (socket("0.0.0.0", Offload::Auto), socket("0.0.0.0", Offload::Auto));
    let good = Path { remote: SocketAddr::new(ip("127.0.0.1"), far.local_address().port()), local: None };
    // A broadcast without the option for it, IPv6 on an IPv4 socket, and more than a datagram holds.
    let broadcast = Path { remote: SocketAddr::new(ip("255.255.255.255"), 9), local: None };
    let other_family = Path { remote: SocketAddr::new(ip("::1"), 9), local: None };
    let too_long = vec![0; 65_508];
    let stats = send(
        &mut near,
        &batch(&[
            (broadcast, Ecn::NotEct, &[b"lost".as_slice()]),
            (good, Ecn::NotEct, &[b"first".as_slice()]),
            (other_family, Ecn::NotEct, &[b"lost".as_slice()]),
            (good, Ecn::NotEct, &[too_long.as_slice()]),
            (good, Ecn::NotEct, &[b"second".as_slice()]),
        ]),
    );
    let arrived = receive(&mut far, 2);
    assert_eq!(of(&arrived, "127.0.0.1"), [b"first".as_slice(), b"second"]);
    assert_eq!(stats.datagrams_sent, 2);
    let errors: Vec<_> = stats.errors().collect();
    for name in ["sendErrorEACCES", "sendErrorEMSGSIZE"] {
        assert!(errors.contains(&(name.to_owned(), 1)), "no {name}: {errors:?}");
    }
}

#[test]
fn a_path_that_the_system_refuses_is_told_once_a_batch_and_what_is_about_one_datagram_is_not() {
    let (mut near, far) = (socket("0.0.0.0", Offload::Auto), socket("0.0.0.0", Offload::Auto));
    let path = |remote, local| Path { remote, local };
    let good = path(SocketAddr::new(ip("127.0.0.1"), far.local_address().port()), None);
    let pinned = Path { local: Some(ip("192.0.2.77")), ..good };
    let broadcast = path(SocketAddr::new(ip("255.255.255.255"), 9), None);
    let other_family = path(SocketAddr::new(ip("::1"), 9), Some(ip("::1")));
    let too_long = vec![0; 65_508];
    let one = [b"one".as_slice()];
    send(
        &mut near,
        &batch(&[
            (broadcast, Ecn::NotEct, &one),
            (pinned, Ecn::NotEct, &one),
            (broadcast, Ecn::NotEct, &one),
            (good, Ecn::NotEct, &[too_long.as_slice()]),
            (other_family, Ecn::NotEct, &one),
        ]),
    );
    let unreachable = near.sender.take_unreachable();
    let paths: Vec<Path> = unreachable.iter().map(|one| one.path).collect();
    assert_eq!(paths, [broadcast, other_family]);
    #[cfg(unix)]
    assert_eq!(unreachable[0].error, libc::EACCES);
    #[cfg(target_os = "linux")]
    assert_eq!(unreachable[1].error, libc::EAFNOSUPPORT);
    assert!(near.sender.take_unreachable().is_empty());
}

#[cfg(all(target_os = "linux", not(feature = "portable-udp")))]
#[test]
fn a_source_that_is_gone_costs_one_call_for_all_of_its_path() {
    let (mut near, mut far) = (socket("::", Offload::Off), socket("::", Offload::Auto));
    let remote = SocketAddr::new(ip("127.0.0.1"), far.local_address().port());
    let path = Path { remote, local: Some(ip("192.0.2.77")) };
    let datagrams: Vec<Vec<u8>> = (0..12u8).map(|n| vec![n; 100]).collect();
    let datagrams: Vec<&[u8]> = datagrams.iter().map(Vec::as_slice).collect();
    let stats = send(&mut near, &batch(&[(path, Ecn::NotEct, &datagrams)]));
    assert_eq!(receive(&mut far, 12).len(), 12);
    assert_eq!(stats.send_calls, 2);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interface_that_is_gone_is_an_unreachable_path_and_no_loss_of_the_socket() {
    let mut near = socket("::", Offload::Auto);
    for local in [None, Some(ip("::1"))] {
        let path = Path { remote: "[fe80::1%4242]:9".parse().expect("an address"), local };
        send(&mut near, &batch(&[(path, Ecn::NotEct, &[b"one".as_slice()])]));
        assert_eq!(near.sender.take_unreachable().len(), 1, "from {local:?}");
    }
}

struct Arrived {
    path: Path,
    ecn: Ecn,
    bytes: Vec<u8>,
}

fn of<'a>(arrived: &'a [Arrived], host: &str) -> Vec<&'a [u8]> {
    arrived.iter().filter(|one| one.path.remote.ip() == ip(host)).map(|one| one.bytes.as_slice()).collect()
}

/// Both halves.
struct Socket {
    receiver: Receiver,
    sender: Sender,
}

impl Socket {
    fn local_address(&self) -> SocketAddr {
        self.receiver.local_address()
    }
}

fn socket(host: &str, offload: Offload) -> Socket {
    let listen = Listen { host: Some(ip(host)), port: 0 };
    let (receiver, sender) = open(listen, offload).expect("a free port");
    Socket { receiver, sender }
}

fn ip(host: &str) -> IpAddr {
    host.parse().expect("the tests name addresses")
}

fn batch(groups: &[(Path, Ecn, &[&[u8]])]) -> TransmitBatch {
    let mut batch = TransmitBatch::with_capacity(64);
    for (path, ecn, datagrams) in groups {
        let start = batch.bytes.len();
        batch.bytes.extend(datagrams.iter().copied().flatten());
        let len = batch.bytes.len() - start;
        let (path, ecn, segment) = (*path, *ecn, datagrams[0].len());
        batch.groups.push(TransmitGroup { path, ecn, start, len, segment, whole: false });
    }
    batch
}

fn send(socket: &mut Socket, batch: &TransmitBatch) -> IoStats {
    let mut stats = IoStats::default();
    let sent = socket.sender.send(batch, &mut stats).expect("the socket lives");
    assert!(matches!(sent, Flushed::All), "the buffer is empty");
    stats
}

fn receive(socket: &mut Socket, count: usize) -> Vec<Arrived> {
    let mut stats = IoStats::default();
    let mut arrived = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(5);
    while arrived.len() < count {
        assert!(Instant::now() < deadline, "{} of {count} datagrams came", arrived.len());
        let mut take = |datagrams: Received<'_>| {
            let Received { path, ecn, segment, buffer, len } = datagrams;
            let bytes = &mut buffer[..len];
            arrived.extend(bytes.chunks(segment).map(|bytes| Arrived { path, ecn, bytes: bytes.to_vec() }));
        };
        socket.receiver.receive(&mut stats, &mut take).expect("the socket lives");
    }
    arrived
}
