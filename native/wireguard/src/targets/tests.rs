//! In which order addresses are tried.

use std::net::SocketAddr;

use super::Targets;

fn at(number: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, number], 51_820))
}

fn targets(candidates: &[u8]) -> Targets {
    let mut targets = Targets::default();
    targets.configure(candidates.iter().copied().map(at).collect());
    targets
}

#[test]
fn the_present_path_is_tried_first_and_then_all_others_in_turn() {
    let mut targets = targets(&[1, 2, 3]);
    let tried: Vec<SocketAddr> = (0..7).map(|_| targets.next(at(2))).collect();
    assert_eq!(tried, [2, 1, 3, 2, 1, 3, 2].map(at));
    let tried: Vec<SocketAddr> = (0..5).map(|_| targets.next(at(9))).collect();
    assert_eq!(tried, [3, 9, 1, 2, 3].map(at), "where it was found meanwhile takes part");
}

#[test]
fn a_hint_is_tried_at_once_and_the_present_path_after_it() {
    let mut targets = targets(&[1, 2]);
    targets.next(at(1));
    targets.hint(at(2));
    let tried: Vec<SocketAddr> = (0..4).map(|_| targets.next(at(1))).collect();
    assert_eq!(tried, [2, 1, 2, 1].map(at));
    targets.hint(at(1));
    let tried: Vec<SocketAddr> = (0..2).map(|_| targets.next(at(1))).collect();
    assert_eq!(tried, [1, 2].map(at), "unless that was it");
}

#[test]
fn what_was_refused_is_passed_over_until_nothing_is_left() {
    let mut targets = targets(&[1, 2, 3]);
    assert_eq!(targets.next(at(1)), at(1));
    assert_eq!(targets.instead(at(1), &[at(1)]), Some(at(2)));
    assert_eq!(targets.instead(at(1), &[at(1), at(2)]), Some(at(3)));
    assert_eq!(targets.instead(at(1), &[at(1), at(2), at(3)]), None);
}
