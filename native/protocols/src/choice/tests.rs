use super::*;
use crate::Protocols;

#[test]
fn the_choice_is_that_of_a_naive_model_for_all_lists_of_three_names() {
    let ends = ends(&["a", "b", "c"]);
    for one in &ends {
        for other in &ends {
            let chosen = choose(one, other, None);
            assert_eq!(chosen, model(one, other, None), "{one:?} {other:?}");
            let back = choose(other, one, None);
            assert_eq!(chosen.map(Choice::name), back.map(Choice::name), "{one:?} {other:?}");
            if let Some(Choice::PeerDials(name)) = chosen {
                assert_eq!(back, Some(Choice::Speak(name)), "nobody dials it: {one:?} {other:?}");
            }
        }
    }
}

#[test]
fn a_dial_that_asks_for_names_is_that_of_a_naive_model() {
    let ends = ends(&["a", "b"]);
    let asked = lists(&["a", "b", "c"]);
    for one in &ends {
        for other in &ends {
            for asked in &asked {
                let chosen = choose(one, other, Some(asked));
                assert_eq!(chosen, model(one, other, Some(asked)), "{one:?} {other:?} {asked:?}");
                assert!(chosen.is_none_or(|chosen| has(asked, chosen.name())));
            }
        }
    }
}

#[test]
fn where_each_end_has_one_list_the_rule_is_that_of_the_build_before() {
    let lists = lists(&["a", "b", "c"]);
    for one in &lists {
        for other in &lists {
            let [one, other] = [one, other].map(|list| Protocols::from(list.clone()).lists);
            let fixed = Lists { generation: None, ..other.clone() };
            assert_eq!(choose(&one, &other, None), choose(&one, &fixed, None));
            assert_eq!(choose(&one, &other, None), choose(&fixed, &one, None));
        }
    }
}

#[test]
fn with_the_build_before_the_dialler_offers_and_the_acceptor_accepts() {
    let new = end("b a", "a b c");
    let old = Lists { generation: None, ..end("c a", "c a") };
    assert_eq!(choose(&new, &old, None), Some(Choice::Speak("a")));
    assert_eq!(choose(&old, &new, None), Some(Choice::Speak("a")));
    let old = Lists { generation: None, ..end("c", "c") };
    assert_eq!(choose(&new, &old, None), None);
    assert_eq!(choose(&old, &new, None), Some(Choice::Speak("c")));
}

#[test]
fn the_table_of_the_documentation_holds() {
    for (one, other, chosen) in [
        (("1", "1"), ("1", "1"), Some(Choice::Speak("1"))),
        // Both accept the new version, one of them dials with it.
        (("1", "2 1"), ("2 1", "2 1"), Some(Choice::PeerDials("2"))),
        (("2 1", "2 1"), ("1", "2 1"), Some(Choice::Speak("2"))),
        // The preferences differ: of equals, the first in lexicographic order.
        (("1 2", "1 2"), ("2 1", "2 1"), Some(Choice::Speak("1"))),
        (("2 1", "2 1"), ("2 1", "2 1"), Some(Choice::Speak("2"))),
        (("2", "2"), ("1", "1"), None),
        (("2", "2 1"), ("1", "1"), Some(Choice::PeerDials("1"))),
    ] {
        let [one, other] = [one, other].map(|(offer, accept)| end(offer, accept));
        assert_eq!(choose(&one, &other, None), chosen, "{one:?} {other:?}");
    }
}

/// The rule in other words: each name has a key at each end, and keys sort into the end's order.
fn model<'a>(one: &'a Lists, other: &'a Lists, asked: Option<&'a [Box<str>]>) -> Option<Choice<'a>> {
    let whole = |end: &'a Lists| ordered(names(&end.offer), names(&end.accept));
    let here = asked.map_or_else(|| whole(one), |asked| ordered(names(asked), whole(one)));
    let there = whole(other);
    let mut best: Option<(usize, &str)> = None;
    for name in ["c", "b", "a"] {
        let offers = has(asked.unwrap_or(&one.offer), name);
        let common =
            (offers && has(&other.accept, name)) || (has(&other.offer, name) && has(&one.accept, name));
        if !common || asked.is_some_and(|asked| !has(asked, name)) {
            continue;
        }
        let place = |order: &[&str]| order.iter().take_while(|other| **other != name).count();
        let sum = place(&here) + place(&there);
        if best.is_none_or(|(least, _)| sum <= least) {
            best = Some((sum, name));
        }
    }
    let (_, name) = best?;
    let owned = |list: &'a [Box<str>]| list.iter().find(|other| ***other == *name).map(|name| &**name);
    let offered = owned(asked.unwrap_or(&one.offer));
    match (offered, owned(&other.accept)) {
        (Some(name), Some(_)) => Some(Choice::Speak(name)),
        _ => owned(&other.offer).map(Choice::PeerDials),
    }
}

fn ordered<'a>(first: Vec<&'a str>, second: Vec<&'a str>) -> Vec<&'a str> {
    let key = |name: &str| match first.iter().position(|other| *other == name) {
        Some(place) => (place, 1, 0),
        None => {
            let at = second.iter().position(|other| *other == name).unwrap_or(0);
            let follower =
                second[at..].iter().find_map(|later| first.iter().position(|other| other == later));
            (follower.unwrap_or(first.len()), 0, at)
        }
    };
    let mut all: Vec<_> = first.iter().chain(&second).copied().collect();
    all.sort_by_key(|name| key(name));
    all.dedup();
    all
}

/// All lists of these names, each in all of its orders.
fn lists(names: &[&str]) -> Vec<Vec<Box<str>>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while at < found.len() {
        for name in names {
            let mut longer: Vec<Box<str>> = found[at].clone();
            if !has(&longer, name) {
                longer.push((*name).into());
                found.push(longer);
            }
        }
        at += 1;
    }
    found
}

/// All ends, those among them whose lists contradict each other.
fn ends(names: &[&str]) -> Vec<Lists> {
    let lists = lists(names);
    let pairs = lists.iter().flat_map(|offer| lists.iter().map(move |accept| (offer, accept)));
    let end = |(offer, accept): (&Vec<_>, &Vec<_>)| Lists {
        generation: Some(1),
        offer: offer.clone(),
        accept: accept.clone(),
        transports: Vec::new(),
    };
    pairs.map(end).collect()
}

fn end(offer: &str, accept: &str) -> Lists {
    let list = |names: &str| names.split(' ').map(Box::from).collect();
    Lists { generation: Some(1), offer: list(offer), accept: list(accept), transports: Vec::new() }
}
