//! Starting and ending a driver: ports, threads, panics, a lost socket.
#![expect(clippy::unwrap_used, reason = "a test")]
#![allow(dead_code, reason = "each file of tests uses its part of `node`")]

mod node;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use warren_engine::{CloseCause, ClosedBy, Config, Engine, Event};
use warren_io::{BindError, Driver, Gone, Listen, Offload, SpawnError};

use node::{Node, PATIENCE, config, connected, listen};

#[test]
fn a_port_in_use_is_refused_with_its_address() {
    for host in ["", "127.0.0.1", "::1"] {
        let first = Node::on(host);
        let again = spawn(config(), listen(host, first.port()));
        match again.err() {
            Some(SpawnError::Bind(BindError::InUse(address))) => {
                assert_eq!(address, first.driver.local_address())
            }
            other => panic!("on {host:?}: {other:?}"),
        }
    }
}

#[test]
fn an_address_of_another_machine_is_refused() {
    let spawned = spawn(config(), listen("192.0.2.1", 0));
    assert!(matches!(spawned.err(), Some(SpawnError::Bind(BindError::NotLocal(_)))));
}

#[test]
fn a_wrong_configuration_is_refused_and_leaves_no_port() {
    let port = Node::on("127.0.0.1").port();
    let wrong = Config { mtu: 100, ..config() };
    let spawned = spawn(wrong, listen("127.0.0.1", port));
    assert!(matches!(spawned.err(), Some(SpawnError::Config(_))));
    UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
}

#[test]
fn stop_tells_the_peer_frees_the_port_and_ends_the_thread() {
    let (a, _, mut b, _) = connected(Node::on(""), Node::on(""), "127.0.0.1");
    let port = a.port();
    a.driver.stop(7, "enough");
    UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).unwrap();
    assert_eq!(a.driver.call(|_| ()), Err(Gone));
    assert_eq!(a.driver.post(|_| ()), Err(Gone));
    a.driver.stop(8, "again");
    let close = b.wait("Closed", |event| match event {
        Event::Closed { close, .. } => Some(close.clone()),
        _ => None,
    });
    assert_eq!((close.by, close.code, close.reason.as_str()), (ClosedBy::Remote, 7, "enough"));
    assert_eq!(close.cause, CloseCause::Application);
}

#[test]
fn commands_run_in_the_order_of_their_posting_before_a_stop() {
    let node = Node::on("127.0.0.1");
    let (log, logged) = channel();
    for number in 0..10_000 {
        let log = log.clone();
        node.driver.post(move |_| log.send(number).unwrap()).unwrap();
    }
    drop(log);
    node.driver.stop(0, "");
    assert!(logged.iter().eq(0..10_000));
}

#[test]
fn a_panic_ends_the_device_with_a_message_and_frees_its_port() {
    let mut node = Node::on("127.0.0.1");
    node.driver.post(|_| panic!("of this test")).unwrap();
    assert!(node.wait_for_failure().contains("of this test"));
    assert_eq!(node.driver.call(|_| ()), Err(Gone));
    node.driver.stop(0, "");
    UdpSocket::bind((Ipv4Addr::LOCALHOST, node.port())).unwrap();
}

#[test]
fn a_call_that_panics_answers_that_the_device_is_gone() {
    let node = Node::on("127.0.0.1");
    assert_eq!(node.driver.call(|_| -> u8 { panic!("of this test") }), Err(Gone));
}

#[test]
fn a_call_runs_on_the_owners_thread_while_the_thread_sleeps_after_the_commands_before_it() {
    let node = Node::on("127.0.0.1");
    let here = std::thread::current().id();
    let deadline = std::time::Instant::now() + PATIENCE;
    // The thread may be awake for a moment; in the end it sleeps.
    while node.driver.call(|_| std::thread::current().id()) != Ok(here) {
        assert!(std::time::Instant::now() < deadline);
    }
    for round in 0..1_000 {
        let (first, second) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let noted = Arc::clone(&first);
        node.driver.post(move |_| noted.store(round, Ordering::SeqCst)).unwrap();
        let (seen, noted) = (Arc::clone(&first), Arc::clone(&second));
        node.driver.call(move |_| noted.store(seen.load(Ordering::SeqCst), Ordering::SeqCst)).unwrap();
        assert_eq!(second.load(Ordering::SeqCst), round);
    }
}

