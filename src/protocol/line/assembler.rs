//! Line mode: the client's terminal edits, and sends whole lines.
//!
//! *Owns* where a line ends, and the beginning of an incomplete one.
//! *Knows nothing of* keys and screens.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::borrow::Cow;

use super::replies::without_replies;
use crate::text::{self, Charset};

/// Control-C, ETX.
const INTERRUPT: u8 = 0x03;
/// Control-D, EOT.
const END: u8 = 0x04;
/// Backspace, BS.
const BACKSPACE: u8 = 0x08;
/// What most terminals send for Backspace, DEL.
const DELETE: u8 = 0x7f;

/// How far to look back for the start of the last character, in bytes.
///
/// Far longer than any cluster that passes the sanitiser; bounded, so that erasing costs the same in a line of any length.
const LONGEST_CLUSTER: usize = 256;

/// What the bytes mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent<'a> {
    /// A line, sanitised, without its end; not trimmed.
    Entered(Cow<'a, str>),
    /// The line has exceeded the limit: it is refused at once, and the rest of it is dropped.
    TooLong,
    /// 0x03, or 0x04 inside a line: the line so far is dropped.
    Interrupted,
    /// 0x04 on an empty line.
    Ended,
}

/// Bytes to lines. CR LF, CR NUL (RFC 854, page 11), LF and CR end one line each; any other NUL is padding.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The line so far. Allocated only while there is part of a line, since a connection is idle most of its life.
    partial: Vec<u8>,
    /// The last byte was a CR: a following LF or NUL belongs to it.
    after_return: bool,
    /// Inside a line that was too long.
    dropping: bool,
    charset: Charset,
    /// A line was not valid UTF-8.
    garbled: bool,
}

