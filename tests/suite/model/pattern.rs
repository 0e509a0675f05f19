//! Expected lines, with placeholders for values that a model without a clock cannot know.

/// A time of day or a number.
pub const NUMBER: char = '\u{1}';
/// A duration such as `59 minutes 59 seconds`.
pub const SPAN: char = '\u{2}';
/// A word: in which of several places a message was found.
pub const WORD: char = '\u{3}';
/// Anything at all.
pub const SENTENCE: char = '\u{4}';

/// Whether a line is what was expected.
pub fn fits(expected: &str, seen: &str) -> bool {
    if expected == seen {
        return true;
    }
    let Some(at) = expected.find([NUMBER, SPAN, WORD, SENTENCE]) else { return false };
    let Some(rest) = expected.get(..at).and_then(|start| seen.strip_prefix(start)) else { return false };
    let sign = expected[at..].chars().next();
    let fitting = |c: char| match sign {
        Some(NUMBER) => c.is_ascii_digit() || c == ':',
        Some(SPAN) => c.is_ascii_alphanumeric() || c == ' ',
        Some(SENTENCE) => true,
        _ => c.is_ascii_alphanumeric() || c == '@',
    };
    let longest = rest.find(|c| !fitting(c)).unwrap_or(rest.len());
    (1..=longest).rev().any(|length| fits(&expected[at + 1..], &rest[length..]))
}

/// How an expected line is printed.
pub fn printed(expected: &str) -> String {
    expected.replace(NUMBER, "<number>").replace(SPAN, "<span>").replace(WORD, "<word>").replace(SENTENCE, "<sentence>")
}

#[test]
fn placeholders_stand_for_what_varies() {
    assert!(fits("[\u{1}] #12 bob: hi", "[14:03] #12 bob: hi"));
    assert!(!fits("[\u{1}] #12 bob: hi", "[14:03] #13 bob: hi"));
    assert!(fits("for \u{2} (why).", "for 1 hour 59 minutes (why)."));
    assert!(!fits("in \u{1} seconds.", "in  seconds."));
}
