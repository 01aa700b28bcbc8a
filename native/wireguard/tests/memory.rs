//! Memory that a device holds and leaves behind, seen by an allocator that counts and looks.
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::slice;
use std::time::{Duration, Instant};

use boringtun::noise::Tunn;
use warren_wireguard::{
    Config, Device, Limits, MAX_DATAGRAM, Path, PeerConfig, PeerId, PresharedKey, PrivateKey, Sent,
};

/// The system's allocator, with a look at what this thread gives back.
struct Watching;

#[derive(Clone, Copy, Default)]
struct Seen {
    /// Bytes held by what this thread took, less what it gave back.
    held: isize,
    /// Allocations of a tunnel's size that were given back, and those of them that were not all zeros.
    tunnels: usize,
    tunnels_with_contents: usize,
    /// Allocations of any size that were given back with the secret in them.
    secrets: usize,
}

thread_local! {
    static SEEN: Cell<Seen> = const { Cell::new(Seen { held: 0, tunnels: 0, tunnels_with_contents: 0, secrets: 0 }) };
}

// SAFETY: all is left to the system's allocator; what is given back is only read, while it is still ours, and bytes
// that were never written were set to zero by `alloc_zeroed`.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(|seen| seen.held += layout.size() as isize);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: it was taken with this layout, and is initialized.
        let bytes = unsafe { slice::from_raw_parts(memory, layout.size()) };
        note(|seen| {
            seen.held -= layout.size() as isize;
            if layout.size() == size_of::<Tunn>() {
                seen.tunnels += 1;
                seen.tunnels_with_contents += usize::from(bytes.iter().any(|byte| *byte != 0));
            }
            let holds_it = bytes.windows(SECRET.len()).any(|window| window == SECRET);
            seen.secrets += usize::from(holds_it);
        });
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

fn note(change: impl FnOnce(&mut Seen)) {
    let _unless_the_thread_is_ending = SEEN.try_with(|cell| {
        let mut seen = cell.get();
        change(&mut seen);
        cell.set(seen);
    });
}

fn seen() -> Seen {
    SEEN.with(Cell::get)
}

fn key(number: u16) -> PrivateKey {
    let mut bytes = [0x20; 32];
    bytes[8..10].copy_from_slice(&number.to_le_bytes());
    PrivateKey::from_bytes(bytes)
}

fn address(number: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 10_000 + number))
}

fn device(number: u16, now: Instant) -> Device {
    let limits = Limits {
        peers: 65_536,
        pending_authorizations: 64,
        handshakes_per_second: 1_000,
        staged_bytes_per_peer: 100_000,
    };
    let config = Config {
        private_key: key(number),
        mtu: 1_420,
        max_mtu: 1_420,
        report_strangers: true,
        authorize_timeout: Duration::from_secs(4),
        limits,
        seed: [7; 32],
    };
    Device::new(config, now)
}

fn peer(number: u16) -> PeerConfig {
    PeerConfig {
        preshared_key: Some(PresharedKey::from_bytes(SECRET)),
        ..PeerConfig::new(key(number).public_key(), Some(address(number)))
    }
}

fn hand_over(from: &mut Device, number: u16, to: &mut Device, plaintext: &mut [u8], now: Instant) -> usize {
    let mut bytes = Vec::new();
    let mut opened = 0;
    while from.poll_transmit(&mut bytes, now).is_some() {
        let path = Path { remote: address(number), local: None };
        opened += usize::from(to.handle_datagram(path, &mut bytes, plaintext, now).is_some());
        bytes.clear();
    }
    opened
}

/// A packet that the first device may send.
fn packet(from: u16) -> Vec<u8> {
    let mut packet = vec![0; 100];
    packet[0] = 0x60;
    packet[5] = 60;
    packet[8..24].copy_from_slice(&key(from).public_key().derived_address().octets());
    packet
}

/// A peer is added, dials, is heard, is heard again under new keys, and is removed.
fn live_and_leave(hub: &mut Device, number: u16, now: Instant, plaintext: &mut [u8]) -> Instant {
    let id = hub.add_peer(peer(number), now).expect("it is new");
    let mut node = device(number, now);
    node.add_peer(peer(0), now).expect("it is new");
    let mut at = now;
    let mut heard = 0;
    for _ in 0..2 {
        let mut sealed = Vec::new();
        node.send(PeerId(0), &packet(number), &mut sealed, at);
        for _ in 0..3 {
            heard += hand_over(&mut node, number, hub, plaintext, at);
            hand_over(hub, 0, &mut node, plaintext, at);
        }
        assert!(matches!(hub.send(id, &packet(0), &mut sealed, at), Sent::Sealed(_)));
        at += Duration::from_secs(200);
        node.handle_timeout(at);
        hub.handle_timeout(at);
    }
    assert_eq!(heard, 2);
    hub.remove_peer(id, at);
    while hub.poll_event().is_some() {}
    at
}

