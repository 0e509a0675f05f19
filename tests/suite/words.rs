//! One word names one thing, and no archaic word is in the code, its comments and texts, or the documents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Words that nobody writes today, and "he" for users, who are "they", also in the names of tests. Since "he" may be
/// half of a typed "hello", it counts only if a sentence continues after it.
const WORDS: &str = r"(?i)\b(?:(?:whoever|whomever|whom|whence|hence|thence|thereby|upon|lest|seldom|but for|anew|deeds?|him|his|himself)\b|he(?: [a-z]|'|$))|_(?:he|him|his)_";

/// Files that need one of them, with a part of the line.
const EXCEPTIONS: [(&str, &str); 2] = [
    // Quotations are as their authors wrote them.
    ("src/chat/quotes.rs", "quote("),
    // These lists.
    ("tests/suite/words.rs", ""),
];

/// Collects the files in a folder and its subfolders.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|end| ["rs", "txt", "js", "css", "html"].iter().any(|text| end == *text))
        {
            found.push(path);
        }
    }
}

#[test]
fn no_archaic_word_is_in_the_sources_or_the_documents() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found: Vec<_> = ["README.md", "Cargo.toml", "chatsock.toml.example", ".ci/run", ".ci/package"]
        .iter()
        .map(|name| top.join(name))
        .collect();
    for folder in ["src", "tests", "benches"] {
        files(&top.join(folder), &mut found);
    }
    assert!(found.len() > 300, "{} files are not all", found.len());
    let words = Regex::new(WORDS).expect("a pattern");
    let mut hits = Vec::new();
    for path in found {
        let name = path.strip_prefix(top).expect("below the top").to_str().expect("a name in UTF-8");
        let text = String::from_utf8_lossy(&fs::read(&path).expect("the file")).into_owned();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| words.is_match(line)) {
            if !EXCEPTIONS.iter().any(|(file, part)| *file == name && line.contains(part)) {
                hits.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(hits.is_empty(), "archaic words in {} lines:\n{}", hits.len(), hits.join("\n"));
}

/// Types that are defined twice, and why.
const TYPES_TWICE: [(&str, &str); 3] = [
    // A build without `storage` has the same types with nothing in them.
    ("Store", "src/store/disabled.rs"),
    ("AccountAdmin", "src/store/disabled.rs"),
    ("HashError", "src/access/password/disabled.rs"),
];

/// A build without `metrics` has all its types with nothing in them.
const STAND_INS: &str = "src/metrics/disabled.rs";

/// The folder with names of its own: it uses the terms of Redis.
const APART: &str = "src/cluster/";

/// Where each type in the sources is defined, including those in unit tests. A type in the folder [`APART`] is listed
/// under the folder and its name.
fn types(sources: impl Iterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let definition = Regex::new(
        r"(?m)^(?:\s*(?:pub(?:\([a-z ]+\))? )?(?:struct|enum|trait|union)|(?:pub(?:\([a-z ]+\))? )?type) (\w+)",
    );
    let definition = definition.expect("a pattern");
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in sources {
        for found in definition.captures_iter(&text) {
            let apart = if file.starts_with(APART) { APART } else { "" };
            types.entry(format!("{apart}{}", &found[1])).or_default().push(file.clone());
        }
    }
    types
}

/// Each type that is defined twice, as a line for the report.
fn types_twice(sources: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let mut twice = types(sources);
    twice.values_mut().for_each(|files| files.retain(|file| file != STAND_INS));
    for (name, file) in TYPES_TWICE {
        if let Some(files) = twice.get_mut(name) {
            files.retain(|other| other != file);
        }
    }
    twice.retain(|_, files| files.len() > 1);
    twice.iter().map(|(name, files)| format!("{name}: {}", files.join(", "))).collect()
}

#[test]
fn no_two_types_have_one_name() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    files(&top.join("src"), &mut found);
    found.retain(|path| path.extension().is_some_and(|end| end == "rs"));
    let sources = found.into_iter().map(|path| {
        let name = path.strip_prefix(top).expect("below the top").to_str().expect("a name in UTF-8").to_owned();
        (name, fs::read_to_string(path).expect("the file"))
    });
    let sources: Vec<_> = sources.collect();
    assert!(types(sources.iter().cloned()).len() > 400, "these are not all types");
    let twice = types_twice(sources.into_iter());
    assert!(twice.is_empty(), "{} names stand for two things:\n{}", twice.len(), twice.join("\n"));
}

#[test]
fn a_name_for_two_types_is_found() {
    let source = |file: &str, text: &str| (file.to_owned(), text.to_owned());
    let sources = [
        source("src/a.rs", "pub(crate) struct Door {\n    open: bool,\n}\ntype Key = u8;\nstruct Lamp;\n"),
        source("src/b.rs", "mod tests {\n    enum Door {}\n}\nimpl Deref for Lamp {\n    type Key = u8;\n}\n"),
        source("src/store/disabled.rs", "pub enum Store {}\npub struct Lamp;\n"),
        source("src/store/open.rs", "pub struct Store;\n"),
        source("src/cluster/d.rs", "struct Door;\nstruct Node;\n"),
        source("src/cluster/e.rs", "struct Node;\n"),
    ];
    let twice = types_twice(sources.into_iter());
    let expected = [
        "Door: src/a.rs, src/b.rs",
        "Lamp: src/a.rs, src/store/disabled.rs",
        "src/cluster/Node: src/cluster/d.rs, src/cluster/e.rs",
    ];
    assert_eq!(twice, expected);
}
