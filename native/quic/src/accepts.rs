//! The list of protocols in the reason of a refusal: what the refusing end would accept.

/// The reason for a dialler that reads lists: a zero byte, and each name as its length in decimal digits, a colon, and
/// its bytes. Names that do not fit are left out, the last first.
pub(crate) fn encode(accepted: &[Box<str>]) -> String {
    let mut reason = String::from(MARK);
    for name in accepted {
        let item = format!("{}:{name}", name.len());
        if reason.len() + item.len() > MOST {
            break;
        }
        reason.push_str(&item);
    }
    reason
}

/// The reason for people, as builds that read no lists show it.
pub(crate) fn sentence(accepted: &[Box<str>]) -> String {
    if accepted.is_empty() { "accepts none".into() } else { format!("{WORD}{}", accepted.join(", ")) }
}

/// The names in a reason, of either kind. What is not one of them has none.
pub(crate) fn decode(reason: &[u8]) -> Vec<Box<str>> {
    match reason.split_first() {
        Some((0, items)) => decode_items(items),
        _ => decode_sentence(reason),
    }
}

fn decode_items(mut items: &[u8]) -> Vec<Box<str>> {
    let mut names = Vec::new();
    while let Some((name, rest)) = take_item(items) {
        names.push(name.into());
        items = rest;
    }
    names
}

fn take_item(items: &[u8]) -> Option<(&str, &[u8])> {
    let colon = items.iter().take(DIGITS + 1).position(|byte| *byte == b':')?;
    let length = std::str::from_utf8(&items[..colon]).ok()?.parse::<u8>().ok()?;
    let (name, rest) = items[colon + 1..].split_at_checked(usize::from(length))?;
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty())?;
    Some((name, rest))
}

fn decode_sentence(reason: &[u8]) -> Vec<Box<str>> {
    let Some(list) = std::str::from_utf8(reason).ok().and_then(|reason| reason.strip_prefix(WORD)) else {
        return Vec::new();
    };
    if list == "none" { Vec::new() } else { list.split(", ").map(Box::from).collect() }
}

const MARK: char = '\0';
const WORD: &str = "accepts ";
/// Digits of a length of 255.
const DIGITS: usize = 3;
/// Fits into the smallest datagram of QUIC, 1,200 bytes, beside its headers.
const MOST: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_whatever_is_in_them() {
        let names: Vec<Box<str>> =
            ["ledger/2", "a, b", "3:x", "\0", "\u{1f980}", "none"].map(Box::from).to_vec();
        assert_eq!(decode(encode(&names).as_bytes()), names);
        assert_eq!(decode(encode(&[]).as_bytes()), []);
    }

    #[test]
    fn a_reason_that_is_cut_or_is_rubbish_gives_the_whole_names_before() {
        let names: Vec<Box<str>> = ["ledger/2", "ledger/1"].map(Box::from).to_vec();
        let whole = encode(&names);
        for cut in 0..whole.len() {
            let found = decode(&whole.as_bytes()[..cut]);
            assert!(names.starts_with(&found), "{found:?}");
        }
        for rubbish in [&b"\0:"[..], b"\0999:a", b"\0-1:a", b"\0+1:a", b"\x001:\xff", b"\0\0", b"accepted"] {
            assert!(decode(rubbish).len() < 2, "{rubbish:?}");
        }
        let many: Vec<Box<str>> = (0..64).map(|n| format!("{n}{}", "x".repeat(200)).into()).collect();
        let reason = encode(&many);
        assert!(reason.len() <= MOST && decode(reason.as_bytes()) == many[..4]);
    }

    #[test]
    fn the_sentence_of_an_older_build_is_read() {
        let names: Vec<Box<str>> = ["ledger/2", "ledger/1"].map(Box::from).to_vec();
        assert_eq!(decode(sentence(&names).as_bytes()), names);
        assert_eq!(decode(sentence(&[]).as_bytes()), []);
    }
}
