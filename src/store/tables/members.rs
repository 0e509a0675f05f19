//! The SQL of which accounts are members of which rooms, since when.
//!
//! *Owns* that the first time counts. *Knows nothing of* who may read what.
//! *Called by* `batch` within the writer's transactions, and by `rooms` to load.

use rusqlite::{Connection, Row};

use super::room_ids;
use crate::chat::identity::AccountId;
use crate::chat::message::MessageId;
use crate::chat::names::RoomName;
use crate::store::database::sql_values::{account_at, id_at, integer};
use crate::store::records::MemberRecord;

/// Notes that an account is a member of a room since a message. Nothing if the account is gone, or a room that somebody has
/// made: it may have been taken off the disk a moment ago, and leaves no trace then.
pub fn record(
    connection: &Connection,
    account: AccountId,
    room: &RoomName,
    since: MessageId,
    made: bool,
) -> rusqlite::Result<()> {
    let account = integer(account.0);
    if !connection.prepare_cached("SELECT 1 FROM accounts WHERE id = ?1")?.exists([account])? {
        return Ok(());
    }
    let room = match room_ids::find(connection, room)? {
        Some(room) => room,
        None if made => return Ok(()),
        None => room_ids::find_or_create(connection, room)?,
    };
    connection
        .prepare_cached(
            "INSERT INTO members (account, room, since) VALUES (?1, ?2, ?3)
             ON CONFLICT (account, room) DO UPDATE SET since = min(since, excluded.since)",
        )?
        .execute([account, room, integer(since.0)])?;
    Ok(())
}

/// Forgets who was a member of a room.
pub fn forget(connection: &Connection, room: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM members WHERE room = ?1")?.execute([room])?;
    Ok(())
}

/// Reads a row of [`SELECT`].
pub fn read(row: &Row<'_>) -> rusqlite::Result<MemberRecord> {
    Ok(MemberRecord { account: account_at(row, 0)?.unwrap_or(AccountId(0)), since: id_at(row, 1)? })
}

/// The members of a room.
pub const SELECT: &str = "SELECT account, since FROM members WHERE room = ?1";
