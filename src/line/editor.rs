//! Character mode: the line is edited here, and drawn on the peer's terminal.
//!
//! Keys change the line and note from where on it differs from what the terminal shows; once per call of
//! [`Editor::next`] the difference is drawn. So a paste costs one drawing, whatever packets it comes in, and typing at the
//! end of the line writes nothing but what was typed.
//!
//! A line is drawn in [`MOST_ROWS`] rows at most, the ones around the cursor: rows that have scrolled off a screen can
//! never be erased, so nothing taller than the screen may be drawn.
//!
//! A paste of several lines is one line here, with breaks (U+000A) in it; nothing else puts a break in. A break is a
//! cluster of one column like any other, and drawn as a mark.
//!
//! *Owns* the half-typed line, the cursor in it, and (in [`drawing`]) every byte drawn for them.
//! *Knows nothing of* what is written above the line, except that [`Editor::erase`] is called before and
//! [`Editor::draw`] after.
//! *Called by* `screen` and `session::input`.

use std::borrow::Cow;
use std::ops::Range;

use super::keys::{Key, Keys};
use super::recall::Recall;
use super::words;
use crate::text::{self, Charset};

mod drawing;

use drawing::{Damage, Frame};

/// Most rows drawn of prompt and line.
///
/// Ten of the narrowest terminals hold a message of the usual limit; every text that arrives draws them all again, and
/// the smallest screens have about twice as many. A longer line can be typed and sent, it is only not seen whole.
const MOST_ROWS: usize = 10;

/// Terminals narrower or wider than this are drawn for as if they were not, in columns.
const COLUMNS: std::ops::RangeInclusive<u16> = 20..=500;

/// Memory kept for the next line, in bytes.
const KEPT_MEMORY: usize = 256;

/// What the session has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditorEvent {
    /// Enter. The line, sanitised, stands on the screen still: [`Editor::finish`] is due. One that was pasted may hold
    /// several, with `\n` between them; none at either end.
    Entered(String),
    /// Ctrl-C: the line is empty now.
    Interrupted,
    /// Ctrl-D on an empty line.
    Ended,
    /// Tab: [`Editor::complete`] if there is something to complete.
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

/// A line being typed on a terminal that shows what the server sends and nothing by itself.
#[derive(Debug)]
pub struct Editor {
    prompt: Box<str>,
    line: String,
    /// In bytes, always between two clusters.
    cursor: usize,
    columns: usize,
    /// Most rows to draw.
    rows: usize,
    hidden: bool,
    /// The last limit heard of, in bytes; 0 for none.
    limit: usize,
    limit_told: bool,
    bell_due: bool,
    damage: Damage,
    frame: Frame,
    keys: Keys,
    /// Made for the first line that is remembered.
    recall: Option<Box<Recall>>,
}

impl Editor {
    /// An empty line without a prompt, on a terminal of so many columns. Nothing is drawn.
    pub fn new(columns: u16) -> Editor {
        Editor {
            prompt: "".into(),
            line: String::new(),
            cursor: 0,
            columns: clamp_columns(columns),
            rows: MOST_ROWS,
            hidden: false,
            limit: 0,
            limit_told: false,
            bell_due: false,
            damage: Damage::Nothing,
            frame: Frame::default(),
            keys: Keys::new(),
            recall: None,
        }
    }

    /// Another prompt, of sanitised text, for the next [`Editor::draw`]: what is drawn has to be erased before.
    pub fn set_prompt(&mut self, prompt: &str) {
        self.prompt = prompt.into();
        self.frame = self.measure();
    }

    /// Whether nothing of the line is drawn, remembered or completed, as for a password. A line that is not empty has to
    /// be erased before.
    pub fn set_hidden(&mut self, hidden: bool) {
        self.hidden = hidden;
        self.frame = self.measure();
    }

    /// Another width: what was drawn for the old one is erased, and drawn for the new one.
    ///
    /// Many terminals have moved their rows by now, others have not, and nothing tells which. So no more rows are erased
    /// than the line takes in either: something of it may be left above, but never is anything else erased.
    pub fn resize(&mut self, columns: u16, out: &mut Vec<u8>) {
        let columns = clamp_columns(columns);
        if columns == self.columns {
            return;
        }
        self.erase_reflowed(columns, out);
        self.columns = columns;
        self.frame = self.measure();
        self.draw(out);
    }

    /// How many rows the screen has; without it a screen of more than ten is taken for granted.
    pub fn set_rows(&mut self, rows: u16, out: &mut Vec<u8>) {
        // One row is for the cursor behind a full last row.
        let rows = usize::from(rows).saturating_sub(1).clamp(1, MOST_ROWS);
        if rows != self.rows {
            self.redrawn(out, |editor| editor.rows = rows);
        }
    }

