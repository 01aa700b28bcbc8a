use bytes::Bytes;
use warren_engine::{Config, ConnectionId, MessageId, PrivateKey, StreamId};

use super::*;
use crate::clock::Clock;

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
