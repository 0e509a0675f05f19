//! Positions of text on a terminal that wraps at its margin, and how to write it there.
//!
//! Terminals differ: after a full row most of them delay wrapping until the next character (VT100 user guide, "autowrap")
//! and some wrap at once; most move a wide character that does not fit in the last column and some cut it. So nothing here
//! leaves the cursor at the margin after a full row ([`LEAVE_MARGIN`]), and the cells before a cluster that does not fit
//! are filled with blanks. The cursor moves by CR, by LF onto rows that exist, and by the ECMA-48 sequences that every
//! terminal of the last forty years knows: CUU, CUF, ED.
//!
//! *Owns* the arithmetic of rows and columns, and cursor moves.
//! *Knows nothing of* prompts and keys.

use std::io::Write as _;

use crate::text;

/// Makes the terminal wrap after a full row, whether it delays wrapping or not.
pub(super) const LEAVE_MARGIN: &[u8] = b" \r";

/// Erases from the cursor to the end of the screen (ECMA-48, 8.3.39, ED).
pub(super) const ERASE_BELOW: &[u8] = b"\x1b[J";

/// Drawn for a line break, in a cell of its own; the line continues in the same row.
///
/// In ASCII, which every terminal draws, and not the bar, since prompts end with it.
pub(super) const BREAK_MARK: u8 = b'\\';

#[cfg(test)]
thread_local! {
    /// Bytes measured one by one on this thread.
    pub(super) static MEASURED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Counts, for tests, the bytes measured one by one.
fn note_measured(_text: &str) {
    #[cfg(test)]
    MEASURED.set(MEASURED.get() + _text.len());
}

/// A cell, relative to the one in which the prompt begins.
///
/// The end of a text may be on the margin; its column is then the width of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Cell {
    /// The end of a text that begins here.
    pub(super) fn after(self, text: &str, columns: usize) -> Cell {
        if text.is_empty() {
            return self;
        }
        if text.is_ascii() {
            // No cell is left free, so row and column follow from one number. The last cell, not the one after it, decides
            // the row.
            let last = self.row * columns + self.column + text.len() - 1;
            return Cell { row: last / columns, column: last % columns + 1 };
        }
        note_measured(text);
        text::graphemes(text).fold(self, |cell, cluster| {
            let width = text::grapheme_width(cluster);
            let at = cell.fitting(width, columns);
            Cell { column: at.column + width, ..at }
        })
    }

    /// The cell where a cluster of that width begins: this one, or the next row if it does not fit.
    pub(super) fn fitting(self, width: usize, columns: usize) -> Cell {
        if self.column + width > columns { Cell { row: self.row + 1, column: 0 } } else { self }
    }

    /// Where the cursor is after a text that ends here: never on the margin.
    pub(super) fn settled(self, columns: usize) -> Cell {
        self.fitting(1, columns)
    }
}

/// The rows that are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) columns: usize,
    /// The first row drawn.
    pub(super) top: usize,
    /// How many may be drawn.
    pub(super) rows: usize,
}

impl Window {
    /// The first of `rows` rows to draw, so that the cursor is among them, in the middle if possible.
    pub(super) fn top(rows: usize, total: usize, cursor: usize) -> usize {
        cursor.saturating_sub(rows / 2).min(total.saturating_sub(rows))
    }

    fn bottom(&self) -> usize {
        self.top + self.rows
    }

    /// Writes the part of a text that lies in the window, and returns the end. The text begins at `pen`. The terminal's
    /// cursor has to be at `pen` if that is in the window, otherwise at the window's first cell.
    pub(super) fn write(&self, text: &str, pen: Cell, out: &mut Vec<u8>) -> Cell {
        if text.is_ascii() { self.write_ascii(text, pen, out) } else { self.write_clusters(text, pen, out) }
    }

    fn write_ascii(&self, text: &str, pen: Cell, out: &mut Vec<u8>) -> Cell {
        let cell = pen.row * self.columns + pen.column;
        let from = (self.top * self.columns).saturating_sub(cell).min(text.len());
        let to = (self.bottom() * self.columns).saturating_sub(cell).clamp(from, text.len());
        let start = out.len();
        out.extend_from_slice(&text.as_bytes()[from..to]);
        out[start..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = BREAK_MARK);
        pen.after(&text[..to], self.columns)
    }

    fn write_clusters(&self, text: &str, mut pen: Cell, out: &mut Vec<u8>) -> Cell {
        note_measured(text);
        for cluster in text::graphemes(text) {
            let width = text::grapheme_width(cluster);
            let at = pen.fitting(width, self.columns);
            if at.row >= self.bottom() {
                break;
            }
            if at.row > pen.row && pen.row >= self.top {
                out.resize(out.len() + self.columns.saturating_sub(pen.column), b' ');
            }
            match cluster {
                _ if at.row < self.top => {}
                "\n" => out.push(BREAK_MARK),
                cluster => out.extend_from_slice(cluster.as_bytes()),
            }
            pen = Cell { column: at.column + width, ..at };
        }
        pen
    }
}

/// Leaves the margin if the text ends on it, and returns the cell of the cursor.
pub(super) fn settle(end: Cell, columns: usize, out: &mut Vec<u8>) -> Cell {
    let settled = end.settled(columns);
    if settled != end {
        out.extend_from_slice(LEAVE_MARGIN);
    }
    settled
}

/// Moves the cursor. Neither cell may be on the margin, and both rows must exist on the screen.
pub(super) fn go(from: Cell, to: Cell, out: &mut Vec<u8>) {
    up(from.row.saturating_sub(to.row), out);
    let mut column = from.column;
    if to.row > from.row || to.column < column {
        out.push(b'\r');
        column = 0;
    }
    out.resize(out.len() + to.row.saturating_sub(from.row), b'\n');
    match to.column - column {
        0 => {}
        1 => out.extend_from_slice(b"\x1b[C"),
        // Writing to a Vec cannot fail.
        columns => drop(write!(out, "\x1b[{columns}C")),
    }
}

/// Moves the cursor up in its column.
pub(super) fn up(rows: usize, out: &mut Vec<u8>) {
    match rows {
        0 => {}
        1 => out.extend_from_slice(b"\x1b[A"),
        // Writing to a Vec cannot fail.
        rows => drop(write!(out, "\x1b[{rows}A")),
    }
}