    /// The line so far.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The cursor's place in it, in bytes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    #[cfg(test)]
    pub(super) fn line_capacity(&self) -> usize {
        self.line.capacity()
    }

    /// How the terminal writes characters beyond ASCII.
    pub fn set_charset(&mut self, charset: Charset) {
        self.keys.set_charset(charset);
    }

    /// Whether something typed since this was last asked was not UTF-8.
    pub fn take_garbled(&mut self) -> bool {
        self.keys.take_garbled()
    }

    /// Whether what comes is part of a bracketed paste that has not ended.
    pub fn is_pasting(&self) -> bool {
        self.keys.is_pasting()
    }

    /// Takes keys until one of them means something to the session, and leaves the rest of the input. What the terminal
    /// has to show goes to `out`. `limit` is in bytes, 0 for none.
    pub fn next(&mut self, input: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        self.limit = limit;
        let mut event = None;
        while event.is_none()
            && let Some(key) = self.keys.next(input)
        {
            event = self.press(key);
        }
        self.show(out);
        event
    }

    fn press(&mut self, key: Key<'_>) -> Option<EditorEvent> {
        match key {
            Key::Text(typed) => {
                // One that joins what is behind the cursor takes the cursor along: the others go behind that.
                let joins = self.line[self.cursor..].starts_with(|next: char| !next.is_ascii());
                let (first, rest) = typed.split_at(usize::from(joins).min(typed.len()));
                let told = self.insert(first);
                return self.insert(rest).or(told);
            }
            Key::Character(typed) => return self.insert(&text::sanitize(typed.encode_utf8(&mut [0; 4]))),
            // A break before the line, or in a password, means nothing.
            Key::Breaks(_) if self.hidden || self.line.is_empty() => {}
            Key::Breaks(count) => return self.insert(&"\n".repeat(count.into())),
            Key::Enter => {
                return Some(EditorEvent::Entered(text::sanitize_lines(&self.line).trim_matches('\n').to_owned()));
            }
            Key::Interrupt => {
                self.clear();
                return Some(EditorEvent::Interrupted);
            }
            Key::EndOrDelete if self.line.is_empty() => return Some(EditorEvent::Ended),
            Key::Tab | Key::Older | Key::Newer if self.hidden => self.bell_due = true,
            Key::Tab => return Some(EditorEvent::CompletionAsked),
            Key::Redraw => return Some(EditorEvent::RedrawAsked),
            Key::Backspace => self.cut(words::left(&self.line, self.cursor)..self.cursor),
            Key::Delete | Key::EndOrDelete => self.cut(self.cursor..words::right(&self.line, self.cursor)),
            Key::EraseWord => self.cut(words::word_left(&self.line, self.cursor)..self.cursor),
            Key::EraseToSpace => self.cut(words::space_left(&self.line, self.cursor)..self.cursor),
            Key::EraseWordRight => self.cut(self.cursor..words::word_right(&self.line, self.cursor)),
            Key::EraseToStart => self.cut(0..self.cursor),
            Key::EraseToEnd => self.cut(self.cursor..self.line.len()),
            Key::Left => self.cursor = words::left(&self.line, self.cursor),
            Key::Right => self.cursor = words::right(&self.line, self.cursor),
            Key::WordLeft => self.cursor = words::word_left(&self.line, self.cursor),
            Key::WordRight => self.cursor = words::word_right(&self.line, self.cursor),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.line.len(),
            Key::Older => {
                let line = self.recall.as_mut().and_then(|recall| recall.older(&self.line));
                self.recalled(line);
            }
            Key::Newer => {
                let line = self.recall.as_mut().and_then(|recall| recall.newer());
                self.recalled(line);
            }
        }
        None
    }

    fn recalled(&mut self, line: Option<String>) {
        match line {
            Some(line) => self.change(0..self.line.len(), &line),
            None => self.bell_due = true,
        }
    }

    /// Types sanitised text; what is over the limit is refused.
    fn insert(&mut self, typed: &str) -> Option<EditorEvent> {
        let room = if self.limit == 0 { typed.len() } else { self.limit.saturating_sub(self.line.len()) };
        // Only runs of ASCII are taken in part.
        let fits =
            if typed.len() <= room { typed } else { typed.get(..room).filter(|_| typed.is_ascii()).unwrap_or("") };
        self.change(self.cursor..self.cursor, fits);
        if fits.len() == typed.len() {
            return None;
        }
        self.bell_due = true;
        (!std::mem::replace(&mut self.limit_told, true)).then_some(EditorEvent::TooLong)
    }

