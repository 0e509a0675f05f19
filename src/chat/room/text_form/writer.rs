//! Writes a line field by field.
//!
//! *Owns* the spaces between fields and the escapes in texts.
//! *Knows nothing of* changes.

use std::fmt::Write as _;

/// The line so far.
#[derive(Default)]
pub(super) struct FieldWriter(String);

#[cfg(any(test, feature = "cluster"))]
impl From<FieldWriter> for String {
    fn from(line: FieldWriter) -> String {
        line.0
    }
}

/// Whether a character needs no escape in a text. Others would end the line or the text, here or in another program.
pub(super) fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}')
}

impl FieldWriter {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// A field without spaces and quotes.
    pub(super) fn word(&mut self, word: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }

    /// Any text.
    pub(super) fn text(&mut self, text: &str) {
        self.word("\"");
        for c in text.chars() {
            match c {
                '"' => self.0.push_str("\\\""),
                '\\' => self.0.push_str("\\\\"),
                '\n' => self.0.push_str("\\n"),
                c if is_plain(c) => self.0.push(c),
                // Writing to a String cannot fail.
                c => drop(write!(self.0, "\\u{{{:x}}}", u32::from(c))),
            }
        }
        self.0.push('"');
    }
}
