//! The changes that keys make to the text of the line.
//!
//! *Owns* typing and cutting, the text last cut, and keeping clusters whole.
//! *Knows nothing of* which key causes a change.

use std::borrow::Cow;
use std::ops::Range;

use super::drawing::Damage;
use super::{Editor, EditorEvent, Last};
use crate::protocol::line::graphemes;
use crate::text;

/// Longest text that Ctrl-Y inserts, in bytes: twice a line of the default limit.
const LONGEST_CUT: usize = 16 * 1024;

impl Editor {
    /// Begins an undo step.
    pub(super) fn step(&mut self) {
        if !self.hidden {
            // The line is copied, and compared with the previous one.
            self.work += self.line.len() / 16;
            self.undo.get_or_insert_default().begin(&self.line, self.cursor);
        }
    }

    /// Handles typed text. Every word and every paste is an undo step.
    pub(super) fn type_text(&mut self, typed: &str, last: Last) -> Option<EditorEvent> {
        let now = if self.keys.is_pasting() { Last::Pasted } else { Last::Typed };
        self.last = now;
        if last != now {
            self.step();
        }
        if now == Last::Pasted {
            return self.join(typed);
        }
        let mut event = None;
        let mut rest = typed;
        while let Some(first) = rest.chars().next() {
            if first != ' ' && self.line[..self.cursor].ends_with(' ') {
                self.step();
            }
            // Up to the start of the next word.
            let blanks = rest.find(|c| c != ' ').unwrap_or(rest.len());
            let end = rest[blanks..].find(' ').map_or(rest.len(), |at| blanks + at);
            let end = if blanks > 0 { blanks } else { end };
            let (word, after) = rest.split_at(end);
            event = event.or(self.join(word));
            rest = after;
        }
        event
    }

    /// Types text. If the first character joins the cluster after the cursor, the rest goes after that cluster.
    fn join(&mut self, typed: &str) -> Option<EditorEvent> {
        let joins = self.line[self.cursor..].starts_with(|next: char| !next.is_ascii());
        let first = typed.chars().next().filter(|_| joins).map_or(typed.len(), char::len_utf8);
        let event = self.insert(&typed[..first]);
        event.or(self.insert(&typed[first..]))
    }

    /// Types sanitised text; what exceeds the limit is refused.
    pub(super) fn insert(&mut self, typed: &str) -> Option<EditorEvent> {
        let room = if self.limit == 0 { typed.len() } else { self.limit.saturating_sub(self.line.len()) };
        // Only ASCII runs are accepted in part.
        let fits =
            if typed.len() <= room { typed } else { typed.get(..room).filter(|_| typed.is_ascii()).unwrap_or("") };
        self.change(self.cursor..self.cursor, fits);
        if fits.len() == typed.len() {
            self.is_cut_short &= typed.is_empty();
            return None;
        }
        self.is_cut_short = true;
        self.bell_due = true;
        (!std::mem::replace(&mut self.limit_reported, true)).then_some(EditorEvent::TooLong)
    }