#[test]
fn a_thousand_peers_that_come_and_go_leave_the_memory_of_none() {
    let mut now = warren_testing::start();
    let mut hub = device(0, now);
    let mut plaintext = vec![0; MAX_DATAGRAM];
    // Tables grow to their size, which they keep.
    for number in 1..50 {
        now = live_and_leave(&mut hub, number, now, &mut plaintext);
    }
    let before = seen().held;
    for number in 50..1_050 {
        now = live_and_leave(&mut hub, number, now, &mut plaintext);
    }
    // The key and the newest timestamp of each are kept, so that its old initiations stay replays.
    let each = (seen().held - before) / 1_000;
    assert!((0..200).contains(&each), "{each} bytes a peer");
    assert_eq!(seen().tunnels_with_contents, 0);
}

#[test]
fn nothing_that_a_peer_does_makes_a_device_hold_more() {
    let now = warren_testing::start();
    let (mut hub, mut node) = (device(0, now), device(1, now));
    let id = hub.add_peer(peer(1), now).expect("it is new");
    node.add_peer(peer(0), now).expect("it is new");
    node.initiate(PeerId(0), now);
    let mut plaintext = vec![0; MAX_DATAGRAM];
    for _ in 0..3 {
        hand_over(&mut node, 1, &mut hub, &mut plaintext, now);
        hand_over(&mut hub, 0, &mut node, &mut plaintext, now);
    }
    assert!(hub.has_session(id));
    while hub.poll_event().is_some() {}
    let mut events = 0;
    let mut at_rest = None;
    let mut at = now;
    for step in 0..20_000u32 {
        at += Duration::from_millis(1);
        let mut sealed = Vec::new();
        let source = if step % 3 == 0 { 1 } else { 1 + step as u16 };
        let sent = node.send(PeerId(0), &packet(source), &mut sealed, at);
        // Each from another port, every third with a source that is not its own.
        let path = Path { remote: address((step % 50_000) as u16), local: None };
        if matches!(sent, Sent::Sealed(_)) {
            hub.handle_datagram(path, &mut sealed, &mut plaintext, at);
        }
        hand_over(&mut node, (step % 50_000) as u16, &mut hub, &mut plaintext, at);
        hub.handle_timeout(at);
        hand_over(&mut hub, 0, &mut node, &mut plaintext, at);
        node.handle_timeout(at);
        while node.poll_event().is_some() {}
        while hub.poll_event().is_some() {
            events += 1;
        }
        drop(sealed);
        if step == 1_000 {
            at_rest = Some(seen().held);
        }
    }
    let grown = seen().held - at_rest.expect("it was noted");
    assert!(grown < 4_096, "{grown} bytes");
    assert!(events <= 25, "{events} events in 20 s: what is told is what is logged");
}

#[test]
fn a_crowd_of_handshakes_leaves_no_memory_behind() {
    let now = warren_testing::start();
    let mut hub = device(0, now);
    let mut stranger = device(9, now);
    stranger.add_peer(peer(0), now).expect("it is new");
    stranger.initiate(PeerId(0), now);
    let mut initiation = Vec::new();
    stranger.poll_transmit(&mut initiation, now).expect("an initiation");
    let before = seen().held;
    for from in 0..20_000 {
        let path = Path { remote: address(from), local: None };
        hub.handle_datagram(path, &mut initiation, &mut [0; 256], now);
    }
    assert!(seen().held - before < 2 << 20, "bounded while it lasts: {}", seen().held - before);
    let mut at = now;
    // A source that was turned away is known for 12 s.
    for _ in 0..15_000 {
        at += Duration::from_millis(1);
        let mut reply = Vec::new();
        while hub.poll_transmit(&mut reply, at).is_some() {
            reply.clear();
        }
        hub.handle_timeout(at);
        while hub.poll_event().is_some() {}
    }
    assert_eq!(hub.poll_timeout(), None);
    // The buckets of sources: 64 KiB, for good.
    let kept = seen().held - before;
    assert!(kept < 100_000, "{kept} bytes");
}

#[test]
fn the_memory_of_a_tunnel_is_overwritten_before_it_is_given_back() {
    let before = seen();
    let now = warren_testing::start();
    let mut hub = device(0, now);
    let mut plaintext = vec![0; MAX_DATAGRAM];
    let now = live_and_leave(&mut hub, 1, now, &mut plaintext);
    // Also where the session is just forgotten, where the key is replaced, and where the device goes first.
    let id = hub.add_peer(peer(2), now).expect("it is new");
    hub.initiate(id, now);
    let other = Some(Some(PresharedKey::from_bytes([1; 32])));
    let changes = warren_wireguard::PeerChanges { preshared_key: other, ..Default::default() };
    hub.update_peer(id, changes, now).expect("it is there");
    drop(hub);
    let after = seen();
    assert!(after.tunnels - before.tunnels >= 4, "{}", after.tunnels - before.tunnels);
    assert_eq!(after.tunnels_with_contents, before.tunnels_with_contents);
    assert_eq!(after.secrets, before.secrets, "no pre-shared key is given back");
}

#[test]
fn the_allocator_sees_a_secret_that_is_given_back() {
    let before = seen();
    drop(Box::new(SECRET));
    assert_eq!(seen().secrets, before.secrets + 1);
    drop(vec![1u8; size_of::<Tunn>()]);
    assert_eq!(seen().tunnels_with_contents, before.tunnels_with_contents + 1);
}

/// Nothing else in these tests has this value.
const SECRET: [u8; 32] = *b"\x93 a secret of two that is known!";
