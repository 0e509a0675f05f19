//! Why a run ended early, in one sentence.
//!
//! *Owns* nothing but the sentence. *Knows nothing of* anything else. *Called by* every module of the benchmark.

use std::error::Error;
use std::fmt;

/// What went wrong, as it is printed.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure that says this.
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// The same, and this after it.
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

// Not an `Error` itself, so that every real one may become a failure by `?`.
impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}
