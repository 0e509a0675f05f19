//! Draws the line: what the terminal shows now, what it has to show, and the bytes in between.
//!
//! All positions follow from prompt, line, cursor and width. [`Placement`] remembers those of the last drawing, because after a
//! change only they tell where the terminal's cursor is.
//!
//! *Owns* erasing and drawing, no more than what has changed.
//! *Knows nothing of* keys and of what a change was.

use super::{Editor, KEPT_MEMORY};
use crate::protocol::line::layout::{Cell, ERASE_BELOW, Window, go, settle, up};
use crate::text;

/// Sounds when a key has no effect.
const BEL: u8 = 0x07;

/// What the terminal shows of the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Placement {
    /// The cursor.
    cursor: Cell,
    /// The end of the text before the cursor: the same cell, unless the cluster after it does not fit there.
    before: Cell,
    /// The cursor's position in the line, in bytes.
    at: usize,
    /// The end of the line.
    end: Cell,
    /// The first row drawn.
    top: usize,
    /// Length of the line, in bytes.
    length: usize,
}

impl Placement {
    /// Erases what is drawn, and leaves the cursor in its first cell.
    fn erase(&self, out: &mut Vec<u8>) {
        self.erase_from(self.cursor.row - self.top, out);
    }

    /// Erases from `rows` rows above the cursor.
    fn erase_from(&self, rows: usize, out: &mut Vec<u8>) {
        out.push(b'\r');
        up(rows, out);
        out.extend_from_slice(ERASE_BELOW);
    }
}

/// Prompt and line as they were written, and the cell after them. Used when text of others arrives, for which both are
/// erased and drawn again.
#[derive(Debug)]
pub(super) struct Drawn {
    bytes: Box<[u8]>,
    end: Cell,
}

/// The work of measuring a text, in bytes examined one by one. ASCII is examined many bytes at a time.
fn weight(text: &str) -> usize {
    if text.is_ascii() { text.len() / 32 } else { text.len() }
}

/// How much of the line differs from what the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Damage {
    /// Everything from the prompt on: a zero-width mark is drawn into the cell before it.
    All,
    /// The line from a byte on.
    From(usize),
    /// Nothing, though the cursor may have moved.
    Nothing,
}

