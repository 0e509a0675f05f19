//! Line mode: the peer's terminal edits, whole lines come.
//!
//! *Owns* where a line ends and what is kept of one that is not whole yet.
//! *Knows nothing of* keys and screens.
//! *Called by* `session::input`.

use std::borrow::Cow;

use crate::text;

/// Memory kept for the next half line, in bytes; a connection is idle most of its life.
const KEPT_MEMORY: usize = 256;

/// What came of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent<'a> {
    /// A line, sanitised, without its end.
    Entered(Cow<'a, str>),
    /// The line has grown over the limit: it is refused whole, now; the rest of it is dropped.
    TooLong,
    /// Ctrl-C (0x03), or Ctrl-D (0x04) inside a line: the line so far is dropped.
    Interrupted,
    /// Ctrl-D (0x04) on an empty line.
    Ended,
}

/// Bytes to lines. CR LF, CR NUL, LF and CR end one line each.
#[derive(Debug, Default)]
pub struct Assembler {
    kept: Vec<u8>,
    /// The last byte was a CR: a LF or NUL belongs to it.
    after_cr: bool,
    /// Inside a line that was refused for its length.
    dropping: bool,
}

impl Assembler {
    /// At the beginning of a line.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// The next event; `None` once the input is used up. `limit` is in bytes, 0 for none. A whole line of clean text is
    /// borrowed from the input.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], limit: usize) -> Option<LineEvent<'a>> {
        loop {
            let all: &'a [u8] = input;
            let &first = all.first()?;
            if std::mem::take(&mut self.after_cr) && matches!(first, b'\n' | 0) {
                *input = &all[1..];
                continue;
            }
            let end = all.iter().position(|byte| matches!(byte, 0 | 3 | 4 | 8 | b'\n' | b'\r' | 127));
            let (piece, key) = match end {
                Some(end) => (&all[..end], Some(all[end])),
                None => (all, None),
            };
            *input = &all[piece.len()..];
            if !self.dropping && limit > 0 && self.kept.len() + piece.len() > limit {
                self.forget();
                self.dropping = true;
                return Some(LineEvent::TooLong);
            }
            let Some(key) = key else {
                self.keep(piece);
                return None;
            };
            *input = &all[piece.len() + 1..];
            match key {
                b'\n' | b'\r' => {
                    self.after_cr = key == b'\r';
                    if std::mem::take(&mut self.dropping) {
                        continue;
                    }
                    if self.kept.is_empty() {
                        return Some(LineEvent::Entered(text::sanitize_bytes(piece)));
                    }
                    self.keep(piece);
                    return Some(LineEvent::Entered(self.take()));
                }
                3 => {
                    self.clear();
                    return Some(LineEvent::Interrupted);
                }
                4 if self.kept.is_empty() && piece.is_empty() && !self.dropping => return Some(LineEvent::Ended),
                4 => {
                    self.clear();
                    return Some(LineEvent::Interrupted);
                }
                8 | 127 => {
                    self.keep(piece);
                    self.erase_character();
                }
                // A lone NUL is padding.
                _ => self.keep(piece),
            }
        }
    }

    /// The input is over: a last line without its end is a line like any other.
    pub fn finish(&mut self) -> Option<LineEvent<'static>> {
        if std::mem::take(&mut self.dropping) || self.kept.is_empty() {
            return None;
        }
        Some(LineEvent::Entered(self.take()))
    }

    /// Drops the line so far.
    pub fn clear(&mut self) {
        self.forget();
        self.dropping = false;
    }

    /// Takes the last character of the line so far back.
    pub fn erase_character(&mut self) {
        let text = String::from_utf8_lossy(&self.kept);
        let length = match &text {
            Cow::Borrowed(text) => text::graphemes(text).next_back().map_or(0, str::len),
            // Not UTF-8: one byte is as good as any.
            Cow::Owned(_) => 1,
        };
        self.kept.truncate(self.kept.len().saturating_sub(length));
    }

    /// Takes the line so far back.
    pub fn erase_line(&mut self) {
        self.forget();
    }

    fn keep(&mut self, piece: &[u8]) {
        if !self.dropping {
            self.kept.extend_from_slice(piece);
        }
    }

    fn take(&mut self) -> Cow<'static, str> {
        let line = text::sanitize_bytes(&self.kept).into_owned();
        self.forget();
        Cow::Owned(line)
    }

    fn forget(&mut self) {
        if self.kept.capacity() > KEPT_MEMORY {
            self.kept = Vec::new();
        } else {
            self.kept.clear();
        }
    }
}
