use bytes::Bytes;
use warren_engine::{Config, ConnectionId, MessageId, PrivateKey};

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
    Mailbox::new(Arc::new(Notifier::new().expect("a descriptor")), Arc::new(|| {}))
}

#[test]
fn the_thread_does_not_sleep_over_events_that_found_no_room_before_the_owner_drained() {
    let (mut engine, mailbox) = (engine_with_much_to_tell(), mailbox());
    mailbox.deliver(&mut engine);
    let mut events = VecDeque::new();
    mailbox.drain(&mut events);
    assert!(!mailbox.may_sleep(), "there is room for what is withheld");
    let told = events.len();
    mailbox.deliver(&mut engine);
    mailbox.drain(&mut events);
    assert!(events.len() > told);
}

#[test]
fn the_thread_sleeps_while_the_owner_has_enough_in_hand_and_when_nothing_is_withheld() {
    let (mut engine, mailbox) = (engine_with_much_to_tell(), mailbox());
    mailbox.deliver(&mut engine);
    assert!(mailbox.may_sleep());
    let mut events = VecDeque::new();
    mailbox.drain(&mut events);
    assert!(mailbox.awake.load(Ordering::SeqCst), "the drain woke it");
    while engine.stats().queued_events > 0 {
        mailbox.deliver(&mut engine);
        mailbox.drain(&mut events);
    }
    mailbox.deliver(&mut engine);
    assert!(mailbox.may_sleep());
}
