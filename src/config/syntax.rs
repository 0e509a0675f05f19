//! Config text to TOML tree, with the parser's complaints in plain words.
//!
//! *Owns* the walk past broken lines, so that one slip does not hide the other mistakes, and the numbering of lines.
//! *Knows nothing of* the keys. *Called by* `read`.

use std::collections::BTreeSet;

use toml::Spanned;
use toml::de::{DeTable, Error};

/// A complaint of the parser: where, and what in plain words.
pub(super) type Complaint = (usize, String);

const UNQUOTED: &str = "string values must be quoted";

const QUOTE_IT: &str = "text must stand in quotes, as in key = \"text\"; numbers, true and false stand without";

const NO_VALUE: &str = "a key needs = and a value, as in key = 5";

const NO_NUMBER: &str = "this is no number; write it as in key = 5";

/// How a message of the parser begins, and the same in plain words.
const PLAIN_WORDS: &[(&str, &str)] = &[
    (UNQUOTED, QUOTE_IT),
    ("key with no value", NO_VALUE),
    ("unexpected key or value", "only a comment may follow here; each key has a line of its own"),
    ("unclosed table", "a section's name must be closed with ]"),
    ("unclosed array", "a list is not closed; put a ] at its end"),
    ("unclosed inline table", "a { is not closed; put a } at its end"),
    ("invalid boolean", "this is no value; true and false are written in full and in small letters"),
    // What begins with a digit or with n or i is taken for a number: an address, `no`.
    ("invalid float", QUOTE_IT),
    ("invalid integer", QUOTE_IT),
    ("invalid fraction", NO_NUMBER),
    ("invalid exponent", NO_NUMBER),
    ("missing escaped value", r"a backslash in a text must be written twice, as \\"),
    ("unexpected leading zero", "a number must not begin with 0"),
    ("invalid basic string, expected `\"`", "a text is not closed; put a \" at its end"),
    ("invalid literal string, expected `'`", "a text is not closed; put a ' at its end"),
    ("invalid multi-line basic string, expected `\"`", "a text is not closed; put \"\"\" at its end"),
    ("unquoted keys cannot be empty", "a name is missing"),
    ("invalid unquoted key", "a name holds letters, digits, _ and - only"),
];

/// What of the tree can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tree {
    /// All of it.
    Whole,
    /// What is there stands in the file, but some keys are missing: those of the broken lines.
    Partial,
    /// Nothing: a broken line may have moved other lines to another section.
    Unusable,
}

/// The lines of a text, found by the place of a byte.
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

    /// The number, from 1, of the line that holds the byte at `offset`; the last line for what is past the end.
    pub(super) fn number(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// The text of the line that holds the byte at `offset`.
    fn at(&self, offset: usize) -> &'a str {
        let start = self.starts.get(self.number(offset) - 1).copied().unwrap_or_default();
        self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default()
    }
}

/// Runs `walk` on the tree of `text` and returns its result after the parser's own complaints.
///
/// The parser recovers from errors by guessing. We take its tree only when nothing was wrong, or when every broken
/// line is a `key = value` of its own: then the lines are blanked out, which moves no other line, and the rest is
/// parsed again.
pub(super) fn with_tree<R>(text: &str, walk: impl FnOnce(&Spanned<DeTable<'_>>, Tree) -> R) -> (Vec<Complaint>, R) {
    let (tree, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        return (Vec::new(), walk(&tree, Tree::Whole));
    }
    let lines = LineIndex::of(text);
    // The first complaint about a line; the others follow from it.
    let mut told = BTreeSet::new();
    let complaints =
        errors.iter().map(|error| complaint(&lines, error)).filter(|(line, _)| told.insert(*line)).collect();
    let blanked = without_broken_lines(&lines, &errors);
    let (tree, errors) = DeTable::parse_recoverable(&blanked);
    // A section that stands twice is not blanked; the parser takes both together, which is right for our purpose.
    let usable = errors.iter().all(|error| is_duplicate(error) && is_header(lines.at(offset(error))));
    let state = if usable { Tree::Partial } else { Tree::Unusable };
    (complaints, walk(&tree, state))
}

fn without_broken_lines(lines: &LineIndex<'_>, errors: &[Error]) -> String {
    let broken: BTreeSet<usize> = errors.iter().map(|error| lines.number(offset(error))).collect();
    let mut blanked = String::with_capacity(lines.text.len());
    for (index, line) in lines.text.split_inclusive('\n').enumerate() {
        if broken.contains(&(index + 1)) && is_setting(line) {
            // As many bytes as before, so that all places in the text stay the same.
            let (words, end) = line.split_at(line.trim_end_matches(['\r', '\n']).len());
            blanked.extend(std::iter::repeat_n(' ', words.len()));
            blanked.push_str(end);
        } else {
            blanked.push_str(line);
        }
    }
    blanked
}

/// A `key = value` that ends on its line.
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

fn complaint(lines: &LineIndex<'_>, error: &Error) -> Complaint {
    (lines.number(offset(error)), in_words(lines, error))
}

/// The parser's message, said to somebody who does not know TOML. Those not known here are passed on as they are.
///
/// Never quotes a value: it may be a password.
fn in_words(lines: &LineIndex<'_>, error: &Error) -> String {
    let message = error.message();
    if is_duplicate(error) {
        let name = error.span().and_then(|span| lines.text.get(span)).unwrap_or("a key");
        return if is_header(lines.at(offset(error))) {
            format!("the section {} stands twice in the file; put its keys together", name.escape_debug())
        } else {
            format!("{} is set twice; keep one of the two", name.escape_debug())
        };
    }
    if error.span().is_some_and(|span| span.is_empty()) && message.starts_with(UNQUOTED) {
        return NO_VALUE.to_owned();
    }
    match PLAIN_WORDS.iter().find(|(start, _)| message.starts_with(start)) {
        Some((_, words)) => (*words).to_owned(),
        None => format!("this line cannot be read as TOML: {message}"),
    }
}
