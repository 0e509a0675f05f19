//! A typed or configured password, which is never shown.
//!
//! *Owns* the comparison, and keeping passwords out of debug output. *Knows nothing of* rooms, accounts, or who asks.

use std::fmt;

use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroize as _;
#[cfg(any(feature = "storage", feature = "cluster"))]
use zeroize::Zeroizing;

/// A password that is not empty. Neither `Debug` nor any error text shows it, nor its length.
///
/// Two words instead of three, because passwords travel in effects, which are on the stack of every connection.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Keeps `text` as a password; `None` for the empty text, which is no password.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Dummy password, so that checking a room without one takes as long.
    pub(crate) fn impossible() -> Self {
        Self("impossible".into())
    }

    /// The password itself, for comparing or hashing it. It must not get into any text that is shown or stored.
    #[must_use]
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `given` is this password, after both went through [`prepared`].
    ///
    /// The time taken depends only on the length of `given` and on which characters of the password are not ASCII, so
    /// timing reveals nothing about how much of a guess was right.
    #[must_use]
    pub fn matches(&self, given: &str) -> bool {
        let (own, given) = (prepared(&self.0), prepared(given));
        let (own, given) = (own.as_bytes(), given.as_str());
        let same_length = Choice::from(u8::from(own.len() == given.len()));
        // Not a comparison of whole slices, which returns at once if the lengths differ.
        given.bytes().zip(own.iter().cycle()).fold(same_length, |same, (byte, own)| same & byte.ct_eq(own)).into()
    }
}

/// A password as it is compared: as typed, or another spelling of it, which is overwritten when it is dropped.
#[derive(Debug)]
pub(crate) enum PreparedPassword<'a> {
    /// As typed.
    Same(&'a str),
    /// Other characters.
    #[cfg(any(feature = "storage", feature = "cluster"))]
    Other(Zeroizing<String>),
}

impl PreparedPassword<'_> {
    /// What is compared or hashed.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        match self {
            PreparedPassword::Same(text) => text,
            #[cfg(any(feature = "storage", feature = "cluster"))]
            PreparedPassword::Other(text) => text,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }
}

/// A password in the one form in which it is compared: that of the profile OpaqueString (RFC 8265, section 4.2). Every blank
/// is U+0020, and the text is in Normalization Form C, since devices differ in how they send the same letter.
///
/// What that profile forbids is not refused here. It is checked where a new password is set, and old passwords stay
/// valid. Without the features `storage` and `cluster`, a password is what was typed.
#[must_use]
pub(crate) fn prepared(typed: &str) -> PreparedPassword<'_> {
    #[cfg(any(feature = "storage", feature = "cluster"))]
    {
        use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};
        let is_ready = typed.is_ascii()
            || (!typed.chars().any(is_other_blank) && is_nfc_quick(typed.chars()) == IsNormalized::Yes);
        if !is_ready {
            let blanks = typed.chars().map(|character| if is_other_blank(character) { ' ' } else { character });
            // With capacity for all of it: a text that grows is moved, and leaves a copy behind. NFC takes at most
            // three times the bytes (UAX #15, section "Stability of Normalized Strings").
            let mut text = Zeroizing::new(String::with_capacity(typed.len() * 3));
            text.extend(blanks.nfc());
            return PreparedPassword::Other(text);
        }
    }
    PreparedPassword::Same(typed)
}

/// The blanks (general category Zs) that are not ASCII.
#[cfg(any(feature = "storage", feature = "cluster"))]
fn is_other_blank(character: char) -> bool {
    matches!(character, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

impl Drop for Secret {
    /// Overwrites the password, so that reused memory or a core dump does not contain it.
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

    /// The hash in that notation.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
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
    #[cfg(any(feature = "storage", feature = "cluster"))]
    fn the_same_password_in_another_normalization_form_or_with_another_blank_matches() {
        // `Grüße` composed, as most keyboards send it, and decomposed, as files on a Mac have it.
        let (composed, decomposed) = ("Gr\u{fc}\u{df}e", "Gru\u{308}\u{df}e");
        for (own, given) in [(composed, decomposed), (decomposed, composed), (composed, composed)] {
            assert!(secret(own).matches(given), "{own:?} {given:?}");
        }
        assert!(secret("open sesame").matches("open\u{a0}sesame"));
        // Hangul, and two marks in another order.
        assert!(secret("\u{ac01}").matches("\u{1100}\u{1161}\u{11a8}"));
        assert!(secret("a\u{323}\u{302}").matches("a\u{302}\u{323}"));
        // Compatibility is no equality: NFC, not NFKC. Case counts.
        for (own, given) in [("\u{fb01}", "fi"), ("\u{ff21}", "A"), ("Stra\u{df}e", "Strasse"), ("\u{dc}", "\u{fc}")] {
            assert!(!secret(own).matches(given), "{own:?} {given:?}");
        }
        assert_eq!(secret(composed), secret(decomposed));
    }

    #[test]
    fn a_password_in_ascii_is_compared_as_it_is() {
        assert!(matches!(prepared("open sesame ~"), PreparedPassword::Same("open sesame ~")));
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
