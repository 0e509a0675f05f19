//! Lines entered before.
//!
//! *Owns* which of them are kept, and the place in them.
//! *Knows nothing of* keys.
//! *Called by* `line::editor`.

use std::collections::VecDeque;

/// Lines kept per session.
const MOST_LINES: usize = 100;
/// Bytes kept per session: with thousands of people who type long lines, lines alone are no bound.
const MOST_BYTES: usize = 16 * 1024;

#[derive(Debug, Default)]
pub(super) struct Recall {
    lines: VecDeque<Box<str>>,
    bytes: usize,
    /// Lines back from the line being typed; 0 is that line itself.
    back: usize,
    draft: String,
}

impl Recall {
    pub(super) fn remember(&mut self, line: &str) {
        self.leave();
        if self.lines.back().is_some_and(|last| **last == *line) || line.len() > MOST_BYTES {
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line.into());
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            self.bytes -= self.lines.pop_front().map_or(0, |line| line.len());
        }
    }

    /// The line before; `current` is what is being typed now.
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

    /// A new line is begun.
    pub(super) fn leave(&mut self) {
        self.back = 0;
        self.draft = String::new();
    }
}
