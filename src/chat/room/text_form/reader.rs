//! Reads a line field by field.
//!
//! *Owns* where a field ends, and the error that says where a line is wrong.
//! *Knows nothing of* changes.

use std::error::Error;
use std::fmt;

use super::writer::is_plain;

/// A line that is not a change in this version's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseChangeError {
    /// How far the line was read, in bytes.
    offset: usize,
    /// What should have been there.
    expected: &'static str,
}

impl fmt::Display for ParseChangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no change: expected {} before byte {}", self.expected, self.offset)
    }
}

impl Error for ParseChangeError {}

/// The rest of a line.
pub(super) struct FieldReader<'a> {
    rest: &'a str,
    length: usize,
    /// Nothing has been read yet, so no space comes before the next field.
    fresh: bool,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(line: &'a str) -> FieldReader<'a> {
        FieldReader { rest: line, length: line.len(), fresh: true }
    }

    /// The error that `expected` is missing here.
    pub(super) fn expected(&self, expected: &'static str) -> ParseChangeError {
        ParseChangeError { offset: self.length - self.rest.len(), expected }
    }

    /// The text from the next field on.
    fn upcoming(&self) -> Option<&'a str> {
        if self.fresh { Some(self.rest) } else { self.rest.strip_prefix(' ') }
    }

    /// The next field, as far as it has no spaces.
    pub(super) fn word(&mut self) -> Result<&'a str, ParseChangeError> {
        let upcoming = self.upcoming().ok_or_else(|| self.expected("a field"))?;
        let (word, rest) = upcoming.split_at(upcoming.find(' ').unwrap_or(upcoming.len()));
        (self.rest, self.fresh) = (rest, false);
        Ok(word)
    }

    /// Reads `-`, if that is the next field.
    pub(super) fn nothing(&mut self) -> bool {
        let rest = self.upcoming().and_then(|upcoming| upcoming.strip_prefix('-'));
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with(' '));
        if let Some(rest) = rest {
            (self.rest, self.fresh) = (rest, false);
        }
        rest.is_some()
    }

    /// The next field, a text.
    pub(super) fn text(&mut self) -> Result<String, ParseChangeError> {
        let quoted = self.upcoming().and_then(|upcoming| upcoming.strip_prefix('"'));
        (self.rest, self.fresh) = (quoted.ok_or_else(|| self.expected("a quoted text"))?, false);
        let mut text = String::new();
        loop {
            let mut chars = self.rest.chars();
            let next = chars.next();
            self.rest = chars.as_str();
            match next {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escaped()?),
                Some(c) if is_plain(c) => text.push(c),
                Some(_) => return Err(self.expected("an escaped character")),
                None => return Err(self.expected("the end of a text")),
            }
        }
    }

    /// What follows a backslash.
    fn escaped(&mut self) -> Result<char, ParseChangeError> {
        for (escape, c) in [("\"", '"'), ("\\", '\\'), ("n", '\n')] {
            if let Some(rest) = self.rest.strip_prefix(escape) {
                self.rest = rest;
                return Ok(c);
            }
        }
        let error = self.expected("an escape");
        let (digits, rest) =
            self.rest.strip_prefix("u{").and_then(|rest| rest.split_once('}')).ok_or_else(|| error.clone())?;
        let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32).ok_or_else(|| error.clone())?;
        // Only escapes that would be written.
        if is_plain(c) || matches!(c, '"' | '\\' | '\n') || format!("{:x}", u32::from(c)) != digits {
            return Err(error);
        }
        self.rest = rest;
        Ok(c)
    }

    /// Checks that the line has no more fields.
    pub(super) fn end(&self) -> Result<(), ParseChangeError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.expected("the end of the line")) }
    }
}
