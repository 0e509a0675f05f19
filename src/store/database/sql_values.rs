//! Our values as columns of a row, and back.
//!
//! *Owns* how a number, a moment, a name and an address are written down. *Knows nothing of* tables.
//! *Called by* every file here that holds SQL.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use log::warn;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::{RoomName, UserName};

/// A number for SQLite, whose integers end at 2^63 - 1. No number of ours comes near; a caller's "before all others" may.
pub fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970.
pub fn moment(at: Timestamp) -> i64 {
    at.as_millisecond()
}

/// Milliseconds.
pub fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn unreadable(index: usize, kind: Type, error: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, error.into())
}

/// Reads a number that is never negative.
pub fn number_at(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|error| unreadable(index, Type::Integer, error))
}

/// Reads the number of a message.
pub fn id_at(row: &Row<'_>, index: usize) -> rusqlite::Result<MessageId> {
    number_at(row, index).map(MessageId)
}

/// Reads the number of an account, if there is one.
pub fn account_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<AccountId>> {
    let there: Option<i64> = row.get(index)?;
    there.map(|_| number_at(row, index).map(AccountId)).transpose()
}

/// Reads a moment.
pub fn moment_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(index)?).map_err(|error| unreadable(index, Type::Integer, error))
}

/// Reads a moment, if there is one.
pub fn end_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    let there: Option<i64> = row.get(index)?;
    there.map(|_| moment_at(row, index)).transpose()
}

/// Reads a person's name.
pub fn user_at(row: &Row<'_>, index: usize) -> rusqlite::Result<UserName> {
    let name: String = row.get(index)?;
    UserName::written(&name).map_err(|error| unreadable(index, Type::Text, error))
}

/// Reads a room's name.
pub fn room_at(row: &Row<'_>, index: usize) -> rusqlite::Result<RoomName> {
    let name: String = row.get(index)?;
    RoomName::written(&name).map_err(|error| unreadable(index, Type::Text, error))
}

/// Reads an address.
pub fn address_at(row: &Row<'_>, index: usize) -> rusqlite::Result<IpAddr> {
    let address: String = row.get(index)?;
    address.parse().map_err(|error: std::net::AddrParseError| unreadable(index, Type::Text, error))
}

/// Reads words.
pub fn words_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Box<str>> {
    row.get::<_, String>(index).map(Into::into)
}

/// Reads words, if there are any.
pub fn some_words_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Box<str>>> {
    row.get::<_, Option<String>>(index).map(|words| words.map(Into::into))
}

/// Rows of a list; one that cannot be read, which only a hand in the file can cause, is told and left out.
pub(crate) fn readable_rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[i64],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut read_ones = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(value) => read_ones.push(value),
            Err(error) => warn!("left out a row of the database that cannot be read: {error}"),
        }
    }
    Ok(read_ones)
}

/// The moment, in milliseconds, before which everything is too old.
pub(crate) fn retention_cutoff(now: Timestamp, retention: Option<Duration>) -> i64 {
    retention.map_or(i64::MIN, |retention| moment(now).saturating_sub(span(retention)))
}
