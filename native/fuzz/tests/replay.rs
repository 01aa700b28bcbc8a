//! The committed corpora, run as ordinary tests.

use std::fs;
use std::path::Path;

use warren_fuzz::{Meter, TARGETS, Target};

#[global_allocator]
static METER: Meter = Meter;

#[test]
fn inputs_for_strangers_are_harmless() {
    replay("strangers");
}

#[test]
fn inputs_for_peers_are_harmless() {
    replay("peers");
}

#[test]
fn inputs_for_hellos_are_harmless() {
    replay("hello");
}

#[test]
fn inputs_for_framing_are_harmless() {
    replay("framing");
}

#[test]
fn inputs_for_inner_headers_are_harmless() {
    replay("inner_header");
}

#[test]
fn inputs_for_two_nodes_are_harmless() {
    replay("two_nodes");
}

fn replay(name: &str) {
    let (_, target): (_, Target) = *TARGETS.iter().find(|(known, _)| *known == name).expect("a target");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(&folder).expect("each target has a corpus");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a readable folder").path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "the corpus {name} is gone");
    target(&[]);
    for path in paths {
        let bytes = fs::read(&path).expect("a readable file");
        let told = std::panic::catch_unwind(|| target(&bytes));
        assert!(told.is_ok(), "{} breaks a promise", path.display());
    }
}
