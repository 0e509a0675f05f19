//! The line on the screen: what the terminal shows now, what it has to show, and the bytes in between.
//!
//! Where things stand follows from prompt, line, cursor and width alone; [`Frame`] remembers it for what was drawn last,
//! since after a change only that tells where the terminal's cursor is.
//!
//! *Owns* erasing, drawing, and drawing no more than what has changed.
//! *Knows nothing of* keys and of what a change was.
//! *Called by* `line::editor`; `screen` erases and draws around what arrives.

use super::Editor;
use crate::line::layout::{Cell, ERASE_BELOW, Window, go, settle, up};
use crate::text;

/// Answers what cannot be done.
const BEL: u8 = 0x07;

/// What the terminal shows of the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    /// The cursor.
    cursor: Cell,
    /// Where the line ends.
    end: Cell,
    /// The first row drawn.
    top: usize,
    /// Length of the line, in bytes.
    length: usize,
}

impl Frame {
    /// Erases what is drawn; the cursor is then in the first cell of it.
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

/// From where on the line differs from what the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Damage {
    /// From the prompt on: marks without a width stand in the cell before them.
    All,
    /// From a byte of the line on.
    From(usize),
    /// Not at all, the cursor may have moved.
    Nothing,
}

impl Editor {
    /// Takes prompt and line off the screen, on a terminal that may have wrapped their rows again at another width.
    pub(super) fn erase_reflowed(&self, now: usize, out: &mut Vec<u8>) {
        let rows = self.frame.cursor.row - self.frame.top;
        let cells = rows * self.columns + self.frame.cursor.column;
        // Behind a row that is full now, some terminals have the cursor in it and some in the next one.
        let erased = rows.min(cells.saturating_sub(1) / now);
        self.frame.erase_from(erased, out);
        // Wide characters may leave a cell of each row free.
        let is_narrow = self.prompt.is_ascii() && self.drawn().is_ascii();
        if erased < cells / if is_narrow { now } else { now - 1 } {
            // The row above goes on in this one then: what is written here would flow together with it one day.
            out.extend_from_slice(b"\r\n");
        }
    }

    /// Takes prompt and line off the screen, where they are drawn; the cursor is then where the prompt began.
    pub fn erase(&self, out: &mut Vec<u8>) {
        self.frame.erase(out);
    }

    /// Draws prompt and line from the first column of a free row on, and puts the cursor in its place.
    pub fn draw(&self, out: &mut Vec<u8>) {
        let window = self.window(&self.frame);
        let end = window.write(&self.prompt, Cell::default(), out);
        let end = window.write(self.drawn(), end, out);
        go(settle(end, self.columns, out), self.frame.cursor, out);
    }

    /// Erases, works, and draws.
    pub(super) fn redrawn(&mut self, out: &mut Vec<u8>, work: impl FnOnce(&mut Editor)) {
        self.erase(out);
        work(self);
        self.frame = self.measure();
        self.draw(out);
    }

    /// Draws what has changed since the last time.
    pub(super) fn show(&mut self, out: &mut Vec<u8>) {
        let old = self.frame;
        let damage = std::mem::replace(&mut self.damage, Damage::Nothing);
        if !self.hidden {
            self.frame = self.measure_after(damage);
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
    }

    fn repaint(&self, old: &Frame, out: &mut Vec<u8>) {
        old.erase(out);
        self.draw(out);
    }

    fn repaint_from(&self, byte: usize, old: &Frame, out: &mut Vec<u8>) {
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

    /// Whether the last row drawn is full, so that the cursor behind it stands on a fresh one.
    pub(super) fn ends_on_margin(&self) -> bool {
        self.frame.end.column == self.columns
    }

    /// The part of the line that may be seen.
    fn drawn(&self) -> &str {
        if self.hidden { "" } else { &self.line }
    }

    fn window(&self, frame: &Frame) -> Window {
        Window { columns: self.columns, top: frame.top, rows: self.rows }
    }

    /// Where the line ends up to a byte.
    fn cell_at(&self, byte: usize) -> Cell {
        Cell::default().after(&self.prompt, self.columns).after(&self.line[..byte], self.columns)
    }

    /// What has to be shown now.
    pub(super) fn measure(&self) -> Frame {
        let prompt = Cell::default().after(&self.prompt, self.columns);
        let (before, rest) = self.drawn().split_at(if self.hidden { 0 } else { self.cursor });
        let before = prompt.after(before, self.columns);
        // The cursor stands on the cluster behind it, which may not fit where the text before ends.
        let next = text::graphemes(rest).next().map_or(1, text::grapheme_width).max(1);
        self.frame(before.fitting(next, self.columns), before.after(rest, self.columns))
    }

    /// The same, without measuring anew what was there before when something was typed at the end.
    fn measure_after(&self, damage: Damage) -> Frame {
        let old = &self.frame;
        if damage != Damage::From(old.length) || self.cursor < self.line.len() {
            return self.measure();
        }
        let end = old.end.after(&self.line[old.length..], self.columns);
        self.frame(end.settled(self.columns), end)
    }

    fn frame(&self, cursor: Cell, end: Cell) -> Frame {
        let total = end.settled(self.columns).row + 1;
        Frame { cursor, end, top: Window::top(self.rows, total, cursor.row), length: self.drawn().len() }
    }
}
