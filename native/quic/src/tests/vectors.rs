//! The files of `test/vectors`: bytes of this version of the wire, each with its meaning, and choices of pairs.
//!
//! They are frozen. A peer of another build reads and writes them, so what is there never changes: what is new is
//! added.

mod choices;
mod wire;

use std::fmt::Write;
use std::fs;
use std::path::Path;

#[test]
fn bytes_of_this_version_are_read_and_written_as_they_are_frozen() {
    check("wire.json", include_str!("../../../../test/vectors/wire.json"), &wire::vectors());
}

#[test]
fn choices_are_those_that_other_implementations_of_the_rule_are_tested_with() {
    check("choice.json", include_str!("../../../../test/vectors/choice.json"), &choices::vectors());
}

/// Compares with what is committed; where that differs, what it would be is beside it in `target`.
fn check(name: &str, frozen: &str, vectors: &[Vec<(&str, Json)>]) {
    let mut text = String::from("[\n");
    for (at, vector) in vectors.iter().enumerate() {
        let fields: Vec<_> =
            vector.iter().map(|(name, value)| format!("\"{name}\": {}", value.text())).collect();
        let comma = if at + 1 < vectors.len() { "," } else { "" };
        writeln!(text, "  {{ {} }}{comma}", fields.join(", ")).unwrap();
    }
    text.push_str("]\n");
    if frozen.replace("\r\n", "\n") != text {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vectors");
        fs::create_dir_all(&target).unwrap();
        fs::write(target.join(name), text).unwrap();
        panic!("test/vectors/{name} says otherwise: compare it with target/vectors/{name}");
    }
}

/// A value in a vector.
enum Json {
    Null,
    Text(String),
    Number(u64),
    List(Vec<String>),
    Object(Vec<(&'static str, Json)>),
}

impl Json {
    fn hex(bytes: &[u8]) -> Self {
        Self::Text(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn names(names: &[Box<str>]) -> Self {
        Self::List(names.iter().map(|name| name.to_string()).collect())
    }

    fn text(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
            Self::List(items) if items.is_empty() => "[]".into(),
            Self::List(items) => {
                format!("[{}]", items.iter().map(|item| quoted(item)).collect::<Vec<_>>().join(", "))
            }
            Self::Object(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("\"{name}\": {}", value.text())).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    assert!(!text.contains(['"', '\\']) && !text.contains(char::is_control), "no escapes are needed");
    format!("\"{text}\"")
}
