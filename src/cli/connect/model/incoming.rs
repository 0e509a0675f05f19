//! An object from the server, read into typed and flat fields.
//!
//! Everything from a server is someone else's text: it is sanitised here, again, and nothing passes unsanitised.
//!
//! *Owns* which fields are read. *Knows nothing of* what they mean.

use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::text::{sanitize, sanitize_lines};

/// Most names in one `receiver`.
const MOST_NAMES: usize = 64;

/// An object from the server. Fields that are missing or null are empty.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ServerObject {
    #[serde(deserialize_with = "object_id")]
    pub(super) id: ObjectId,
    #[serde(deserialize_with = "text")]
    pub(super) action: String,
    #[serde(deserialize_with = "line")]
    pub(super) sender: String,
    #[serde(deserialize_with = "names")]
    pub(super) receiver: Vec<String>,
    #[serde(deserialize_with = "text")]
    pub(super) content: String,
    #[serde(deserialize_with = "time")]
    pub(super) time: Option<Timestamp>,
    #[serde(deserialize_with = "flag")]
    pub(super) private: bool,
    pub(super) optional: Extras,
}

/// The keys of `optional` that this client reads.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Extras {
    /// The request that the object belongs to, by this client's number.
    #[serde(deserialize_with = "own_id")]
    pub(super) request: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) code: String,
    pub(super) wait: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub(super) password: bool,
    pub(super) message: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) user: String,
    pub(super) people: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub(super) gap: bool,
    pub(super) lost_from: Option<u64>,
    pub(super) lost_to: Option<u64>,
    #[serde(deserialize_with = "flag")]
    pub(super) history: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) action: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) edited: bool,
    pub(super) temporary: Option<u64>,
    #[serde(deserialize_with = "time")]
    pub(super) ends: Option<Timestamp>,
    pub(super) reply_to: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) quote: String,
    #[serde(deserialize_with = "line")]
    pub(super) quote_sender: String,
    #[serde(deserialize_with = "flag")]
    pub(super) mention: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) unknown: bool,
    pub(super) hit: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) name: String,
    #[serde(deserialize_with = "flag")]
    pub(super) joined: bool,
    pub(super) unread: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) before: String,
    #[serde(deserialize_with = "line")]
    pub(super) change: String,
    pub(super) more: Option<u64>,
    pub(super) offer: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) token: String,
    #[serde(deserialize_with = "line")]
    pub(super) url: String,
    pub(super) from: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) state: String,
    pub(super) size: Option<u64>,
    #[serde(deserialize_with = "line")]
    pub(super) sha256: String,
    #[serde(deserialize_with = "line")]
    pub(super) started: String,
    pub(super) line_bytes: Option<u64>,
    /// `bye`: whether the client may come back by itself.
    pub(super) again: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub(super) away: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) admin: bool,
    #[serde(deserialize_with = "flag")]
    pub(super) bot: bool,
}

/// The `id` of an object.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum ObjectId {
    #[default]
    None,
    /// The number of a message.
    Number(u64),
    /// The number of a request of this client's.
    Own(u64),
}

/// Reads a line. `None` if this client does not understand it.
pub(super) fn parse(line: &[u8]) -> Option<ServerObject> {
    serde_json::from_slice(line).ok()
}

fn own(text: &str) -> Option<u64> {
    text.parse().ok()
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    Ok(match sanitize_lines(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(clean) => clean,
    })
}

fn line<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = Option::<String>::deserialize(from)?.unwrap_or_default();
    Ok(match sanitize(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(clean) => clean,
    })
}

fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(Option::<bool>::deserialize(from)?.unwrap_or(false))
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.and_then(|text| text.parse().ok()))
}

fn own_id<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.as_deref().and_then(own))
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = ObjectId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string or null")
    }

    fn visit_unit<E: Error>(self) -> Result<ObjectId, E> {
        Ok(ObjectId::None)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<ObjectId, E> {
        Ok(ObjectId::Number(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<ObjectId, E> {
        Ok(own(text).map_or(ObjectId::None, ObjectId::Own))
    }
}

fn object_id<'de, D: Deserializer<'de>>(from: D) -> Result<ObjectId, D::Error> {
    from.deserialize_any(IdVisitor)
}

struct NamesVisitor;

impl<'de> Visitor<'de> for NamesVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string or a list of strings")
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<String>, E> {
        Ok(Vec::new())
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Vec<String>, E> {
        Ok(if name.is_empty() { Vec::new() } else { vec![sanitize(name).into_owned()] })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut names = Vec::new();
        while let Some(name) = list.next_element::<String>()? {
            if names.len() < MOST_NAMES {
                names.push(sanitize(&name).into_owned());
            }
        }
        Ok(names)
    }
}

fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    from.deserialize_any(NamesVisitor)
}
