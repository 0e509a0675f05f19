//! Divides a row of text into styled spans: the reader's name, URLs, search matches.
//!
//! *Owns* which parts of a text stand out. *Knows nothing of* frames and of the row's place.

use std::ops::Range;

use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use super::look::Look;
use crate::chat::names::fold;
use crate::chat::pattern::Pattern;
use crate::ui::screen::words;

/// Most highlighted spans in a row.
const MOST_MARKS: usize = 64;

/// What is highlighted in texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'a> {
    /// The reader's name, folded.
    pub(super) me: &'a str,
    /// The pattern of the search.
    pub(super) wanted: Option<&'a Pattern>,
}

/// The row as spans. `plain` is the style of the text between highlights.
pub(super) fn spans(row: &str, plain: Style, look: Look, marks: Marks<'_>) -> Vec<Span<'static>> {
    let mut found = match marks.wanted {
        Some(wanted) => matches(row, wanted),
        None => mentions(row, marks.me),
    };
    let kinds: Vec<(Range<usize>, Style)> = found.drain(..).map(|range| (range, look.marked())).collect();
    let kinds = if kinds.is_empty() { addresses(row) } else { kinds };
    let mut spans = Vec::with_capacity(kinds.len() * 2 + 1);
    let mut done = 0;
    for (range, style) in kinds {
        if range.start > done {
            spans.push(Span::styled(row[done..range.start].to_owned(), plain));
        }
        spans.push(Span::styled(row[range.clone()].to_owned(), plain.patch(style)));
        done = range.end;
    }
    if done < row.len() {
        spans.push(Span::styled(row[done..].to_owned(), plain));
    }
    spans
}

fn mentions(row: &str, me: &str) -> Vec<Range<usize>> {
    if me.is_empty() {
        return Vec::new();
    }
    let is_me = |word: &str| word.eq_ignore_ascii_case(me) || (!word.is_ascii() && fold(word) == me);
    words(row).filter(|(_, word)| is_me(word)).map(|(at, word)| at..at + word.len()).take(MOST_MARKS).collect()
}

fn matches(row: &str, wanted: &Pattern) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while found.len() < MOST_MARKS
        && let Some(range) = row.get(from..).and_then(|rest| wanted.find(rest))
    {
        found.push(from + range.start..from + range.end);
        from += range.end;
    }
    found
}

fn addresses(row: &str) -> Vec<(Range<usize>, Style)> {
    if !row.contains("://") {
        return Vec::new();
    }
    let style = Style::new().add_modifier(Modifier::UNDERLINED);
    let starts = |word: &str| word.starts_with("http://") || word.starts_with("https://");
    let mut at = 0;
    let found = row.split(' ').filter_map(|word| {
        let start = at;
        at += word.len() + 1;
        starts(word).then(|| (start..start + word.trim_end_matches(['.', ',', ';', ')']).len(), style))
    });
    found.take(MOST_MARKS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ConnectLook;

    const LOOK: Look = Look { shape: ConnectLook::Lines, utf8: true, few_glyphs: false, color: true };

    fn marked(row: &str, marks: Marks<'_>) -> Vec<String> {
        let spans = spans(row, Style::new(), LOOK, marks);
        assert_eq!(spans.iter().map(|span| &*span.content).collect::<String>(), row);
        spans.iter().filter(|span| span.style != Style::new()).map(|span| span.content.to_string()).collect()
    }

    #[test]
    fn the_readers_name_stands_out() {
        let marks = Marks { me: "bob", wanted: None };
        assert_eq!(marked("Bob, and @bob, not bobby", marks), ["Bob", "bob"]);
        assert_eq!(marked("Привет, Нина", Marks { me: "нина", wanted: None }), ["Нина"]);
    }

    #[test]
    fn what_is_searched_for_stands_out() {
        let wanted = crate::chat::pattern::compile("o+").expect("a pattern");
        assert_eq!(marked("foo bob", Marks { me: "bob", wanted: Some(&wanted) }), ["oo", "o"]);
    }

    #[test]
    fn addresses_are_underlined() {
        assert_eq!(marked("see https://example.org/x.", Marks { me: "", wanted: None }), ["https://example.org/x"]);
    }
}
