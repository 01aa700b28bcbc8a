use std::net::UdpSocket;

use bytes::Bytes;
use warren_engine::{Config, ConnectionId, MessageId, PeerConfig, PeerId, PrivateKey, StreamId};

use super::*;
use crate::bind::Listen;
use crate::clock::Clock;
use crate::socket::{self, Offload};

/// More than the owner may have in hand at once: of messages to nobody, which are lost.
fn engine_with_much_to_tell() -> Engine {
    let now = Clock::start().now();
    let mut engine = Engine::new(Config::new(PrivateKey::from_bytes([7; 32]), 7, [7; 32]), now)
        .expect("a sound configuration");
    for message in 0..MAX_WORK as u64 / 1_000 {
        engine.send_message(ConnectionId(0), MessageId(message), 0, None, Bytes::new(), now);
    }
    engine
}

fn mailbox() -> Mailbox<Quic> {
    mailbox_that_counts().0
}

/// The number of times that its owner was woken, too.
fn mailbox_that_counts() -> (Mailbox<Quic>, Arc<AtomicUsize>) {
    let wakes = Arc::new(AtomicUsize::new(0));
    let waker = {
        let wakes = Arc::clone(&wakes);
        Arc::new(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        })
    };
    (Mailbox::new(Arc::new(Notifier::new().expect("a descriptor")), waker), wakes)
}

/// Delivers that so many bytes of a stream drained.
fn deliver_drained(mailbox: &Mailbox<Quic>, bytes: usize) {
    let mut event = Some(Event::StreamDrained { stream: StreamId(2), bytes: bytes as u64 });
    mailbox.deliver_up_to(MAX_WORK, || event.take());
}

#[test]
fn the_thread_does_not_sleep_over_events_that_found_no_room_before_the_owner_drained() {
    let (mut engine, mailbox) = (engine_with_much_to_tell(), mailbox());
    mailbox.deliver(&mut engine);
    let mut events = VecDeque::new();
    mailbox.drain(&mut events);
    assert!(!mailbox.may_sleep(None), "there is room for what is withheld");
    let told = events.len();
    mailbox.deliver(&mut engine);
    mailbox.drain(&mut events);
    assert!(events.len() > told);
}

#[test]
fn the_thread_sleeps_while_the_owner_has_enough_in_hand_and_when_nothing_is_withheld() {
    let (mut engine, mailbox) = (engine_with_much_to_tell(), mailbox());
    mailbox.deliver(&mut engine);
    assert!(mailbox.may_sleep(None));
    let mut events = VecDeque::new();
    mailbox.drain(&mut events);
    assert!(mailbox.awake.load(Ordering::SeqCst), "the drain woke it");
    while engine.stats().queued_events > 0 {
        mailbox.deliver(&mut engine);
        mailbox.drain(&mut events);
    }
    mailbox.deliver(&mut engine);
    assert!(mailbox.may_sleep(None));
}

#[test]
fn room_that_nobody_waits_for_wakes_nobody_until_it_is_flushed() {
    let (mailbox, wakes) = mailbox_that_counts();
    deliver_drained(&mailbox, 1_000);
    assert!(mailbox.has_unheeded() && !mailbox.is_holding());
    mailbox.flush();
    assert_eq!(wakes.load(Ordering::SeqCst), 0);
    mailbox.flush_all();
    assert_eq!((wakes.load(Ordering::SeqCst), mailbox.has_unheeded()), (1, false));
}

