//! Remembers entered lines for the arrow keys and Ctrl-R.
//!
//! *Owns* which lines are remembered, the position in them, and the draft while older lines are shown.
//! *Knows nothing of* keys and of which lines are secret.

use std::collections::VecDeque;

/// Lines remembered per session.
const MOST_LINES: usize = 100;
/// Bytes remembered per session: a hundred of the longest lines would take almost a megabyte per user.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recall {
    /// Newest last.
    lines: VecDeque<Box<str>>,
    /// Their total length.
    bytes: usize,
    /// How many lines back the shown one is; 0 is the line being typed.
    back: usize,
    /// What was typed last: a new line, or an edited older one. It comes after the newest line.
    draft: String,
    /// How many lines back it was edited; there it replaces the older line.
    draft_back: usize,
}

impl Recall {
    /// Remembers a line, unless it is empty or repeats the last one.
    pub(super) fn remember(&mut self, line: &str) {
        self.leave();
        if line.is_empty() || line.len() > MOST_BYTES || self.lines.back().is_some_and(|last| **last == *line) {
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line.into());
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    /// The previous line; `current` is the line in the editor.
    pub(super) fn older(&mut self, current: &str) -> Option<String> {
        self.note(current);
        self.go(self.back + 1)
    }

    /// The next line; after the newest, the draft.
    pub(super) fn newer(&mut self, current: &str) -> Option<String> {
        self.note(current);
        self.go(self.back.checked_sub(1)?)
    }

    fn go(&mut self, back: usize) -> Option<String> {
        let line = self.at(back)?.to_owned();
        self.back = back;
        Some(line)
    }

    /// The line `back` lines back.
    fn at(&self, back: usize) -> Option<&str> {
        if back == 0 || (back == self.draft_back && back <= self.lines.len()) {
            Some(&self.draft)
        } else {
            self.line(back)
        }
    }

    fn line(&self, back: usize) -> Option<&str> {
        self.lines.len().checked_sub(back).and_then(|index| self.lines.get(index)).map(|line| &**line)
    }

    /// If the line was edited, it becomes the draft.
    fn note(&mut self, current: &str) {
        if self.at(self.back) != Some(current) {
            current.clone_into(&mut self.draft);
            self.draft_back = self.back;
        }
    }

    /// Finds the first line that contains `text`, ignoring ASCII case, from `from` lines back on, and skipping lines equal
    /// to `not`. Returns how many lines back it is, the line, and the position in it.
    pub(super) fn find(&self, text: &str, from: usize, not: Option<&str>) -> Option<(usize, &str, usize)> {
        (from.max(1)..=self.lines.len()).find_map(|back| {
            let line = self.line(back).filter(|line| Some(*line) != not)?;
            let found = |part: &[u8]| part.eq_ignore_ascii_case(text.as_bytes());
            let at = line.as_bytes().windows(text.len().max(1)).position(found)?;
            Some((back, line, at))
        })
    }

    /// Moves to the line `back` lines back; `draft` was being typed.
    pub(super) fn go_to(&mut self, back: usize, draft: &str) {
        self.note(draft);
        self.back = back;
    }

    /// The most that a search looks through, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing to recall.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Another line begins.
    pub(super) fn leave(&mut self) {
        self.back = 0;
        self.draft_back = 0;
        self.draft = String::new();
    }
}
