//! What a client asks for: a line, parsed into typed, flat fields.
//!
//! *Owns* the fields a request may have, and their types.
//! *Knows nothing of* which action needs which of them.
//!
//! Only the server sets `sender` and `time`: what a client writes there is skipped, like any unknown field. A known key
//! that appears twice is refused, since readers disagree about which one counts (RFC 8259, section 4).
//!
//! A request is filled in place, field by field. The code that serde derives puts every field on the stack first, and
//! then the whole request several times: four kilobytes, which would stay with every program.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::JsonError;
use super::options::{KnownKeys, OptionFields, Options, Text};
use super::scan;

/// Longest id of a request, in bytes. It is kept until the answer is written.
const LONGEST_ID: usize = 64;
/// Most names in one `receiver`. The palette allows fewer.
const MOST_RECEIVERS: usize = 64;

/// A byte order mark in UTF-8, which some editors and libraries put at the start of a file (RFC 8259, section 8.1).
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A request. Missing and null fields have their default.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct JsonRequest<'a> {
    /// The id that the client chose for the request, at most 64 bytes.
    pub id: Option<Cow<'a, str>>,
    /// The action that is wanted.
    pub action: Cow<'a, str>,
    /// A room, or people.
    pub receiver: Receivers<'a>,
    /// The text.
    pub content: Cow<'a, str>,
    /// Whether `receiver` names people.
    pub private: bool,
    /// What only some actions need.
    pub optional: Options<'a>,
}

/// The keys of a request.
#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum RequestKey {
    Id,
    Action,
    Receiver,
    Content,
    Private,
    Optional,
    #[serde(other)]
    Unknown,
}

/// The `receiver` of a request: a string, or a list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receivers<'a>(pub Vec<Cow<'a, str>>);

/// Reads a line, without its line feed.
///
/// # Errors
/// If it is not one JSON object, nests deeper than two levels, has more than 32 keys, or has a value of the wrong type.
pub fn parse(line: &[u8]) -> Result<Box<JsonRequest<'_>>, JsonError> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    scan::check(line).map_err(|shape_error| JsonError::shape_error(line, shape_error).of(readable_id(line)))?;
    // serde would also accept a list in the order of the fields.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(JsonError::no_object(line));
    }
    let mut request = empty();
    match fill(&mut request, line) {
        Ok(()) => Ok(request),
        Err(error) => Err(parse_error(line, &error)),
    }
}

/// Not inlined: it is made on the stack first.
#[inline(never)]
fn empty<'a>() -> Box<JsonRequest<'a>> {
    Box::default()
}

#[inline(never)]
fn fill<'a>(request: &mut JsonRequest<'a>, line: &'a [u8]) -> Result<(), serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(line);
    RequestFields(request).deserialize(&mut from)?;
    from.end()
}

/// A separate function: errors are rare, and the common case should not pay for its stack.
#[inline(never)]
fn parse_error(line: &[u8], error: &serde_json::Error) -> JsonError {
    JsonError::parsing(line, error).of(readable_id(line))
}

/// The id in a line that is not a request, or in the beginning of one, so that its sender knows what the error answers.
pub fn readable_id(line: &[u8]) -> Option<String> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    if !line.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let value = line.get(scan::id_at(line)?..)?;
    let id = serde_json::Deserializer::from_slice(value).into_iter::<RequestId<'_>>().next()?.ok()?;
    id.0.map(Cow::into_owned)
}

/// The fields of a request, to be filled in.
struct RequestFields<'r, 'a>(&'r mut JsonRequest<'a>);

impl<'de> DeserializeSeed<'de> for RequestFields<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RequestFields<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let RequestFields(request) = self;
        let mut known = KnownKeys::default();
        while let Some(key) = map.next_key()? {
            if matches!(key, RequestKey::Unknown) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            known.note(key as u32)?;
            match key {
                RequestKey::Id => request.id = map.next_value::<RequestId<'_>>()?.0,
                RequestKey::Action => request.action = map.next_value::<TextOrNull<'_>>()?.0,
                RequestKey::Receiver => request.receiver = map.next_value()?,
                RequestKey::Content => request.content = map.next_value::<TextOrNull<'_>>()?.0,
                RequestKey::Private => request.private = map.next_value::<Option<bool>>()?.unwrap_or(false),
                RequestKey::Optional => map.next_value_seed(OptionFields(&mut request.optional))?,
                RequestKey::Unknown => {}
            }
        }
        Ok(())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for JsonRequest<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut request = JsonRequest::default();
        RequestFields(&mut request).deserialize(from)?;
        Ok(request)
    }
}

/// A string; null is an empty one.
struct TextOrNull<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for TextOrNull<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Text).map(TextOrNull)
    }
}

/// The id of a request, if it has one.
#[derive(Default)]
struct RequestId<'a>(Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Deserialize<'de> for RequestId<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let TextOrNull(id) = TextOrNull::deserialize(from)?;
        if id.len() > LONGEST_ID {
            return Err(D::Error::custom(format_args!("an id may have at most {LONGEST_ID} bytes")));
        }
        Ok(RequestId((!id.is_empty()).then_some(id)))
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
