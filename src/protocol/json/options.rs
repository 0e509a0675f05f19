//! What only some requests have: the keys of `optional`.
//!
//! *Owns* those keys, and their types.
//! *Knows nothing of* which action needs which of them.
//!
//! What is `#[inline(never)]` here stays off the stacks of idle connections: see `session`.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// The keys that requests may have in `optional`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Options<'a> {
    /// `hello`: the version of this protocol that the client speaks.
    pub version: Option<u64>,
    /// `hello`: the client is a program, not a person.
    pub bot: bool,
    /// `login`: take over from another connection of the account.
    pub takeover: bool,
    /// The password of an account or a room.
    pub password: Option<Hidden<'a>>,
    /// `login`: the code from the `bye` of a server that restarts.
    pub code: Option<Hidden<'a>>,
    /// `passwd`: the new password.
    pub new_password: Option<Hidden<'a>>,
    /// `join`: the id of the last message that the client has.
    pub after: Option<u64>,
    /// `create`: whether everybody may enter.
    pub public: Option<bool>,
    /// `temp`: how long the message lasts.
    pub seconds: Option<u64>,
    /// `reply`, `edit`, `delete`, `seen`: the id of a message.
    pub message: Option<u64>,
    /// `history`: only messages before this id.
    pub before: Option<u64>,
    /// `history`: at most this many.
    pub limit: Option<u64>,
    /// `send`: the bytes of the file.
    pub size: Option<u64>,
    /// `accept`, `decline`: the number of an offer.
    pub offer: Option<u64>,
    /// `accept`: the first byte wanted when a transfer is resumed, if not the first one that is missing.
    pub from: Option<u64>,
}

/// The same keys as they are written.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum OptionKey {
    Version,
    Bot,
    Takeover,
    Password,
    Code,
    NewPassword,
    After,
    Public,
    Seconds,
    Message,
    Before,
    Limit,
    Size,
    Offer,
    From,
    #[serde(other)]
    Unknown,
}

/// A password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<'a>(pub Cow<'a, str>);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// The known keys of an object that have been read.
#[derive(Default)]
pub(super) struct KnownKeys(u32);

impl KnownKeys {
    pub(super) fn note<E: Error>(&mut self, key: u32) -> Result<(), E> {
        let bit = 1 << key;
        if self.0 & bit != 0 {
            return Err(E::custom("the key appears twice"));
        }
        self.0 |= bit;
        Ok(())
    }
}

/// Borrows the text from the line if it has no escapes.
pub(super) struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(""))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Hidden<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text).map(Hidden)
    }
}

/// The keys of `optional`, to be filled in.
pub(super) struct OptionFields<'r, 'a>(pub(super) &'r mut Options<'a>);

impl<'de> DeserializeSeed<'de> for OptionFields<'_, 'de> {
    type Value = ();

    /// Only an object is allowed; serde would also accept a list in the order of the keys.
    #[inline(never)]
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OptionFields<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let OptionFields(optional) = self;
        let mut known = KnownKeys::default();
        while let Some(key) = map.next_key()? {
            if matches!(key, OptionKey::Unknown) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            known.note(key as u32)?;
            match key {
                OptionKey::Version => optional.version = number(&mut map)?,
                OptionKey::Bot => optional.bot = flag(&mut map)?.unwrap_or(false),
                OptionKey::Takeover => optional.takeover = flag(&mut map)?.unwrap_or(false),
                OptionKey::Password => optional.password = hidden(&mut map)?,
                OptionKey::Code => optional.code = hidden(&mut map)?,
                OptionKey::NewPassword => optional.new_password = hidden(&mut map)?,
                OptionKey::After => optional.after = number(&mut map)?,
                OptionKey::Public => optional.public = flag(&mut map)?,
                OptionKey::Seconds => optional.seconds = number(&mut map)?,
                OptionKey::Message => optional.message = number(&mut map)?,
                OptionKey::Before => optional.before = number(&mut map)?,
                OptionKey::Limit => optional.limit = number(&mut map)?,
                OptionKey::Size => optional.size = number(&mut map)?,
                OptionKey::Offer => optional.offer = number(&mut map)?,
                OptionKey::From => optional.from = number(&mut map)?,
                OptionKey::Unknown => {}
            }
        }
        Ok(())
    }
}

fn number<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<u64>, A::Error> {
    map.next_value::<Option<WholeNumber>>().map(|number| number.map(|WholeNumber(number)| number))
}

/// A number that counts something, described in plain words where another value stands in its place.
struct WholeNumber(u64);

impl<'de> Deserialize<'de> for WholeNumber {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_u64(Digits).map(WholeNumber)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 0 on")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }
}

fn flag<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<bool>, A::Error> {
    map.next_value()
}

fn hidden<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<Hidden<'de>>, A::Error> {
    map.next_value()
}
