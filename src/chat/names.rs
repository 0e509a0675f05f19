//! Names of users and rooms, and hints for a mistyped one.
//!
//! A name is a letter, then letters, digits, `_` and `-`. By default they are ASCII: with other scripts not everybody
//! can type everybody's name, and a Cyrillic U+0430 looks like the `a` of `alice`. If the configuration allows other
//! scripts, names follow RFC 8265 and UTS 39; see `unicode`.
//!
//! *Owns* the rules for names, the reserved words, which names count as the same or look the same, the distance between
//! two words. *Knows nothing of* who is online, or which rooms there are.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::text;

mod error;
mod lookalike;
mod nearest;
#[cfg(test)]
mod tests;
#[cfg(feature = "unicode-names")]
mod unicode;

pub use error::NameError;
pub use lookalike::Looks;
pub(crate) use nearest::{edit_distance, nearest};

/// Names that no user can have, in upper or lower case: they would read as if the server spoke or everybody were meant.
/// `you` stands for the reader in the form of direct messages.
pub(crate) const RESERVED: [&str; 8] = ["server", "system", "admin", "operator", "all", "everyone", "here", "you"];

/// Upper limit for the configured length of user names, in columns. No name from another configuration is longer.
pub(crate) const USER_NAME_MAX: usize = 32;

/// Shortest room name, in columns. A single letter is more often a typing mistake than a room.
pub(crate) const ROOM_NAME_MIN: usize = 2;

/// Longest room name, in columns: with it `[name]> ` takes half a row of 80 columns at most.
pub(crate) const ROOM_NAME_MAX: usize = 32;

/// Suffixes that [`suggest`] tries before it gives up. Each costs one look-up, and if 98 similar names are taken, a
/// longer number helps nobody.
const LAST_SUFFIX: usize = 99;

/// The letters that names are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Alphabet {
    /// A to Z.
    #[default]
    Ascii,
    /// Letters of any script in everyday use, one script per name. Only in builds with the feature `unicode-names`;
    /// otherwise the same as [`Ascii`](Alphabet::Ascii).
    Unicode,
}

/// Whether this build can read names that are not ASCII.
pub(crate) const UNICODE_BUILT: bool = cfg!(feature = "unicode-names");

/// A name of either kind.
///
/// Holds the name as it is shown, then its lower case form of equal length, in one allocation. A clone is one counter,
/// and comparing, hashing and ordering need no folding. A few letters, such as U+0130, change their length in lower
/// case; then the shorter form is padded with NULs. Storing the length instead would cost more, because every message
/// has a name.
#[derive(Clone)]
struct Name(Arc<str>);

impl Name {
    /// Checks the rules that are the same for all names.
    fn parse(raw: &str, min: usize, max: usize, alphabet: Alphabet) -> Result<Name, NameError> {
        match alphabet {
            #[cfg(feature = "unicode-names")]
            Alphabet::Unicode if !raw.is_ascii() => {
                unicode::read(raw, min, max).map(|(shown, folded)| Name::of(&shown, &folded))
            }
            Alphabet::Ascii | Alphabet::Unicode => Name::parse_ascii(raw, min, max, alphabet),
        }
    }

    fn parse_ascii(raw: &str, min: usize, max: usize, alphabet: Alphabet) -> Result<Name, NameError> {
        let first = raw.chars().next().ok_or(NameError::Empty { min, max })?;
        if !first.is_ascii_alphabetic() {
            return Err(NameError::BadStart(alphabet));
        }
        let bad = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-');
        if let Some(found) = raw.chars().find(bad) {
            return Err(NameError::BadCharacter { found });
        }
        // All ASCII from here on: bytes are characters, and columns.
        if raw.len() < min {
            return Err(NameError::TooShort { min, max });
        }
        if raw.len() > max {
            return Err(NameError::TooLong { min, max });
        }
        Ok(Name::of(raw, &raw.to_ascii_lowercase()))
    }

    /// Reads a stored name. It was valid under the configuration and build of its time, and stays so; only text that
    /// could not be shown is refused.
    fn written(raw: &str, max: usize) -> Result<Name, NameError> {
        if raw.is_ascii() {
            return Name::parse_ascii(raw, 1, max, Alphabet::Ascii);
        }
        let bad = |c: char| if c.is_ascii() { !is_name_character(c) } else { c.is_control() || c.is_whitespace() };
        if !raw.starts_with(char::is_alphabetic) || raw.contains(bad) || *text::sanitize(raw) != *raw {
            return Err(NameError::OtherCharacter);
        }
        if text::width(raw) > max {
            return Err(NameError::TooWide { min: 1, max });
        }
        Ok(Name::of(raw, &fold(raw)))
    }

    fn of(shown: &str, folded: &str) -> Name {
        let fill = |form: &str| "\0".repeat(shown.len().max(folded.len()) - form.len());
        Name([shown, &fill(shown), folded, &fill(folded)].concat().into())
    }

    fn looks(&self) -> Looks {
        Looks::of(self.shown(), self.folded())
    }

    /// Whether it is a reserved word, or looks like one in another script.
    fn is_reserved(&self) -> bool {
        // ASCII names that only look reserved are refused only to guests, who choose their own.
        RESERVED.contains(&self.folded()) || (!self.0.is_ascii() && self.looks_reserved())
    }

