//! Character mode: the line is edited here, and drawn on the peer's terminal.
//!
//! *Owns* the half-typed line, the cursor in it, and every byte drawn for them.
//! *Knows nothing of* what is written above the line, except that it calls [`Editor::erase`] before and
//! [`Editor::draw`] after.
//! *Called by* `screen` and `session::input`.

use std::io::Write as _;

use super::keys::{Key, Keys};
use super::layout::Cell;
use super::recall::Recall;
use crate::text;

/// Most rows drawn. A longer line shows the part around the cursor: what has scrolled off the top of a screen cannot be
/// erased any more, and the smallest terminals have about twice as many rows.
const MOST_ROWS: usize = 10;

/// A key that does nothing answers with this.
const BEL: u8 = 7;

/// What the session has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditorEvent {
    /// Enter: the line stands on the screen still, [`Editor::finish`] is due.
    Entered(String),
    /// Ctrl-C: the line is empty now.
    Interrupted,
    /// Ctrl-D on an empty line.
    Ended,
    /// Tab.
    CompletionAsked,
    /// Ctrl-L.
    RedrawAsked,
    /// The line has reached its limit and takes no more; told once per line.
    TooLong,
}

/// What becomes of an entered line on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays where it is, the cursor goes below it.
    Shown,
    /// It is taken away: it comes back as a message.
    Erased,
}

/// The editor.
#[derive(Debug)]
pub struct Editor {
    prompt: Box<str>,
    columns: usize,
    hidden: bool,
    line: String,
    /// In bytes, always between two clusters.
    cursor: usize,
    keys: Keys,
    recall: Recall,
    limit_told: bool,
}

impl Editor {
    /// An empty line on a terminal of that width.
    pub fn new(columns: u16) -> Editor {
        Editor {
            prompt: "".into(),
            columns: usize::from(columns.max(2)),
            hidden: false,
            line: String::new(),
            cursor: 0,
            keys: Keys::default(),
            recall: Recall::default(),
            limit_told: false,
        }
    }

    /// Another prompt; not drawn.
    pub fn set_prompt(&mut self, prompt: &str) {
        self.prompt = prompt.into();
    }

