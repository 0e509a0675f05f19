//! Character mode: the line is edited here, and drawn on the client's terminal.
//!
//! Keys change the line and note from where on it differs from the terminal; each call of [`Editor::next`] draws the
//! difference once. So a paste is drawn once, however it is split into packets, and typing at the end of the line writes
//! only what was typed.
//!
//! At most [`MOST_ROWS`] rows are drawn, those around the cursor: rows that have scrolled off the screen cannot be erased,
//! so nothing taller than the screen may be drawn.
//!
//! A paste of several lines is one line here, with breaks (U+000A) in it; nothing else inserts a break. A break is a
//! cluster of one column, and drawn as a mark.
//!
//! *Owns* the half-typed line, the cursor in it, and (in [`drawing`]) every byte drawn for them.
//! *Knows nothing of* what is written above the line; callers call [`Editor::erase`] before that and [`Editor::draw`]
//! after.

use super::graphemes;
use super::keys::{Key, Keys};
use super::recall::Recall;
use crate::text::{self, Charset};

mod changes;
mod drawing;
mod search;
mod undo;

use drawing::{Damage, Drawn, Placement};
use search::Search;
use undo::Undo;

/// Most rows drawn of prompt and line.
///
/// Ten rows hold a message of the default limit on the narrowest terminal, and the smallest screens have about twice as
/// many. Every text that arrives redraws them all. A longer line can be typed and sent, but not all of it is visible.
const MOST_ROWS: usize = 10;

/// The range of terminal widths, in columns; others are treated as the nearest of these.
const COLUMNS: std::ops::RangeInclusive<u16> = 20..=500;

/// How much work the session lets keys do before it charges the client, in bytes examined one by one: about a millisecond.
pub(crate) const WORK_AT_ONCE: usize = 64 * 1024;

/// Memory kept for the next line, in bytes.
const KEPT_MEMORY: usize = 256;

/// What the session has to handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EditorEvent {
    /// Enter, with the sanitised line. It is still on the screen: [`Editor::finish`] is due. A pasted one may contain
    /// several lines with `\n` between them, but none at either end.
    Entered(String),
    /// Ctrl-C; the line is now empty.
    Interrupted,
    /// Ctrl-D on an empty line.
    Ended,
    /// Tab; [`Editor::complete`] if there is something to complete.
    CompletionAsked,
    /// Ctrl-L.
    RedrawAsked,
    /// The line has reached its limit and takes no more; reported once per line.
    TooLong,
}

/// What happens to an entered line on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// It stays, and the cursor goes below it.
    Shown,
    /// It is erased, because it comes back as a message.
    Erased,
}

/// Edits a line on a terminal that shows only what the server sends.
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
    /// The limit of the last call, in bytes; 0 for none.
    limit: usize,
    limit_reported: bool,
    /// The line lacks the end of what was typed, which exceeded the limit.
    is_cut_short: bool,
    bell_due: bool,
    last: Last,
    damage: Damage,
    frame: Placement,
    /// What [`Editor::draw`] wrote last, if it is slow to produce again.
    drawn: Option<Box<Drawn>>,
    /// Bytes examined one by one since the last [`Editor::take_work`].
    work: usize,
    keys: Keys,
    /// Allocated for the first remembered line.
    recall: Option<Box<Recall>>,
    search: Option<Box<Search>>,
    /// Undo steps of this line.
    undo: Option<Box<Undo>>,
    /// The text for Ctrl-Y.
    killed: Option<Box<str>>,
}

/// What the previous key did, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Typed,
    Pasted,
    Killed,
    Other,
}

impl Editor {
    /// An empty line without a prompt, on a terminal of `columns` columns. Draws nothing.
    pub fn new(columns: u16) -> Editor {
        Editor {
            prompt: "".into(),
            line: String::new(),
            cursor: 0,
            columns: clamp_columns(columns),
            rows: MOST_ROWS,
            hidden: false,
            limit: 0,
            limit_reported: false,
            is_cut_short: false,
            bell_due: false,
            last: Last::Other,
            damage: Damage::Nothing,
            frame: Placement::default(),
            drawn: None,
            work: 0,
            keys: Keys::new(),
            recall: None,
            search: None,
            undo: None,
            killed: None,
        }
    }