#[test]
fn a_call_that_panics_while_the_thread_sleeps_ends_the_device_with_a_message() {
    let mut node = Node::on("127.0.0.1");
    let here = std::thread::current().id();
    while node.driver.call(|_| std::thread::current().id()) != Ok(here) {}
    assert_eq!(node.driver.ask(|_| -> u8 { panic!("of this test") }), Err(Gone));
    assert!(node.wait_for_failure().contains("of this test"));
    assert_eq!(node.driver.ask(|_| ()), Err(Gone));
    node.driver.stop(0, "");
    UdpSocket::bind((Ipv4Addr::LOCALHOST, node.port())).unwrap();
}

#[test]
fn the_owner_is_woken_once_until_it_drains() {
    let wakes = Arc::new(AtomicUsize::new(0));
    let waker = {
        let wakes = Arc::clone(&wakes);
        Arc::new(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        })
    };
    let driver =
        Driver::spawn(|now| Engine::new(config(), now), listen("127.0.0.1", 0), Offload::Auto, waker)
            .unwrap();
    let settle = |message| {
        let unknown = warren_engine::ConnectionId(99);
        let id = warren_engine::MessageId(message);
        driver
            .call(move |c| c.engine.send_message(unknown, id, 0, None, bytes::Bytes::new(), c.now))
            .unwrap();
        // The events of one turn of the loop are told before the commands of the next.
        (0..2).for_each(|_| {
            let (ran, runs) = channel();
            driver.post(move |_| ran.send(()).unwrap()).unwrap();
            runs.recv().unwrap();
        });
    };
    (0..5).for_each(settle);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    let mut events = VecDeque::new();
    assert_eq!(driver.drain(&mut events), None);
    assert!(settled(&events).eq(0..5), "a message to an unknown connection is lost: {events:?}");
    settle(5);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn events_beyond_the_outbox_wait_and_none_is_lost() {
    let driver = spawn(config(), listen("127.0.0.1", 0)).unwrap();
    let count = 10_000;
    driver
        .call(move |context| {
            for message in 0..count {
                let (unknown, id) = (warren_engine::ConnectionId(99), warren_engine::MessageId(message));
                context.engine.send_message(unknown, id, 0, None, bytes::Bytes::new(), context.now);
            }
        })
        .unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    let mut events = VecDeque::new();
    while settled(&events).count() < count as usize && std::time::Instant::now() < deadline {
        driver.drain(&mut events);
        driver.call(|_| ()).unwrap();
    }
    assert!(settled(&events).eq(0..count));
}

fn settled(events: &VecDeque<Event>) -> impl Iterator<Item = u64> {
    events.iter().filter_map(|event| match event {
        Event::MessageSettled { message, .. } => Some(message.0),
        _ => None,
    })
}

