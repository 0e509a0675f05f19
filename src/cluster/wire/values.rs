//! What a Redis answers, as plain values.
//!
//! *Owns* reading answers, whose contents come from other nodes and may be anything. *Knows nothing of* connections.

use redis::Value;

use super::answer_in_words;
use crate::cluster::engine::{LogEntry, Raw};
use crate::cluster::values::{Log, Position};

pub(super) fn raw(value: Value) -> Raw {
    match value {
        Value::Nil => Raw::Nothing,
        Value::Int(number) => Raw::Text(number.to_string()),
        // Another node may have written anything there.
        Value::BulkString(bytes) => Raw::Text(text(bytes)),
        Value::SimpleString(text) => Raw::Text(text),
        Value::Okay => Raw::Text("OK".to_owned()),
        Value::Array(values) | Value::Set(values) => Raw::List(values.into_iter().map(raw).collect()),
        Value::Map(pairs) => Raw::List(pairs.into_iter().flat_map(|(key, value)| [raw(key), raw(value)]).collect()),
        Value::ServerError(error) => Raw::Error(answer_in_words(error.code(), error.details())),
        // Only in RESP 3, which we do not ask for.
        _ => Raw::Nothing,
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// `[key, [[id, [field, value, ...]], ...]]`.
pub(super) fn read_stream(stream: &Raw, keys: &[String], from: &[(Log, Position)], to: &mut Vec<LogEntry>) {
    let Raw::List(parts) = stream else { return };
    let [Raw::Text(key), Raw::List(entries)] = parts.as_slice() else { return };
    let Some(log) = keys.iter().position(|known| known == key).and_then(|index| from.get(index)).map(|(log, _)| *log)
    else {
        return;
    };
    for entry in entries {
        let Raw::List(parts) = entry else { continue };
        let [Raw::Text(id), Raw::List(fields)] = parts.as_slice() else { continue };
        let Ok(position) = id.parse() else { continue };
        let pairs: Vec<_> = fields
            .chunks_exact(2)
            .filter_map(|pair| match pair {
                [Raw::Text(field), Raw::Text(value)] => Some((field.as_str(), value.as_str())),
                _ => None,
            })
            .collect();
        to.push(LogEntry::read(log, position, &pairs));
    }
}