impl Editor {
    /// Erases prompt and line on a terminal that may have rewrapped them to another width.
    pub(super) fn erase_reflowed(&self, now: usize, out: &mut Vec<u8>) {
        let rows = self.frame.cursor.row - self.frame.top;
        let cells = rows * self.columns + self.frame.cursor.column;
        // After a row that is now full, some terminals have the cursor in it and some in the next one.
        let erased = rows.min(cells.saturating_sub(1) / now);
        self.frame.erase_from(erased, out);
        // Wide characters may leave one cell free in each row.
        let is_narrow = self.prompt.is_ascii() && self.drawn().is_ascii();
        if erased < cells / if is_narrow { now } else { now - 1 } {
            // This row then continues the one above; a later rewrap would join them with what is written here.
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Erases prompt and line, and leaves the cursor where the prompt began.
    pub fn erase(&self, out: &mut Vec<u8>) {
        self.frame.erase(out);
    }

    /// Draws prompt and line at the start of a free row, and moves the cursor to its position.
    pub fn draw(&mut self, out: &mut Vec<u8>) {
        if let Some(drawn) = &self.drawn {
            out.extend_from_slice(&drawn.bytes);
            return go(drawn.end, self.frame.cursor, out);
        }
        let start = out.len();
        let end = self.write(out);
        if weight(self.drawn()) > KEPT_MEMORY {
            self.drawn = Some(Box::new(Drawn { bytes: out[start..].into(), end }));
        }
        go(end, self.frame.cursor, out);
    }

    /// Writes prompt and line, and returns the cell of the terminal's cursor.
    fn write(&self, out: &mut Vec<u8>) -> Cell {
        let window = self.window(&self.frame);
        let end = window.write(&self.prompt, Cell::default(), out);
        let end = window.write(self.drawn(), end, out);
        settle(end, self.columns, out)
    }

    /// Erases the line, runs `work`, and draws the line again.
    pub(super) fn redrawn(&mut self, out: &mut Vec<u8>, work: impl FnOnce(&mut Editor)) {
        self.erase(out);
        work(self);
        self.remeasure();
        self.draw(out);
    }

    /// Draws what has changed since the last drawing.
    pub(super) fn show(&mut self, out: &mut Vec<u8>) {
        let old = self.frame;
        let damage = std::mem::replace(&mut self.damage, Damage::Nothing);
        let start = out.len();
        if !self.hidden {
            let (frame, work) = self.measure_after(damage);
            self.frame = frame;
            self.work += work;
            if damage != Damage::Nothing || frame.top != old.top {
                self.drawn = None;
            }
            match damage {
                _ if self.frame.top != old.top => self.repaint(&old, out),
                Damage::Nothing => go(old.cursor, self.frame.cursor, out),
                Damage::From(byte) => self.repaint_from(byte, &old, out),
                Damage::All => self.repaint(&old, out),
            }
        }
        if std::mem::take(&mut self.bell_due) {
            out.push(BEL);
        }
        self.work += (out.len() - start) / 8;
    }

    /// Measures everything, after a change of prompt, width or height.
    pub(super) fn remeasure(&mut self) {
        self.work += weight(self.drawn());
        self.drawn = None;
        self.frame = self.measure();
    }

    fn repaint(&mut self, old: &Placement, out: &mut Vec<u8>) {
        self.work += weight(self.drawn());
        old.erase(out);
        go(self.write(out), self.frame.cursor, out);
    }

    fn repaint_from(&mut self, byte: usize, old: &Placement, out: &mut Vec<u8>) {
        let window = self.window(&self.frame);
        let start = if byte == old.length { old.end } else { self.cell_at(byte) }.settled(self.columns);
        if !(window.top..window.top + window.rows).contains(&start.row) {
            return self.repaint(old, out);
        }
        go(old.cursor, start, out);
        if old.length > byte {
            out.extend_from_slice(ERASE_BELOW);
        }
        let end = window.write(&self.line[byte..], start, out);
        go(settle(end, self.columns, out), self.frame.cursor, out);
    }

    /// Whether the last row drawn is full, so that the cursor is on a fresh row.
    pub(super) fn ends_on_margin(&self) -> bool {
        self.frame.end.column == self.columns
    }

    /// The visible line.
    fn drawn(&self) -> &str {
        if self.hidden { "" } else { &self.line }
    }

    fn window(&self, frame: &Placement) -> Window {
        Window { columns: self.columns, top: frame.top, rows: self.rows }
    }

    /// The cell at which byte `byte` of the line begins.
    fn cell_at(&self, byte: usize) -> Cell {
        Cell::default().after(&self.prompt, self.columns).after(&self.line[..byte], self.columns)
    }

    /// The frame of the current line.
    fn measure(&self) -> Placement {
        let prompt = Cell::default().after(&self.prompt, self.columns);
        let (before, rest) = self.drawn().split_at(self.shown_cursor());
        let before = prompt.after(before, self.columns);
        self.frame(before, before.after(rest, self.columns))
    }

    /// The same without measuring unchanged text again, and the work done.
    fn measure_after(&self, damage: Damage) -> (Placement, usize) {
        let old = &self.frame;
        match damage {
            Damage::Nothing if self.cursor == old.at => (*old, 0),
            Damage::Nothing => {
                let (before, cost) = self.find_cell(self.cursor);
                (self.frame(before, old.end), cost)
            }
            Damage::From(byte) if byte == old.length && self.cursor == self.line.len() => {
                let typed = &self.line[old.length..];
                let end = old.end.after(typed, self.columns);
                (self.frame(end, end), weight(typed))
            }
            Damage::From(_) | Damage::All => (self.measure(), weight(&self.line)),
        }
    }

    /// The cell of byte `at` in an unchanged line, measured from the nearest known position before it, and the work done.
    fn find_cell(&self, at: usize) -> (Cell, usize) {
        let old = &self.frame;
        let (known, from) = match at {
            _ if at == old.length => return (old.end, 0),
            _ if at >= old.at => (old.before, old.at),
            _ => (Cell::default().after(&self.prompt, self.columns), 0),
        };
        let between = &self.line[from..at];
        (known.after(between, self.columns), weight(between))
    }

    /// The cursor's position in the visible line.
    fn shown_cursor(&self) -> usize {
        if self.hidden { 0 } else { self.cursor }
    }

    fn frame(&self, before: Cell, end: Cell) -> Placement {
        let at = self.shown_cursor();
        // The cursor is on the cluster after it, which may not fit where the text before it ends.
        let next = text::graphemes(&self.drawn()[at..]).next().map_or(1, text::grapheme_width).max(1);
        let cursor = before.fitting(next, self.columns);
        let total = end.settled(self.columns).row + 1;
        let top = Window::top(self.rows, total, cursor.row);
        Placement { cursor, before, at, end, top, length: self.drawn().len() }
    }
}
