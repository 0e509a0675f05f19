//! Moves by clusters and words in a line.
//!
//! Every position is in bytes, and a boundary between clusters (UAX #29). A boundary depends only on the text before it
//! and the one character after it, so a part that begins at a boundary can be examined by itself.
//!
//! *Owns* the steps by one cluster, one word, and one blank-separated word; which clusters are marks only.
//! *Knows nothing of* keys and of the screen.

use crate::text;

/// One cluster to the left.
pub(super) fn left(line: &str, at: usize) -> usize {
    at - text::graphemes(&line[..at]).next_back().map_or(0, str::len)
}

/// One cluster to the right.
pub(super) fn right(line: &str, at: usize) -> usize {
    at + text::graphemes(&line[at..]).next().map_or(0, str::len)
}

/// The start of the word of letters and digits here or to the left.
pub(super) fn word_left(line: &str, at: usize) -> usize {
    run_left(line, run_left(line, at, |cluster| !is_word(cluster)), is_word)
}

/// The end of the word of letters and digits here or to the right.
pub(super) fn word_right(line: &str, at: usize) -> usize {
    run_right(line, run_right(line, at, |cluster| !is_word(cluster)), is_word)
}

/// The start of the blank-separated word here or to the left.
pub(super) fn space_left(line: &str, at: usize) -> usize {
    run_left(line, run_left(line, at, is_blank), |cluster| !is_blank(cluster))
}

/// The first boundary at or after `at`, which need not be one; `from` is a boundary before it.
pub(super) fn boundary_from(line: &str, from: usize, at: usize) -> usize {
    let mut boundary = from;
    for cluster in text::graphemes(&line[from..]) {
        if boundary >= at {
            break;
        }
        boundary += cluster.len();
    }
    boundary
}

fn run_left(line: &str, at: usize, belongs: impl Fn(&str) -> bool) -> usize {
    at - text::graphemes(&line[..at]).rev().take_while(|cluster| belongs(cluster)).map(str::len).sum::<usize>()
}

fn run_right(line: &str, at: usize, belongs: impl Fn(&str) -> bool) -> usize {
    at + text::graphemes(&line[at..]).take_while(|cluster| belongs(cluster)).map(str::len).sum::<usize>()
}

fn is_word(cluster: &str) -> bool {
    cluster.starts_with(char::is_alphanumeric)
}

fn is_blank(cluster: &str) -> bool {
    cluster.starts_with(char::is_whitespace)
}

/// Whether the text begins with a zero-width cluster, which is drawn into the cell before it.
pub(super) fn leads_with_mark(text: &str) -> bool {
    text::graphemes(text).next().is_some_and(|cluster| text::grapheme_width(cluster) == 0)
}
