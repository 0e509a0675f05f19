//! Finds out from its first bytes what an end of a transfer wants.
//!
//! *Owns* the line of nc and the limits of what is read. *Knows nothing of* header lines, which `head` reads.

use super::head::read_head;
use super::request::{MOST_LINES, RequestError, TransferRequest, TransferWish, Voice, read_number};

/// Longest line of nc, in bytes: verb, token and the longest number, with room for blanks.
const MOST_IN_LINE: usize = 128;

/// Most bytes of an HTTP head.
const MOST_IN_HEAD: usize = 8 * 1024;

/// Reads the beginning of one connection. Looks at every byte once.
#[derive(Debug, Default)]
pub struct RequestReader {
    read: Vec<u8>,
    lines: usize,
    in_line: usize,
}

impl RequestReader {
    /// Whether nothing has arrived.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }

    /// Takes the next chunk. Returns the request and how much of the chunk belonged to it; what follows is the file.
    ///
    /// # Errors
    ///
    /// It can no longer become a request. The form to answer in is the peer's, as far as that is known.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Option<(TransferRequest, usize)>, (RequestError, Voice)> {
        for (at, &byte) in chunk.iter().enumerate() {
            if byte != b'\n' {
                self.read.push(byte);
                self.in_line += usize::from(byte != b'\r');
                self.check()?;
                continue;
            }
            // Empty lines before the request do not count (RFC 9112, section 2.2).
            if self.lines == 0 && self.in_line == 0 {
                self.read.clear();
                continue;
            }
            self.read.push(byte);
            self.lines += 1;
            let is_empty = std::mem::take(&mut self.in_line) == 0;
            if self.lines == 1 && !self.is_http() {
                let line = String::from_utf8_lossy(&self.read);
                let wish = read_line(&line).ok_or((RequestError::Unreadable, Voice::Line))?;
                let appends = matches!(wish, TransferWish::Get { from: Some(_), .. });
                let voice = if appends { Voice::Append } else { Voice::Line };
                return Ok(Some((TransferRequest { wish, voice }, at + 1)));
            }
            if is_empty {
                let voice = Voice::Http { head_only: self.read.starts_with(b"HEAD ") };
                let wish = read_head(&self.read).map_err(|error| (error, voice))?;
                return Ok(Some((TransferRequest { wish, voice }, at + 1)));
            }
            self.check()?;
        }
        Ok(None)
    }

    /// Whether the first line is one of HTTP: with nc, no verb is followed by a path.
    fn is_http(&self) -> bool {
        let line = self.read.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        let mut words = line.split(|byte| *byte == b' ');
        let verb = words.next().unwrap_or(&[]);
        let is_verb = !verb.is_empty() && verb.iter().all(u8::is_ascii_uppercase);
        is_verb
            && words
                .next()
                .is_some_and(|target| target.starts_with(b"/") || target.starts_with(b"http:/") || target == b"*")
    }

    fn check(&self) -> Result<(), (RequestError, Voice)> {
        let in_first = self.lines == 0;
        if in_first && self.read.len() > MOST_IN_LINE && !self.is_http() {
            return Err((RequestError::TooLong, Voice::Line));
        }
        // Bytes that no request begins with are refused at once: a TLS client would otherwise wait for its answer until
        // the deadline.
        if in_first && self.read.len() == 1 && !matches!(self.read.first(), Some(b' '..=b'~' | b'\r' | b'\t')) {
            return Err((RequestError::Unreadable, Voice::Line));
        }
        if self.read.len() > MOST_IN_HEAD || self.lines > MOST_LINES {
            return Err((RequestError::TooLong, Voice::Http { head_only: false }));
        }
        Ok(())
    }
}

/// Reads a line of nc. Several blanks count as one, since `wc -c` on a Mac puts some before its number.
fn read_line(line: &str) -> Option<TransferWish> {
    let mut words = line.split_whitespace();
    let (verb, token) = (words.next()?, words.next()?.to_owned());
    let number = words.next();
    if words.next().is_some() {
        return None;
    }
    match (verb.to_ascii_lowercase().as_str(), number) {
        ("put", Some(size)) => {
            Some(TransferWish::Put { token, size: read_number(size)?, part: None, expects_continue: false })
        }
        ("get", None) => Some(TransferWish::Get { token, from: None }),
        ("get", Some(from)) => Some(TransferWish::Get { token, from: Some(read_number(from)?) }),
        _ => None,
    }
}
