//! Lines entered before.
//!
//! *Owns* which of them are kept, the place in them, and the line being typed while older ones are looked at.
//! *Knows nothing of* keys and of which lines are secret.
//! *Called by* `line::editor`.

use std::collections::VecDeque;

/// Lines kept per session.
const MOST_LINES: usize = 100;
/// Bytes kept per session: a hundred lines of the longest kind would be close to a megabyte for every person.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recall {
    /// The newest is the last.
    lines: VecDeque<Box<str>>,
    /// Their lengths together.
    bytes: usize,
    /// How many lines back; 0 is the line being typed.
    back: usize,
    /// The line being typed, while `back` is not 0.
    draft: String,
}

impl Recall {
    /// Keeps a line, unless it is empty or the same as the one before.
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
        let line = self.lines.len().checked_sub(self.back + 1).and_then(|index| self.lines.get(index))?.to_string();
        if self.back == 0 {
            current.clone_into(&mut self.draft);
        }
        self.back += 1;
        Some(line)
    }

    /// The line after, in the end the one that was being typed.
    pub(super) fn newer(&mut self) -> Option<String> {
        self.back = self.back.checked_sub(1)?;
        if self.back == 0 {
            return Some(std::mem::take(&mut self.draft));
        }
        self.lines.get(self.lines.len() - self.back).map(|line| line.to_string())
    }

    /// Another line is begun.
    pub(super) fn leave(&mut self) {
        self.back = 0;
        self.draft = String::new();
    }
}