    /// Erases a part.
    pub(super) fn cut(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.step();
            self.is_cut_short = false;
            self.change(range, "");
        }
    }

    /// Erases a part for Ctrl-Y. Parts erased by several such keys in a row are joined.
    pub(super) fn kill(&mut self, range: Range<usize>, last: Last) {
        self.last = Last::Killed;
        if range.is_empty() {
            return;
        }
        if !self.hidden {
            let taken = &self.line[range.clone()];
            let before = self.killed.take().filter(|_| last == Last::Killed).unwrap_or_default();
            let killed = if range.start < self.cursor { [taken, &before].concat() } else { [&before, taken].concat() };
            if killed.len() <= LONGEST_CUT {
                self.killed = Some(killed.into());
            } else {
                self.bell_due = true;
            }
        }
        self.cut(range);
    }

    /// Inserts what was killed.
    pub(super) fn yank(&mut self) -> Option<EditorEvent> {
        let killed = self.killed.take();
        let Some(text) = killed.as_deref().filter(|_| !self.hidden) else {
            self.bell_due = true;
            self.killed = killed;
            return None;
        };
        self.step();
        self.work += text.len();
        let event = self.insert(text);
        self.killed = killed;
        event
    }

    /// Exchanges the clusters around the cursor, at the end of the line the last two, and moves after them.
    pub(super) fn transpose(&mut self) {
        let at = if self.cursor == self.line.len() { graphemes::left(&self.line, self.cursor) } else { self.cursor };
        let (start, end) = (graphemes::left(&self.line, at), graphemes::right(&self.line, at));
        if self.hidden || start == at || at == end {
            self.bell_due = true;
            return;
        }
        self.step();
        let exchanged = [&self.line[at..end], &self.line[start..at]].concat();
        self.change(start..end, &exchanged);
    }

    /// Undoes the last step.
    pub(super) fn undo(&mut self) {
        let undone = self.undo.as_mut().and_then(|undo| undo.take_back(&self.line));
        let Some((line, cursor)) = undone.filter(|_| !self.hidden) else {
            self.bell_due = true;
            return;
        };
        self.work += line.len();
        self.line = line;
        self.cursor = graphemes::boundary_from(&self.line, 0, cursor);
        self.damage = Damage::All;
        self.is_cut_short = false;
    }

    /// Replaces a part of the line between two boundaries. The cursor goes after the inserted text.
    pub(super) fn change(&mut self, range: Range<usize>, with: &str) {
        if range.is_empty() && with.is_empty() {
            return;
        }
        let start = range.start;
        let had_mark =
            [start, graphemes::left(&self.line, start)].iter().any(|at| graphemes::leads_with_mark(&self.line[*at..]));
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

    /// Restores the cluster invariants around a change that ends at the cursor: separate clusters may have joined.
    fn mend(&mut self, start: usize, had_mark: bool) {
        // Boundaries depend only on what is before them (UAX #29), so this one has not moved.
        let first = graphemes::left(&self.line, start);
        let mut end = graphemes::boundary_from(&self.line, first, self.cursor);
        // Marks that stack too high are dropped at once. Zero-width clusters, also those after the cursor, stack on the
        // one before them.
        let mut base = first;
        while base > 0 && graphemes::leads_with_mark(&self.line[base..]) {
            base = graphemes::left(&self.line, base);
        }
        let mut tail = end;
        while let Some(next) = self.line[tail..].chars().next()
            && text::grapheme_width(next.encode_utf8(&mut [0; 4])) == 0
        {
            tail = graphemes::right(&self.line, tail);
        }
        if let Cow::Owned(clean) = text::sanitize_lines(&self.line[base..tail]) {
            let before_cursor = text::sanitize_lines(&self.line[base..end]).len();
            self.line.replace_range(base..tail, &clean);
            end = graphemes::boundary_from(&self.line, base, base + before_cursor);
        }
        self.cursor = end;
        let joined = graphemes::right(&self.line, first) != start;
        let from = if joined { first } else { start };
        let damage =
            if had_mark || graphemes::leads_with_mark(&self.line[from..]) { Damage::All } else { Damage::From(from) };
        self.damage = self.damage.min(damage);
    }

    /// Replaces the text between byte `from` and the cursor. Does nothing if no cluster begins at `from`.
    pub fn complete(&mut self, from: usize, with: &str, out: &mut Vec<u8>) {
        let with = text::sanitize(with);
        let is_boundary = from <= self.cursor && graphemes::boundary_from(&self.line, 0, from) == from;
        let kept = self.line.len() - self.cursor.saturating_sub(from);
        if is_boundary && (self.limit == 0 || kept + with.len() <= self.limit) {
            self.step();
            self.change(from..self.cursor, &with);
        } else {
            self.bell_due = true;
        }
        self.show(out);
    }

    /// Puts back a line that was entered and refused, so that the user can correct it. Does nothing if they are already
    /// typing something else.
    pub(crate) fn put_back(&mut self, line: &str, out: &mut Vec<u8>) {
        if self.line.is_empty() && self.search.is_none() && !self.hidden && !self.is_pasting() {
            self.change(0..0, line);
            self.show(out);
        }
    }

    /// Types a line break, as an undo step of its own. Draws nothing.
    #[cfg(feature = "client")]
    pub(crate) fn type_break(&mut self) {
        self.cancel_search();
        self.step();
        self.change(self.cursor..self.cursor, "\n");
        self.last = Last::Other;
    }

    /// As Backspace (telnet's EC).
    pub(crate) fn erase_character(&mut self, out: &mut Vec<u8>) {
        if self.search.is_none() || !self.press_in_search(super::Key::Backspace) {
            self.cut(graphemes::left(&self.line, self.cursor)..self.cursor);
        }
        self.show(out);
    }

    /// Empties the line (telnet's EL).
    pub(crate) fn erase_line(&mut self, out: &mut Vec<u8>) {
        self.cancel_search();
        self.cut(0..self.line.len());
        self.show(out);
    }
}
