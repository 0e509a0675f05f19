//! Counts, measures and cuts text by grapheme cluster.
//!
//! *Owns* how many columns a cluster takes.
//! *Knows nothing of* rows, terminals and what the text means.
//! *Called by* `wrap`, and the line editor and the limits outside.
//!
//! All of it is meant for sanitised text. Printable ASCII takes a short way, as nearly every line is nothing else.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The clusters of a text, in order, from either end.
pub fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    text.graphemes(true)
}

/// The clusters of a text, each with the byte at which it begins.
pub fn grapheme_indices(text: &str) -> impl DoubleEndedIterator<Item = (usize, &str)> + Clone {
    text.grapheme_indices(true)
}

/// How many clusters a text has: what limits on messages count.
pub fn grapheme_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { graphemes(text).count() }
}

/// Columns a text takes on a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { graphemes(text).map(grapheme_width).sum() }
}

/// Columns one cluster takes: 2 for CJK, flags, emoji and whole families joined by U+200D, 0 for a mark on its own.
///
/// A terminal that knows less of emoji than the standard may draw a family as several people; there is no asking it.
pub fn grapheme_width(cluster: &str) -> usize {
    if cluster.is_ascii() { cluster.len() } else { cluster.width() }
}

/// A text with blanks behind it up to so many columns. A format's width counts characters.
pub fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    let mut padded = String::with_capacity(text.len() + blanks);
    padded.push_str(text);
    padded.extend(std::iter::repeat_n(' ', blanks));
    padded
}

/// Longest prefix of whole clusters that fits so many columns.
///
/// Marks without a width behind the last one that fits belong to the prefix.
pub fn truncate(text: &str, columns: usize) -> &str {
    if text.is_ascii() {
        return text.get(..columns).unwrap_or(text);
    }
    let mut used = 0;
    for (at, cluster) in grapheme_indices(text) {
        used += grapheme_width(cluster);
        if used > columns {
            return &text[..at];
        }
    }
    text
}
