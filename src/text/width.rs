//! Counts, measures and cuts text by grapheme cluster.
//!
//! The functions expect sanitised text. Printable ASCII takes a fast path, since nearly every line is pure ASCII.
//!
//! *Owns* how many columns a cluster takes.
//! *Knows nothing of* rows and terminals.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The clusters of a text, in order, from either end.
pub(crate) fn graphemes(text: &str) -> impl DoubleEndedIterator<Item = &str> + Clone {
    text.graphemes(true)
}

/// The clusters of a text, each with its offset in bytes.
pub(crate) fn grapheme_indices(text: &str) -> impl DoubleEndedIterator<Item = (usize, &str)> + Clone {
    text.grapheme_indices(true)
}

/// The number of clusters. Message limits count these.
pub(crate) fn grapheme_count(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { graphemes(text).count() }
}

/// Columns that a text takes on a terminal.
pub fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { graphemes(text).map(grapheme_width).sum() }
}

/// Columns that one cluster takes: 2 for CJK, flags, emoji and whole families joined by U+200D, 0 for a mark on its own.
///
/// A terminal that supports fewer emoji than the standard may draw a family as several people; there is no way to ask.
pub(crate) fn grapheme_width(cluster: &str) -> usize {
    if cluster.is_ascii() { cluster.len() } else { cluster.width() }
}

/// The text without the zero-width characters at its start, such as a zero-width space that was copied along.
pub(crate) fn trim_unseen_start(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.width() == Some(0))
}

/// Pads a text with blanks to a width in columns. The width in a format string would count characters.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    let mut padded = String::with_capacity(text.len() + blanks);
    padded.push_str(text);
    padded.extend(std::iter::repeat_n(' ', blanks));
    padded
}

/// Longest prefix of whole clusters that fits into `columns`.
///
/// Zero-width marks after the last cluster that fits belong to the prefix.
pub(crate) fn truncate(text: &str, columns: usize) -> &str {
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
