//! Where text ends up on a terminal that wraps at its margin.
//!
//! *Owns* the arithmetic of rows and columns.
//! *Knows nothing of* what is written.
//! *Called by* `line::editor`.

use crate::text;

/// A cell, counted from the row in which the prompt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) row: usize,
    pub(super) column: usize,
}

impl Cell {
    /// Where the cursor is after some more text, if a cluster that does not fit goes to the next row whole. On the margin
    /// the column is the width itself: the terminal has not wrapped yet.
    pub(super) fn after(mut self, text: &str, columns: usize) -> Cell {
        for cluster in text::graphemes(text) {
            let width = text::grapheme_width(cluster);
            self = self.room_for(width, columns);
            self.column += width;
        }
        self
    }

    /// The cell in which something of that width begins.
    pub(super) fn room_for(self, width: usize, columns: usize) -> Cell {
        if self.column + width > columns { Cell { row: self.row + 1, column: 0 } } else { self }
    }

    /// The cell of a cursor that waits for the next character: never beyond the margin.
    pub(super) fn settled(self, columns: usize) -> Cell {
        self.room_for(1, columns)
    }
}
