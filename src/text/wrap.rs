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
    wrap_units(text, columns, indent, |rest| rest.find(' ').unwrap_or(rest.len()))
}

/// [`wrap`] with the caller's rule for what must not be broken: `unit` gets the text from the start of a word, and
/// returns how many bytes of it stay in one row.
fn wrap_units(text: &str, columns: usize, indent: usize, unit: impl Fn(&str) -> usize) -> Vec<&str> {
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
        let word = &rest[..unit(rest)];
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

/// [`wrap_lines`] for the server's own notices, with three rules that make them easier to read: a number stays with its
/// one-letter unit (`5 s`); the last row is never a single short word; and the last column of a table row moves to the
/// next row if it would begin past the middle.
pub(crate) fn wrap_notice(text: &str, columns: usize, indent: usize) -> Vec<&str> {
    let mut rows = Vec::new();
    for line in text.split('\n') {
        let (columns, indent) = if rows.is_empty() { (columns, indent) } else { (columns.saturating_sub(indent), 0) };
        let rest = columns.saturating_sub(indent).max(1);
        let unit = |text: &str| notice_unit(text, rest);
        match last_column(line, columns) {
            Some((before, last)) => {
                rows.extend(wrap_units(before, columns, indent, unit));
                rows.extend(wrap_units(last, rest, 0, unit));
            }
            None => rows.extend(wrap_units(line, columns, indent, unit)),
        }
    }
    rows
}

/// Words up to this width, in columns, never stand alone in the last row of a notice.
const SHORT: usize = 2;

/// How many bytes at the start of a notice, or of the rest of it, stay together in rows of `columns`.
fn notice_unit(text: &str, columns: usize) -> usize {
    let word = text.find(' ').unwrap_or(text.len());
    let next = text[word..].strip_prefix(' ').unwrap_or("");
    let second = next.find(' ').unwrap_or(next.len());
    let is_unit = text[..word].ends_with(|c: char| c.is_ascii_digit())
        && next.starts_with(|c: char| c.is_ascii_alphabetic())
        && !next[..second].chars().skip(1).any(char::is_alphanumeric);
    let is_end = second == next.len() && (1..=SHORT).contains(&width(next));
    let both = word + 1 + second;
    if (is_unit || is_end) && width(&text[..both]) <= columns { both } else { word }
}

/// Splits a table row that is too wide in front of its last column, if that column begins past the middle of the row.
fn last_column(line: &str, columns: usize) -> Option<(&str, &str)> {
    if width(line) <= columns {
        return None;
    }
    let (before, last) = line.rsplit_once("  ")?;
    let at = width(line) - width(last);
    (2 * at > columns && !last.is_empty()).then(|| (before.trim_end_matches(' '), last))
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
            self.break_row(at);
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
                self.break_row(from);
            }
            self.used += wide;
            self.end = from + cluster.len();
        }
    }

    /// Closes the open row and begins the next one at byte `next`.
    fn break_row(&mut self, next: usize) {
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
