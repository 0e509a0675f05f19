//! A password, typed or configured, which never shows itself.
//!
//! *Owns* the comparison and the silence in debug output.
//! *Knows nothing of* rooms, accounts and of who asks.
//! *Called by* `config` and `palette` to keep one, by whoever lets people in to compare.

use std::fmt;

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroize as _;

/// A password that is not empty. Neither `Debug` nor any error text shows it, nor its length.
///
/// Two words and not three: passwords travel in effects, which lie on the stack of every connection.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps `text` as a password; `None` for the empty text, which is no password.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// A stand-in to compare with where there is no password to be right about.
    pub(crate) fn impossible() -> Self {
        Self("impossible".into())
    }

    /// The password itself, for whoever compares or hashes it. It belongs into no text that is shown or kept.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this password.
    ///
    /// The time taken depends on the length of `given` alone, so that answers measured over the network
    /// tell nothing about how much of a guess was right.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        let own = self.0.as_bytes();
        let same_length = Choice::from(u8::from(own.len() == given.len()));
        // Not the comparison of whole slices: that one returns at once where the lengths differ.
        given.bytes().zip(own.iter().cycle()).fold(same_length, |same, (byte, own)| same & byte.ct_eq(own)).into()
    }
}

impl Drop for Secret {
    /// Memory that is used again, or written to a core dump, does not hold the password.
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A password's hash, in the notation of password hashing competitions (`$argon2id$...`). `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Hashed(Box<str>);

impl Hashed {
    /// Keeps a hash.
    #[must_use]
    pub fn new(hash: impl Into<Box<str>>) -> Self {
        Self(hash.into())
    }

    /// The notation.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashed(..)")
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.matches(&other.0)
    }
}

impl Eq for Secret {}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    #[test]
    fn only_the_very_same_text_matches() {
        let password = secret("open sesame");
        assert!(password.matches("open sesame"));
        for wrong in ["", "o", "open", "Open sesame", "open sesamf", "open sesame ", "open sesameopen sesame"] {
            assert!(!password.matches(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn a_repetition_of_the_password_does_not_match() {
        assert!(!secret("ab").matches("abab"));
        assert!(!secret("abab").matches("ab"));
    }

    #[test]
    fn debug_output_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", secret("hunter2")), "Secret(..)");
    }

    #[test]
    fn the_empty_text_is_no_password() {
        assert!(Secret::new("").is_none());
    }
}
