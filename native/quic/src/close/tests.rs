use super::{REASON_MAX, shortened};

#[test]
fn a_reason_is_cut_at_its_bound_between_characters() {
    for (text, kept) in [("", 0), ("short", 5), (&*"x".repeat(256), 256), (&*"x".repeat(257), 256)] {
        assert_eq!(shortened(text.as_bytes()), &text.as_bytes()[..kept]);
    }
    for before in 0..8 {
        let long = format!("{}{}", "x".repeat(before), "\u{1f980}".repeat(100));
        let cut = shortened(long.as_bytes());
        let text = String::from_utf8(cut.clone()).expect("whole characters");
        assert!(long.starts_with(&text) && cut.len() > REASON_MAX - 4 && cut.len() <= REASON_MAX);
    }
    assert_eq!(shortened(&[0x80; 2_000]), [0x80; REASON_MAX], "no text at all");
}
