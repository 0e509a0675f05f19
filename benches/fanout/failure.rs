//! Why a run ended early, in one sentence.

use std::error::Error;
use std::fmt;

/// What went wrong, as it is printed.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// The same failure with `more` after it.
    #[must_use]
    pub fn with(self, more: &str) -> Self {
        Failure(self.0 + more)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// Not an `Error` itself, so that `?` can turn every real one into a failure.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}
