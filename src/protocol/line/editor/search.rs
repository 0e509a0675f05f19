//! Ctrl-R: searches older lines.
//!
//! The search text is shown in the prompt, followed by the newest line that contains it. Ctrl-R again goes further back.
//! Enter, ESC and every editing key accept the line without running it; Ctrl-C and Ctrl-G restore the line that was being
//! typed.
//!
//! *Owns* the search text, and the line to restore on cancel.
//! *Knows nothing of* which lines there are.

use super::drawing::Damage;
use super::{Editor, Key};
use crate::protocol::line::graphemes;
use crate::text;

/// Longest search text, in bytes: about a row, and nobody needs more.
const LONGEST: usize = 80;

#[derive(Debug)]
pub(super) struct Search {
    /// The ordinary prompt.
    prompt: Box<str>,
    wanted: String,
    /// How many lines back the line shown is; 0 if nothing was found yet.
    back: usize,
    is_failing: bool,
    /// The line that was being typed, and the cursor in it.
    line: String,
    cursor: usize,
}

impl Editor {
    pub(super) fn begin_search(&mut self) {
        if self.recall.as_ref().is_none_or(|recall| recall.is_empty()) {
            self.bell_due = true;
            return;
        }
        self.step();
        let (line, cursor) = (self.line.clone(), self.cursor);
        let prompt = self.prompt.clone();
        self.search =
            Some(Box::new(Search { prompt, wanted: String::new(), back: 0, is_failing: false, line, cursor }));
        self.keys.set_reports_escape(true);
        self.show_search();
    }

    /// Handles a key during a search. Returns false if the line was accepted and the key still has to be handled.
    pub(super) fn press_in_search(&mut self, key: Key<'_>) -> bool {
        match key {
            // One by one, so that the result does not depend on packets.
            Key::Text(typed) => typed.chars().for_each(|typed| self.look_for(typed.encode_utf8(&mut [0; 4]))),
            Key::Character(typed) => self.look_for(typed.encode_utf8(&mut [0; 4])),
            Key::Search => self.search_further(),
            Key::Backspace => self.shorten_search(),
            Key::Interrupt | Key::Cancel => self.cancel_search(),
            Key::Enter => {
                self.take_found();
                self.cursor = self.line.len();
            }
            // It may begin a sequence, so the cursor stays.
            Key::Escape => self.take_found(),
            Key::Redraw => return false,
            Key::Breaks(_)
            | Key::Tab
            | Key::EndOrDelete
            | Key::Delete
            | Key::EraseWord
            | Key::EraseToSpace
            | Key::EraseWordRight
            | Key::EraseToStart
            | Key::EraseToEnd
            | Key::Left
            | Key::Right
            | Key::WordLeft
            | Key::WordRight
            | Key::Home
            | Key::End
            | Key::Older
            | Key::Newer
            | Key::Yank
            | Key::Transpose
            | Key::Undo => {
                self.take_found();
                return false;
            }
        }
        true
    }

    /// Replaces the ordinary prompt, even while the search shows its own.
    pub(super) fn replace_prompt(&mut self, prompt: &str) {
        match &mut self.search {
            Some(search) => search.prompt = prompt.into(),
            None => self.prompt = prompt.into(),
        }
    }

    fn look_for(&mut self, typed: &str) {
        let Some(search) = &mut self.search else { return };
        if search.wanted.len() + typed.len() > LONGEST {
            self.bell_due = true;
            return;
        }
        search.wanted.push_str(typed);
        let clean = text::sanitize(&search.wanted).into_owned();
        search.wanted = clean;
        // A longer text cannot be found where a shorter one was not.
        if search.is_failing {
            self.bell_due = true;
            self.show_search();
        } else {
            let from = search.back;
            self.find(from, false);
        }
    }

    fn search_further(&mut self) {
        let Some(search) = &self.search else { return };
        if search.wanted.is_empty() || search.is_failing {
            self.bell_due = true;
            return;
        }
        let from = search.back + 1;
        self.find(from, true);
    }

    fn shorten_search(&mut self) {
        let Some(search) = &mut self.search else { return };
        let left = graphemes::left(&search.wanted, search.wanted.len());
        if left == search.wanted.len() {
            self.bell_due = true;
            return;
        }
        search.wanted.truncate(left);
        if left == 0 {
            (search.back, search.is_failing) = (0, false);
            self.line.clone_from(&search.line);
            self.cursor = search.cursor;
            return self.show_search();
        }
        self.find(1, false);
    }

    fn find(&mut self, from: usize, another: bool) {
        let (Some(search), Some(recall)) = (&mut self.search, &self.recall) else { return };
        self.work += recall.bytes();
        let not = another.then_some(self.line.as_str());
        match recall.find(&search.wanted, from, not) {
            Some((back, line, at)) => {
                (search.back, search.is_failing) = (back, false);
                self.line = line.to_owned();
                self.cursor = graphemes::boundary_from(&self.line, 0, at);
            }
            None => {
                search.is_failing = true;
                self.bell_due = true;
            }
        }
        self.show_search();
    }

    fn show_search(&mut self) {
        if let Some(search) = &self.search {
            let says = if search.is_failing { "not found: " } else { "search: " };
            self.prompt = [says, &search.wanted, " | "].concat().into();
        }
        self.damage = Damage::All;
    }

    /// Accepts the line that was found, if any, for editing.
    fn take_found(&mut self) {
        if let Some(search) = self.end_search()
            && search.back > 0
            && let Some(recall) = &mut self.recall
        {
            recall.go_to(search.back, &search.line);
        }
    }

    pub(super) fn cancel_search(&mut self) {
        if let Some(search) = self.end_search() {
            self.line = search.line;
            self.cursor = search.cursor;
        }
    }

    pub(super) fn end_search(&mut self) -> Option<Box<Search>> {
        let mut search = self.search.take()?;
        self.keys.set_reports_escape(false);
        self.prompt = std::mem::take(&mut search.prompt);
        self.damage = Damage::All;
        Some(search)
    }
}
