//! Lines entered before.
//!
//! *Owns* which of them are remembered, the place in them, and the line being typed while older ones are looked at.
//! *Knows nothing of* keys and of which lines are secret.
//! *Called by* `line::editor`.

use std::collections::VecDeque;

/// Lines remembered per session.
const MOST_LINES: usize = 100;
/// Bytes remembered per session: a hundred lines of the longest kind would be close to a megabyte for every user.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recall {
    /// The newest is the last.
    lines: VecDeque<Box<str>>,
    /// Their lengths together.
    bytes: usize,
    /// How many lines back; 0 is the line being typed.
    back: usize,
    /// What was typed last: a new line, or an older one with changes. It waits below the newest line.
    draft: String,
    /// How many lines back it was changed: there it stands for the older line.
    draft_back: usize,
}

impl Recall {
    /// Remembers a line, unless it is empty or the same as the one before.
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

    /// The line before; `current` is what stands in the editor.
    pub(super) fn older(&mut self, current: &str) -> Option<String> {
        self.note(current);
        self.go(self.back + 1)
    }

    /// The line after, in the end what was typed last.
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

    /// Whatever was changed becomes the draft.
    fn note(&mut self, current: &str) {
        if self.at(self.back) != Some(current) {
            current.clone_into(&mut self.draft);
            self.draft_back = self.back;
        }
    }

    /// The first line with a text in it, regardless of case in ASCII, from `from` lines back on: how many, the line, and where
    /// in it. Lines like `not` are passed over.
    pub(super) fn find(&self, text: &str, from: usize, not: Option<&str>) -> Option<(usize, &str, usize)> {
        (from.max(1)..=self.lines.len()).find_map(|back| {
            let line = self.line(back).filter(|line| Some(*line) != not)?;
            let found = |part: &[u8]| part.eq_ignore_ascii_case(text.as_bytes());
            let at = line.as_bytes().windows(text.len().max(1)).position(found)?;
            Some((back, line, at))
        })
    }

    /// A line was found `back` lines back, with `draft` being typed before.
    pub(super) fn go_to(&mut self, back: usize, draft: &str) {
        self.note(draft);
        self.back = back;
    }

    /// What a search looks through at most.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether there is nothing to recall.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Another line is begun.
    pub(super) fn leave(&mut self) {
        self.back = 0;
        self.draft_back = 0;
        self.draft = String::new();
    }
}