    fn cut(&mut self, range: Range<usize>) {
        self.change(range, "");
    }

    /// Replaces a part of the line between two clusters. The cursor goes behind what was put in.
    fn change(&mut self, range: Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        let start = range.start;
        let had_mark =
            [start, words::left(&self.line, start)].iter().any(|at| words::leads_with_mark(&self.line[*at..]));
        self.line.replace_range(range, with);
        self.cursor = start + with.len();
        let bytes = self.line.as_bytes();
        let is_plain = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii);
        let before = start.checked_sub(1).and_then(|last| bytes.get(last));
        if with.is_ascii() && !had_mark && is_plain(before) && is_plain(bytes.get(self.cursor)) {
            self.damage = self.damage.min(Damage::From(start));
        } else {
            self.mend(start, had_mark);
        }
    }

    /// Puts clusters right around a change that ends at the cursor: what was apart may be one now.
    fn mend(&mut self, start: usize, had_mark: bool) {
        // Boundaries depend on what is before them only (UAX #29), so this one has not moved.
        let first = words::left(&self.line, start);
        let mut end = words::boundary_from(&self.line, first, self.cursor);
        // What piles up too high is dropped at once. Clusters without a width add to the pile of the one before them.
        let mut base = first;
        while base > 0 && words::leads_with_mark(&self.line[base..]) {
            base = words::left(&self.line, base);
        }
        if let Cow::Owned(clean) = text::sanitize_lines(&self.line[base..end]) {
            self.line.replace_range(base..end, &clean);
            end = words::boundary_from(&self.line, base, base + clean.len());
        }
        self.cursor = end;
        let joined = words::right(&self.line, first) != start;
        let from = if joined { first } else { start };
        let damage =
            if had_mark || words::leads_with_mark(&self.line[from..]) { Damage::All } else { Damage::From(from) };
        self.damage = self.damage.min(damage);
    }

    /// Replaces what stands between byte `from` and the cursor. Nothing happens if no cluster begins at `from`.
    pub fn complete(&mut self, from: usize, with: &str, out: &mut Vec<u8>) {
        let with = text::sanitize(with);
        let is_boundary = from <= self.cursor && words::boundary_from(&self.line, 0, from) == from;
        let kept = self.line.len() - self.cursor.saturating_sub(from);
        if is_boundary && (self.limit == 0 || kept + with.len() <= self.limit) {
            self.change(from..self.cursor, &with);
        } else {
            self.bell_due = true;
        }
        self.show(out);
    }

    /// Keeps a line for the arrow keys; nothing while input is hidden. The caller knows which lines hold secrets.
    pub fn remember(&mut self, line: &str) {
        if !self.hidden {
            self.recall.get_or_insert_default().remember(line);
        }
    }

    /// As Backspace: telnet's EC.
    pub fn erase_character(&mut self, out: &mut Vec<u8>) {
        self.cut(words::left(&self.line, self.cursor)..self.cursor);
        self.show(out);
    }

    /// Empties the line: telnet's EL.
    pub fn erase_line(&mut self, out: &mut Vec<u8>) {
        self.cut(0..self.line.len());
        self.show(out);
    }

    /// Drops the line and whatever a sequence or a paste had begun: telnet's IP.
    pub fn interrupt(&mut self, out: &mut Vec<u8>) {
        self.keys.reset();
        self.clear();
        self.show(out);
    }

    /// Another line is begun in the place of this one.
    fn clear(&mut self) {
        self.cut(0..self.line.len());
        self.leave_line();
    }

    fn leave_line(&mut self) {
        if self.line.capacity() > KEPT_MEMORY {
            self.line = String::new();
        }
        self.line.clear();
        self.cursor = 0;
        self.limit_told = false;
        if let Some(recall) = &mut self.recall {
            recall.leave();
        }
    }

    /// The line was entered: what becomes of it on the screen. The line is empty then, prompt and cursor are not drawn.
    pub fn finish(&mut self, keep: Keep, out: &mut Vec<u8>) {
        match keep {
            Keep::Erased => self.erase(out),
            Keep::Shown => {
                self.cursor = self.line.len();
                self.show(out);
                if !self.ends_on_margin() {
                    out.extend_from_slice(b"\r\n");
                }
            }
        }
        self.leave_line();
        self.frame = self.measure();
    }
}

fn clamp_columns(columns: u16) -> usize {
    usize::from(columns.clamp(*COLUMNS.start(), *COLUMNS.end()))
}