    /// Whether it could be mistaken for a reserved word. Short names look like `all` by chance, as `a11` does, so for
    /// that word only names without digits count.
    fn looks_reserved(&self) -> bool {
        let (looks, has_digits) = (self.looks(), self.shown().contains(|c: char| c.is_ascii_digit()));
        RESERVED.into_iter().any(|word| looks.overlap(&Looks::of(word, word)) && !(has_digits && word == "all"))
    }

    fn shown(&self) -> &str {
        self.0[..self.0.len() / 2].trim_end_matches('\0')
    }

    fn folded(&self) -> &str {
        self.0[self.0.len() / 2..].trim_end_matches('\0')
    }
}

/// A text in the form in which names are compared: in lower case (toLowercase, Unicode Standard, section 3.13.2), and in
/// Normalization Form C where this build has that.
pub(crate) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = text.to_lowercase();
    #[cfg(any(feature = "storage", feature = "unicode-names"))]
    let lower = unicode_normalization::UnicodeNormalization::nfc(lower.as_str()).collect();
    lower
}

/// Whether a character can be part of a name in any script. Used to find names in text.
pub(crate) fn is_name_character(c: char) -> bool {
    #[cfg(feature = "unicode-names")]
    if !c.is_ascii() && unicode_normalization::char::is_combining_mark(c) {
        return true;
    }
    c.is_alphanumeric() || c == '_' || c == '-'
}

impl PartialEq for Name {
    fn eq(&self, other: &Name) -> bool {
        self.folded() == other.folded()
    }
}

impl Eq for Name {}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Name) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Name) -> Ordering {
        self.folded().cmp(other.folded())
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.folded().hash(state);
    }
}

/// A user's name, shown as typed. `Alice` and `alice` are equal, hash alike and sort together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Name);

impl UserName {
    /// Reads an ASCII name of `min` to `max` characters that is not reserved. Spaces around it are not removed.
    pub fn parse(raw: &str, min: usize, max: usize) -> Result<UserName, NameError> {
        UserName::parse_in(raw, min, max, Alphabet::Ascii)
    }

    /// The same in an alphabet, and in columns.
    pub(crate) fn parse_in(raw: &str, min: usize, max: usize, alphabet: Alphabet) -> Result<UserName, NameError> {
        Name::parse(raw, min, max, alphabet).and_then(UserName::unless_reserved)
    }

    /// Reads a name that was stored, whatever the rules for new ones are now.
    pub(crate) fn written(raw: &str) -> Result<UserName, NameError> {
        Name::written(raw, USER_NAME_MAX).and_then(UserName::unless_reserved)
    }

    fn unless_reserved(name: Name) -> Result<UserName, NameError> {
        match name.is_reserved() {
            true => Err(NameError::Reserved(name.shown().to_owned())),
            false => Ok(UserName(name)),
        }
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        self.0.shown()
    }

    /// The name in lower case: what names are compared by.
    pub(crate) fn folded(&self) -> &str {
        self.0.folded()
    }

    /// What it could be mistaken for.
    pub(crate) fn looks(&self) -> Looks {
        self.0.looks()
    }

    /// Whether it could be mistaken for a reserved word.
    pub(crate) fn looks_reserved(&self) -> bool {
        self.0.looks_reserved()
    }
}

/// A room's name, shown as typed. Compared without regard to case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Name);

impl RoomName {
    /// Reads an ASCII name of [`ROOM_NAME_MIN`] to [`ROOM_NAME_MAX`] characters. Spaces around it are not removed.
    pub fn parse(raw: &str) -> Result<RoomName, NameError> {
        RoomName::parse_in(raw, Alphabet::Ascii)
    }

    /// The same in an alphabet, and in columns.
    pub(crate) fn parse_in(raw: &str, alphabet: Alphabet) -> Result<RoomName, NameError> {
        Name::parse(raw, ROOM_NAME_MIN, ROOM_NAME_MAX, alphabet).map(RoomName)
    }

    /// Reads a name that was stored, whatever the rules for new ones are now.
    #[cfg(any(test, feature = "storage", feature = "cluster"))]
    pub(crate) fn written(raw: &str) -> Result<RoomName, NameError> {
        Name::written(raw, ROOM_NAME_MAX).map(RoomName)
    }

    /// Whether it is a reserved word, in whatever script.
    pub(crate) fn is_reserved(&self) -> bool {
        self.0.is_reserved()
    }

    /// What it could be mistaken for.
    pub(crate) fn looks(&self) -> Looks {
        self.0.looks()
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        self.0.shown()
    }

    /// The name in lower case: what names are compared by.
    pub(crate) fn folded(&self) -> &str {
        self.0.folded()
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserName({})", self.as_str())
    }
}

impl fmt::Debug for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoomName({})", self.as_str())
    }
}

/// The folded form, so that a map keyed by names can be searched with a `&str` in lower case.
impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        self.folded()
    }
}

/// The folded form, so that a map keyed by names can be searched with a `&str` in lower case.
impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        self.folded()
    }
}

/// A free name similar to a taken one: the name followed by 2, 3 and so on, cut to at most `max` columns.
///
/// It is only a hint: the name may be taken a moment later.
pub(crate) fn suggest(taken: &UserName, max: usize, is_free: impl Fn(&UserName) -> bool) -> Option<UserName> {
    (2..=LAST_SUFFIX).find_map(|number| {
        let suffix = number.to_string();
        let room = max.checked_sub(suffix.len())?;
        let base = text::truncate(taken.as_str(), room);
        let name = UserName::parse_in(&[base, &suffix].concat(), 1, max, Alphabet::Unicode).ok()?;
        (name != *taken && is_free(&name)).then_some(name)
    })
}
