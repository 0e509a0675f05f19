//! Undo: takes editing steps back one by one.
//!
//! *Owns* the line before each step, and the bound on memory.
//! *Knows nothing of* keys: the editor decides what is one step.

use std::collections::VecDeque;

/// Most steps and bytes remembered for one line: ten times what a message takes.
const MOST_STEPS: usize = 100;
const MOST_BYTES: usize = 16 * 1024;

/// A step: at byte `at`, `added` bytes replaced `removed`.
#[derive(Debug)]
struct EditStep {
    at: usize,
    removed: Box<str>,
    added: usize,
    cursor: usize,
}

#[derive(Debug, Default)]
pub(super) struct Undo {
    /// The newest is the last.
    steps: VecDeque<EditStep>,
    /// Total length of their removed parts.
    bytes: usize,
    /// The line before the current step, and the cursor in it.
    before: Option<(Box<str>, usize)>,
}

impl Undo {
    /// Begins a step, with the line before it.
    pub(super) fn begin(&mut self, line: &str, cursor: usize) {
        self.end(line);
        if line.len() <= MOST_BYTES {
            self.before = Some((line.into(), cursor));
        } else {
            // Without this step, the earlier ones are useless.
            *self = Undo::default();
        }
    }

    /// Ends the current step, with the line after it.
    fn end(&mut self, line: &str) {
        let Some((before, cursor)) = self.before.take() else { return };
        if *before == *line {
            return;
        }
        if let Some(added) = line.strip_prefix(&*before) {
            // Typed at the end, the usual case.
            return self.push(EditStep { at: before.len(), removed: "".into(), added: added.len(), cursor });
        }
        let same = |(a, b): &(char, char)| a == b;
        let at: usize = before.chars().zip(line.chars()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
        let (old, new) = (&before[at..], &line[at..]);
        let tail: usize = old.chars().rev().zip(new.chars().rev()).take_while(same).map(|(c, _)| c.len_utf8()).sum();
        let removed: Box<str> = old[..old.len() - tail].into();
        self.push(EditStep { at, removed, added: new.len() - tail, cursor });
    }

    fn push(&mut self, step: EditStep) {
        self.bytes += step.removed.len();
        self.steps.push_back(step);
        while self.steps.len() > MOST_STEPS || self.bytes > MOST_BYTES {
            self.bytes -= self.steps.pop_front().map_or(0, |step| step.removed.len());
        }
    }

    /// Takes back the last step: returns the line before it, and the cursor.
    pub(super) fn take_back(&mut self, line: &str) -> Option<(String, usize)> {
        self.end(line);
        let step = self.steps.pop_back()?;
        self.bytes -= step.removed.len();
        let mut before = line.to_owned();
        before.replace_range(step.at..step.at + step.added, &step.removed);
        Some((before, step.cursor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_undo_history_is_bounded() {
        let mut undo = Undo::default();
        let mut line = String::new();
        for _ in 0..1000 {
            undo.begin(&line, line.len());
            line = if line.is_empty() { "x".repeat(1000) } else { String::new() };
        }
        undo.begin(&line, 0);
        assert!(undo.steps.len() <= MOST_STEPS && undo.bytes <= MOST_BYTES);
        undo.begin(&"x".repeat(MOST_BYTES + 1), 0);
        assert!(undo.take_back("y").is_none() && undo.bytes == 0);
    }

    proptest! {
        #![proptest_config(crate::proptest_config())]

        #[test]
        fn every_step_is_taken_back(lines in prop::collection::vec("[a-cé你\u{301}]{0,6}", 1..20)) {
            let mut undo = Undo::default();
            for line in &lines {
                undo.begin(line, 0);
            }
            let mut steps: Vec<&String> = lines.iter().collect();
            steps.dedup();
            let mut line = steps.pop().expect("one").clone();
            while let Some((before, _)) = undo.take_back(&line) {
                prop_assert_eq!(Some(&before), steps.pop());
                line = before;
            }
            prop_assert!(steps.is_empty());
        }
    }
}
