//! Converts our values to columns and back.
//!
//! *Owns* how a number, a time, a name and an address are stored. *Knows nothing of* tables.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;
use log::warn;
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use crate::chat::message::{AccountId, MessageId};
use crate::chat::names::{RoomName, UserName};

/// A number for SQLite, whose integers end at 2^63 - 1. None of our numbers comes near that, except for a caller's
/// `u64::MAX` for "before any id".
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn unreadable(index: usize, kind: Type, error: impl Into<Box<dyn Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, kind, error.into())
}

/// Reads a number that is never negative.
pub(crate) fn u64_at(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|error| unreadable(index, Type::Integer, error))
}

pub(crate) fn message_id_at(row: &Row<'_>, index: usize) -> rusqlite::Result<MessageId> {
    u64_at(row, index).map(MessageId)
}

/// Reads the id of an account, if there is one.
pub(crate) fn account_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<AccountId>> {
    let value: Option<i64> = row.get(index)?;
    value.map(|_| u64_at(row, index).map(AccountId)).transpose()
}

pub(crate) fn time_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(index)?).map_err(|error| unreadable(index, Type::Integer, error))
}

pub(crate) fn optional_time_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Timestamp>> {
    let value: Option<i64> = row.get(index)?;
    value.map(|_| time_at(row, index)).transpose()
}

pub(crate) fn user_name_at(row: &Row<'_>, index: usize) -> rusqlite::Result<UserName> {
    let name: String = row.get(index)?;
    UserName::written(&name).map_err(|error| unreadable(index, Type::Text, error))
}

pub(crate) fn room_name_at(row: &Row<'_>, index: usize) -> rusqlite::Result<RoomName> {
    let name: String = row.get(index)?;
    RoomName::written(&name).map_err(|error| unreadable(index, Type::Text, error))
}

pub(crate) fn address_at(row: &Row<'_>, index: usize) -> rusqlite::Result<IpAddr> {
    let address: String = row.get(index)?;
    address.parse().map_err(|error: std::net::AddrParseError| unreadable(index, Type::Text, error))
}

pub(crate) fn text_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Box<str>> {
    row.get::<_, String>(index).map(Into::into)
}

pub(crate) fn optional_text_at(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Box<str>>> {
    row.get::<_, Option<String>>(index).map(|text| text.map(Into::into))
}

/// Reads the rows of a list. A row that cannot be read, which takes manual changes to the file, is logged and left out.
pub(crate) fn readable_rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: &[i64],
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(value) => values.push(value),
            Err(error) => warn!("skipped an unreadable row of the database: {error}"),
        }
    }
    Ok(values)
}

/// The time, in milliseconds, before which everything is too old.
pub(crate) fn retention_cutoff(now: Timestamp, retention: Option<Duration>) -> i64 {
    retention.map_or(i64::MIN, |retention| millis(now).saturating_sub(duration_millis(retention)))
}
