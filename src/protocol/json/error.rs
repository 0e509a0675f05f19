//! Why a line is not a request.
//!
//! *Owns* the sentence, which names the key and the column.
//! *Knows nothing of* who is told.

use std::fmt;

use super::scan::{self, MOST_KEYS, ShapeError};
use crate::text;

/// Longest key shown, in characters. All known keys are shorter.
const LONGEST_KEY: usize = 24;

/// A line that is not a JSON object, or one with a value of the wrong type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    /// The key whose value is wrong, or which part of the line is.
    place: String,
    /// In characters, from 1.
    column: usize,
    reason: String,
    id: Option<String>,
}

impl JsonError {
    /// What is wrong there, for the program's author.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The id of the request, if that much could be read.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The same error, in the answer to this request.
    pub(super) fn of(self, id: Option<String>) -> JsonError {
        JsonError { id, ..self }
    }

    pub(super) fn shape_error(line: &[u8], shape_error: ShapeError) -> JsonError {
        match shape_error {
            ShapeError::TooDeep(at) => JsonError::at(line, at, "nested too deep".to_owned()),
            ShapeError::TooManyKeys(at) => JsonError::at(line, at, format!("more than {MOST_KEYS} keys")),
        }
    }

    pub(super) fn no_object(line: &[u8]) -> JsonError {
        let at = line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        JsonError::at(line, at, "expected {".to_owned())
    }

    pub(super) fn parsing(line: &[u8], error: &serde_json::Error) -> JsonError {
        use serde_json::error::Category;
        let told = error.to_string();
        // serde_json's own column counts bytes.
        let reason = told.rsplit_once(" at line ").map_or(told.as_str(), |(reason, _)| reason);
        let reason = text::sanitize(reason).into_owned();
        let read = error.column().min(line.len());
        match error.classify() {
            Category::Data => match scan::key_at(line, read) {
                Some((_, value)) => JsonError::at(line, value, reason),
                None => JsonError::at(line, read.saturating_sub(1), reason),
            },
            Category::Syntax => JsonError::at(line, read.saturating_sub(1), reason),
            Category::Eof | Category::Io => JsonError::at(line, line.len(), reason),
        }
    }

    fn at(line: &[u8], at: usize, reason: String) -> JsonError {
        let place = match scan::key_at(line, at) {
            Some((key, _)) if !key.is_empty() => {
                let key = String::from_utf8_lossy(key);
                let key: String = text::sanitize(&key).chars().take(LONGEST_KEY).collect();
                key
            }
            Some(_) | None if at >= line.len() => "the end".to_owned(),
            Some(_) | None if line[..at].iter().all(u8::is_ascii_whitespace) => "the start".to_owned(),
            Some(_) | None => "a key".to_owned(),
        };
        let column = String::from_utf8_lossy(&line[..at.min(line.len())]).chars().count() + 1;
        JsonError { place, column, reason, id: None }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Not a JSON object: {} at column {}.", self.place, self.column)
    }
}

impl std::error::Error for JsonError {}
