//! A build that keeps no passwords.
//!
//! *Owns* the signatures. *Knows nothing of* hashing.
//! *Called by* nobody: who has no store has no account to compare with.

use std::fmt;

use crate::chat::secret::Hashed;

/// There is nothing to hash with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashError;

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build keeps no passwords")
    }
}

impl std::error::Error for HashError {}

/// Refuses.
///
/// # Errors
///
/// Always.
pub fn hash(_: &str) -> Result<Hashed, HashError> {
    Err(HashError)
}

/// No password is right.
#[must_use]
pub fn verify(_: &str, _: &Hashed) -> bool {
    false
}

/// No password is right.
pub fn verify_against_nothing(_: &str) -> bool {
    false
}

/// Nothing is made anew.
#[must_use]
pub fn needs_rehash(_: &str, _: &Hashed) -> bool {
    false
}