    /// Sets the prompt, sanitised text, for the next [`Editor::draw`]. What is drawn has to be erased first.
    pub fn set_prompt(&mut self, prompt: &str) {
        self.replace_prompt(prompt);
        self.remeasure();
    }

    /// Sets whether the line is hidden, as for a password: not drawn, remembered or completed. A line that is not empty has
    /// to be erased first. Whatever has been typed of a hidden line is dropped when the hiding ends.
    pub(crate) fn set_hidden(&mut self, hidden: bool) {
        if hidden != self.hidden {
            self.cancel_search();
            self.undo = None;
            if !hidden {
                self.leave_line();
            }
            self.damage = Damage::Nothing;
        }
        self.hidden = hidden;
        self.remeasure();
    }

    /// Changes the width: erases the line and draws it for the new width.
    ///
    /// Many terminals have already rewrapped their rows and others have not, and nothing tells which. So only as many rows
    /// are erased as the line takes in either case: a remnant of it may be left above, but nothing else is ever erased.
    pub fn resize(&mut self, columns: u16, out: &mut Vec<u8>) {
        let columns = clamp_columns(columns);
        if columns == self.columns {
            return;
        }
        self.erase_reflowed(columns, out);
        self.columns = columns;
        self.remeasure();
        self.draw(out);
    }

    /// Sets the height of the screen, which is otherwise assumed to be more than ten rows.
    pub(crate) fn set_rows(&mut self, rows: u16, out: &mut Vec<u8>) {
        // One row is for the cursor after a full last row.
        let rows = usize::from(rows).saturating_sub(1).clamp(1, MOST_ROWS);
        if rows != self.rows {
            self.redrawn(out, |editor| editor.rows = rows);
        }
    }

