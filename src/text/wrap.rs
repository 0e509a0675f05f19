//! Breaks lines into rows that fit a terminal.
//!
//! *Owns* where a line is broken.
//! *Knows nothing of* escape sequences and the cursor: it returns slices, the caller draws them.
//! *Called by* `screen`.

use super::width::{grapheme_indices, grapheme_width, width};

/// Breaks one sanitised line into rows for a terminal of `columns`.
///
/// The rows come without the `indent` spaces that the caller puts before every row but the first. A row with its
/// indent is never wider than `columns`, unless it holds a single cluster that is wider by itself.
///
/// A row is broken at spaces, and those spaces are dropped; a word that does not fit even a row of its own fills the
/// row it begins in and is cut between clusters. Nothing but spaces is ever lost. There is always at least one row.
///
/// Zero columns count as one, and an indent that leaves no room leaves one column.
pub fn wrap(text: &str, columns: usize, indent: usize) -> Vec<&str> {
    let mut rows = Rows {
        text,
        done: Vec::new(),
        start: 0,
        end: 0,
        used: 0,
        limit: columns.max(1),
        later: columns.saturating_sub(indent).max(1),
    };
    let mut at = 0;
    while at < text.len() {
        let gap = text[at..].bytes().take_while(|byte| *byte == b' ').count();
        let rest = &text[at + gap..];
        let word = rest.split(' ').next().unwrap_or(rest);
        rows.place(gap, at + gap, word);
        at += gap + word.len();
    }
    rows.finish()
}

/// [`wrap`] for a text of several sanitised lines with LF between them: the rows of all of them.
///
/// The caller puts `indent` spaces before every row but the very first, the first rows of the other lines included. An
/// empty line is an empty row. Where the width is not known, `usize::MAX` columns break at line ends only.
pub fn wrap_lines(text: &str, columns: usize, indent: usize) -> Vec<&str> {
    let (first, rest) = text.split_once('\n').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let mut rows = wrap(first, columns, indent);
    for line in rest.into_iter().flat_map(|rest| rest.split('\n')) {
        rows.extend(wrap(line, columns.saturating_sub(indent), 0));
    }
    rows
}

/// The rows so far and the one being filled.
struct Rows<'a> {
    text: &'a str,
    done: Vec<&'a str>,
    /// Where the open row begins, in bytes.
    start: usize,
    /// Where it ends, behind its last word.
    end: usize,
    /// Columns of what lies between.
    used: usize,
    /// Columns the open row may take.
    limit: usize,
    /// Columns every further row may take.
    later: usize,
}

impl<'a> Rows<'a> {
    /// Adds a word that begins at byte `at` behind a gap of so many spaces. At the end of a line that ends in spaces
    /// the word is empty: the spaces stay where there is room for them.
    fn place(&mut self, gap: usize, at: usize, word: &str) {
        let wide = width(word);
        if self.used + gap + wide <= self.limit {
            self.used += gap + wide;
            self.end = at + word.len();
        } else if word.is_empty() {
            // No room for spaces that nothing follows.
        } else if wide <= self.later {
            self.turn(at);
            self.used = wide;
            self.end = at + word.len();
        } else {
            self.cut(gap, at, word);
        }
    }

    /// Spreads a word too long for any row over as many as it takes.
    fn cut(&mut self, gap: usize, at: usize, word: &str) {
        self.used += gap;
        for (offset, cluster) in grapheme_indices(word) {
            let wide = grapheme_width(cluster);
            let from = at + offset;
            // A row takes at least one cluster, however wide: else a narrow terminal would never get to the end.
            if self.used + wide > self.limit && from > self.start {
                self.turn(from);
            }
            self.used += wide;
            self.end = from + cluster.len();
        }
    }

    /// Closes the open row and begins the next one at this byte.
    fn turn(&mut self, next: usize) {
        self.done.push(&self.text[self.start..self.end]);
        self.start = next;
        self.end = next;
        self.used = 0;
        self.limit = self.later;
    }

    fn finish(mut self) -> Vec<&'a str> {
        self.done.push(&self.text[self.start..self.end]);
        self.done
    }
}