    /// Whether the line is a password: nothing of it is drawn.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
    }

    /// Another width: drawn anew. What the terminal has made of the old rows is its own affair; most leave them alone.
    pub fn resize(&mut self, columns: u16, out: &mut Vec<u8>) {
        self.erase(out);
        self.columns = usize::from(columns.max(2));
        self.draw(out);
    }

    /// The line so far.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The cursor's place in it, in bytes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Takes keys from the input until one of them means something to the session; what it draws goes to `out`. `limit`
    /// is in bytes, 0 for none.
    pub fn next(&mut self, input: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        while let Some((&byte, rest)) = input.split_first() {
            *input = rest;
            for key in self.keys.feed(byte).into_iter().flatten() {
                if let Some(event) = self.press(key, limit, out) {
                    return Some(event);
                }
            }
        }
        None
    }

    fn press(&mut self, key: Key, limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        match key {
            Key::Character(character) => return self.type_text(character.encode_utf8(&mut [0; 4]), limit, out),
            Key::Tab if self.keys.is_pasting() => return self.type_text("\t", limit, out),
            Key::Enter => return Some(EditorEvent::Entered(text::sanitize(&self.line).into_owned())),
            Key::Interrupt => {
                self.interrupt(out);
                return Some(EditorEvent::Interrupted);
            }
            Key::EndOrDelete if self.line.is_empty() => return Some(EditorEvent::Ended),
            Key::Tab if self.hidden => out.push(BEL),
            Key::Tab => return Some(EditorEvent::CompletionAsked),
            Key::Redraw => return Some(EditorEvent::RedrawAsked),
            Key::Backspace => self.cut(self.cluster_left(), self.cursor, out),
            Key::Delete | Key::EndOrDelete => self.cut(self.cursor, self.cluster_right(), out),
            Key::KillWord => self.cut(self.word_left(), self.cursor, out),
            Key::KillWordRight => self.cut(self.cursor, self.word_right(), out),
            Key::KillToStart => self.cut(0, self.cursor, out),
            Key::KillToEnd => self.cut(self.cursor, self.line.len(), out),
            Key::Left => self.move_to(self.cluster_left(), out),
            Key::Right => self.move_to(self.cluster_right(), out),
            Key::WordLeft => self.move_to(self.word_left(), out),
            Key::WordRight => self.move_to(self.word_right(), out),
            Key::Home => self.move_to(0, out),
            Key::End => self.move_to(self.line.len(), out),
            Key::Up | Key::Down if self.hidden => out.push(BEL),
            Key::Up => {
                let older = self.recall.older(&self.line);
                self.show_recalled(older, out);
            }
            Key::Down => {
                let newer = self.recall.newer();
                self.show_recalled(newer, out);
            }
        }
        None
    }

    fn show_recalled(&mut self, line: Option<String>, out: &mut Vec<u8>) {
        match line {
            None => out.push(BEL),
            Some(line) => self.change(out, |editor| {
                editor.cursor = line.len();
                editor.line = line;
            }),
        }
    }

    fn type_text(&mut self, typed: &str, limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        // One character at a time: what makes a line unfit as a whole is dealt with when it is entered.
        let typed = text::sanitize(typed);
        if limit > 0 && self.line.len() + typed.len() > limit {
            out.push(BEL);
            return (!std::mem::replace(&mut self.limit_told, true)).then_some(EditorEvent::TooLong);
        }
        let at_end = self.cursor == self.line.len();
        if at_end && typed.is_ascii() && self.line.is_ascii() && self.fits_whole(typed.len()) {
            if !self.hidden {
                out.extend_from_slice(typed.as_bytes());
            }
            self.line.push_str(&typed);
            self.cursor = self.line.len();
            if !self.hidden && self.end().column == self.columns {
                out.extend_from_slice(LEAVE_MARGIN);
            }
        } else {
            self.change(out, |editor| {
                editor.line.insert_str(editor.cursor, &typed);
                editor.cursor += typed.len();
                // A mark typed before the rest of a cluster must not leave the cursor inside it.
                editor.cursor = boundary_at_or_after(&editor.line, editor.cursor);
            });
        }
        None
    }

    fn cut(&mut self, from: usize, to: usize, out: &mut Vec<u8>) {
        if from == to {
            out.push(BEL);
            return;
        }
        self.change(out, |editor| {
            editor.line.replace_range(from..to, "");
            editor.cursor = boundary_at_or_after(&editor.line, from);
        });
    }

    fn move_to(&mut self, to: usize, out: &mut Vec<u8>) {
        if to == self.cursor {
            out.push(BEL);
            return;
        }
        self.change(out, |editor| editor.cursor = to);
    }

    /// Changes the line and draws it anew.
    fn change(&mut self, out: &mut Vec<u8>, change: impl FnOnce(&mut Editor)) {
        self.erase(out);
        change(self);
        self.draw(out);
    }

    fn cluster_left(&self) -> usize {
        self.cursor - text::graphemes(&self.line[..self.cursor]).next_back().map_or(0, str::len)
    }

    fn cluster_right(&self) -> usize {
        self.cursor + text::graphemes(&self.line[self.cursor..]).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let before = self.line[..self.cursor].trim_end();
        before
            .rfind(char::is_whitespace)
            .map_or(0, |space| space + before[space..].chars().next().map_or(1, char::len_utf8))
    }

    fn word_right(&self) -> usize {
        let after = &self.line[self.cursor..];
        let word = after.len() - after.trim_start().len();
        self.cursor + after[word..].find(char::is_whitespace).map_or(after.len(), |space| word + space)
    }

    /// Whether prompt and line, with so many columns more, are within [`MOST_ROWS`].
    fn fits_whole(&self, more: usize) -> bool {
        text::width(&self.prompt) + text::width(&self.line) + more < self.columns * MOST_ROWS
    }

    /// The part of the line that is drawn: all of it, or as much as fits around the cursor.
    fn visible(&self) -> std::ops::Range<usize> {
        if self.hidden {
            return 0..0;
        }
        if self.fits_whole(0) {
            return 0..self.line.len();
        }
        // Half a screenful before the cursor, in steps, so that most keys leave the part as it is.
        let capacity = (self.columns * (MOST_ROWS - 1)).saturating_sub(text::width(&self.prompt)).max(self.columns);
        let half = capacity / 2;
        let before = text::width(&self.line[..self.cursor]);
        let start = (before / half).saturating_sub(1) * half;
        let (mut from, mut to, mut at) = (self.line.len(), self.line.len(), 0);
        for (index, cluster) in text::grapheme_indices(&self.line) {
            if at >= start && index < from {
                from = index;
            }
            at += text::grapheme_width(cluster);
            if at > start + capacity && index >= self.cursor {
                to = index;
                break;
            }
        }
        from.min(self.cursor)..to.max(self.cursor)
    }

    /// Where the drawn text ends; on the margin before the terminal wraps.
    fn end(&self) -> Cell {
        self.cell_at(self.visible().end)
    }

    fn cell_at(&self, byte: usize) -> Cell {
        let visible = self.visible();
        let start = Cell::default().after(&self.prompt, self.columns);
        start.after(&self.line[visible.start..byte.clamp(visible.start, visible.end)], self.columns)
    }

    /// The cell of the cursor: where the next cluster begins.
    fn cursor_cell(&self) -> Cell {
        let visible = self.visible();
        if self.hidden {
            return self.end().settled(self.columns);
        }
        let next = text::graphemes(&self.line[self.cursor..visible.end]).next();
        self.cell_at(self.cursor).room_for(next.map_or(1, text::grapheme_width).max(1), self.columns)
    }

    /// Takes prompt and line off the screen; the cursor is where the prompt began.
    pub fn erase(&self, out: &mut Vec<u8>) {
        up(self.cursor_cell().row, out);
        out.extend_from_slice(b"\r\x1b[J");
    }

    /// Draws prompt and line from the first column of a free row on, and puts the cursor in its place.
    pub fn draw(&self, out: &mut Vec<u8>) {
        let visible = self.visible();
        out.extend_from_slice(self.prompt.as_bytes());
        out.extend_from_slice(&self.line.as_bytes()[visible]);
        let end = self.end();
        if end.column == self.columns {
            out.extend_from_slice(LEAVE_MARGIN);
        }
        let (end, cursor) = (end.settled(self.columns), self.cursor_cell());
        if end != cursor {
            up(end.row - cursor.row, out);
            out.push(b'\r');
            if cursor.column > 0 {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "\x1b[{}C", cursor.column);
            }
        }
    }

    /// The line was entered: what becomes of it on the screen. A new one is begun, not drawn yet.
    pub fn finish(&mut self, keep: Keep, out: &mut Vec<u8>) {
        match keep {
            Keep::Erased => self.erase(out),
            Keep::Shown => {
                let end = self.end();
                let down = end.settled(self.columns).row - self.cursor_cell().row;
                if down > 0 {
                    let _ = write!(out, "\x1b[{down}B");
                }
                // On the margin the cursor stands on a fresh row already.
                out.extend_from_slice(if end.column == self.columns { b"\r" } else { b"\r\n" });
            }
        }
        self.reset();
    }

    fn reset(&mut self) {
        self.line = String::new();
        self.cursor = 0;
        self.limit_told = false;
        self.recall.leave();
    }

    /// Replaces what stands between `from` and the cursor, in bytes.
    pub fn complete(&mut self, from: usize, with: &str, out: &mut Vec<u8>) {
        let Some(_) = self.line.get(from..self.cursor) else { return };
        self.change(out, |editor| {
            editor.line.replace_range(from..editor.cursor, with);
            editor.cursor = boundary_at_or_after(&editor.line, from + with.len());
        });
    }

    /// Keeps a line for recall.
    pub fn remember(&mut self, line: &str) {
        self.recall.remember(line);
    }

    /// As Backspace: telnet's EC.
    pub fn erase_character(&mut self, out: &mut Vec<u8>) {
        self.cut(self.cluster_left(), self.cursor, out);
    }

    /// As Ctrl-U over the whole line: telnet's EL.
    pub fn erase_line(&mut self, out: &mut Vec<u8>) {
        self.cut(0, self.line.len(), out);
    }

    /// Drops the line: Ctrl-C, telnet's IP.
    pub fn interrupt(&mut self, out: &mut Vec<u8>) {
        if !self.line.is_empty() {
            self.change(out, Editor::reset);
        }
    }
}

/// Behind a full row a terminal waits with wrapping until the next character (VT100 user guide, DECAWM). A blank makes it
/// wrap now, so that the cursor is where it is reckoned to be.
const LEAVE_MARGIN: &[u8] = b" \r";

fn up(rows: usize, out: &mut Vec<u8>) {
    if rows > 0 {
        // Writing to a Vec cannot fail.
        let _ = write!(out, "\x1b[{rows}A");
    }
}

/// The first boundary between clusters at or after a place.
fn boundary_at_or_after(line: &str, at: usize) -> usize {
    text::grapheme_indices(line).map(|(index, _)| index).find(|index| *index >= at).unwrap_or(line.len())
}
