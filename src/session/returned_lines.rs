//! Refused lines: in character mode they go back into the editor, to be corrected or sent again.
//!
//! *Owns* when that happens: after the refusal, and only if nothing was typed meanwhile. *Knows nothing of* why they
//! were refused.

use super::Session;
use crate::ui::screen::{LineKind, Prompt};

/// Most that comes back, in bytes: a line at the usual limit. The arrow keys bring back the rest.
const MOST_BYTES: usize = 8192;

/// The refused lines of one session.
#[derive(Debug, Default)]
pub(super) struct Returned {
    /// The line being run was refused.
    is_due: bool,
    lines: Option<Box<Lines>>,
}

/// Lines on their way back to the editor.
#[derive(Debug)]
struct Lines {
    /// With a line break between two: entered again, they are one message or separate lines, like a paste.
    text: String,
    /// Where they were entered. Anywhere else, Enter would send them to other users.
    prompt: Prompt,
}

impl Session {
    /// The line being run is refused.
    pub(super) fn mark_refused(&mut self) {
        self.returned.is_due = true;
    }

    /// Gives a line back after it has been run, if it was refused.
    pub(super) fn return_line(&mut self, line: &str) {
        if std::mem::take(&mut self.returned.is_due) {
            self.give_back(line);
        }
    }

    /// In the view of a character mode terminal, a line leaves the screen when it is sent. A refused one is shown
    /// again.
    #[inline(never)]
    pub(super) fn keep_shown(&self, typed: &str) {
        self.outbox.with_display(|display, out| {
            let line = [&**display.prompt(), typed].concat();
            display.write(LineKind::Chat, &line, out);
        });
    }

    /// Keeps a refused line for the editor.
    pub(super) fn give_back(&mut self, line: &str) {
        if !self.input.link.is_character_mode() || self.palette.asks_password() {
            return;
        }
        let prompt = self.palette.prompt();
        match &mut self.returned.lines {
            Some(lines) if lines.prompt == prompt => {
                if lines.text.len() + 1 + line.len() <= MOST_BYTES {
                    lines.text.push('\n');
                    lines.text.push_str(line);
                }
            }
            lines => *lines = Some(Box::new(Lines { text: line.to_owned(), prompt })),
        }
    }

    /// Puts the lines into the editor, once their burst is answered, unless something was typed there meanwhile.
    pub(super) fn put_returned(&mut self) {
        if self.returned.lines.is_some() && !self.pacing.has_flood() {
            self.put_lines();
        }
    }

    #[inline(never)]
    fn put_lines(&mut self) {
        let Some(lines) = self.returned.lines.take() else { return };
        if self.palette.prompt() == lines.prompt && !self.palette.asks_password() {
            self.with_editor(|editor, out| editor.put_back(&lines.text, out));
        }
    }
}
