//! Names of people and rooms, and how to help with a mistyped one.
//!
//! A name is an ASCII letter, then ASCII letters, digits, `_` and `-`. ASCII only is a decision: with other scripts
//! somebody could take a name that looks exactly like another one (a Cyrillic U+0430 for the `a` of `alice`), and not
//! everybody could type everybody's name.
//!
//! *Owns* the rules for names, the reserved words, which names count as the same or look the same, the distance between
//! two words.
//! *Knows nothing of* who is online and which rooms there are.
//! *Called by* `palette` and `config` for parsing, `command` and `room_table` for hints, everything else for the types.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

mod lookalike;
#[cfg(test)]
mod tests;

pub use lookalike::Looks;

/// Words no person can be named, in any case: they would read as the server speaking or as everybody being meant.
/// `you` stands for the reader in the form of direct messages.
pub const RESERVED: [&str; 8] = ["server", "system", "admin", "operator", "all", "everyone", "here", "you"];

/// Longest name that can be configured for people, in characters. What was made under another configuration has at most
/// as many.
pub const USER_NAME_MAX: usize = 32;

/// Shortest room name, in characters. A single letter is a slip of the finger more often than a room.
pub const ROOM_NAME_MIN: usize = 2;

/// Longest room name, in characters: with it `[name]> ` takes half a row of 80 columns at most.
pub const ROOM_NAME_MAX: usize = 32;

/// Suffixes [`suggest`] tries before it gives up. Each costs one look-up; where 98 neighbours of a name are taken, a
/// longer number helps nobody.
const LAST_SUFFIX: usize = 99;

/// What both kinds of name share.
///
/// Holds the name as typed and then its lower case form, of equal length, in one allocation: a clone is one counter,
/// and comparing, hashing and ordering need no folding.
#[derive(Clone)]
struct Name(Arc<str>);

impl Name {
    /// Checks the rules that are the same for all names.
    fn parse(raw: &str, min: usize, max: usize) -> Result<Name, NameError> {
        let first = raw.chars().next().ok_or(NameError::Empty { min, max })?;
        if !first.is_ascii_alphabetic() {
            return Err(NameError::BadStart);
        }
        let bad = |c: &char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-');
        if let Some(found) = raw.chars().find(bad) {
            return Err(NameError::BadCharacter { found });
        }
        // All ASCII from here on: bytes are characters.
        if raw.len() < min {
            return Err(NameError::TooShort { min, max });
        }
        if raw.len() > max {
            return Err(NameError::TooLong { min, max });
        }
        Ok(Name([raw, &raw.to_ascii_lowercase()].concat().into()))
    }

    fn typed(&self) -> &str {
        &self.0[..self.0.len() / 2]
    }

    fn folded(&self) -> &str {
        &self.0[self.0.len() / 2..]
    }
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

/// A person's name, shown as typed. `Alice` and `alice` are equal, hash alike and sort together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Name);

impl UserName {
    /// Reads a name of `min` to `max` characters that is not reserved. Spaces around it are not taken off.
    pub fn parse(raw: &str, min: usize, max: usize) -> Result<UserName, NameError> {
        let name = Name::parse(raw, min, max)?;
        if RESERVED.contains(&name.folded()) {
            return Err(NameError::Reserved(raw.to_owned()));
        }
        Ok(UserName(name))
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        self.0.typed()
    }

    /// The name in lower case: what names are compared by.
    pub fn folded(&self) -> &str {
        self.0.folded()
    }

    /// What it could be taken for.
    pub fn looks(&self) -> Looks {
        Looks::of(self.as_str(), self.folded())
    }

    /// Whether it could be taken for a reserved word. `all` is in short names by chance, as in `a11`: there only what has
    /// no digits counts.
    pub fn looks_reserved(&self) -> bool {
        let (looks, has_digits) = (self.looks(), self.as_str().contains(|c: char| c.is_ascii_digit()));
        RESERVED.into_iter().any(|word| looks.overlap(&Looks::of(word, word)) && !(has_digits && word == "all"))
    }
}

/// A room's name, shown as typed. Compared without regard to case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(Name);

impl RoomName {
    /// Reads a name of [`ROOM_NAME_MIN`] to [`ROOM_NAME_MAX`] characters. Spaces around it are not taken off.
    pub fn parse(raw: &str) -> Result<RoomName, NameError> {
        Name::parse(raw, ROOM_NAME_MIN, ROOM_NAME_MAX).map(RoomName)
    }

    /// The name as typed.
    pub fn as_str(&self) -> &str {
        self.0.typed()
    }

