//! What a client asks for: a line, parsed into typed, flat fields.
//!
//! *Owns* the fields a request may have, and their types.
//! *Knows nothing of* which action needs which of them.
//!
//! Only the server sets `sender` and `time`: what a client writes there is skipped, like any unknown field. A known key
//! that appears twice is refused, since readers disagree about which one counts (RFC 8259, section 4).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::error::JsonError;
use super::scan;

/// Longest id of a request, in bytes. It is kept until the answer is written.
const LONGEST_ID: usize = 64;
/// Most names in one `receiver`. The palette allows fewer.
const MOST_RECEIVERS: usize = 64;

/// A byte order mark in UTF-8, which some editors and libraries put at the start of a file (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A request. Missing and null fields have their default.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct JsonRequest<'a> {
    /// The id that the client chose for the request, at most 64 bytes.
    #[serde(borrow, deserialize_with = "id")]
    pub id: Option<Cow<'a, str>>,
    /// What is wanted.
    #[serde(borrow, deserialize_with = "text")]
    pub action: Cow<'a, str>,
    /// A room, or people.
    #[serde(borrow)]
    pub receiver: Receivers<'a>,
    /// The text.
    #[serde(borrow, deserialize_with = "text")]
    pub content: Cow<'a, str>,
    /// Whether `receiver` names people.
    #[serde(deserialize_with = "flag")]
    pub private: bool,
    /// What only some actions need.
    #[serde(borrow, deserialize_with = "options")]
    pub optional: Options<'a>,
}

/// The keys that requests may have in `optional`.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(default)]
pub struct Options<'a> {
    /// `hello`: the version of this protocol that the client speaks.
    pub version: Option<u64>,
    /// `hello`: the client is a program, not a person.
    #[serde(deserialize_with = "flag")]
    pub bot: bool,
    /// `login`: take over from another connection of the account.
    #[serde(deserialize_with = "flag")]
    pub takeover: bool,
    /// The password of an account or a room.
    #[serde(borrow)]
    pub password: Option<Hidden<'a>>,
    /// `passwd`: the new password.
    #[serde(borrow)]
    pub new_password: Option<Hidden<'a>>,
    /// `join`: the number of the last message that the client has.
    pub after: Option<u64>,
    /// `create`: whether everybody may enter.
    pub public: Option<bool>,
    /// `temp`: how long the message lasts.
    pub seconds: Option<u64>,
    /// `reply`, `edit`, `delete`, `seen`: the number of a message.
    pub message: Option<u64>,
    /// `history`: only messages before this number.
    pub before: Option<u64>,
    /// `history`: at most this many.
    pub limit: Option<u64>,
    /// `send`: the bytes of the file.
    pub size: Option<u64>,
    /// `accept`, `decline`: the number of an offer.
    pub offer: Option<u64>,
    /// `accept`: the first byte wanted of a file that broke off, if not the first one that is missing.
    pub from: Option<u64>,
}

/// The `receiver` of a request: a string, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers<'a>(pub Vec<Cow<'a, str>>);

/// A password, which `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden<'a>(pub Cow<'a, str>);

impl fmt::Debug for Hidden<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Reads a line, without its line feed.
///
/// # Errors
/// If it is not one JSON object, nests deeper than two levels, has more than 32 keys, or has a value of the wrong type.
pub fn parse(line: &[u8]) -> Result<JsonRequest<'_>, JsonError> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    scan::check(line).map_err(|misshape| JsonError::misshape(line, misshape))?;
    // serde would also accept a list in the order of the fields.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(JsonError::no_object(line));
    }
    serde_json::from_slice(line).map_err(|error| wrong(line, &error))
}

/// A function of its own, since it is rare: the common case does not pay for its stack.
#[inline(never)]
fn wrong(line: &[u8], error: &serde_json::Error) -> JsonError {
    let id = serde_json::from_slice::<OnlyId<'_>>(line).ok().and_then(|only| only.id);
    JsonError::parsing(line, error).of(id.map(Cow::into_owned))
}

/// The part of a faulty request that tells which request the error answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OnlyId<'a> {
    #[serde(borrow, deserialize_with = "id")]
    id: Option<Cow<'a, str>>,
}

/// Borrows the text from the line if it has no escapes.
struct Text;

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

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Cow<'de, str>, D::Error> {
    from.deserialize_any(Text)
}

fn id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    let id = text(from)?;
    if id.len() > LONGEST_ID {
        return Err(D::Error::custom(format_args!("an id may have {LONGEST_ID} bytes")));
    }
    Ok((!id.is_empty()).then_some(id))
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or(false))
}

impl<'de: 'a, 'a> Deserialize<'de> for Hidden<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text).map(Hidden)
    }
}

struct Names;

impl<'de> Visitor<'de> for Names {
    type Value = Receivers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Receivers(if name.is_empty() { Vec::new() } else { vec![Cow::Borrowed(name)] }))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Receivers(if name.is_empty() { Vec::new() } else { vec![Cow::Owned(name.to_owned())] }))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Receivers::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut names = Vec::new();
        while let Some(ReceiverName(name)) = list.next_element()? {
            if names.len() >= MOST_RECEIVERS {
                return Err(A::Error::custom(format_args!("more than {MOST_RECEIVERS} receivers")));
            }
            names.push(name);
        }
        Ok(Receivers(names))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Receivers<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Names)
    }
}

struct ReceiverName<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for ReceiverName<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Text).map(ReceiverName)
    }
}

struct Flat;

impl<'de> Visitor<'de> for Flat {
    type Value = Options<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Options::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Options::deserialize(MapAccessDeserializer::new(map))
    }
}

/// serde would also accept a list in the order of the keys: only an object is allowed.
fn options<'de, D: Deserializer<'de>>(from: D) -> Result<Options<'de>, D::Error> {
    from.deserialize_any(Flat)
}
