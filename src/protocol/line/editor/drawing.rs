//! The line on the screen: what the terminal shows now, what it has to show, and the bytes in between.
//!
//! Where things stand follows from prompt, line, cursor and width alone; [`Frame`] remembers it for what was drawn last,
//! since after a change only that tells where the terminal's cursor is.
//!
//! *Owns* erasing, drawing, and drawing no more than what has changed.
//! *Knows nothing of* keys and of what a change was.
//! *Called by* `line::editor`; `screen` erases and draws around what arrives.

use super::{Editor, KEPT_MEMORY};
use crate::protocol::line::layout::{Cell, ERASE_BELOW, Window, go, settle, up};
use crate::text;

/// Answers what cannot be done.
const BEL: u8 = 0x07;

/// What the terminal shows of the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Frame {
    /// The cursor.
    cursor: Cell,
    /// Where the text before the cursor ends: there, unless what stands behind it does not fit.
    before: Cell,
    /// The cursor's place in the line, in bytes.
    at: usize,
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

/// Prompt and line as they were written, and where the cursor was then: for text of others, which takes both off the screen
/// and puts them back.
#[derive(Debug)]
pub(super) struct Drawn {
    bytes: Box<[u8]>,
    end: Cell,
}

/// What it costs to measure a text, in bytes looked at one by one. Many bytes of ASCII are looked at at once.
fn weight(text: &str) -> usize {
    if text.is_ascii() { text.len() / 32 } else { text.len() }
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

    /// Writes prompt and line; where the cursor is then.
    fn write(&self, out: &mut Vec<u8>) -> Cell {
        let window = self.window(&self.frame);
        let end = window.write(&self.prompt, Cell::default(), out);
        let end = window.write(self.drawn(), end, out);
        settle(end, self.columns, out)
    }

    /// Erases, works, and draws.
    pub(super) fn redrawn(&mut self, out: &mut Vec<u8>, work: impl FnOnce(&mut Editor)) {
        self.erase(out);
        work(self);
        self.remeasure();
        self.draw(out);
    }

    /// Draws what has changed since the last time.
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

    /// Measures everything, after a change of what is around the line.
    pub(super) fn remeasure(&mut self) {
        self.work += weight(self.drawn());
        self.drawn = None;
        self.frame = self.measure();
    }

    fn repaint(&mut self, old: &Frame, out: &mut Vec<u8>) {
        self.work += weight(self.drawn());
        old.erase(out);
        go(self.write(out), self.frame.cursor, out);
    }

    fn repaint_from(&mut self, byte: usize, old: &Frame, out: &mut Vec<u8>) {
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
    fn measure(&self) -> Frame {
        let prompt = Cell::default().after(&self.prompt, self.columns);
        let (before, rest) = self.drawn().split_at(self.shown_cursor());
        let before = prompt.after(before, self.columns);
        self.frame(before, before.after(rest, self.columns))
    }

    /// The same, without measuring what was there before and has not changed; and what that cost.
    fn measure_after(&self, damage: Damage) -> (Frame, usize) {
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

    /// Where a part of a line that has not changed ends, measured from the nearest place before it that is known.
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

    /// The cursor's place in what may be seen of the line.
    fn shown_cursor(&self) -> usize {
        if self.hidden { 0 } else { self.cursor }
    }

    fn frame(&self, before: Cell, end: Cell) -> Frame {
        let at = self.shown_cursor();
        // The cursor stands on the cluster behind it, which may not fit where the text before ends.
        let next = text::graphemes(&self.drawn()[at..]).next().map_or(1, text::grapheme_width).max(1);
        let cursor = before.fitting(next, self.columns);
        let total = end.settled(self.columns).row + 1;
        let top = Window::top(self.rows, total, cursor.row);
        Frame { cursor, before, at, end, top, length: self.drawn().len() }
    }
}
