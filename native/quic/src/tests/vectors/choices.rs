use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::Json;
use crate::{Choice, Lists, choose};

/// All pairs of ends of two versions, some of three with dials that ask for names, and names whose order is that of
/// their bytes.
pub(super) fn vectors() -> Vec<Vec<(&'static str, Json)>> {
    let mut vectors = Vec::new();
    let two = ends(&["v/1", "v/2"]);
    for one in &two {
        for other in &two {
            vectors.push(vector(one, other, None));
        }
    }
    let three = ends(&["v/1", "v/2", "w/1"]);
    let asked = lists(&["v/1", "v/2", "w/1"]);
    let mut rng = rand_pcg::Pcg64Mcg::seed_from_u64(16);
    for _ in 0..300 {
        let asked = if rng.random() { asked.choose(&mut rng) } else { None };
        vectors.push(vector(three.choose(&mut rng).unwrap(), three.choose(&mut rng).unwrap(), asked));
    }
    // U+FF5E is before U+1F980 by its bytes, and behind it by UTF-16 code units.
    let [crab, tilde] = ["\u{1f980}", "\u{ff5e}"].map(Box::from);
    let one = end(vec![crab, tilde]);
    let other = end(one.offer.iter().rev().cloned().collect());
    vectors.push(vector(&one, &other, None));
    vectors
}

fn vector(one: &Lists, other: &Lists, asked: Option<&Vec<Box<str>>>) -> Vec<(&'static str, Json)> {
    let chosen = choose(one, other, asked.map(Vec::as_slice));
    let offers = |chosen: &Choice<'_>| match chosen {
        Choice::PeerDials(_) => "other",
        Choice::Speak(name) => {
            let has = |list: &[Box<str>]| list.iter().any(|other| **other == **name);
            if has(&other.offer) && has(&one.accept) { "both" } else { "one" }
        }
    };
    let text = |text: Option<&str>| text.map_or(Json::Null, |text| Json::Text(text.into()));
    vec![
        ("one", lists_of(one)),
        ("other", lists_of(other)),
        ("asked", asked.map_or(Json::Null, |asked| Json::names(asked))),
        ("chosen", text(chosen.map(Choice::name))),
        ("by", text(chosen.as_ref().map(offers))),
    ]
}

fn lists_of(end: &Lists) -> Json {
    Json::Object(vec![("offer", Json::names(&end.offer)), ("accept", Json::names(&end.accept))])
}

/// All ends whose lists have one order.
fn ends(names: &[&str]) -> Vec<Lists> {
    let lists = lists(names);
    let pairs = lists.iter().flat_map(|offer| lists.iter().map(move |accept| (offer, accept)));
    let common = |list: &[Box<str>], other: &[Box<str>]| -> Vec<Box<str>> {
        list.iter().filter(|name| other.contains(name)).cloned().collect()
    };
    let sound = pairs.filter(|(offer, accept)| common(offer, accept) == common(accept, offer));
    sound.map(|(offer, accept)| Lists { accept: accept.clone(), ..end(offer.clone()) }).collect()
}

fn lists(names: &[&str]) -> Vec<Vec<Box<str>>> {
    let mut found: Vec<Vec<Box<str>>> = vec![Vec::new()];
    let mut at = 0;
    while at < found.len() {
        for name in names {
            if !found[at].iter().any(|other| **other == **name) {
                found.push([&found[at][..], &[(*name).into()]].concat());
            }
        }
        at += 1;
    }
    found
}

fn end(names: Vec<Box<str>>) -> Lists {
    Lists { generation: Some(1), offer: names.clone(), accept: names, transports: Vec::new() }
}
