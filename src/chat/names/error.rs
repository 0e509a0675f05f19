//! Why a text is not a name.
//!
//! *Owns* [`NameError`] with its sentences. *Knows nothing of* how a name is checked.

use std::fmt;

use super::Alphabet;

/// Why a text is not a name. Shown to the user as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing was typed.
    Empty {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// Fewer characters than allowed.
    TooShort {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// More characters than allowed.
    TooLong {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// Fewer columns than allowed, or more, in a name that is not ASCII.
    TooWide {
        /// Fewest columns.
        min: usize,
        /// Most columns.
        max: usize,
    },
    /// It does not begin with a letter of the alphabet.
    BadStart(Alphabet),
    /// A character beyond ASCII that names do not have, whatever their script.
    OtherCharacter,
    /// Letters of scripts that may not be mixed.
    MixedScripts,
    /// Right to left, with something that would make its order unclear (RFC 5893, section 2).
    UnclearDirection,
    /// A character that names do not have.
    BadCharacter {
        /// The first such character, as it came in: not sanitised, and shown only if it is printable ASCII.
        found: char,
    },
    /// The name is reserved.
    Reserved(String),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty { min, max } | NameError::TooShort { min, max } | NameError::TooLong { min, max } => {
                write!(f, "A name has {min} to {max} characters: a letter, then letters, digits, _ or -.")
            }
            NameError::TooWide { min, max } => {
                write!(f, "A name is {min} to {max} columns wide: a letter, then letters, digits, _ or -.")
            }
            NameError::BadStart(Alphabet::Ascii) => f.write_str("A name begins with a letter from A to Z."),
            NameError::BadStart(Alphabet::Unicode) => f.write_str("A name begins with a letter."),
            NameError::OtherCharacter => {
                f.write_str("A name has only letters of scripts in everyday use, digits, _ and -.")
            }
            NameError::MixedScripts => f.write_str(
                "A name has letters of one script; Latin letters may be mixed with Chinese, Japanese or Korean.",
            ),
            NameError::UnclearDirection => {
                f.write_str("A right-to-left name ends with a letter or a digit, and has digits of one kind.")
            }
            NameError::BadCharacter { found: ' ' } => {
                f.write_str("A name has no spaces: a letter, then letters, digits, _ or -.")
            }
            NameError::BadCharacter { found } if found.is_ascii_graphic() => {
                write!(f, "A name has no {found} in it: a letter, then letters, digits, _ or -.")
            }
            NameError::BadCharacter { .. } => {
                f.write_str("A name has only digits, _, - and the letters A to Z without accents.")
            }
            NameError::Reserved(name) => write!(f, "The name {name} is reserved."),
        }
    }
}

impl std::error::Error for NameError {}

impl NameError {
    /// Whether only the length is wrong.
    #[cfg(feature = "storage")]
    pub(crate) fn is_of_length(&self) -> bool {
        use NameError::{Empty, TooLong, TooShort, TooWide};
        matches!(self, Empty { .. } | TooShort { .. } | TooLong { .. } | TooWide { .. })
    }

    /// The same as part of another sentence: `A name has no spaces.` is `a name has no spaces`.
    pub(crate) fn clause(&self) -> String {
        let sentence = self.to_string();
        let mut chars = sentence.trim_end_matches('.').chars();
        chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
    }
}
