//! Breaks lines into rows that fit a terminal.
//!
//! *Owns* where a line is broken.
//! *Knows nothing of* escape sequences and the cursor: it returns slices, and the caller draws them.

use super::width::{grapheme_indices, grapheme_width, width};

/// Breaks one sanitised line into rows for a terminal of `columns`.
///
/// The rows do not include the `indent` spaces that the caller puts before every row but the first. A row with its
/// indent is never wider than `columns`, unless it is a single cluster that is wider by itself.
///
/// A line is broken at spaces, which are dropped. A word that is longer than a whole row starts in the current row and
/// is cut between clusters. Only spaces are ever lost. There is always at least one row.
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

/// [`wrap`] for several sanitised lines with LF between them.
///
/// The caller puts `indent` spaces before every row but the very first, including the first rows of later lines. An
/// empty line is an empty row. With `usize::MAX` columns, for an unknown width, only LF breaks a row.
pub(crate) fn wrap_lines(text: &str, columns: usize, indent: usize) -> Vec<&str> {
    let (first, rest) = text.split_once('\n').map_or((text, None), |(first, rest)| (first, Some(rest)));
    let mut rows = wrap(first, columns, indent);
    for line in rest.into_iter().flat_map(|rest| rest.split('\n')) {
        rows.extend(wrap(line, columns.saturating_sub(indent), 0));
    }
    rows
}

/// The finished rows and the one being filled.
struct Rows<'a> {
    text: &'a str,
    done: Vec<&'a str>,
    /// Start of the open row, in bytes.
    start: usize,
    /// Its end, after its last word.
    end: usize,
    /// The width of the open row so far, in columns.
    used: usize,
    /// Columns available to the open row.
    limit: usize,
    /// Columns available to every later row.
    later: usize,
}

impl<'a> Rows<'a> {
    /// Adds a word that begins at byte `at` after `gap` spaces. If the line ends in spaces, the last word is empty, and
    /// the spaces stay if there is room for them.
    fn place(&mut self, gap: usize, at: usize, word: &str) {
        let wide = width(word);
        if self.used + gap + wide <= self.limit {
            self.used += gap + wide;
            self.end = at + word.len();
        } else if word.is_empty() {
            // There is no room for trailing spaces.
        } else if wide <= self.later {
            self.turn(at);
            self.used = wide;
            self.end = at + word.len();
        } else {
            self.cut(gap, at, word);
        }
    }

    /// Spreads a word that is too long for one row over several.
    fn cut(&mut self, gap: usize, at: usize, word: &str) {
        self.used += gap;
        for (offset, cluster) in grapheme_indices(word) {
            let wide = grapheme_width(cluster);
            let from = at + offset;
            // A row takes at least one cluster, however wide; otherwise a narrow terminal would cause an endless loop.
            if self.used + wide > self.limit && from > self.start {
                self.turn(from);
            }
            self.used += wide;
            self.end = from + cluster.len();
        }
    }

    /// Closes the open row and begins the next one at byte `next`.
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