    /// The line so far.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The cursor's position in it, in bytes.
    pub fn cursor(&self) -> usize {
        self.cursor
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// The prompt as it is now: during a search it shows the search.
    #[cfg(any(test, feature = "client"))]
    pub(crate) fn prompt(&self) -> &str {
        &self.prompt
    }

    #[cfg(test)]
    pub(super) fn line_capacity(&self) -> usize {
        self.line.capacity()
    }

    /// Sets how the terminal encodes characters.
    pub(crate) fn set_charset(&mut self, charset: Charset) {
        self.keys.set_charset(charset);
    }

    /// Whether anything typed was not valid UTF-8 since the last call.
    pub(crate) fn take_garbled(&mut self) -> bool {
        self.keys.take_garbled()
    }

    /// Whether a bracketed paste has begun and not ended.
    pub(crate) fn is_pasting(&self) -> bool {
        self.keys.is_pasting()
    }

    /// Bytes examined one by one since the last call. A key on a long line can take a thousand times longer than one on a
    /// short line, and a client that sends a flood of them has to be charged for it.
    pub(crate) fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    /// Handles keys up to the first one that means something to the session, and leaves the rest of the input. Output for
    /// the terminal is appended to `out`. `limit` is in bytes, 0 for none.
    pub fn next(&mut self, input: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        self.next_within(usize::MAX, input, limit, out)
    }

    /// Like [`Editor::next`], but also stops once `work` bytes have been examined one by one.
    pub(crate) fn next_within(
        &mut self,
        work: usize,
        input: &mut &[u8],
        limit: usize,
        out: &mut Vec<u8>,
    ) -> Option<EditorEvent> {
        self.limit = limit;
        let mut event = None;
        while event.is_none()
            && self.work < work
            && let Some(key) = self.keys.next(input)
        {
            let before = self.cursor;
            if !matches!(key, Key::Text(_) | Key::Character(_) | Key::Breaks(_)) {
                // The start of the cluster to the left may depend on many before it (flags: UAX #29, GB12).
                self.work += self.line.len() / 32;
            }
            event = self.press(key);
            self.work += before.abs_diff(self.cursor);
        }
        self.show(out);
        event
    }

    fn press(&mut self, key: Key<'_>) -> Option<EditorEvent> {
        if self.search.is_some() && self.press_in_search(key) {
            return None;
        }
        let last = std::mem::replace(&mut self.last, Last::Other);
        match key {
            Key::Text(typed) => return self.type_text(typed, last),
            Key::Character(typed) => return self.type_text(&text::sanitize(typed.encode_utf8(&mut [0; 4])), last),
            // A break before the line or in a password is ignored.
            Key::Breaks(_) if self.hidden || self.line.is_empty() => self.last = last,
            Key::Breaks(count) => return self.type_text(&"\n".repeat(count.into()), last),
            // This Enter ends input that was too long. A second one sends what fitted.
            Key::Enter if std::mem::take(&mut self.is_cut_short) => {
                self.limit_reported = false;
                self.bell_due = true;
            }
            Key::Enter => {
                return Some(EditorEvent::Entered(text::sanitize_lines(&self.line).trim_matches('\n').to_owned()));
            }
            Key::Interrupt => {
                self.clear();
                return Some(EditorEvent::Interrupted);
            }
            Key::EndOrDelete if self.line.is_empty() => return Some(EditorEvent::Ended),
            Key::Tab | Key::Older | Key::Newer | Key::Search if self.hidden => self.bell_due = true,
            Key::Tab => return Some(EditorEvent::CompletionAsked),
            Key::Redraw => return Some(EditorEvent::RedrawAsked),
            Key::Backspace => self.cut(graphemes::left(&self.line, self.cursor)..self.cursor),
            Key::Delete | Key::EndOrDelete => self.cut(self.cursor..graphemes::right(&self.line, self.cursor)),
            Key::EraseWord => self.kill(graphemes::word_left(&self.line, self.cursor)..self.cursor, last),
            Key::EraseToSpace => self.kill(graphemes::space_left(&self.line, self.cursor)..self.cursor, last),
            Key::EraseWordRight => self.kill(self.cursor..graphemes::word_right(&self.line, self.cursor), last),
            Key::EraseToStart => self.kill(0..self.cursor, last),
            Key::EraseToEnd => self.kill(self.cursor..self.line.len(), last),
            Key::Left => self.cursor = graphemes::left(&self.line, self.cursor),
            Key::Right => self.cursor = graphemes::right(&self.line, self.cursor),
            Key::WordLeft => self.cursor = graphemes::word_left(&self.line, self.cursor),
            Key::WordRight => self.cursor = graphemes::word_right(&self.line, self.cursor),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.line.len(),
            Key::Older => {
                let line = self.recall.as_mut().and_then(|recall| recall.older(&self.line));
                self.recalled(line);
            }
            Key::Newer => {
                let line = self.recall.as_mut().and_then(|recall| recall.newer(&self.line));
                self.recalled(line);
            }
            Key::Yank => return self.yank(),
            Key::Transpose => self.transpose(),
            Key::Undo => self.undo(),
            Key::Search => self.begin_search(),
            Key::Cancel | Key::Escape => {}
        }
        None
    }

    fn recalled(&mut self, line: Option<String>) {
        match line {
            Some(line) => {
                self.step();
                self.is_cut_short = false;
                self.work += self.line.len() + line.len();
                self.change(0..self.line.len(), &line);
            }
            None => self.bell_due = true,
        }
    }

    /// Remembers a line for the arrow keys, unless input is hidden. The caller knows which lines contain secrets.
    pub(crate) fn remember(&mut self, line: &str) {
        if !self.hidden {
            self.recall.get_or_insert_default().remember(line);
        }
    }

    /// Drops the line and any incomplete sequence or paste (telnet's IP).
    pub fn interrupt(&mut self, out: &mut Vec<u8>) {
        self.keys.reset();
        self.clear();
        self.show(out);
    }

    /// Empties the line and begins another one.
    fn clear(&mut self) {
        self.cancel_search();
        self.change(0..self.line.len(), "");
        self.leave_line();
    }

    fn leave_line(&mut self) {
        if self.line.capacity() > KEPT_MEMORY {
            self.line = String::new();
        }
        self.line.clear();
        self.cursor = 0;
        self.limit_reported = false;
        self.is_cut_short = false;
        self.last = Last::Other;
        self.undo = None;
        if let Some(recall) = &mut self.recall {
            recall.leave();
        }
    }

    /// Ends an entered line on the screen. Afterwards the line is empty, and neither prompt nor cursor is drawn.
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
        self.remeasure();
    }
}

fn clamp_columns(columns: u16) -> usize {
    usize::from(columns.clamp(*COLUMNS.start(), *COLUMNS.end()))
}
