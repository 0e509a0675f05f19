//! Several lines that become one message: `:paste`, the lines, a single `.`.
//!
//! *Owns* collecting the lines.
//! *Knows nothing of* where the message goes.

use super::cost;
use super::effect::Effect;
use super::limits::fits;
use super::refusal::Refusal;
use super::{Palette, PaletteState, back_to};
use crate::chat::message::Draft;
use crate::ui::command::Cost;
use crate::ui::screen::LineKind;

/// What ends a paste.
const END: &str = ".";

/// Shown when lines are collected for a message.
const BEGINS: &str = "Type or paste the lines of one message; a single . ends it, Ctrl-C drops it.";

/// The lines so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Paste {
    text: String,
    /// Lines and bytes typed, whether stored or not.
    lines: usize,
    bytes: usize,
}

/// The result of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pasted {
    /// The line was the end, and this is the message.
    Whole(String),
    /// The line was the end, and the message has too many lines or bytes: the number of each.
    TooLong { lines: usize, bytes: usize },
    /// The line was the end, and there is nothing to send.
    Nothing,
    /// More may come.
    More,
}

impl Paste {
    /// Takes the next line.
    pub(super) fn add(&mut self, line: &str) -> Pasted {
        if self.ends_with(line) {
            let Paste { text, lines, bytes } = std::mem::take(self);
            return match fits(lines, bytes) {
                false => Pasted::TooLong { lines, bytes },
                true if text.trim().is_empty() => Pasted::Nothing,
                true => Pasted::Whole(text.trim_matches('\n').to_owned()),
            };
        }
        self.bytes += line.len() + usize::from(self.lines > 0);
        self.lines += 1;
        if fits(self.lines, self.bytes) {
            if self.lines > 1 {
                self.text.push('\n');
            }
            self.text.push_str(line.trim_end());
        }
        Pasted::More
    }

    /// Whether a line is the end of the message.
    pub(super) fn ends_with(&self, line: &str) -> bool {
        line.trim_end() == END
    }

    /// What the message costs.
    pub(super) fn cost(&self) -> Cost {
        cost::of_text(&self.text)
    }
}

impl Palette {
    /// `:paste`.
    pub(super) fn begin_paste(&mut self, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let (to, from_view) = (self.here()?, self.is_in_view());
        self.state = PaletteState::Paste { to, paste: Paste::default(), from_view };
        effects.push(Effect::Tell(LineKind::News, BEGINS.to_owned()));
        Ok(())
    }

    pub(super) fn paste(&mut self, line: &str, effects: &mut Vec<Effect>) -> Result<(), Refusal> {
        let PaletteState::Paste { to, paste, from_view } = &mut self.state else { return Ok(()) };
        let pasted = paste.add(line);
        if pasted == Pasted::More {
            return Ok(());
        }
        let (to, from_view) = (to.clone(), *from_view);
        self.state = back_to(from_view);
        match pasted {
            Pasted::Whole(text) => {
                effects.push(Effect::Say { to, draft: Draft::said(text).into(), confirm: !from_view });
            }
            Pasted::TooLong { lines, bytes } => return Err(Refusal::PasteTooLong { lines, bytes }),
            Pasted::Nothing => effects.push(Effect::Tell(LineKind::News, "Nothing sent.".to_owned())),
            Pasted::More => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::limits::{MOST_BYTES, MOST_LINES};
    use super::*;

    fn pasted(lines: &[&str]) -> Pasted {
        let mut paste = Paste::default();
        for line in lines {
            assert_eq!(paste.add(line), Pasted::More);
        }
        paste.add(".")
    }

    #[test]
    fn lines_up_to_a_single_dot_are_one_message() {
        assert_eq!(pasted(&["one", "", "  three "]), Pasted::Whole("one\n\n  three".to_owned()));
        assert_eq!(pasted(&["..", ". x"]), Pasted::Whole("..\n. x".to_owned()));
        assert_eq!(pasted(&[]), Pasted::Nothing);
        assert_eq!(pasted(&["", " "]), Pasted::Nothing);
    }

    #[test]
    fn a_paste_over_the_limits_keeps_no_more_than_they_allow_and_is_refused() {
        assert!(matches!(pasted(&["x"; MOST_LINES]), Pasted::Whole(_)));
        assert_eq!(pasted(&["x"; MOST_LINES + 1]), Pasted::TooLong { lines: 101, bytes: 201 });
        let long = "x".repeat(MOST_BYTES);
        assert!(matches!(pasted(&[&long]), Pasted::Whole(_)));
        let mut paste = Paste::default();
        for _ in 0..1000 {
            paste.add(&long);
        }
        assert_eq!(paste.text.len(), MOST_BYTES);
        assert!(matches!(paste.add("."), Pasted::TooLong { .. }));
    }
}
