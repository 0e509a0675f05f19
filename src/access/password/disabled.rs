//! The same interface in a build without accounts, where nothing calls it.

use std::fmt;

use crate::chat::secret::Hashed;

/// This build cannot hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashError;

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this build stores no passwords")
    }
}

impl std::error::Error for HashError {}

/// Hashes nothing.
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
pub(crate) fn verify_against_dummy(_: &str) -> bool {
    false
}

/// There is no hash to renew.
#[must_use]
pub fn needs_rehash(_: &str, _: &Hashed) -> bool {
    false
}