#[test]
fn who_begins_to_wait_for_room_is_told_of_what_there_is_and_of_what_comes() {
    let (mailbox, wakes) = mailbox_that_counts();
    deliver_drained(&mailbox, 1_000);
    mailbox.heed(true);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    mailbox.drain(&mut VecDeque::new());
    deliver_drained(&mailbox, 1_000);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
    mailbox.drain(&mut VecDeque::new());
    mailbox.heed(false);
    deliver_drained(&mailbox, 1_000);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn much_room_is_told_like_any_bulk_and_so_is_little_once_there_is_much_of_it() {
    let (mailbox, wakes) = mailbox_that_counts();
    deliver_drained(&mailbox, 64 * 1024);
    assert!(mailbox.is_holding());
    mailbox.drain(&mut VecDeque::new());
    for _ in 0..2 * BULK_WAKE / 1_000 + 1 {
        deliver_drained(&mailbox, 1_000);
    }
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
}

#[test]
fn of_a_stream_little_is_told_at_once_and_more_waits_for_what_follows() {
    let deliver = |mailbox: &Mailbox<Quic>, length: usize| {
        let mut event = Some(Event::StreamData { stream: StreamId(2), bytes: vec![7; length].into() });
        mailbox.deliver_up_to(MAX_WORK, || event.take());
    };
    let (mailbox, wakes) = mailbox_that_counts();
    deliver(&mailbox, 60_000);
    assert_eq!(wakes.load(Ordering::SeqCst), 0);
    deliver(&mailbox, 1_372);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    mailbox.drain(&mut VecDeque::new());
    deliver(&mailbox, 60_000);
    deliver(&mailbox, 60_000);
    assert_eq!(wakes.load(Ordering::SeqCst), 1);
    deliver(&mailbox, 60_000);
    assert_eq!(wakes.load(Ordering::SeqCst), 2);
}

#[test]
fn a_quiet_command_wakes_a_thread_that_sleeps_for_long_and_none_that_wakes_soon() {
    let mailbox = mailbox();
    let sleeps = |timeout| assert!(mailbox.may_sleep(timeout));
    let is_woken = || mailbox.awake.load(Ordering::SeqCst);
    let take = || {
        mailbox.woke();
        mailbox.take_commands(100, &mut Vec::new());
    };
    sleeps(Some(SOON));
    assert!(mailbox.post_quietly(Box::new(|_| {}), 64));
    assert!(!is_woken());
    assert!(!mailbox.may_sleep(Some(SOON)), "it would sleep again over the command");
    take();
    for timeout in [None, Some(SOON * 2)] {
        sleeps(timeout);
        mailbox.post_quietly(Box::new(|_| {}), 64);
        assert!(is_woken(), "else nothing would run it");
        take();
    }
}

#[test]
fn quiet_commands_wake_the_thread_once_they_speak_of_much() {
    let mailbox = mailbox();
    assert!(mailbox.may_sleep(Some(SOON)));
    mailbox.post_quietly(Box::new(|_| {}), QUIET - 1);
    assert!(!mailbox.awake.load(Ordering::SeqCst));
    mailbox.post_quietly(Box::new(|_| {}), 1);
    assert!(mailbox.awake.load(Ordering::SeqCst));
}

/// A mailbox whose thread sleeps until then, with an engine that has one peer: at the socket that is given too.
fn mailbox_with_a_peer(clock: &Clock, rests_until: Option<Instant>) -> (Mailbox<Quic>, PeerId, UdpSocket) {
    let listen = Listen { host: Some([127, 0, 0, 1].into()), port: 0 };
    let (_, sender) = socket::open(listen, Offload::Auto).expect("a free port");
    let far = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    far.set_nonblocking(true).expect("a socket may be asked without waiting");
    let config = Config::new(PrivateKey::from_bytes([7; 32]), 7, [7; 32]);
    let mut engine = Engine::new(config, clock.now()).expect("a sound configuration");
    let endpoint = far.local_addr().expect("a bound socket has one");
    let peer = PeerConfig::new(PrivateKey::from_bytes([8; 32]).public_key(), [endpoint]);
    let peer = engine.add_peer(peer, clock.now()).expect("a peer");
    let mailbox = mailbox();
    let mut core = Core::new(engine, Outlet::new(sender));
    core.rests_until = rests_until;
    *mailbox.lock_core() = Some(core);
    assert!(mailbox.may_sleep(None));
    (mailbox, peer, far)
}

fn sends_here(mailbox: &Mailbox<Quic>, clock: &Clock, peer: PeerId) -> bool {
    runs_here(mailbox, clock, peer, Errand::Send)
}

/// Sends a raw packet to a peer, which takes a handshake; `false`: the thread is to do it.
fn runs_here(mailbox: &Mailbox<Quic>, clock: &Clock, peer: PeerId, errand: Errand) -> bool {
    let packet = Bytes::from_static(b"E\0\0\x14\0\0\0\0\x40\xfd\0\0\x0a\0\0\x01\x0a\0\0\x02");
    mailbox.run_here(clock, &mut |context| _ = context.engine.send_packet(peer, packet.clone()), errand)
}

#[test]
fn what_the_owner_sends_leaves_without_the_thread_which_is_woken_for_a_nearer_deadline() {
    let clock = Clock::start();
    for (rests_until, is_woken) in [(None, true), (Some(clock.now()), false)] {
        let (mailbox, peer, far) = mailbox_with_a_peer(&clock, rests_until);
        assert!(sends_here(&mailbox, &clock, peer));
        assert_eq!(far.recv(&mut [0; 2_000]).expect("it left"), 148, "an initiation of a handshake");
        assert_eq!(mailbox.awake.load(Ordering::SeqCst), is_woken, "there is a deadline to repeat it");
    }
}

#[test]
fn a_call_sends_too_but_for_one_of_a_burst_whose_datagrams_are_the_threads() {
    let clock = Clock::start();
    let later = clock.now() + Duration::from_secs(3_600);
    for (sent_here, leaves) in [(None, true), (Some(later), false)] {
        let (mailbox, peer, far) = mailbox_with_a_peer(&clock, Some(clock.now()));
        mailbox.lock_core().as_mut().expect("an engine").sent_here = sent_here;
        assert!(runs_here(&mailbox, &clock, peer, Errand::Call));
        assert_eq!(
            (far.recv(&mut [0; 2_000]).is_ok(), mailbox.awake.load(Ordering::SeqCst)),
            (leaves, !leaves)
        );
    }
}

#[test]
fn one_of_a_burst_and_one_behind_many_commands_are_the_threads() {
    let clock = Clock::start();
    let (mailbox, peer, _far) = mailbox_with_a_peer(&clock, None);
    let later = clock.now() + Duration::from_secs(3_600);
    mailbox.lock_core().as_mut().expect("an engine").sent_here = Some(later);
    assert!(!sends_here(&mailbox, &clock, peer));
    mailbox.lock_core().as_mut().expect("an engine").sent_here = None;
    for _ in 0..=FEW {
        mailbox.post(Box::new(|_| {}));
    }
    assert!(!sends_here(&mailbox, &clock, peer));
    mailbox.take_commands(1, &mut Vec::new());
    assert!(sends_here(&mailbox, &clock, peer));
}
