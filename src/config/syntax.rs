//! Parses config text into a TOML tree, and puts the parser's errors into plain words.
//!
//! *Owns* the recovery from broken lines, so that one typing mistake does not hide the others, and line numbers. *Knows
//! nothing of* the keys.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, Error};

/// An error of the parser: the line, and the error in plain words.
pub(super) type SyntaxError = (usize, String);

const UNQUOTED: &str = "string values must be quoted";

const QUOTE_IT: &str = "a string must be in quotes, as in key = \"text\"; numbers, true and false have none";

const NO_VALUE: &str = "a key needs = and a value, as in key = 5";

const NO_NUMBER: &str = "not a number; write it as in key = 5";

/// How the parser's messages begin, and the same in plain words.
const PLAIN_WORDS: &[(&str, &str)] = &[
    (UNQUOTED, QUOTE_IT),
    ("key with no value", NO_VALUE),
    ("unexpected key or value", "only a comment may follow; each key needs a line of its own"),
    ("unclosed table", "the name of a section must end with ]"),
    ("unclosed array", "unterminated list; put a ] at its end"),
    ("unclosed inline table", "unterminated inline table; put a } at its end"),
    ("invalid boolean", "not a value; write true or false in full and in lower case"),
    // The parser takes anything that begins with a digit, n or i for a number: an address, `no`.
    ("invalid float", QUOTE_IT),
    ("invalid integer", QUOTE_IT),
    ("invalid fraction", NO_NUMBER),
    ("invalid exponent", NO_NUMBER),
    ("missing escaped value", r"a backslash in a string must be doubled, as \\"),
    ("unexpected leading zero", "a number must not begin with 0"),
    ("invalid basic string, expected `\"`", "unterminated string; put a \" at its end"),
    ("invalid literal string, expected `'`", "unterminated string; put a ' at its end"),
    ("invalid multi-line basic string, expected `\"`", "unterminated string; put \"\"\" at its end"),
    (
        "carriage return must be followed by newline",
        "every line must end with LF or CR LF; save the file with such line ends",
    ),
    ("unquoted keys cannot be empty", "missing key"),
    ("invalid unquoted key", "a key may contain only letters, digits, _ and -"),
];

/// How much of the tree can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// The whole tree.
    Whole,
    /// Its contents are right, but the keys on broken lines are missing.
    Partial,
    /// Nothing: a broken line may have moved others to another section.
    Unusable,
}

/// Finds the line of a byte in a text.
pub(super) struct LineIndex<'a> {
    text: &'a str,
    /// Where each line begins; the first entry is 0.
    starts: Vec<usize>,
}

impl<'a> LineIndex<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_newlines.filter(|at| *at < text.len())).collect();
        Self { text, starts }
    }

    /// The number, from 1, of the line with the byte at `offset`; the last line for an offset past the end.
    pub(super) fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The text of the line with the byte at `offset`.
    fn at(&self, offset: usize) -> &'a str {
        let start = self.starts.get(self.number(offset) - 1).copied().unwrap_or_default();
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }
}

/// Runs `walk` on the tree of `text`, and returns the parser's errors and the result of `walk`.
///
/// The parser recovers from errors by guessing. Its tree is used only if there are no errors, or if every broken line is a
/// single `key = value`: those lines are then blanked out, which moves no other line, and the rest is parsed again.
pub(super) fn with_tree<R>(text: &str, walk: impl FnOnce(&Spanned<DeTable<'_>>, Tree) -> R) -> (Vec<SyntaxError>, R) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return (Vec::new(), walk(&tree, Tree::Whole));
    }
    let lines = LineIndex::of(text);
    // Only the first error of a line; the others follow from it.
    let mut seen = BTreeSet::new();
    let found = errors.iter().map(|error| syntax_error(&lines, error)).filter(|(line, _)| seen.insert(*line)).collect();
    let blanked = without_broken_lines(&lines, &errors);
    let (tree, errors) = DeTable::parse_recoverable(&blanked);
    // A duplicate section is not blanked: the parser merges the two, which is what we want.
    let usable = errors.iter().all(|error| is_duplicate(error) && is_header(lines.at(offset(error))));
    let state = if usable { Tree::Partial } else { Tree::Unusable };
    (found, walk(&tree, state))
}

fn without_broken_lines(lines: &LineIndex<'_>, errors: &[Error]) -> String {
    let broken: BTreeSet<usize> = errors.iter().map(|error| lines.number(offset(error))).collect();
    let mut blanked = String::with_capacity(lines.text.len());
    for (index, line) in lines.text.split_inclusive('\n').enumerate() {
        if broken.contains(&(index + 1)) && is_setting(line) {
            // As many bytes as before, so that all offsets stay the same.
            let (words, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
            blanked.extend(std::iter::repeat_n(' ', words.len()));
            blanked.push_str(end);
        } else {
            blanked.push_str(line);
        }
    }
    blanked
}

/// Whether a line is a `key = value` that ends on the line.
fn is_setting(line: &str) -> bool {
    !is_header(line) && !line.contains("\"\"\"") && !line.contains("'''")
}

fn is_header(line: &str) -> bool {
    line.trim_start().starts_with('[')
}

fn is_duplicate(error: &Error) -> bool {
    error.message().starts_with("duplicate key")
}

fn offset(error: &Error) -> usize {
    error.span().unwrap_or_default().start
}

fn syntax_error(lines: &LineIndex<'_>, error: &Error) -> SyntaxError {
    (lines.number(offset(error)), in_words(lines, error))
}

/// The parser's message in words for readers who do not know TOML. Unknown messages are passed on as they are.
///
/// Never quotes a value, since it may be a password.
fn in_words(lines: &LineIndex<'_>, error: &Error) -> String {
    let message = error.message();
    if is_duplicate(error) {
        let name = error.span().and_then(|span| lines.text.get(span)).unwrap_or("a key");
        return if is_header(lines.at(offset(error))) {
            format!("the section {} appears twice; put its keys together", name.escape_debug())
        } else {
            format!("{} appears twice; keep one of the two", name.escape_debug())
        };
    }
    if error.span().is_some_and(|span| span.is_empty()) && message.starts_with(UNQUOTED) {
        return NO_VALUE.to_owned();
    }
    match PLAIN_WORDS.iter().find(|(start, _)| message.starts_with(start)) {
        Some((_, words)) => (*words).to_owned(),
        None => format!("not valid TOML: {message}"),
    }
}