    /// The name in lower case: what names are compared by.
    pub fn folded(&self) -> &str {
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

/// The folded form, so that a map keyed by names can be asked with a `&str` in lower case.
impl Borrow<str> for UserName {
    fn borrow(&self) -> &str {
        self.folded()
    }
}

/// The folded form, so that a map keyed by names can be asked with a `&str` in lower case.
impl Borrow<str> for RoomName {
    fn borrow(&self) -> &str {
        self.folded()
    }
}

/// Why a text is not a name. Shown to the person as it is.
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
    /// It does not begin with a letter from A to Z.
    BadStart,
    /// A character that names do not have.
    BadCharacter {
        /// The first of them, as it came in: not sanitised, and shown only if it is printable ASCII.
        found: char,
    },
    /// The name is kept back.
    Reserved(String),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty { min, max } | NameError::TooShort { min, max } | NameError::TooLong { min, max } => {
                write!(f, "A name has {min} to {max} characters: a letter, then letters, digits, _ or -.")
            }
            NameError::BadStart => f.write_str("A name begins with a letter from A to Z."),
            NameError::BadCharacter { found: ' ' } => {
                f.write_str("A name has no spaces: a letter, then letters, digits, _ or -.")
            }
            NameError::BadCharacter { found } if found.is_ascii_graphic() => {
                write!(f, "A name has no {found} in it: a letter, then letters, digits, _ or -.")
            }
            NameError::BadCharacter { .. } => {
                f.write_str("A name has only the letters A to Z, without accents, digits, _ and -.")
            }
            NameError::Reserved(name) => write!(f, "The name {name} is reserved."),
        }
    }
}

impl std::error::Error for NameError {}

impl NameError {
    /// The same as part of another sentence: `A name has no spaces.` is `a name has no spaces`.
    pub fn clause(&self) -> String {
        let sentence = self.to_string();
        let mut chars = sentence.trim_end_matches('.').chars();
        chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
    }
}

/// A free name like one that is taken: the name with 2, 3 and so on behind it, cut to at most `max` characters.
///
/// `is_free` is asked with folded names. It is only a hint: the name may be taken a moment later.
pub fn suggest(taken: &UserName, max: usize, is_free: impl Fn(&str) -> bool) -> Option<UserName> {
    (2..=LAST_SUFFIX).find_map(|number| {
        let suffix = number.to_string();
        let room = max.checked_sub(suffix.len())?;
        let base = taken.as_str().get(..room).unwrap_or(taken.as_str());
        let name = UserName::parse(&[base, &suffix].concat(), 1, max).ok()?;
        (name != *taken && is_free(name.folded())).then_some(name)
    })
}

/// Longest word that can be near another one, in characters. All our words are shorter; it bounds the work a stranger
/// can cause with one line.
const MAX_COMPARED: usize = 64;

/// Largest difference in length for which a distance is worked out. No caller is interested in a distance over 2.
const MAX_LENGTH_DIFFERENCE: usize = 3;

/// Longest word, in characters, of which only one edit is forgiven: two would leave half of it to chance, and turn
/// `mute` into `mode`.
const SHORT_WORD: usize = 4;

/// The candidate a mistyped word was probably meant to be, if one is near: within one edit for words of up to four
/// characters, within two for longer ones. Case does not count. Of equally near ones the first.
///
/// A candidate of which no character would be left is never near, whatever its distance.
pub fn nearest<'a>(wanted: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let length = wanted.chars().take(MAX_COMPARED + 1).count();
    let allowance = if length <= SHORT_WORD { 1 } else { 2 };
    candidates
        .map(|candidate| (edit_distance(wanted, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowance && *distance < length.max(candidate.chars().count()))
        // Of equal minima `min_by_key` returns the first.
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edits that turn one word into the other: insert, delete or replace a character, or swap two neighbours, no part of
/// the word being edited twice (optimal string alignment). ASCII case does not count.
///
/// `usize::MAX` where it is not worked out: the lengths differ by more than three, or a word is over 64 characters.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let (mut a_buffer, mut b_buffer) = (['\0'; MAX_COMPARED], ['\0'; MAX_COMPARED]);
    let (Some(a), Some(b)) = (fold_into(a, &mut a_buffer), fold_into(b, &mut b_buffer)) else {
        return usize::MAX;
    };
    if a.len().abs_diff(b.len()) > MAX_LENGTH_DIFFERENCE {
        return usize::MAX;
    }
    // Three rows of the table: the row before last is needed for swaps.
    let mut before = [0; MAX_COMPARED + 1];
    let mut last: [usize; MAX_COMPARED + 1] = std::array::from_fn(|column| column);
    for (i, from) in a.iter().enumerate() {
        let mut row = [0; MAX_COMPARED + 1];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(from != to);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *from == b[j - 1] && a[i - 1] == *to {
                best = best.min(before[j - 1] + 1);
            }
            row[j + 1] = best;
        }
        before = last;
        last = row;
    }
    last[b.len()]
}

/// The characters of a word with ASCII letters in lower case; nothing if there are too many.
fn fold_into<'a>(word: &str, buffer: &'a mut [char; MAX_COMPARED]) -> Option<&'a [char]> {
    let mut length = 0;
    for c in word.chars() {
        *buffer.get_mut(length)? = c.to_ascii_lowercase();
        length += 1;
    }
    Some(&buffer[..length])
}
