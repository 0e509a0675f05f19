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

use super::graphemes;
use super::keys::{Key, Keys};
use super::recall::Recall;
use crate::text::{self, Charset};

mod changes;
mod drawing;
mod search;
mod undo;

use drawing::{Damage, Drawn, Frame};
use search::Search;
use undo::Undo;

/// Most rows drawn of prompt and line.
///
/// Ten of the narrowest terminals hold a message of the usual limit; every text that arrives draws them all again, and
/// the smallest screens have about twice as many. A longer line can be typed and sent, it is only not seen whole.
const MOST_ROWS: usize = 10;

/// Terminals narrower or wider than this are drawn for as if they were not, in columns.
const COLUMNS: std::ops::RangeInclusive<u16> = 20..=500;

/// What the session lets keys cost before it looks who pays, in bytes looked at one by one: about a millisecond.
pub const WORK_AT_ONCE: usize = 64 * 1024;

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
    /// The end of what was typed was over the limit, and is not in the line.
    is_cut_short: bool,
    bell_due: bool,
    last: Last,
    damage: Damage,
    frame: Frame,
    /// What [`Editor::draw`] wrote last, where writing it again would take long.
    drawn: Option<Box<Drawn>>,
    /// Bytes looked at one by one since this was last asked.
    work: usize,
    keys: Keys,
    /// Made for the first line that is remembered.
    recall: Option<Box<Recall>>,
    search: Option<Box<Search>>,
    /// Steps of this line.
    undo: Option<Box<Undo>>,
    /// What Ctrl-Y brings back.
    killed: Option<Box<str>>,
}

/// What the key before this one did, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Last {
    Typed,
    Pasted,
    Killed,
    Other,
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
            is_cut_short: false,
            bell_due: false,
            last: Last::Other,
            damage: Damage::Nothing,
            frame: Frame::default(),
            drawn: None,
            work: 0,
            keys: Keys::new(),
            recall: None,
            search: None,
            undo: None,
            killed: None,
        }
    }

    /// Another prompt, of sanitised text, for the next [`Editor::draw`]: what is drawn has to be erased before.
    pub fn set_prompt(&mut self, prompt: &str) {
        self.replace_prompt(prompt);
        self.remeasure();
    }

    /// Whether nothing of the line is drawn, remembered or completed, as for a password. A line that is not empty has to
    /// be erased before. What is half typed of a hidden one is dropped with its end.
    pub fn set_hidden(&mut self, hidden: bool) {
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
        self.remeasure();
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
    pub(super) fn prompt(&self) -> &str {
        &self.prompt
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

    /// Bytes looked at one by one since this was last asked: a key on a long line can take a thousand times longer than one
    /// on a short line, and a flood of them has to be paid for.
    pub fn take_work(&mut self) -> usize {
        std::mem::take(&mut self.work)
    }

    /// Takes keys until one of them means something to the session, and leaves the rest of the input. What the terminal
    /// has to show goes to `out`. `limit` is in bytes, 0 for none.
    pub fn next(&mut self, input: &mut &[u8], limit: usize, out: &mut Vec<u8>) -> Option<EditorEvent> {
        self.next_within(usize::MAX, input, limit, out)
    }

    /// The same, but leaves the rest of the input also once so many bytes were looked at one by one.
    pub fn next_within(
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
                // Where the cluster to the left begins may depend on many before it (flags: UAX #29, GB12).
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
            // A break before the line, or in a password, means nothing.
            Key::Breaks(_) if self.hidden || self.line.is_empty() => self.last = last,
            Key::Breaks(count) => return self.type_text(&"\n".repeat(count.into()), last),
            // It ends what was too long. To send what is left of that, Enter is pressed again.
            Key::Enter if std::mem::take(&mut self.is_cut_short) => {
                self.limit_told = false;
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

    /// Keeps a line for the arrow keys; nothing while input is hidden. The caller knows which lines hold secrets.
    pub fn remember(&mut self, line: &str) {
        if !self.hidden {
            self.recall.get_or_insert_default().remember(line);
        }
    }

    /// Drops the line and whatever a sequence or a paste had begun: telnet's IP.
    pub fn interrupt(&mut self, out: &mut Vec<u8>) {
        self.keys.reset();
        self.clear();
        self.show(out);
    }

    /// Another line is begun in the place of this one.
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
        self.limit_told = false;
        self.is_cut_short = false;
        self.last = Last::Other;
        self.undo = None;
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
        self.remeasure();
    }
}

fn clamp_columns(columns: u16) -> usize {
    usize::from(columns.clamp(*COLUMNS.start(), *COLUMNS.end()))
}
