//! Lines that were not taken, for their length or for coming too fast: where the server edits the line, they go back into
//! the editor, to be mended or sent again.
//!
//! *Owns* when they do: after what refuses them, and only where nobody has typed on meanwhile.
//! *Knows nothing of* why they were refused.
//! *Called by* `session`.

use super::Session;
use crate::ui::screen::{LineKind, Prompt};

/// Most that comes back, in bytes: what the editor holds of a line of the usual limit. More is there with the arrow keys.
const MOST_BYTES: usize = 8192;

/// What is known of lines that were not taken.
#[derive(Debug, Default)]
pub(super) struct Returned {
    /// The line being run is one.
    is_due: bool,
    lines: Option<Box<Lines>>,
}

/// Lines on their way back.
#[derive(Debug)]
struct Lines {
    /// With a break between two: entered again, they are one message or lines of their own, like a paste.
    text: String,
    /// Where they were entered. Anywhere else an Enter would send them to others.
    place: Prompt,
}

impl Session {
    /// The line being run is not taken.
    pub(super) fn mark_refused(&mut self) {
        self.returned.is_due = true;
    }

    /// A line has been run: if it was not taken, it comes back.
    #[inline(never)]
    pub(super) fn return_line(&mut self, line: &str) {
        if std::mem::take(&mut self.returned.is_due) {
            self.give_back(line);
        }
    }

    /// A line said in the view of a character mode terminal is off the screen by now: what is refused stays to be read.
    #[inline(never)]
    pub(super) fn keep_shown(&self, typed: &str) {
        self.outbox.with_display(|display, out| {
            let line = [&**display.prompt(), typed].concat();
            display.write(LineKind::Chat, &line, out);
        });
    }

    /// A line was refused.
    #[inline(never)]
    pub(super) fn give_back(&mut self, line: &str) {
        if !self.input.link.is_character_mode() || self.palette.asks_password() {
            return;
        }
        let place = self.palette.place();
        match &mut self.returned.lines {
            Some(lines) if lines.place == place => {
                if lines.text.len() + 1 + line.len() <= MOST_BYTES {
                    lines.text.push('\n');
                    lines.text.push_str(line);
                }
            }
            lines => *lines = Some(Box::new(Lines { text: line.to_owned(), place })),
        }
    }

    /// Puts them into the editor, once their burst is answered, unless something else is typed there by now.
    pub(super) fn put_returned(&mut self) {
        if self.returned.lines.is_some() && !self.pacing.has_flood() {
            self.put_lines();
        }
    }

    #[inline(never)]
    fn put_lines(&mut self) {
        let Some(lines) = self.returned.lines.take() else { return };
        if self.palette.place() == lines.place && !self.palette.asks_password() {
            self.with_editor(|editor, out| editor.put_back(&lines.text, out));
        }
    }
}