impl Assembler {
    /// An assembler at the beginning of a line.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// The next event; `None` once the input is used up. `limit` is in bytes before sanitising, 0 for none.
    ///
    /// A line that is complete in the input and needs no sanitising is borrowed from it.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], limit: usize) -> Option<LineEvent<'a>> {
        loop {
            let all: &'a [u8] = input;
            let (&first, rest) = all.split_first()?;
            if std::mem::take(&mut self.after_return) && matches!(first, b'\n' | 0) {
                *input = rest;
                continue;
            }
            let (piece, rest) = all.split_at(key_position(all).unwrap_or(all.len()));
            if !self.dropping && limit > 0 && self.partial.len() + piece.len() > limit {
                *input = rest;
                self.forget();
                self.dropping = true;
                return Some(LineEvent::TooLong);
            }
            let Some((&key, rest)) = rest.split_first() else {
                *input = rest;
                self.keep(piece);
                return None;
            };
            *input = rest;
            match key {
                b'\n' | b'\r' => {
                    if key == b'\r' {
                        // Taken now if it is here: an editor may read what follows.
                        match rest {
                            [b'\n' | 0, rest @ ..] => *input = rest,
                            _ => self.after_return = true,
                        }
                    }
                    if std::mem::take(&mut self.dropping) {
                        continue;
                    }
                    return Some(LineEvent::Entered(self.take(piece)));
                }
                INTERRUPT => {
                    self.clear();
                    return Some(LineEvent::Interrupted);
                }
                END if self.partial.is_empty() && piece.is_empty() && !self.dropping => return Some(LineEvent::Ended),
                END => {
                    self.clear();
                    return Some(LineEvent::Interrupted);
                }
                BACKSPACE | DELETE => {
                    self.keep(piece);
                    self.erase_character();
                }
                _ => self.keep(piece),
            }
        }
    }

    /// Ends the input: a last line without a line end is a line like any other.
    pub fn finish(&mut self) -> Option<LineEvent<'static>> {
        if std::mem::take(&mut self.dropping) || self.partial.is_empty() {
            return None;
        }
        Some(LineEvent::Entered(self.take(b"")))
    }

    /// Sets how the terminal encodes characters, including those of an incomplete line.
    pub(crate) fn set_charset(&mut self, charset: Charset) {
        self.charset = charset;
    }

    /// Whether any line was not valid UTF-8 since the last call.
    pub(crate) fn take_garbled(&mut self) -> bool {
        std::mem::take(&mut self.garbled)
    }

    /// Drops the line so far (telnet's IP).
    pub fn clear(&mut self) {
        self.forget();
        self.dropping = false;
    }

    /// Erases the last character (telnet's EC).
    pub(crate) fn erase_character(&mut self) {
        let length = match self.charset {
            Charset::Utf8 => last_character(&self.partial),
            Charset::Latin1 => self.partial.len().min(1),
        };
        self.partial.truncate(self.partial.len() - length);
        if self.partial.is_empty() {
            self.forget();
        }
    }

    /// Erases the line so far (telnet's EL).
    pub(crate) fn erase_line(&mut self) {
        self.clear();
    }

    /// An editor has read the previous line, and of its line end perhaps only the CR.
    pub(crate) fn resume_after_return(&mut self) {
        self.clear();
        self.after_return = true;
    }

    /// Whether no part of a line has come.
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Length of the line so far, in bytes.
    pub fn len(&self) -> usize {
        self.partial.len()
    }

    #[cfg(test)]
    pub(super) fn partial_capacity(&self) -> usize {
        self.partial.capacity()
    }

    fn keep(&mut self, piece: &[u8]) {
        if !self.dropping {
            self.partial.extend_from_slice(piece);
        }
    }

    /// The line, which ends with `piece`.
    fn take<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, str> {
        if self.partial.is_empty()
            && let Ok(line) = str::from_utf8(piece)
            && (self.charset == Charset::Utf8 || line.is_ascii())
            && !line.contains('\x1b')
        {
            return text::sanitize(line);
        }
        let mut line = std::mem::take(&mut self.partial);
        line.extend_from_slice(piece);
        Cow::Owned(self.take_whole(line))
    }

    #[inline(never)]
    fn take_whole(&mut self, mut line: Vec<u8>) -> String {
        if line.contains(&b'\x1b') {
            line = without_replies(&line);
        }
        if let Cow::Owned(decoded) = self.charset.decode(&line) {
            line = decoded;
        }
        match String::from_utf8(line) {
            Ok(line) => match text::sanitize(&line) {
                // Borrowed means unchanged.
                Cow::Borrowed(_) => line,
                Cow::Owned(clean) => clean,
            },
            Err(error) => {
                self.garbled = true;
                text::sanitize_bytes(error.as_bytes()).into_owned()
            }
        }
    }

    fn forget(&mut self) {
        self.partial = Vec::new();
    }
}

/// The position of the first byte that is not text.
fn key_position(bytes: &[u8]) -> Option<usize> {
    // Most blocks contain no control character, and the compiler checks all bytes of a block at once.
    const BLOCK: usize = 32;
    let mut passed = 0;
    for block in bytes.chunks(BLOCK) {
        if block.iter().fold(false, |found, byte| found | (*byte < b' ') | (*byte == DELETE))
            && let Some(at) = block.iter().position(|byte| is_key(*byte))
        {
            return Some(passed + at);
        }
        passed += block.len();
    }
    None
}

fn is_key(byte: u8) -> bool {
    matches!(byte, 0 | INTERRUPT | END | BACKSPACE | b'\n' | b'\r' | DELETE)
}

/// Length of the last character in bytes: a cluster, or bytes that would become one U+FFFD.
fn last_character(line: &[u8]) -> usize {
    if let [.., before, last] = line
        && before.is_ascii()
        && last.is_ascii()
    {
        return 1;
    }
    let mut start = line.len().saturating_sub(LONGEST_CLUSTER);
    // Start at the beginning of a character (RFC 3629: 10xxxxxx continues one).
    while start > 0 && start < line.len() && line[start] & 0b1100_0000 == 0b1000_0000 {
        start += 1;
    }
    match line[start..].utf8_chunks().last() {
        Some(chunk) if chunk.invalid().is_empty() => text::graphemes(chunk.valid()).next_back().map_or(0, str::len),
        Some(chunk) => chunk.invalid().len(),
        // Only continuation bytes: erase one of them.
        None => line.len().min(1),
    }
}