#[cfg(target_os = "linux")]
#[test]
fn a_lost_socket_is_bound_anew_at_its_port() {
    let (a, to_b, mut b, _) = connected(Node::on(""), Node::on(""), "127.0.0.1");
    replace_socket(a.port(), &std::fs::File::open("/dev/null").unwrap());
    for message in 0.. {
        a.send(to_b, message, vec![1; 100]);
        if a.stats().rebound > 0 {
            break;
        }
    }
    a.send(to_b, u64::MAX, b"after the loss".to_vec());
    while *b.receive() != *b"after the loss" {}
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_cannot_be_read_is_left_alone_and_bound_anew() {
    // Without peers: sending would find out first.
    let a = Node::on("");
    // Always readable (POLLHUP), and never read: ENOTCONN.
    let unconnected = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    unconnected.set_nonblocking(true).unwrap();
    let before = a.stats();
    replace_socket(a.port(), &unconnected);
    let deadline = std::time::Instant::now() + PATIENCE;
    while a.stats().rebound == 0 {
        // A wait that has begun knows the old socket only.
        a.driver.post(|_| {}).unwrap();
        assert!(std::time::Instant::now() < deadline, "it is not bound anew");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let failed = error_count(&a, "receiveErrorENOTCONN");
    let calls = a.stats().receive_calls - before.receive_calls;
    assert!(failed >= 2 && calls < 1_000, "{failed} failures, {calls} calls");
    let (a, to_b, mut b, _) = connected(a, Node::on(""), "127.0.0.1");
    a.send(to_b, 0, b"after it".to_vec());
    while *b.receive() != *b"after it" {}
}

#[cfg(target_os = "linux")]
#[test]
fn a_system_that_reads_no_socket_any_more_ends_the_device_without_a_busy_loop() {
    // The filter holds for the thread that installs it, and for those that it starts.
    let failing = std::thread::spawn(|| {
        refuse_system_call(libc::SYS_recvmmsg, libc::ENOMEM);
        let mut node = Node::on("127.0.0.1");
        let failure = node.wait_for_failure();
        (failure, node)
    });
    let (failure, node) = failing.join().unwrap();
    assert!(failure.contains("reading the socket failed"), "{failure}");
    node.driver.stop(0, "");
    UdpSocket::bind((Ipv4Addr::LOCALHOST, node.port())).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_is_wrongly_said_to_have_room_is_no_busy_loop() {
    let (calls, took) = std::thread::spawn(|| {
        for call in [libc::SYS_sendmmsg, libc::SYS_sendmsg] {
            refuse_system_call(call, libc::EAGAIN);
        }
        let (node, far) = (Node::on("127.0.0.1"), Node::on("127.0.0.1"));
        let peer = node.add(&far, Some(far.driver.local_address()));
        let dialled = node
            .driver
            .call(move |context| context.engine.connect(peer, None, PATIENCE, context.now).is_ok());
        let began = std::time::Instant::now();
        assert_eq!(dialled, Ok(true));
        std::thread::sleep(std::time::Duration::from_millis(300));
        (node.stats().send_calls, began.elapsed())
    })
    .join()
    .unwrap();
    // One a millisecond, where a busy loop makes 30 and more.
    assert!(calls >= 10 && u128::from(calls) < 3 * took.as_millis(), "{calls} calls in {took:?}");
}

#[cfg(target_os = "linux")]
fn error_count(node: &Node, name: &str) -> u64 {
    node.stats().errors().find(|(known, _)| known == name).map_or(0, |(_, count)| count)
}

/// From now on the call fails with this error on this thread, and on those that it starts (seccomp(2)).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "prctl has no safe interface")]
fn refuse_system_call(call: libc::c_long, error: i32) {
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, call as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ERRNO | error as u32),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program and its instructions live through both calls, and the kernel copies them.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program), 0);
    }
}

/// Puts another file where the device's socket was: as if the system had taken it away.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "dup2 has no safe interface")]
fn replace_socket(port: u16, other: &impl std::os::fd::AsRawFd) {
    use std::os::fd::BorrowedFd;
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().into_string().ok()?.parse().ok());
    for number in numbers.collect::<Vec<i32>>() {
        if number < 3 {
            continue;
        }
        // SAFETY: the descriptor was listed a moment ago; if another thread closed it since, the calls fail.
        let is_ours = unsafe {
            let socket = BorrowedFd::borrow_raw(number);
            let socket = socket2::SockRef::from(&socket);
            socket.local_addr().ok().and_then(|a| a.as_socket()).is_some_and(|a| a.port() == port)
        };
        if is_ours {
            // SAFETY: both descriptors are open; the device's thread finds no socket at its own any more.
            assert_ne!(unsafe { libc::dup2(other.as_raw_fd(), number) }, -1);
            return;
        }
    }
    panic!("no socket on port {port}");
}

/// A device that wakes nobody.
fn spawn(config: Config, listen: Listen) -> Result<Driver, SpawnError> {
    Driver::spawn(|now| Engine::new(config, now), listen, Offload::Auto, Arc::new(|| {}))
}
