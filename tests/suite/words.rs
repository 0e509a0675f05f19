//! Archaic words stay out of the code, its comments and texts, and the documents.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Words that nobody writes today, and "he" for users, who are "they", in the names of tests as well. Half a "hello" in a test
/// is no pronoun, so "he" counts only where a sentence goes on.
const WORDS: &str = r"(?i)\b(?:(?:whoever|whomever|whom|whence|hence|thence|thereby|upon|lest|seldom|but for|anew|deeds?|him|his|himself)\b|he(?: [a-z]|'|$))|_(?:he|him|his)_";

/// Files that need one of them, with a part of the line.
const EXCEPTIONS: [(&str, &str); 2] = [
    // Quotations are as their authors wrote them.
    ("src/chat/quotes.rs", "quote("),
    // These lists.
    ("tests/suite/words.rs", ""),
];

/// The files to read in a folder and in those inside it.
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
    let mut found: Vec<_> =
        ["README.md", "Cargo.toml", "chatsock.toml.example", ".ci/run"].iter().map(|name| top.join(name)).collect();
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
