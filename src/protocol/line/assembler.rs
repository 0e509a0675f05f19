//! Line mode: the peer's terminal edits, whole lines come.
//!
//! *Owns* where a line ends and what is kept of one that is not whole yet.
//! *Knows nothing of* keys and screens.
//! *Called by* `session::input`.

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

/// How far back a character to be erased is looked for, in bytes.
///
/// Far longer than any cluster that leaves the sanitiser; a bound, so that erasing costs the same in a line of any length.
const LONGEST_CLUSTER: usize = 256;

/// What came of the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineEvent<'a> {
    /// A line, sanitised, without its end; not trimmed.
    Entered(Cow<'a, str>),
    /// The line has grown over the limit: it is refused whole, now, and the rest of it is dropped.
    TooLong,
    /// 0x03, or 0x04 inside a line: the line so far is dropped.
    Interrupted,
    /// 0x04 on an empty line.
    Ended,
}

/// Bytes to lines. CR LF, CR NUL (RFC 854, page 11), LF and CR end one line each; any other NUL is padding.
#[derive(Debug, Default)]
pub struct Assembler {
    /// The line so far. It owns memory only while there is half a line: a connection is idle most of its life.
    kept: Vec<u8>,
    /// The last byte was a CR: a LF or NUL belongs to it.
    after_return: bool,
    /// Inside a line that was refused for its length.
    dropping: bool,
    charset: Charset,
    /// A line was not UTF-8.
    garbled: bool,
}

impl Assembler {
    /// At the beginning of a line.
    pub fn new() -> Assembler {
        Assembler::default()
    }

    /// The next event; `None` once the input is used up. `limit` is in bytes before sanitising, 0 for none.
    ///
    /// A line that is whole in the input and needs no cleaning is borrowed from it.
    pub fn next<'a>(&mut self, input: &mut &'a [u8], limit: usize) -> Option<LineEvent<'a>> {
        loop {
            let all: &'a [u8] = input;
            let (&first, rest) = all.split_first()?;
            if std::mem::take(&mut self.after_return) && matches!(first, b'\n' | 0) {
                *input = rest;
                continue;
            }
            let (piece, rest) = all.split_at(key_position(all).unwrap_or(all.len()));
            if !self.dropping && limit > 0 && self.kept.len() + piece.len() > limit {
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
                        // Taken now if it is here: whoever reads on after the event may be an editor.
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
                END if self.kept.is_empty() && piece.is_empty() && !self.dropping => return Some(LineEvent::Ended),
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

    /// The input is over: a last line without its end is a line like any other.
    pub fn finish(&mut self) -> Option<LineEvent<'static>> {
        if std::mem::take(&mut self.dropping) || self.kept.is_empty() {
            return None;
        }
        Some(LineEvent::Entered(self.take(b"")))
    }

    /// How the terminal writes characters beyond ASCII, from the line on of which the first half may be here.
    pub fn set_charset(&mut self, charset: Charset) {
        self.charset = charset;
    }

    /// Whether a line since this was last asked was not UTF-8.
    pub fn take_garbled(&mut self) -> bool {
        std::mem::take(&mut self.garbled)
    }

    /// Drops the line so far, as telnet's IP asks.
    pub fn clear(&mut self) {
        self.forget();
        self.dropping = false;
    }

    /// Takes the last character of the line so far back, as telnet's EC asks.
    pub fn erase_character(&mut self) {
        let length = match self.charset {
            Charset::Utf8 => last_character(&self.kept),
            Charset::Latin1 => self.kept.len().min(1),
        };
        self.kept.truncate(self.kept.len() - length);
        if self.kept.is_empty() {
            self.forget();
        }
    }

    /// Takes the line so far back, as telnet's EL asks.
    pub fn erase_line(&mut self) {
        self.clear();
    }

    /// An editor has read the line before this one, and maybe only the CR of its end.
    pub fn resume_after_return(&mut self) {
        self.clear();
        self.after_return = true;
    }

    /// Whether nothing is kept of a line.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Bytes kept of a line.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    #[cfg(test)]
    pub(super) fn kept_capacity(&self) -> usize {
        self.kept.capacity()
    }

    fn keep(&mut self, piece: &[u8]) {
        if !self.dropping {
            self.kept.extend_from_slice(piece);
        }
    }

    /// The line that ends with this piece.
    fn take<'a>(&mut self, piece: &'a [u8]) -> Cow<'a, str> {
        if self.kept.is_empty()
            && let Ok(line) = str::from_utf8(piece)
            && (self.charset == Charset::Utf8 || line.is_ascii())
            && !line.contains('\x1b')
        {
            return text::sanitize(line);
        }
        let mut line = std::mem::take(&mut self.kept);
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
        self.kept = Vec::new();
    }
}

/// Where the first byte stands that is more than text.
fn key_position(bytes: &[u8]) -> Option<usize> {
    // Blocks without any control character are the rule, and the compiler looks at all bytes of one at once.
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

/// Length of the last character in bytes: a cluster, or what would become one U+FFFD.
fn last_character(line: &[u8]) -> usize {
    if let [.., before, last] = line
        && before.is_ascii()
        && last.is_ascii()
    {
        return 1;
    }
    let mut start = line.len().saturating_sub(LONGEST_CLUSTER);
    // Begin with a whole character (RFC 3629: 10xxxxxx continues one).
    while start > 0 && start < line.len() && line[start] & 0b1100_0000 == 0b1000_0000 {
        start += 1;
    }
    match line[start..].utf8_chunks().last() {
        Some(chunk) if chunk.invalid().is_empty() => text::graphemes(chunk.valid()).next_back().map_or(0, str::len),
        Some(chunk) => chunk.invalid().len(),
        // Nothing but continuations for so long: any one of them is as good as the others.
        None => line.len().min(1),
    }
}
